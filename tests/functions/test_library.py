"""Files of functions: what is loaded, whose copy a thread calls."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import velothread
from tests.functions.files import session_with, written
from velothread.errors import OptionError
from velothread.functions.library import Library
from velothread.functions.own_code import own_function

FILE = """
import math
from math import sqrt
import velothread

TABLE = {"a": 1}

def public(x: int) -> int:
    return x

def _private(x: int) -> int:
    return x

def bare(x):
    return x

def setup():
    TABLE["b"] = 2

@velothread.udf(name="renamed", parameters=["INT"], returns="INT")
def declared(x):
    return x
"""


def test_what_a_file_offers(tmp_path: Path) -> None:
    library = Library()
    path = written(tmp_path, FILE)
    assert [f.name for f in library.load(path)] == ["public", "renamed"]
    assert "bare in" in library.unfit["bare"]
    assert [f.name for f in library.load(f"{path}:_private as visible")] == ["visible"]


def test_modules_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "my_functions"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("from . import other\ndef f(x: int) -> int:\n    return x + other.ONE\n")
    (package / "other.py").write_text("ONE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with velothread.connect() as session:
        assert session.load_functions("my_functions.inner:f as g") == ["g"]
        assert session.query("SELECT g(41)").fetchall() == [(42,)]


@pytest.mark.parametrize(
    ("text", "spec", "message"),
    [
        (None, "nowhere.py", "nowhere.py: no such file of Python functions"),
        (None, "no_such_module_here", "there is no module 'no_such_module_here'"),
        ("x = 1\n", "f.py", "f.py has no function for SQL"),
        ("def f(x: int) -> int:\n  return (\n", "f.py", "f.py, line 2: '\\(' was never closed"),
        ("import nothing_like_this\n", "f.py", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        (
            "def setup():\n    1 / 0\ndef f(x: int) -> int:\n    return x\n",
            "f.py",
            "ZeroDivisionError.*\n.*line 2, in setup",
        ),
        ("def good(x: int) -> int:\n  return x\n", "f.py:god", "has no 'god'; did you mean 'good'"),
        ("def f(x: set) -> int:\n  return x\n", "f.py", "f, parameter x: set is no type that SQL has"),
        ("def f(x: int) -> int:\n  return x\n", "f.py as g", "an alias is for one function: .*f.py:NAME as ALIAS"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, text: str | None, spec: str, message: str) -> None:
    if text is not None:
        written(tmp_path, text, "f.py")
        spec = str(tmp_path / spec)
    with pytest.raises(OptionError, match=message):
        Library().load(spec)


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside_the_functions.py").write_text("THREE = 3\n")
    path = written(tmp_path, "import beside_the_functions as b\ndef f(x: int) -> int:\n    return x * b.THREE\n")
    with session_with(path) as session:
        assert session.query("SELECT f(2)").fetchall() == [(6,)]


def test_each_thread_has_a_copy_of_its_own(tmp_path: Path) -> None:
    library = Library()
    library.load(
        written(
            tmp_path,
            """
            import re
            PATTERN = re.compile("a(b+)")
            TABLE = {}
            calls = 0

            def setup():
                global calls
                calls += 1

            def f(x: int) -> float:
                return x * 1.5
            """,
        )
    )
    registered = library.known["f"]
    seen: list[Any] = []

    def look() -> None:
        mine = registered.origin.mine()
        assert mine is registered.origin.mine()
        seen.append(mine)

    for _ in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    for name in ("TABLE", "PATTERN"):
        assert len({id(f.__globals__[name]) for f in seen}) == 3, name
    assert len({id(f.__code__) for f in seen}) == 3
    assert [f.__globals__["calls"] for f in seen] == [1, 1, 1]
    assert seen[2] is registered.sample, "the first copy belongs to the thread that loaded it"


def test_annotations_that_are_text(tmp_path: Path) -> None:
    """Dataclasses and typing look their names up in `sys.modules`, where each copy is, and is gone afterwards."""
    path = written(
        tmp_path,
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from decimal import Decimal
        from typing import NamedTuple, TypedDict

        @dataclass
        class Point:
            x: Decimal
            inner: Inner | None = None

        class Inner(TypedDict):
            y: list[Decimal]

        class Pair(NamedTuple):
            left: Decimal
            right: int

        def point(x: int) -> Point:
            return Point(Decimal(x), {"y": [Decimal(1)]})

        def turned(p: Point) -> Pair:
            assert type(p) is Point
            return Pair(p.x, 2)
        """,
        "texts.py",
    )
    before = set(sys.modules)
    for _ in range(2):
        with session_with(path, processor="adaptive", partitions=2) as session:
            sql = "SELECT max(turned(point(x)).left)::INT FROM range(1000) t(x)"
            assert session.query(sql).fetchall() == [(999,)]
    assert not [name for name in set(sys.modules) - before if name.startswith("texts")]


ALIVE: list[weakref.ref[Any]] = []


def test_what_a_copy_holds_is_given_up_with_the_session(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        import weakref
        from tests.functions.test_library import ALIVE

        class Model:
            pass

        MODEL = Model()
        ALIVE.append(weakref.ref(MODEL))

        def f(x: int) -> int:
            return x + (MODEL is not None)
        """,
    )
    ALIVE.clear()
    with session_with(path, processor="adaptive", partitions=2) as session:
        assert session.query("SELECT sum(f(x)) FROM range(1000) t(x)").fetchall() == [(500_500,)]
    gc.collect()
    assert len(ALIVE) >= 2
    assert not [model for model in ALIVE if model() is not None]


def test_process_wide_functions_share_their_globals(tmp_path: Path) -> None:
    library = Library()
    path = written(
        tmp_path,
        """
        import velothread
        TABLE = {}

        @velothread.udf(share="process-wide")
        def f(x: int) -> float:
            return x * 1.5
        """,
    )
    library.load(path)
    seen: list[Any] = []

    def look() -> None:
        seen.append(library.known["f"].origin.mine())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    look()
    assert seen[0].__globals__ is seen[1].__globals__
    assert seen[0] is not seen[1]
    assert seen[0].__code__ is not seen[1].__code__


def test_a_registered_function_cannot_always_be_copied() -> None:
    def local(x: int) -> int:
        return x

    with velothread.connect() as session, pytest.raises(OptionError, match="can't be copied for each thread"):
        session.register_function(local, share="thread")


@pytest.mark.skipif(sys._is_gil_enabled() or sys.version_info[:2] != (3, 13), reason="how 3.13t counts references")
def test_references_to_constants_of_own_code_are_not_counted() -> None:
    """The cure is taken from CPython: should it change there, `own_code` has to be thought over."""
    code = compile("def f(x):\n    return x * 1.61803", "<test>", "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    before, after = namespace["f"].__code__, own_function(namespace["f"]).__code__
    assert before.co_consts == after.co_consts
    assert sys.getrefcount(after.co_consts[1]) == 2**32 - 1


def test_own_functions_are_equal_in_all_but_identity() -> None:
    def make(step: float) -> Any:
        def walk(x: float, *, by: float = 2.5) -> tuple[Any, ...]:
            """Doc."""
            return x, by, step, -0.0, 10**30, "text", b"bytes", (1.5, ("deep",)), 2j, x in {300, 400}

        return walk

    walk = make(7.25)
    own = own_function(walk)
    assert repr(own(1.0)) == repr(walk(1.0))
    assert (own.__name__, own.__doc__, own.__annotations__) == (walk.__name__, walk.__doc__, walk.__annotations__)
    assert own.__closure__ is walk.__closure__


def test_the_last_one_of_a_name_counts() -> None:
    with velothread.connect() as session:
        session.register_function(lambda: 1, "f", returns="INT", parameters=[])
        session.register_function(lambda: 2, "F", returns="INT", parameters=[])
        session.register_function(lambda text: "mine", "upper", parameters=["VARCHAR"], returns="VARCHAR")
        assert session.query("SELECT f(), upper('x')").fetchall() == [(2, "mine")]
