"""Ctrl-C while the adaptive processor works: the process ends, even with a kernel that never returns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import velothread

PROGRAM = """
import sys, threading
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.testing.scripted import ScriptedSplit, ScriptedSplits, SumStage
where = sys.argv[1]
never = threading.Event()
def stuck():
    print("working", flush=True)
    while not never.wait(0.1):  # in the main thread, a wait without end may miss a signal that comes just before it
        pass
class Source(ScriptedSplits):
    def __iter__(self):
        yield ScriptedSplit((1,))
        stuck()
splits = {
    "kernel": [ScriptedSplit((1,), before=stuck)],
    "reader": Source([], prefetch=True),
    "consumer": [ScriptedSplit((i,)) for i in range(9)],
}[where]
processor = AdaptiveProcessor(2)
try:
    try:
        for part in processor.run(SumStage(), splits):
            if where == "consumer":
                stuck()
    finally:
        processor.close()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(130)
"""


@pytest.mark.parametrize("where", ["kernel", "reader", "consumer"])
def test_ctrl_c_ends_the_process(where: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(velothread.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=30)
            assert (out, process.returncode) == ("interrupted\n", 130), error
        finally:
            process.kill()
