"""`velothread doctor --udf`: what a file of functions imports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from velothread.cli.udf_imports import Import, examine_imports, imports_of, problems_of, table_of
from velothread.errors import OptionError

HINT = "get a release that is built for free threading, or do without it"
SOURCE = """from __future__ import annotations
import json, os.path
from collections.abc import Mapping

def f(x: int) -> int:
    import beside
    from . import nowhere
    import json
    return x
"""


def test_imports_of_a_file() -> None:
    assert imports_of(SOURCE) == {"json": 2, "os.path": 2, "collections.abc": 3, "beside": 6}


def test_each_is_imported_in_an_interpreter_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("print('loaded')\n")
    (tmp_path / "broken.py").write_text("raise ValueError('broken')\n")
    (tmp_path / "f.py").write_text("import beside\nimport broken\nimport not_there_at_all\n")
    gil = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
    found = examine_imports(str(tmp_path / "f.py"))
    assert found == [
        Import("beside", 1, gil),
        Import("broken", 2, None, "ValueError: broken"),
        Import("not_there_at_all", 3, None, "ModuleNotFoundError: No module named 'not_there_at_all'"),
    ]
    assert "broken" not in sys.modules


def test_what_is_said() -> None:
    found = [Import("fine", 1, False), Import("old_ext", 2, True), Import("gone", 3, None, "No module")]
    assert table_of("f.py", found)[2:] == [
        "fine         1      off",
        "old_ext      2      on",
        "gone         3      No module",
    ]
    assert problems_of("f.py", found, free_threaded=True) == [
        "f.py, line 3: gone can't be imported: No module",
        "f.py, line 2: importing old_ext turns the GIL on, and partitions take turns; " + HINT,
    ]
    assert len(problems_of("f.py", found, free_threaded=False)) == 1


def test_files_that_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="can't be read"):
        examine_imports(str(tmp_path / "none.py"))
    (tmp_path / "bad.py").write_text("def (")
    with pytest.raises(OptionError, match="is not Python"):
        examine_imports(str(tmp_path / "bad.py"))
