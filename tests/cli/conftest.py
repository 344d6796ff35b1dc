"""Running the command line in the test's own process, on a fake session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

import velothread
from tests.cli.fake_session import FakeSession
from velothread.cli.main import run


@dataclass(frozen=True)
class Ended:
    """What a call of the program left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


Call = Callable[..., Ended]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Call:
    """`call("query", "SELECT 1", session=FakeSession(...))`."""
    for name in ("VELOTHREAD_DEBUG", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def caller(*arguments: str, session: FakeSession | None = None) -> Ended:
        monkeypatch.setattr(velothread, "connect", (session or FakeSession()).connect, raising=False)
        code = run(list(arguments))
        captured = capsysbinary.readouterr()
        return Ended(code, captured.out.decode(errors="replace"), captured.err.decode())

    return caller
