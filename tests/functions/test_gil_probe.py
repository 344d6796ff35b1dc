"""What an import does to the GIL, found out in another interpreter."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from velothread.functions.gil_probe import GilProbe, probe

EXTENSION = """
#include <Python.h>
static struct PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "needs_gil", NULL, 0, NULL, slots, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_needs_gil(void) { return PyModuleDef_Init(&def); }
"""


def functions(folder: Path, text: str) -> str:
    path = folder / "functions.py"
    path.write_text(text)
    return str(path)


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="the GIL is always on in this build")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_the_extension_that_turns_it_on_is_named(tmp_path: Path) -> None:
    package = tmp_path / "needing"
    package.mkdir()
    (package / "__init__.py").write_text("from needing import needs_gil\n")
    (tmp_path / "needs_gil.c").write_text(EXTENSION)
    include, suffix = sysconfig.get_path("include"), sysconfig.get_config_var("EXT_SUFFIX")
    library = package / f"needs_gil{suffix}"
    command = ["gcc", "-shared", "-fPIC", f"-I{include}", "-o", str(library), str(tmp_path / "needs_gil.c")]
    subprocess.run(command, check=True)
    found = probe(functions(tmp_path, "import json\nimport needing\n"))
    assert found.turned_on
    assert found.culprits == ("needing.needs_gil",)
    assert "importing needing.needs_gil turns it on" in found.said()


def test_it_stays_as_it_is(tmp_path: Path) -> None:
    found = probe(functions(tmp_path, "import json, numpy\nprint('hello')\n"))
    assert not found.turned_on
    assert found.after == bool(getattr(sys, "_is_gil_enabled", lambda: True)())
    assert found.extensions > 0


def test_a_module_by_its_name() -> None:
    assert probe("json.decoder").problem is None


def test_one_function_of_a_file_under_another_name(tmp_path: Path) -> None:
    spec = functions(tmp_path, "def f(x: int) -> int:\n    return x\n")
    assert probe(f"{spec}:f as g") == probe(spec)
    assert probe(spec).problem is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_file_that_fails(tmp_path: Path, text: str, problem: str) -> None:
    found = probe(functions(tmp_path, text))
    assert found.problem is not None
    assert found.problem.startswith(problem)
    assert found.said().startswith("can't be imported")


def test_an_interpreter_that_dies_is_a_problem(tmp_path: Path) -> None:
    found = probe(functions(tmp_path, "import os\nos._exit(7)\n"))
    assert found.problem == "the interpreter ended with 7"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (GilProbe(before=False, after=False), "stays off"),
        (GilProbe(before=True, after=True), "on, before anything is imported"),
        (GilProbe(before=False, after=True), "on: importing something that it imports turns it on"),
    ],
)
def test_what_is_said(found: GilProbe, said: str) -> None:
    assert found.said().startswith(said)
