"""What holds for all tests: hypothesis without deadlines, no thread left behind, and which build they run on."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import hypothesis
import pytest

# No test measures time, and a shared machine stalls at will. CI tries the same examples every time, so that what fails
# there is what was changed; anyone else looks for new ones.
hypothesis.settings.register_profile(
    "velothread",
    deadline=None,
    max_examples=50,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
# `nox -s stress`, or by hand: pytest --hypothesis-profile=thorough
hypothesis.settings.register_profile(
    "thorough", parent=hypothesis.settings.get_profile("velothread"), max_examples=1_000
)
hypothesis.settings.load_profile("velothread")


def pytest_report_header() -> str:
    """Which build runs the tests: their meaning differs, with and without the GIL."""
    gil = "on" if sys._is_gil_enabled() else "off"
    return f"GIL {gil}, {sys.version.split()[0]}, {threading.active_count()} thread(s) at the start"


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """A test that leaves a thread running fails: every query must end all its threads, however it ends."""
    before = set(threading.enumerate())
    yield
    if threading.current_thread() is not threading.main_thread():
        return  # under pytest-run-parallel, the other copies of the test come and go
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(timeout=5)  # one that is about to end is not left behind
    names = [thread.name for thread in left if thread.is_alive()]
    assert not names, f"threads left running: {names}"
