"""The promises of the project itself: layers, no GIL after any import, no host names, the tools that set it up."""

from __future__ import annotations

import ast
import os
import pkgutil
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "velothread"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

# Folder -> what must not be imported there. sqlglot stops at plan/; what runs a query knows nothing of what made it.
FRONT = ("sqlglot", "velothread.frontend", "velothread.session", "velothread.cli")
FORBIDDEN = {
    "kernels": (*FRONT, "velothread.codegen", "velothread.processors", "velothread.sources", "velothread.sinks"),
    "breakers": (*FRONT, "velothread.codegen", "velothread.sinks"),
    "sources": (*FRONT, "velothread.codegen", "velothread.processors", "velothread.breakers", "velothread.sinks"),
    "sinks": (*FRONT, "velothread.codegen", "velothread.processors", "velothread.breakers", "velothread.sources"),
    "processors": FRONT,
    "plan": ("velothread.codegen", "velothread.processors", "velothread.session", "velothread.cli"),
    "codegen": ("velothread.processors", "velothread.session", "velothread.cli"),
    "frontend": ("velothread.codegen", "velothread.processors", "velothread.session", "velothread.cli"),
}


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py"))


def imported(source: str, package: str) -> Iterator[str]:
    """The modules that a source text imports, anywhere in it; relative ones resolved against its package."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def breaches(source: str, package: str, forbidden: tuple[str, ...]) -> set[str]:
    return {name for name in imported(source, package) for no in forbidden if name == no or name.startswith(no + ".")}


def project_files() -> list[Path]:
    """The files that git tracks or would track: what a commit would publish."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_layers(folder: str) -> None:
    found = {}
    for path in modules(PACKAGE / folder):
        package = ".".join(path.relative_to(ROOT).parent.parts)
        bad = breaches(path.read_text(), package, FORBIDDEN[folder])
        if bad:
            found[str(path.relative_to(ROOT))] = sorted(bad)
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import sqlglot",
        "import sqlglot.expressions as exp",
        "from sqlglot import exp",
        "def f():\n    from sqlglot.optimizer import scope",
        "from velothread.frontend.binder import bind",
        "from velothread import frontend",
        "from ..frontend import binder",
        "from .. import frontend",
    ],
)
def test_layer_check_finds_every_form_of_import(source: str) -> None:
    assert breaches(source, "velothread.kernels", FORBIDDEN["kernels"])


def test_layer_check_lets_pass_what_only_looks_alike() -> None:
    source = "import sqlglot_like\nfrom velothread.frontends import x\nfrom . import frontend\ns = 'import sqlglot'"
    assert not breaches(source, "velothread.kernels", FORBIDDEN["kernels"])


def test_threads_are_ours_alone() -> None:
    """Arrow's own pool would be a second layer of parallelism, and settings of a library are not ours to change."""
    setters = re.compile(
        r"\b(?:set_cpu_count|set_io_thread_count|set_memory_pool|set_option)\s*\(|use_threads\s*=\s*True"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules(PACKAGE)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if setters.search(line)
    ]
    assert not found


def test_module_names_say_what_is_inside() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base"}
    assert not [str(p) for p in modules(PACKAGE) if p.stem in vague or re.search(r"_?v\d+$", p.stem)]


def test_no_module_is_over_500_lines() -> None:
    assert not {str(p.relative_to(ROOT)): n for p in modules(PACKAGE) if (n := len(p.read_text().splitlines())) > 500}


def run(code: str, *flags: str, **env: str) -> str:
    """The output of a fresh interpreter; it must succeed, and say nothing on stderr."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    paths = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=False, env=clean | paths | env
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.strip()


def test_gil_stays_off_after_every_import() -> None:
    """An extension that doesn't declare itself safe turns the GIL on for the whole process, and only warns."""
    if not FREE_THREADED:
        pytest.skip("this build has the GIL")
    names = [m.name for m in pkgutil.walk_packages([str(PACKAGE)], "velothread.") if not m.name.endswith("__main__")]
    lazily = ["pyarrow.compute", "pyarrow.csv", "pyarrow.json", "pyarrow.parquet", "pyarrow.dataset", "pyarrow.acero"]
    lazily += ["pyarrow.feather", "numpy", "sqlglot.optimizer", "click", "rich.progress", "rich.table"]
    code = f"""
import importlib, sys
for name in {[*names, *lazily]!r}:
    importlib.import_module(name)
print(sys._is_gil_enabled())
"""
    assert run(code, "-W", "error") == "False"


def test_gil_check_would_notice() -> None:
    if not FREE_THREADED:
        pytest.skip("this build has the GIL")
    assert run("import sys; print(sys._is_gil_enabled())", "-X", "gil=1") == "True"


def test_import_is_light() -> None:
    """Start-up is part of every query: what only some queries need is imported by them."""
    heavy = ["pyarrow.parquet", "pyarrow.dataset", "pyarrow.json", "pandas", "polars", "rich", "hypothesis", "asyncio"]
    code = f"import sys, velothread.cli.main\nprint([name for name in {heavy!r} if name in sys.modules])"
    assert run(code) == "[]"


def test_no_index_or_host_names() -> None:
    """Where packages come from is the machine's affair; an address in the repo would override it, or leak it."""
    # Put together here, so that this file passes its own test.
    names = [
        ("pypi", "org"),
        ("files", "".join(("python", "hosted"))),
        ("deb", "debian"),
        ("registry", "npmjs"),
        ("pkg", "dev"),
    ]
    hosts = [".".join(parts) for parts in names]
    options = re.compile(r"--(?:extra-)?index-url|^\s*index-url\s*=|--trusted-host|--find-links", re.MULTILINE)
    found = []
    for path in project_files():
        data = path.read_bytes()
        if b"\0" in data or path == Path(__file__).resolve():
            continue
        text = data.decode(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {host}" for host in hosts if host in text]
        found += [f"{path.relative_to(ROOT)}: {m.group()}" for m in options.finditer(text)]
    assert not found


def test_shell_scripts_parse() -> None:
    scripts = [*sorted((ROOT / "tools").glob("*.sh")), ROOT / ".ci" / "run"]
    assert len(scripts) >= 4
    for script in scripts:
        assert os.access(script, os.X_OK), f"{script} is not executable"
        assert "set -euo pipefail" in script.read_text()
        done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-peers.txt"])
def test_constraints_are_exact_and_hashed(name: str) -> None:
    entries = re.sub(r"\\\n", "", (ROOT / name).read_text()).splitlines()
    entries = [line for line in entries if line and not line.startswith("#")]
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[\w.-]+==[\w.+!]+( ; .+?)?( +--hash=sha256:[0-9a-f]{64})+$", entry), entry
        assert "://" not in entry


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    wanted += project["build-system"]["requires"]
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    assert {re.split(r"[<>=;\[ ]", w)[0].lower() for w in wanted} <= locked


def test_demo_data_is_what_its_script_writes(tmp_path: Path) -> None:
    """All but the Parquet file, whose bytes depend on the release of pyarrow: its rows are compared."""
    import pyarrow.parquet as pq

    subprocess.run([sys.executable, str(ROOT / "tools" / "make_demo_data.py"), str(tmp_path)], check=True)
    shipped = sorted((ROOT / "data").iterdir())
    assert [p.name for p in shipped] == sorted(p.name for p in tmp_path.iterdir())
    for path in shipped:
        assert path.stat().st_size < 300_000
        again = tmp_path / path.name
        if path.suffix == ".parquet":
            assert pq.read_table(path, use_threads=False).equals(pq.read_table(again, use_threads=False))
        else:
            assert path.read_bytes() == again.read_bytes()


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()
    assert (PACKAGE / "py.typed").exists()


def which_interpreter(path: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What tools/bootstrap.sh chooses, with `path` in front of what a shell needs."""
    clean = {name: value for name, value in os.environ.items() if name != "VELOTHREAD_PYTHON"}
    command = [str(ROOT / "tools" / "bootstrap.sh"), "--which"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=clean | {"PATH": f"{path}:/usr/bin:/bin"} | env
    )


def test_bootstrap_takes_the_interpreter_it_is_told(tmp_path: Path) -> None:
    done = which_interpreter(str(tmp_path), VELOTHREAD_PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    # Not the venv's, which may be the one that is about to be made anew.
    assert Path(done.stdout.strip()) == Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    assert "$VELOTHREAD_PYTHON says so" in done.stderr
    assert ("has the GIL" in done.stderr) != FREE_THREADED


def test_bootstrap_refuses_one_that_does_not_work(tmp_path: Path) -> None:
    done = which_interpreter(str(tmp_path), VELOTHREAD_PYTHON=str(tmp_path / "python"))
    assert done.returncode == 1
    assert not done.stdout
    assert str(tmp_path / "python") in done.stderr


def test_bootstrap_passes_over_what_only_looks_like_one(tmp_path: Path) -> None:
    if not FREE_THREADED:
        pytest.skip("needs a free-threaded interpreter to find")
    shim = tmp_path / "python3.14t"
    shim.write_text("#!/bin/sh\necho 'not installed' >&2\nexit 127\n")
    shim.chmod(0o755)
    (tmp_path / "python3.13t").symlink_to(Path(sys.executable).resolve())
    done = which_interpreter(str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "passed over python3.14t" in done.stderr
    assert Path(done.stdout.strip()) == Path(sys.executable).resolve()
