"""Values put into text: format (fmt syntax), printf, bar, sizes in bytes.

The formats are parsed once per distinct format text; rows are then put together in Python, since each has its own
text and there is no columnar way.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.shaping import by_row

TEXT = pa.string()
# A piece of a parsed format: literal text, or (argument number, spec, thousands separator).
Piece = str | tuple[int, str, str]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "float" if isinstance(value, float) else "string"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)


@lru_cache(maxsize=256)
def _parse_braces(text: str) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    automatic = 0
    for match in re.finditer(r"\{\{|\}\}|\{(\d*)(?::([^{}]*))?\}|[^{}]+|[{}]", text):
        found = match[0]
        if found in ("{{", "}}"):
            pieces.append(found[0])
        elif found in ("{", "}"):
            raise ExecutionError(f"{text!r} is not a format: a brace is left over", hint="write {{ or }} for a brace")
        elif found[0] != "{":
            pieces.append(found)
        else:
            number = int(match[1]) if match[1] else automatic
            automatic += not match[1]
            spec, thousands = match[2] or "", ""
            if special := re.match(r"t(.)(.*)$", spec):  # {:t,}: any character as thousands separator
                # the letters s and d behind it say nothing more: {:tss} is digits with an s between
                thousands, spec = special[1], special[2].removesuffix("s")
            elif special := re.match(r"(?:([^\w<>=^+\-# .])(d?)|(_)(d))$", spec):
                thousands, spec = special[1] or special[3], special[2] or special[4] or ""
            pieces.append((number, spec, thousands))
    return tuple(pieces)


_PERCENT = re.compile(r"%(?:%|([-+ 0#,'_]*)(\d*)(?:(\.)(?=[diu])|\.(\d+))?([a-zA-Z]))|[^%]+|%")


@lru_cache(maxsize=256)
def _parse_percents(text: str) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    number = 0
    for match in _PERCENT.finditer(text):
        found = match[0]
        if found == "%%":
            pieces.append("%")
        elif found == "%":
            raise ExecutionError(f"{text!r} is not a format: a % is left over", hint="write %% for a percent sign")
        elif found[0] != "%":
            pieces.append(found)
        else:
            flags, width, precision, letter = match[1], match[2], match[4], match[5]
            thousands = match[3] or next((c for c in flags if c in ",'_"), "")
            align = "<" if "-" in flags else "" if "0" in flags else ">"
            sign = "+" if "+" in flags else " " if " " in flags else ""
            alternate = "#" if "#" in flags else ""
            zero = "0" if "0" in flags and width and "-" not in flags else ""
            point = f".{precision}" if precision is not None else ""
            code = "d" if letter in "iu" else letter
            pieces.append((number, f"{align}{sign}{alternate}{zero}{width}{point}{code}", thousands))
            number += 1
    return tuple(pieces)


_ALLOWED = {"int": "dxXboc", "float": "eEfFgG", "string": "s", "bool": "sd"}


def _one(value: Any, spec: str, thousands: str, printf: bool) -> str:
    if isinstance(value, decimal.Decimal):  # a HUGEINT: other decimals come as floats
        value = int(value)
    kind = _kind(value)
    if kind == "int" and thousands and spec.endswith(".0f"):
        spec = spec[:-3] + "d"  # without digits behind the point whole numbers keep all of theirs
    letter = spec[-1] if spec and spec[-1].isalpha() else ""
    if kind == "int" and letter and letter in _ALLOWED["float"]:
        kind, value = "float", decimal.Decimal(value)  # exact: 2^53 + 1 is no double
        return _float(value, spec, letter, thousands)
    if letter and (letter not in _ALLOWED[kind] or (letter == "c" and not printf)):
        raise ExecutionError(
            f"the format letter {letter!r} does not fit a value of type {kind}",
            hint=f"use one of {', '.join(_ALLOWED[kind])}",
        )
    if kind in ("string", "bool"):
        value = int(value) if letter == "d" else _plain(value)
        if kind == "string" or letter != "d":
            spec = spec.lstrip("0") if not spec.startswith("0") else spec
    if thousands:
        return _float(value, spec, letter, thousands)
    if letter == "o" and "#" in spec and printf:
        return format(f"{value:#o}".replace("0o", "0"), spec[:-1].replace("#", "").lstrip("0") or "")
    if not spec or (kind == "float" and not letter and "." not in spec):
        text = repr(value) if kind == "float" else _plain(value)
        return format(text, spec if kind != "float" or not spec or spec[0] in "<^>" else f">{spec}")
    if letter == "o" and "#" in spec:
        return format("0" + format(abs(value), "o") if value >= 0 else "-0" + format(-value, "o"), _width_of(spec))
    return format(value, spec)


def _float(value: Any, spec: str, letter: str, thousands: str) -> str:
    whole = spec[:-1] if letter else spec
    if thousands:
        point = whole.find(".")
        whole = f"{whole[:point]},{whole[point:]}" if point >= 0 else f"{whole},"
    return format(value, whole + letter).replace(",", thousands or ",")


def _width_of(spec: str) -> str:
    """Of a number's spec what a text takes, too: where it stands and how wide it is."""
    found = re.match(r"([<>^]?)[-+ ]?#?0?(\d*)", spec)
    return f"{found[1] or '>'}{found[2]}" if found else ""


def _build(pieces: tuple[Piece, ...], values: tuple[Any, ...], printf: bool) -> str:
    parts = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        number, spec, thousands = piece
        if number >= len(values):
            raise ExecutionError(f"the format asks for value {number + 1}, but {len(values)} are given")
        try:
            parts.append(_one(values[number], spec, thousands, printf))
        except ValueError as error:
            raise ExecutionError(f"{spec!r} is not a format for a value: {error}") from None
    return "".join(parts)


def _formatter(parse: Callable[[str], tuple[Piece, ...]], printf: bool) -> Callable[..., str]:
    return lambda text, *values: _build(parse(text), values, printf)


def _kernel(parse: Callable[[str], tuple[Piece, ...]], printf: bool) -> Callable[..., Any]:
    """HUGEINT comes as decimals without a scale, which are to be whole numbers."""
    show = _formatter(parse, printf)
    plain = by_row(show, TEXT)

    def kernel(text: Any, *values: Any) -> Any:
        whole = [v.type == pa.decimal128(38, 0) for v in values]
        if not any(whole):
            return plain(text, *values)

        def integers(text: str, *values: Any) -> str:
            return show(text, *(int(v) if w else v for v, w in zip(values, whole, strict=True)))

        return by_row(integers, TEXT)(text, *values)

    return kernel


format_ = _kernel(_parse_braces, False)
printf = _kernel(_parse_percents, True)


_EIGHTHS = (" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█")


def _bar(value: float, low: float, high: float, width: float = 80.0) -> str:
    if not 1 <= width <= 1000:
        raise ExecutionError(f"bar takes a width from 1 to 1000, not {width}")
    if value != value or value <= low:  # NaN has no bar
        cells = 0.0
    elif value >= high:
        cells = width
    else:
        cells = width * (value - low) / (high - low)
    eighths = int(cells * 8)
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[rest] if rest else "")
    return drawn.ljust(int(width))


bar = by_row(_bar, TEXT)


def _sizes(step: int, units: tuple[str, ...]) -> Callable[[int], str]:
    def show(size: int) -> str:
        number, sign = abs(size), "-" if size < 0 else ""
        if number < step:
            return f"{sign}{number} byte{'' if number == 1 else 's'}"
        power = 0
        while number >= step ** (power + 1) and power < len(units):
            power += 1
        tenths = number * 10 // step**power  # cut, not rounded: 1023.99 is not 1024.0
        return f"{sign}{tenths // 10}.{tenths % 10} {units[power - 1]}"

    return show


format_bytes = by_row(_sizes(1024, ("KiB", "MiB", "GiB", "TiB", "PiB")), TEXT)
format_decimal_bytes = by_row(_sizes(1000, ("kB", "MB", "GB", "TB", "PB")), TEXT)


_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]+)\s*")
_UNITS = {
    **dict.fromkeys(("b", "byte", "bytes"), 1),
    **{u + b: 1000**i for i, u in enumerate("kmgtp", 1) for b in ("", "b")},
    **{u + "ib": 1024**i for i, u in enumerate("kmgtp", 1)},
}


def _bytes_of(text: str) -> int:
    found = _SIZE.fullmatch(text)
    factor = _UNITS.get(found[2].lower()) if found is not None else None
    if found is None or factor is None:
        raise ExecutionError(f"{text!r} is not a number of bytes", hint="such as '16 KiB', '1.5 GB'")
    size = int(decimal.Decimal(found[1]) * factor)
    if size >= 1 << 64:
        raise ExecutionError(f"{text!r} are more bytes than UBIGINT can count")
    return size


parse_bytes = by_row(_bytes_of, pa.uint64())
