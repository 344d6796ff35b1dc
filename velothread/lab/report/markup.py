"""HTML from values: everything that comes from outside is escaped here, and nowhere else."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_FIGURE = re.compile(r"(?:[-−+]?\d[\d,.]*(?: ?(?:%|s|ms|µs|ns|k|M|G|times))?(?: \([^()]*\))?|–)$")
_IN_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def text(value: Any) -> str:
    """A value as text in an element or in a quoted attribute."""
    return html.escape("" if value is None else str(value), quote=True)


def script_json(value: Any) -> str:
    """JSON that can stand inside a script element: no `</script>` in it can end it. What is not finite becomes null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Table:
    """A table: a title, names of columns, and rows of texts. The first cell of each row is its heading."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    finding: str = ""


def table(content: Table) -> str:
    """The table in a box of its own that scrolls; columns of figures are set to the right."""
    columns = [[_cell(row, index) for row in content.rows] for index in range(len(content.columns))]
    right = [index > 0 and any(cells) and all(map(_FIGURE.match, cells)) for index, cells in enumerate(columns)]
    attribute = ['class="figure"' if it else "" for it in right]
    head = "".join(f'<th scope="col" {attribute[i]}>{text(name)}</th>' for i, name in enumerate(content.columns))
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{text(_cell(row, i))}</th>'
            if i == 0
            else f"<td {attribute[i]}>{_marked(_cell(row, i))}</td>"
            for i in range(len(content.columns))
        )
        + "</tr>\n"
        for row in content.rows
    )
    label = text(content.title)
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n"
    )


def _cell(row: Sequence[str], index: int) -> str:
    return "" if index >= len(row) or row[index] is None else str(row[index])


def _marked(cell: str) -> str:
    """What is met and what is not is seen from afar, and not by colour alone."""
    if cell in ("met", "not met"):
        return f'<span class="badge {"good" if cell == "met" else "bad"}">{cell}</span>'
    return text(cell)


def titled_table(content: Table) -> str:
    """A heading, what was found, and the table."""
    finding = f"<p>{text(content.finding)}</p>\n" if content.finding else ""
    return f"<h3>{text(content.title)}</h3>\n{finding}{table(content)}"


def section(identity: str, title: str, parts: Sequence[str]) -> str:
    """A section of the page with its heading, or nothing if it would be empty."""
    content = "".join(parts)
    if not content:
        return ""
    name = text(identity)
    heading = f'<h2 id="{name}-title">{text(title)}</h2>'
    return f'<section id="{name}" aria-labelledby="{name}-title">\n{heading}\n{content}</section>\n'
