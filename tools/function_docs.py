"""Writes docs/functions.md from the tables of functions: python tools/function_docs.py

A test fails while the page is another than the tables; it runs the examples as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from velothread.frontend.call_docs import CALL_DOCS, CallDoc
from velothread.frontend.macros import MACROS
from velothread.kernels.aggregates import AGGREGATES
from velothread.kernels.functions import SCALARS

PAGE = Path(__file__).parents[1] / "docs" / "functions.md"
# Group in the tables -> heading; the order is that of the page.
HEADINGS = {
    "": "Operators",
    "text": "Text and patterns",
    "numeric": "Numbers",
    "date and time": "Dates and times",
    "list": "Lists",
    "lambda": "Lambdas",
    "struct": "Structs",
    "map": "Maps",
    "json": "JSON",
    "generic": "Values of any type",
    "aggregate": "Aggregates",
    "window": "Window functions",
}
INTRODUCTION = """# Functions

<!-- Written by tools/function_docs.py from the tables of functions. -->

Names are DuckDB's and mean what they mean there; upper and lower case are the same. A call that fits no form is refused
with the forms that there are. `T` forms take any type; NULL in an argument mostly gives NULL. Every example runs as a
test and gives the text shown.
"""
NOTES = {
    "aggregate": "The examples are over the values 1, 2 and 4 of `x`. An aggregate takes DISTINCT, ORDER BY inside the"
    " call, FILTER, and OVER. `list_NAME` is the aggregate NAME over the items of a list.",
    "json": "Documents are JSON or VARCHAR. A path is `$.a[0].b` (with `*` and `..`: a list of all that is found),"
    " `/a/0/b`, a name, or a position from 0.",
    "window": "They stand before OVER, with ROWS, RANGE or GROUPS frames; those that give a value of a row take"
    " IGNORE NULLS.",
    "lambda": "A lambda may use columns of the row around, and other lambdas inside. `x -> x + 1` is read as well.",
}


def entries() -> Iterable[CallDoc]:
    """Everything with a name, a line each; overloads together."""
    scalars = {id(f): f for overloads in SCALARS.values() for f in overloads if not f.name.endswith("*")}
    rows: dict[tuple[str, str], list[CallDoc]] = {}
    for f in scalars.values():
        group = {"date": "date and time"}.get(f.group, f.group)
        line = CallDoc(f.name, f.signature(), f.doc, f.example, f.result, f.aliases, group)
        rows.setdefault((group, f.name), []).append(line)
    for a in {id(f): f for overloads in AGGREGATES.values() for f in overloads}.values():
        line = CallDoc(a.name, a.signature(), a.doc, a.example, a.result, a.aliases, "aggregate")
        rows.setdefault(("aggregate", a.name), []).append(line)
    for m in {id(m): m for m in MACROS.values()}.values():
        group = {"date": "date and time"}.get(m.group, m.group)
        line = CallDoc(m.name, m.signature(), m.doc, m.example, m.result, m.aliases, group)
        rows.setdefault((group, m.name), []).append(line)
    for d in CALL_DOCS:
        rows.setdefault((d.group, d.name), []).append(d)
    for (group, name), lines in rows.items():
        shown = next((line for line in lines if line.example), lines[0])
        signatures = "\n".join(dict.fromkeys(line.signature for line in lines))
        aliases = tuple(dict.fromkeys(a for line in lines for a in line.aliases if a != name and not a.endswith("*")))
        doc = next((line.doc for line in lines if line.doc), "")
        yield CallDoc(name, signatures, doc, shown.example, shown.result, aliases, group)


def page() -> str:
    """The text of the page."""
    found = list(entries())
    parts = [INTRODUCTION]
    for group, heading in HEADINGS.items():
        rows = sorted((e for e in found if e.group == group), key=lambda e: (e.name[0].isalpha(), e.name))
        parts.append(f"## {heading}\n")
        if group in NOTES:
            parts.append(NOTES[group] + "\n")
        parts.append("| call | what it gives | example |\n|---|---|---|\n" + "".join(map(_row, rows)))
    missing = {e.group for e in found} - HEADINGS.keys()
    if missing:
        raise ValueError(f"groups without a heading: {', '.join(sorted(missing))}")
    return "\n".join(parts)


def _row(entry: CallDoc) -> str:
    calls = "<br>".join(_code(s) for s in entry.signature.split("\n"))
    if entry.aliases:
        calls += "<br>also " + ", ".join(_code(a) for a in entry.aliases)
    example = f"{_code(entry.example)} → {_code(entry.result or ' ')}" if entry.example else ""
    return f"| {calls} | {_escaped(entry.doc)} | {example} |\n"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return fence + _escaped(text) + fence


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(list(entries()))} functions and operators")
