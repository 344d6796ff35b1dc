"""Sources and sinks of the user's: registered, made by functions, passed to `write`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import velothread
from tests.functions.pieces import Pieces
from tests.running import WAYS
from velothread.errors import BindError, ExecutionError

FILE = """
import velothread
from dataclasses import dataclass
import pyarrow as pa


@dataclass(frozen=True)
class Part:
    start: int
    stop: int
    bytes: int = 0

    def batches(self):
        yield pa.record_batch({"n": pa.array(range(self.start, self.stop), pa.int64())})


class Numbers:
    name, size, splittable, row_count = "numbers", None, True, None
    schema = pa.schema({"n": pa.int64()})

    def __init__(self, count: int) -> None:
        self.count = count

    def splits(self, scan: velothread.Scan):
        if not scan.columns:
            raise ValueError("this source has no rows without columns")
        for i in range(0, self.count, 10):
            yield Part(i, min(i + 10, self.count))


def numbers(count: int, fail: bool = False) -> velothread.Source:
    if fail:
        raise ValueError("can't be opened")
    return Numbers(count)


@velothread.udf(name="numbers_class")
class Again(Numbers):
    def __init__(self, count: int, more: int = 0) -> None:
        super().__init__(count + more)
"""


@dataclass
class Kept:
    """A sink that notes what is done to it."""

    seen: list[Any] = field(default_factory=list)
    most: int = 1 << 60
    fail: bool = False

    def begin(self, schema: pa.Schema, types: tuple[Any, ...]) -> None:
        self.seen.append((schema.names, tuple(map(str, types))))

    def encode(self, batch: pa.RecordBatch) -> Any:
        return batch.to_pylist()

    def write(self, piece: Any) -> bool:
        if self.fail:
            raise OSError("full")
        self.seen.extend(piece)
        return len(self.seen) < self.most

    def finish(self) -> None:
        self.seen.append("finished")

    def abort(self) -> None:
        self.seen.append("aborted")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(FILE)
    return str(path)


@pytest.mark.parametrize("way", WAYS)
def test_functions_and_classes_that_make_sources(way: dict[str, Any], file: str) -> None:
    with velothread.connect(**way) as session:
        session.load_functions(file)
        rows = [(i,) for i in range(25)]
        assert session.query("FROM numbers(25)").fetchall() == rows
        assert session.query("FROM numbers_class(20, more := 5)").fetchall() == rows
        assert session.query("SELECT sum(a.n) FROM numbers(25) a JOIN numbers(3) b USING (n)").fetchall() == [(3,)]
        with pytest.raises(ExecutionError) as caught:
            session.query("FROM numbers(25, true)")
        for part in ("numbers(25, True) raised ValueError: can't be opened", "in numbers", "^^^^^^^^^^^^^^^^^"):
            assert part in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_a_sink_gets_the_batches_in_order(way: dict[str, Any]) -> None:
    table = pa.table({"n": range(30)})
    sinks: list[Kept] = []

    def kept(name: str, most: int = 1 << 60) -> velothread.Sink:
        sinks.append(Kept([name], most))
        return sinks[-1]

    wanted = [(["n"], ("BIGINT",)), *({"n": i} for i in range(30)), "finished"]
    with velothread.connect(**way) as session:
        session.register("t", Pieces(table, 3))
        session.register_function(kept)
        sink = Kept()
        assert session.query("FROM t").write(sink) == 30
        assert sink.seen == wanted
        result = session.query("COPY (FROM t) TO kept('x')")
        assert (result.is_query, sinks[-1].seen) == (False, ["x"])
        result.fetchall()
        assert result.message == "30 rows written to kept('x')"
        assert sinks[-1].seen == ["x", *wanted]
        session.query("COPY (FROM t) TO kept('x', most := 5)").fetchall()
        assert sinks[-1].seen == ["x", *wanted[:4], "finished"]
        failing = Kept(fail=True)
        with pytest.raises(OSError, match="full"):
            session.query("FROM t").write(failing)
        assert failing.seen[-1] == "aborted"


def test_outputs_that_are_none_are_refused(file: str) -> None:
    def nothing(name: str) -> velothread.Sink:
        return name  # type: ignore[return-value]

    def fails(name: str) -> velothread.Sink:
        raise RuntimeError("no such place")

    with velothread.connect() as session:
        session.load_functions(file)
        session.register_function(Kept, name="kept", parameters=())
        session.register_function(nothing)
        session.register_function(fails)
        for sql, kind, part in (
            ("COPY (SELECT 1) TO numbers(1)", BindError, "numbers is a function that gives a table"),
            ("COPY (SELECT 1) TO kep('x')", BindError, "unknown output kep"),
            ("COPY (SELECT 1) TO nothing('x')", BindError, "gave a str, which is no sink"),
            ("COPY (SELECT 1) TO fails('x')", ExecutionError, "fails('x') raised RuntimeError: no such place"),
            ("COPY (SELECT 1) TO fails('x') (FORMAT csv)", BindError, "they are arguments of the function"),
            ("COPY (SELECT 1) TO nothing()", BindError, "nothing can't take 0 arguments; it is\n    nothing(VARCHAR)"),
            ("FROM fails('x')", BindError, "fails is an output: COPY (query) TO fails(...)"),
        ):
            with pytest.raises(kind) as caught:
                session.query(sql)
            assert part in str(caught.value), sql


def test_the_protocols_are_public_names() -> None:
    names = {"Source", "Scan", "Split", "Sink"}
    assert names <= set(velothread.__all__)
    for name in names:
        assert getattr(velothread, name).__name__ == name
