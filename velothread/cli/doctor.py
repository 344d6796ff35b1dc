"""`velothread doctor`: is this machine set up to run velothread well?"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from typing import Any

import click

from velothread.cli import choices
from velothread.options import usable_cores

# What velothread imports, as distribution -> modules; and what it can work with.
REQUIRED = {
    "numpy": ("numpy",),
    "pyarrow": ("pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "pyarrow.json", "pyarrow.dataset"),
    "sqlglot": ("sqlglot",),
    "click": ("click",),
    "rich": ("rich.console",),
    "tenacity": ("tenacity",),
}
OPTIONAL = {"pandas": ("pandas",), "polars": ("polars",)}

# Prints one line: is the GIL on after the import? Without warnings: CPython warns when a module turns it on.
_PROBE = (
    "import sys, importlib\n"
    "for name in sys.argv[1:]: importlib.import_module(name)\n"
    "print(int(getattr(sys, '_is_gil_enabled', lambda: True)()))"
)


@dataclass(frozen=True, slots=True)
class Library:
    """What was found out about a dependency. `gil`: on after its import; None: not known. `problem`: why it can't be
    used."""

    name: str
    version: str | None
    required: bool
    gil: bool | None
    problem: str | None


@click.command("doctor", short_help="Check the set-up.")
@click.option("--udf", "functions", metavar="FILE.py", multiple=True, help="Look at what a file of functions imports.")
@choices.general
def command(functions: tuple[str, ...] = (), **_: Any) -> int:
    """Check the interpreter, the GIL and who turned it on, the cores, and the libraries. Exits with 1 if something is
    wrong."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    gil = gil_enabled()
    libraries = examine()
    problems = findings(free_threaded=free_threaded, gil=gil, libraries=libraries, setting=os.environ.get("PYTHON_GIL"))
    build = "free-threaded" if free_threaded else "with the GIL"
    lines = [
        f"velothread   {_version('velothread') or 'run from a checkout'}",
        f"python       {platform.python_version()} ({build}), {sys.executable}",
        f"GIL          {'on' if gil else 'off'}",
        f"cores        {usable_cores()} usable of {os.cpu_count()}",
        f"platform     {platform.platform()}",
        "",
        "library      version     GIL after import",
    ]
    for library in libraries:
        state = library.problem or ("not known" if library.gil is None else "on" if library.gil else "off")
        lines.append(f"{library.name:<12} {library.version or '-':<11} {state}")
    for path in functions:
        from velothread.cli.udf_imports import examine_imports, problems_of, table_of

        imports = examine_imports(path)
        lines += table_of(path, imports)
        problems += problems_of(path, imports, free_threaded=free_threaded)
    click.echo("\n".join(lines))
    for problem in problems:
        click.echo(f"problem: {problem}", err=True)
    if not problems:
        click.echo("\nall is well" if free_threaded else "\nall is well; on a GIL build more partitions bring little")
    return 1 if problems else 0


def gil_enabled() -> bool:
    """Is the GIL on in this process?"""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def examine() -> list[Library]:
    """Import each dependency in an interpreter of its own, all at once, and look at the GIL after that."""
    started = [
        (name, required, subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _PROBE, *modules],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ))
        for group, required in ((REQUIRED, True), (OPTIONAL, False))
        for name, modules in group.items()
        if required or _version(name) is not None
    ]  # fmt: skip
    found = []
    for name, required, process in started:
        out, err = process.communicate()
        if process.returncode == 0:
            found.append(Library(name, _version(name), required, out.strip() == "1", None))
        else:
            last = err.strip().splitlines()[-1] if err.strip() else f"import ended with {process.returncode}"
            found.append(Library(name, _version(name), required, None, last))
    found += [
        Library(name, None, False, None, "not installed (optional)") for name in OPTIONAL if _version(name) is None
    ]
    return found


def findings(*, free_threaded: bool, gil: bool, libraries: list[Library], setting: str | None) -> list[str]:
    """What is wrong, and what to do about it: a line each."""
    found = [
        f"{library.name} can't be imported: {library.problem};"
        f" install it again: pip install --force-reinstall {library.name}"
        for library in libraries
        if library.problem is not None and (library.required or library.version is not None)
    ]
    if not free_threaded:
        return found
    if setting == "1":
        return [*found, "the environment variable PYTHON_GIL=1 turns the GIL on; unset it"]
    culprits = [library for library in libraries if library.gil]
    found += [
        f"importing {c.name} {c.version or ''} turns the GIL on; get a release that is built for free threading"
        for c in culprits
    ]
    if gil and not culprits:
        found.append("the GIL is on, and no library here turned it on: was Python started with -X gil=1?")
    return found


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
