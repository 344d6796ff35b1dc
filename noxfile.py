"""Sessions for development: `nox -l` lists them, `nox -s tests` runs one.

Everything installs from constraints.txt (hashed, wheels only), so that a session tests what `make setup` gives. A
Python that isn't on this machine is skipped, by name; `nox` alone runs the quick sessions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
PYTHONS = ("3.13t", "3.13", "3.14t", "3.14")
# The build that compares with and without the GIL must be of one version.
COMPARED = ("3.13", "3.13t")
GIL, FREE_THREADED = COMPARED

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "typecheck"]
nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"


def _runs(path: str, version: str) -> bool:
    """Whether `path` starts (a shim may not) and is the build that its name says."""
    code = (
        "import sys, sysconfig; t = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''; "
        "print('%d.%d' % sys.version_info[:2] + t)"
    )
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def interpreters() -> dict[str, str]:
    """version -> real path of the Pythons that this machine has.

    Resolved, because a symlink into an interpreter that was moved from where it was built can't make a venv.
    """
    found = {}
    running = f"{sys.version_info[0]}.{sys.version_info[1]}{'t' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''}"
    for version in PYTHONS:
        candidates = [shutil.which(f"python{version}")]
        # The one that this nox runs on need not be on PATH: tools/bootstrap.sh may have built it.
        candidates += [getattr(sys, "_base_executable", None)] if version == running else []
        for candidate in candidates:
            if candidate and _runs(candidate, version):
                found[version] = os.path.realpath(candidate)
                break
    return found


FOUND = interpreters()
# nox looks on PATH only: the real ones come first, and what only looks like a Python (a shim without one) goes. Those
# with the GIL before the others, since a free-threaded build's folder has a python3.13 beside its python3.13t.
_path = [str(Path(FOUND[version]).parent) for version in sorted(FOUND, key=lambda version: version.endswith("t"))]
for _directory in os.environ["PATH"].split(os.pathsep):
    _fakes = [v for v in PYTHONS if v not in FOUND and Path(_directory, f"python{v}").exists()]
    if not _fakes:
        _path.append(_directory)
os.environ["PATH"] = os.pathsep.join(dict.fromkeys(_path))


def install(session: nox.Session, constraints: str = "constraints.txt") -> None:
    """The locked packages and velothread itself, as `make setup` installs them."""
    session.install("-qq", "--require-hashes", "--only-binary=:all:", "-r", constraints, silent=True)
    session.install("-qq", "--no-deps", "--no-build-isolation", "--editable", str(ROOT), silent=True)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite, on every interpreter that is found."""
    install(session)
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session(python=FREE_THREADED)
def tests_parallel(session: nox.Session) -> None:
    """The test suite, each test in several threads at once."""
    install(session)
    session.run("python", "-m", "pytest", "-q", "--parallel-threads=4", "--iterations=1", *session.posargs)


@nox.session(python=FREE_THREADED)
def stress(session: nox.Session) -> None:
    """Handoff and processors, run for minutes against a model."""
    install(session)
    where = session.posargs or ["tests/stress"]
    session.run("python", "-m", "pytest", "-q", "-o", "timeout=1800", "-o", "faulthandler_timeout=2400", *where)


@nox.session(python=GIL)
def tests_duckdb(session: nox.Session) -> None:
    """Answers compared with DuckDB's, which has no wheel for free-threaded builds."""
    install(session, "constraints-peers.txt")
    session.run("python", "-m", "pytest", "-q", *(session.posargs or ["tests/test_against_duckdb.py"]))


@nox.session(python=FREE_THREADED)
def lint(session: nox.Session) -> None:
    """ruff: rules and format."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=FREE_THREADED)
def typecheck(session: nox.Session) -> None:
    """mypy --strict."""
    install(session)
    session.run("mypy")


@nox.session(python=FREE_THREADED)
def bench(session: nox.Session) -> None:
    """velothread alone: the queries of `peers` with both processors."""
    install(session)
    session.run("python", "bench/peers.py", "--engines", "velothread,velothread simple", *session.posargs)


@nox.session(python=False)
def compare(session: nox.Session) -> None:
    """The lab under builds of Python with and without the GIL, all that are found: bench/results/builds.html and .json.

    Arguments go to `velothread profile`. `-- queries`: queries on files on the two builds of one version, as a table.
    """
    gil, nogil = (_venv(session, version, "constraints.txt") for version in COMPARED)
    if session.posargs[:1] == ["queries"]:
        more = session.posargs[1:]
        session.run(nogil, "bench/compare.py", "--gil", gil, "--nogil", nogil, *more, external=True)
        return
    others = [gil, *(_venv(session, version, "constraints.txt") for version in FOUND if version not in COMPARED)]
    results = ROOT / "bench" / "results"
    results.mkdir(parents=True, exist_ok=True)
    asked = [f"--compare-with={python}" for python in others]
    asked += [f"--report={results / 'builds.html'}", f"--json={results / 'builds.json'}"]
    session.run(nogil, "-m", "velothread", "profile", *(session.posargs or ["--study"]), *asked, external=True)


@nox.session(python=False)
def peers(session: nox.Session) -> None:
    """velothread on 3.13t beside DuckDB, Polars, DataFusion and SQLite, in processes of their own.

    `-- tpch`: TPC-H. `-- udf`: Python functions in SQL, velothread with the GIL as well.
    """
    theirs = _venv(session, GIL, "constraints-peers.txt")
    ours = _venv(session, FREE_THREADED, "constraints.txt")
    pythons = ["--peers-python", theirs, "--velothread-python", ours]
    if session.posargs[:1] == ["tpch"]:
        session.run(ours, "bench/tpch.py", *pythons, *session.posargs[1:], external=True)
        return
    if session.posargs[:1] == ["udf"]:
        pythons += ["--gil-python", _venv(session, GIL, "constraints.txt")]
        session.run(ours, "bench/udf.py", *pythons, *session.posargs[1:], external=True)
        return
    session.run(ours, "bench/peers.py", *pythons, *session.posargs, external=True)


def _venv(session: nox.Session, version: str, constraints: str) -> str:
    """The python of a venv under .nox/ for sessions that need two; made anew when what it holds changes."""
    found = FOUND.get(version)
    if found is None:
        session.skip(f"no python{version} on this machine")
    home = ROOT / ".nox" / f"{Path(constraints).stem}-{version}"
    python, stamp = home / "bin" / "python", home / ".constraints"
    wanted = f"{found}\n{(ROOT / constraints).read_text()}\n{(ROOT / 'pyproject.toml').read_text()}"
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(home, ignore_errors=True)
        session.run(found, "-m", "venv", str(home), external=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        session.run(*pip, "--require-hashes", "--only-binary=:all:", "-r", constraints, external=True)
        session.run(*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT), external=True)
        stamp.write_text(wanted)
    return str(python)
