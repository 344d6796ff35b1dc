"""Engines in processes of their own, that take turns."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from queries import Query

HERE = Path(__file__).resolve().parent
Answer = dict[str, Any]


class Peer:
    """An engine's process: `script` answers its requests, a JSON line each."""

    def __init__(self, engine: str, python: str, script: str = "peer.py") -> None:
        self.engine, self.python, self.script = engine, python, script
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self.python, str(HERE / self.script), self.engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )  # fmt: skip
        assert process.stdout is not None
        if "ready" not in process.stdout.readline():
            raise SystemExit(f"{self.engine} does not start with {self.python}")
        return process

    def ask(self, query: Query, path: Path, format: str, output: str | None) -> Answer:
        return self.request({"path": str(path), "format": format, "sql": query.sql, "output": output})

    def request(self, request: dict[str, Any]) -> Answer:
        """One answer of the script; a process that died is started again."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.process = self._start()
            return {"error": "the process died"}
        answer: Answer = json.loads(line)
        return answer

    def cold(self, query: Query, path: Path, format: str) -> float:
        start = time.perf_counter()
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"path": str(path), "format": format, "sql": query.sql, "output": None}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.close()
        process.stdout.read()
        process.wait()
        return time.perf_counter() - start

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass(slots=True)
class Taken:
    """What one of those who took turns did."""

    seconds: list[float] = field(default_factory=list)  # without the warm-up's
    answers: list[Answer] = field(default_factory=list)  # with the warm-up's
    error: str = ""  # after the first one it takes no more turns

    @property
    def median(self) -> float:
        """NaN when there is none."""
        return statistics.median(self.seconds) if self.seconds and not self.error else math.nan

    @property
    def cpu(self) -> float:
        """Median of the CPU seconds of the engine's process, without the warm-up's."""
        counted = [a["cpu"] for a in self.answers[1:]]
        return statistics.median(counted) if counted and not self.error else math.nan

    @property
    def spread(self) -> float:
        return max(self.seconds) - min(self.seconds)


def take_turns(asks: Mapping[str, Callable[[], Answer]], rounds: int) -> dict[str, Taken]:
    """Everyone is asked once to warm up, which isn't counted; then in turns, `rounds` times."""
    taken = {name: Taken() for name in asks}
    for turn in range(rounds + 1):
        for name, ask in asks.items():
            one = taken[name]
            if one.error:
                continue
            answer = ask()
            if "error" in answer:
                one.error = answer["error"]
                continue
            one.answers.append(answer)
            if turn:
                one.seconds.append(answer["seconds"])
    return taken


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan
