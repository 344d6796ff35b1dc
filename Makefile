# make demo and make test need nothing but git, make, a C compiler and any Python: they set up what is missing.
# VELOTHREAD_PYTHON=/path/to/python3.13t chooses the interpreter (see tools/bootstrap.sh).

SHELL := /bin/bash
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup demo browser test lint format typecheck lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## Make .venv/ with .venv/bin/velothread; quick when nothing has changed
	@tools/bootstrap.sh

demo: setup ## Run SQL over the files in data/, with both processors
	@tools/demo.sh

browser: ## Install Chromium, which some tests look at the HTML report with (they are skipped without it)
	@tools/browser.sh

test: setup ## Run the tests (ARGS="-k handoff -x" goes to pytest)
	$(PY) -m pytest -q $(ARGS)

lint: setup ## ruff: rules and format (make format mends most)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: setup ## Let ruff mend what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

typecheck: setup ## mypy --strict
	$(PY) -m mypy

lock: setup ## Lock the newest versions that pyproject.toml allows (tools/lock.py)
	$(PY) tools/lock.py

clean: ## Remove .venv/ and everything that was generated (not the interpreter that was built)
	rm -rf .venv .nox .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist bench/data bench/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
