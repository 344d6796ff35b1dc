"""A module that turns the GIL on is named, once. (None does here: what CPython then does is played.)"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import velothread
from velothread.functions.gil import GilWatch

WARNING = (
    "The global interpreter lock (GIL) has been enabled to load module '{}', which has not declared that it can run"
    " safely without the GIL. To override this behavior and keep the GIL disabled (at your own risk), run with"
    " PYTHON_GIL=0 or -Xgil=0."
)


class Gil:
    """One that can be turned on."""

    def __init__(self) -> None:
        self.on = False

    def __call__(self) -> bool:
        return self.on


def load(watch: GilWatch, gil: Gil, *modules: str) -> None:
    with watch.loading("f.py"):
        for name in modules:
            gil.on = True
            warnings.warn(WARNING.format(name), RuntimeWarning, stacklevel=1)


def test_a_file_that_imports_one() -> None:
    said: list[str] = []
    gil = Gil()
    watch = GilWatch(said.append, gil)
    load(watch, gil)
    assert said == []
    load(watch, gil, "old_ext", "older_ext")
    [line] = said
    assert line.startswith("f.py: importing old_ext and older_ext turned the GIL on: Python code in all partitions")
    gil.on = False
    load(watch, gil, "another")
    watch.begin()
    gil.on = True
    watch.end()
    assert len(said) == 1


def test_other_warnings_go_on_their_way() -> None:
    watch = GilWatch(lambda text: None, Gil())
    with pytest.warns(UserWarning, match="something else"), watch.loading("f.py"):
        warnings.warn("something else", UserWarning, stacklevel=1)


def test_a_gil_that_was_on_before_is_nobodys_fault() -> None:
    said: list[str] = []
    gil = Gil()
    gil.on = True
    watch = GilWatch(said.append, gil)
    load(watch, gil)
    watch.begin()
    watch.end()
    assert said == []


@pytest.mark.parametrize(("file", "by"), [("x.so", "importing late_ext"), ("x.py", "something that was imported")])
def test_an_import_while_the_query_runs(monkeypatch: pytest.MonkeyPatch, file: str, by: str) -> None:
    said: list[str] = []
    gil = Gil()
    watch = GilWatch(said.append, gil)
    watch.begin()
    module = types.ModuleType("late_ext")
    module.__file__ = file
    monkeypatch.setitem(sys.modules, "late_ext", module)
    gil.on = True
    watch.end()
    [line] = said
    assert line.startswith(f"while the query ran, {by} turned the GIL on: ")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gil], tuple[velothread.Session, list[str]]]:
    def connect(gil: Gil) -> tuple[velothread.Session, list[str]]:
        found = velothread.connect(processor="simple")
        monkeypatch.setattr(found._gil, "_enabled", gil)
        said: list[str] = []
        found.notify = said.append
        return found, said

    return connect


def test_a_session_says_it(session: Callable[[Gil], tuple[velothread.Session, list[str]]], tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    text = WARNING.format("old_ext")
    path.write_text(
        f"import warnings\nwarnings.warn({text!r}, RuntimeWarning)\n\ndef f(x: int) -> int:\n    return x\n"
    )
    found, said = session(Gil())
    with found:
        found.load_functions(str(path))
        assert found.query("SELECT f(1)").fetchall() == [(1,)]
    assert len(said) == 1
    assert said[0].startswith(f"{path}: importing old_ext turned the GIL on")


def test_a_session_says_it_of_a_late_import(session: Callable[[Gil], tuple[velothread.Session, list[str]]]) -> None:
    gil = Gil()

    def importing(x: int) -> int:
        gil.on = True
        return x

    found, said = session(gil)
    with found:
        found.register_function(importing)
        for _ in range(2):
            found.query("SELECT importing(1)").fetchall()
    assert len(said) == 1
    assert said[0].startswith("while the query ran, ")
