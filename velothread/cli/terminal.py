"""What the terminal can do."""

from __future__ import annotations

import os
import shutil
from typing import TextIO


def is_terminal(stream: TextIO | None) -> bool:
    """Is a person looking at this stream?"""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def wants_color(chosen: bool | None, stream: TextIO | None) -> bool:
    """`--color/--no-color` where it is given; else colours on a terminal, unless NO_COLOR or TERM=dumb says no."""
    if chosen is not None:
        return chosen
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table_width(stream: TextIO | None) -> int | None:
    """Columns that a table may take: of the terminal, or COLUMNS; None, no limit, for a file or pipe without
    COLUMNS."""
    if is_terminal(stream) or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size((100, 24)).columns
    return None
