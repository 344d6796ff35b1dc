"""Every case of every `.slt` file, under every processor."""

from __future__ import annotations

from pathlib import Path

import pytest

import velothread
from tests.running import WAYS, answer_lines
from tests.slt import Case, Script, read

SCRIPTS = [read(path) for path in sorted(Path(__file__).parent.glob("*.slt"))]
CASES = [(script, case) for script in SCRIPTS for case in script.cases]


@pytest.mark.parametrize(("script", "case"), CASES, ids=[f"{s.path.stem}:{c.line}" for s, c in CASES])
def test_case(script: Script, case: Case) -> None:
    for way in WAYS:
        if case.kind == "error":
            with pytest.raises(velothread.UserError) as caught:
                answer_lines(script, case, way)
            assert case.argument in str(caught.value), way
            assert not case.whole or str(caught.value).splitlines() == case.rows, way
        else:
            got = answer_lines(script, case, way)
            if case.argument == "unordered":
                assert sorted(got) == sorted(case.rows), way
            else:
                assert got == case.rows, way


def test_there_are_cases() -> None:
    assert len(CASES) > 100
