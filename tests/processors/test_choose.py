"""Which processor `auto` chooses, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

import velothread
from velothread.options import Options
from velothread.processors import choose as module
from velothread.processors.choose import SMALL_BYTES, choose_processor
from velothread.sources.source import Source


@dataclass(frozen=True)
class Sized:
    size: int | None
    splittable: bool = True


def choose(*sources: Sized, **options: Any) -> module.ProcessorChoice:
    return choose_processor(Options(**{"partitions": 4} | options), cast(list[Source], list(sources)))


@pytest.mark.parametrize(
    ("sources", "name", "reason"),
    [
        ([], "simple", "no input"),
        ([Sized(100)], "simple", "small (100 bytes)"),
        ([Sized(SMALL_BYTES // 2)] * 3, "adaptive", "large enough"),
        ([Sized(SMALL_BYTES)], "adaptive", "large enough"),
        ([Sized(100, splittable=False)], "simple", "small"),
        ([Sized(None, splittable=False)], "adaptive", "one thread reads"),
        ([Sized(None), Sized(10)], "adaptive", "large enough"),
    ],
)
def test_auto(sources: list[Sized], name: str, reason: str) -> None:
    choice = choose(*sources)
    assert choice.name == name and reason in choice.reason


def test_one_partition_is_simple() -> None:
    assert choose(Sized(1 << 40), partitions=1).name == "simple"


def test_what_is_asked_for_is_given() -> None:
    assert choose(Sized(1), processor="adaptive").name == "adaptive"
    assert choose(Sized(1 << 40), processor="simple").name == "simple"


def test_make_passes_the_options_on() -> None:
    processor = choose(Sized(1 << 40), partitions=3).make()
    assert (processor.name, processor.partitions) == ("adaptive", 3)
    processor.close()
    assert choose(Sized(1)).make().name == "simple"


@pytest.mark.parametrize("gil", [True, False])
def test_notice_on_a_gil_build(monkeypatch: pytest.MonkeyPatch, gil: bool) -> None:
    monkeypatch.setattr(module, "gil_enabled", lambda: gil)
    notice = choose(Sized(1 << 40)).notice
    assert (notice is not None and "GIL" in notice) if gil else notice is None
    assert choose(Sized(1)).notice is None


def test_the_notice_is_a_warning_once_per_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "gil_enabled", lambda: True)
    for _ in range(2):
        with velothread.connect(processor="adaptive", partitions=2) as session:
            with pytest.warns(RuntimeWarning, match="GIL") as caught:
                session.query("SELECT 1").fetchall()
            assert [w.filename for w in caught] == [__file__]
            session.query("SELECT 2").fetchall()  # a second warning would be an error
