"""A table as lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = 118) -> list[str]:
    """Columns aligned, figures to the right; a last column of words is wrapped.

    >>> print("\\n".join(text_table(["what", "ns"], [["lock", "12"], ["queue", "105"]])))
      what    ns
      lock    12
      queue  105
    """
    sizes = [max(len(str(row[i])) for row in (columns, *rows)) for i in range(len(columns))]
    before = 2 + sum(sizes[:-1]) + 2 * (len(sizes) - 1)
    last = max(24, min(sizes[-1], width - before))
    wordy = sizes[-1] > last or any(" " in row[-1] and len(row[-1]) > 24 for row in rows)
    lines = []
    for row in (columns, *rows):
        head = [cell.ljust(s) if i == 0 else cell.rjust(s) for i, (cell, s) in enumerate(zip(row, sizes, strict=True))]
        if not wordy:
            lines.append("  " + "  ".join(head).rstrip())
            continue
        first, *more = textwrap.wrap(row[-1], last) or [""]
        lines.append(("  " + "  ".join([*head[:-1], first])).rstrip())
        lines += [" " * before + line for line in more]
    return lines


__all__ = ["text_table"]
