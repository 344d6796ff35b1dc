"""Files of Python functions, for tests."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import velothread
from velothread.session import Session


def written(folder: Path, text: str, name: str = "functions.py") -> str:
    """A file with this text; its path."""
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return str(path)


@contextmanager
def session_with(*functions: Any, **options: Any) -> Iterator[Session]:
    """A session that knows these functions: paths of files, or functions themselves."""
    with velothread.connect(**options) as session:
        for function in functions:
            if isinstance(function, str):
                session.load_functions(function)
            else:
                session.register_function(function)
        yield session
