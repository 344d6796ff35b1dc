"""How a box table is drawn: widths, cuts, lines, footer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

# A cell may always take this much; only wider ones are cut when the table is too wide.
_FAIR_WIDTH = 20
# No cell is wider, if a width is given at all.
_WIDEST = 200

Width = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as text; all `cells` of the rows shown."""

    name: str
    type: str
    cells: Sequence[str]
    right: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """`rows` in all, of which `shown`; `gap`: after so many rows some are left out; `width` of the terminal or None."""

    rows: int
    shown: int
    gap: int | None
    width: int | None
    color: bool


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A column with its width, and its cells made printable."""

    column: Column
    width: int


def lay_out(columns: Sequence[Column], layout: Layout) -> str:
    """The table as text that ends with a line end."""
    from rich.cells import cell_len

    printable = [replace(c, name=_printable(c.name), cells=[_printable(cell) for cell in c.cells]) for c in columns]
    drawn = [_Drawn(c, max(map(cell_len, [c.name, c.type, *c.cells]))) for c in printable]
    hidden_at: int | None = None
    if layout.width is not None:
        drawn, hidden_at = _fit(drawn, layout.width)
    if hidden_at is not None:
        rows = len(printable[0].cells) if printable else 0
        drawn.insert(hidden_at, _Drawn(Column("…", "", ["…"] * rows), 1))
    dim, bold, plain = ("\x1b[2m", "\x1b[1m", "\x1b[0m") if layout.color else ("", "", "")

    def line(left: str, middle: str, right: str) -> str:
        return f"{dim}{left}{middle.join('─' * (d.width + 2) for d in drawn)}{right}{plain}"

    def row(cells: Sequence[str], style: str = "") -> str:
        bar = f"{dim}│{plain}"
        return f"{bar}{bar.join(f' {style}{c}{plain if style else ""} ' for c in cells)}{bar}"

    out = [line("┌", "┬", "┐")]
    out.append(row([_centred(d.column.name, d.width, cell_len) for d in drawn], bold))
    out.append(row([_centred(d.column.type, d.width, cell_len) for d in drawn], dim))
    number = len(drawn[0].column.cells) if drawn else 0
    if number:
        out.append(line("├", "┼", "┤"))
    for i in range(number):
        if layout.gap == i:
            out += [row([_placed("·", d, cell_len) for d in drawn], dim)] * 3
        cells = []
        for d in drawn:
            text = _placed(d.column.cells[i], d, cell_len)
            cells.append(f"{dim}{text}{plain}" if dim and d.column.cells[i] == "NULL" else text)
        out.append(row(cells))
    if layout.gap is not None and layout.gap == number:
        out += [row([_placed("·", d, cell_len) for d in drawn], dim)] * 3
    out.append(line("└", "┴", "┘"))
    total = sum(d.width + 3 for d in drawn) + 1
    shown_columns = len(drawn) - (hidden_at is not None)
    out.append(_footer(layout, len(columns), shown_columns, total))
    return "\n".join(out) + "\n"


def _footer(layout: Layout, columns: int, shown_columns: int, width: int) -> str:
    left = f"{layout.rows} row{'' if layout.rows == 1 else 's'}"
    if layout.shown < layout.rows:
        left += f" ({layout.shown} shown)"
    right = f"{columns} column{'' if columns == 1 else 's'}"
    if shown_columns < columns:
        right += f" ({shown_columns} shown)"
    space = width - 4 - len(left) - len(right)
    return f"  {left}{' ' * max(space, 2)}{right}".rstrip()


def _fit(drawn: list[_Drawn], width: int) -> tuple[list[_Drawn], int | None]:
    """Cut cells and then leave columns out, from the middle, until the table is no wider than `width`.

    Also where columns are missing, or None.
    """
    drawn = [replace(d, width=min(d.width, _WIDEST)) for d in drawn]

    def total(columns: Sequence[_Drawn]) -> int:
        return sum(d.width + 3 for d in columns) + 1

    # The widest give way first, down to a fair width; a cell that is narrow anyway stays whole.
    while total(drawn) > width:
        widest = max(range(len(drawn)), key=lambda i: drawn[i].width)
        most = drawn[widest].width
        if most <= _FAIR_WIDTH:
            break
        others = [d.width for d in drawn if d.width < most]
        target = max(_FAIR_WIDTH, max(others, default=0))
        count = sum(d.width == most for d in drawn)
        enough = most - -(-(total(drawn) - width) // count)
        target = max(target, enough)
        drawn = [replace(d, width=target) if d.width == most else d for d in drawn]
    if total(drawn) <= width:
        return drawn, None
    left, right = list(drawn[: (len(drawn) + 1) // 2]), list(drawn[(len(drawn) + 1) // 2 :])
    while len(left) + len(right) > 1 and total([*left, *right]) + 4 > width:
        if len(left) > len(right):
            left.pop()
        else:
            right.pop(0)
    kept = [*left, *right]
    if len(kept) == 1:
        room = max(1, width - 4 - (0 if len(drawn) == 1 else 4))  # 4: the column of dots beside it
        kept = [replace(kept[0], width=min(kept[0].width, room))]
        left = kept
    return kept, len(left) if len(kept) < len(drawn) else None


def _printable(text: str) -> str:
    """Control characters as escapes: a cell has one line, and can't send commands to the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\u200d\u00a0" else c.encode("unicode_escape").decode() for c in text)


def _cut(text: str, width: int, cell_len: Width) -> str:
    if cell_len(text) <= width:
        return text
    if len(text) > 4 * width:
        text = text[: 4 * width]  # a 10 MB cell isn't walked from its end
    while text and cell_len(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _centred(text: str, width: int, cell_len: Width) -> str:
    text = _cut(text, width, cell_len)
    space = width - cell_len(text)
    return " " * (space // 2) + text + " " * (space - space // 2)


def _placed(text: str, d: _Drawn, cell_len: Width) -> str:
    text = _cut(text, d.width, cell_len)
    space = " " * (d.width - cell_len(text))
    return space + text if d.column.right else text + space
