"""docs/functions.md: it says what the tables say, names all there is, and its examples are true."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import velothread
from velothread.frontend.call_docs import CALL_DOCS
from velothread.frontend.json_calls import JSON_CALLS
from velothread.frontend.lambdas import NAMES as LAMBDAS
from velothread.frontend.macros import MACROS
from velothread.frontend.meta_calls import META_CALLS
from velothread.frontend.struct_calls import STRUCT_CALLS
from velothread.frontend.windows import NAMES as WINDOWS
from velothread.kernels.aggregates import AGGREGATES
from velothread.kernels.functions import SCALARS

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / "tools" / "function_docs.py"))
EXAMPLES = {
    (d.example, d.result)
    for table in ([f for o in SCALARS.values() for f in o], MACROS.values(), CALL_DOCS)
    for d in table
    if d.example  # type: ignore[attr-defined]
}
AGGREGATE_EXAMPLES = {(a.example, a.result) for o in AGGREGATES.values() for a in o if a.example and a.result}


def test_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "functions.md").read_text(encoding="utf-8") == TOOL["page"](), (
        "run: python tools/function_docs.py"
    )


def test_every_name_is_on_the_page() -> None:
    named = set(re.findall(r"`(\w+)[`(]", TOOL["page"]()))
    tables: tuple[Any, ...] = (SCALARS, AGGREGATES, MACROS, LAMBDAS, STRUCT_CALLS, JSON_CALLS, META_CALLS, WINDOWS)
    names = {n for table in tables for n in table if n.isidentifier()}
    operators = {"and", "or", "not", "xor", "like", "ilike", "add", "subtract", "multiply", "divide", "mod", "negate"}
    assert sorted(names - named - operators) == []


@pytest.fixture(scope="module")
def session() -> Any:
    with velothread.connect(processor="simple") as connection:
        yield connection


@pytest.mark.parametrize("start", range(0, len(EXAMPLES), 40))
def test_examples(session: Any, start: int) -> None:
    """Many in one query: each is quick then. Operators are written as calls in some tables, and as SQL here."""
    some = sorted(EXAMPLES)[start : start + 40]
    columns = ", ".join(f"CAST(({example}) AS VARCHAR) AS c{i}" for i, (example, _) in enumerate(some))
    row = session.query("SELECT " + columns).arrow().to_pylist()[0]
    found = {example: "NULL" if row[f"c{i}"] is None else row[f"c{i}"] for i, (example, _) in enumerate(some)}
    assert found == dict(some)


def test_aggregates(session: Any) -> None:
    some = sorted(AGGREGATE_EXAMPLES)
    columns = ", ".join(f"CAST({example} AS VARCHAR) AS c{i}" for i, (example, _) in enumerate(some))
    row = session.query(f"SELECT {columns} FROM (VALUES (1), (2), (4)) AS t(x)").arrow().to_pylist()[0]
    wrong = {e: row[f"c{i}"] for i, (e, result) in enumerate(some) if not _same(row[f"c{i}"], result)}
    assert wrong == {}


def _same(found: str | None, result: str) -> bool:
    """Long fractions are rounded in the tables."""
    shown = "NULL" if found is None else found
    number = r"-?\d+(\.\d+)?"
    if re.fullmatch(number, shown) and re.fullmatch(number, result):
        return float(shown) == pytest.approx(float(result), abs=1e-3)
    return shown == result
