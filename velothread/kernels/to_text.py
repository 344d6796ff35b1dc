"""DuckDB's text of every type.

Arrow formats whole columns; where its text differs (`1.0`, `1e-05`, timestamps without trailing zeros, years before 1),
columnar string kernels or, for few rows, Python mend it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.civil import DATE_INFINITY, MICROS_PER_DAY, TIMESTAMP_INFINITY, civil
from velothread.kernels.interval_text import intervals_to_text
from velothread.kernels.vectors import Mask, Numbers, by_distinct, column, valid_rows, view
from velothread.types import SqlType

# Within these bounds Arrow writes floats without an exponent, as DuckDB does.
_PLAIN_FLOAT = (1e-4, 1e10)
_DATE_MIN = date(1, 1, 1).toordinal() - date(1970, 1, 1).toordinal()
_DATE_MAX = date(9999, 12, 31).toordinal() - date(1970, 1, 1).toordinal()
_QUOTED = r"""^$|^[ ]|[ ]$|[\[\]{}(),:='"\\]|^(?i:null)$"""


def to_text(array: pa.Array, t: SqlType) -> pa.Array:
    """The text of each value, as `CAST(... AS VARCHAR)` gives it; NULL stays NULL.

    :returns: an Arrow string array.
    """
    if pa.types.is_dictionary(array.type):
        return to_text(array.dictionary, t).take(array.indices)
    if t.kind in ("VARCHAR", "JSON", "UUID", "STRING_LITERAL"):
        return array.cast(pa.string())
    if t.kind == "DOUBLE" or t.kind == "FLOAT":
        return float_text(array)
    if t.is_integer or t.kind in ("DECIMAL", "BOOLEAN", "NULL"):
        text = array.cast(pa.string())
        if t.kind == "DECIMAL" and t.precision == t.scale:
            # DuckDB writes no zero before the point where the type has no room for one.
            text = pc.replace_substring_regex(text, pattern=r"^(-?)0\.", replacement=r"\1.")
        # Arrow writes decimals below a millionth with an exponent.
        return _mend(text, pc.match_substring(text, "E"), array, _decimal_text) if t.scale > 6 else text
    if t.kind == "DATE":
        return _date_text(array)
    if t.kind == "TIME":
        return _time_text(array)
    if t.is_temporal:
        return _timestamp_text(array)
    if t.kind == "INTERVAL":
        return intervals_to_text(array)
    if t.kind == "BLOB":
        return _blob_text(array)
    if t.is_nested:
        return _nested_text(array, t)
    raise ValueError(f"no text for {t}")


def _mend(text: pa.Array, wrong: pa.Array | Mask, array: pa.Array, write: Any) -> pa.Array:
    """`text` with `write(value)` in the rows that are `wrong`."""
    mask = pc.fill_null(wrong, False) if isinstance(wrong, pa.Array) else column(wrong, pa.bool_())
    if pc.any(mask).as_py() is not True:
        return text
    fresh = pa.array([None if v is None else write(v) for v in array.filter(mask).to_pylist()], pa.string())
    return pc.replace_with_mask(text, mask, fresh)


def _decimal_text(value: Any) -> str:
    return f"{value:f}"


def float_text(array: pa.Array) -> pa.Array:
    """The shortest digits that read back as the same float: `1.0`, `0.1`, `1e+20`, `inf`, `nan`."""
    data = view(array)
    valid = valid_rows(array)
    size = np.abs(data)
    with np.errstate(invalid="ignore"):
        plain = ((size >= _PLAIN_FLOAT[0]) & (size < _PLAIN_FLOAT[1])) | (data == 0)
        whole = plain & (data == np.trunc(data))
    if valid is not None:
        plain, whole = plain | ~valid, whole & valid
    if plain.all() and whole.all() and len(data):
        # All whole: integers are quicker to write, but have no negative zero.
        exact = data.dtype == np.float64 or size.max() < 2**24
        if exact and not (np.signbit(data) & (data == 0)).any():
            digits = column(data.astype(np.int64), pa.int64(), valid).cast(pa.string())
            return pc.binary_join_element_wise(digits, ".0", "")
    text = array.cast(pa.string())
    if whole.any():
        text = pc.if_else(column(whole, pa.bool_()), pc.binary_join_element_wise(text, ".0", ""), text)
    if plain.all():
        return text
    odd = np.flatnonzero(~plain)
    # Python and NumPy write the exponents that DuckDB writes: below 1e-4 and from 1e16.
    values = data[odd].tolist() if data.dtype == np.float64 else list(data[odd])
    fresh = pa.array([str(v) for v in values], pa.string())
    return pc.replace_with_mask(text, column(~plain, pa.bool_()), fresh)


def _date_text(array: pa.Array) -> pa.Array:
    data = view(array)
    common = (data >= _DATE_MIN) & (data <= _DATE_MAX)
    if common.all():
        return array.cast(pa.string())
    valid = valid_rows(array)
    safe = column(np.where(common, data, 0).astype(np.int32), pa.date32(), valid)
    odd = ~common if valid is None else ~common & valid
    return _mend(safe.cast(pa.string()), odd, column(data, pa.int32(), valid), date_text)


def date_text(days: int) -> str:
    """One date: years before 1 are `0044-03-15 (BC)`; infinities."""
    if abs(days) == DATE_INFINITY:
        return "infinity" if days > 0 else "-infinity"
    year, month, day = (int(x[0]) for x in civil(np.array([days])))
    return f"{year:04}-{month:02}-{day:02}" if year > 0 else f"{1 - year:04}-{month:02}-{day:02} (BC)"


def _without_zeros(text: pa.Array) -> pa.Array:
    """`...05.120000` -> `...05.12`, `...05.000000` -> `...05`."""
    return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")


def _time_text(array: pa.Array) -> pa.Array:
    data = view(array)
    fits = (data >= 0) & (data < MICROS_PER_DAY)
    safe = column(np.where(fits, data, 0), pa.time64("us"), valid_rows(array))
    if not (view(safe) % 1_000_000).any():
        text = safe.cast(pa.time32("s")).cast(pa.string())
    else:
        text = _without_zeros(safe.cast(pa.string()))
    return _mend(text, ~fits, column(data, pa.int64(), valid_rows(array)), lambda v: "24:00:00")


def _timestamp_text(array: pa.Array) -> pa.Array:
    unit, zoned = array.type.unit, array.type.tz is not None
    data = view(array)
    per_second = 10**9 if unit == "ns" else 10**6
    seconds = np.floor_divide(data, per_second)
    common = (seconds >= _DATE_MIN * 86_400) & (seconds < (_DATE_MAX + 1) * 86_400)
    valid = valid_rows(array)
    if not common.all():
        seconds, safe_data = np.where(common, seconds, 0), np.where(common, data, 0)
    else:
        safe_data = data
    if not (safe_data - seconds * per_second).any():
        text = column(seconds, pa.timestamp("s"), valid).cast(pa.string())
    else:
        text = _without_zeros(column(safe_data, pa.timestamp(unit), valid).cast(pa.string()))
    if zoned:
        text = pc.binary_join_element_wise(text, "+00", "")
    if common.all():
        return text
    odd: Numbers = ~common if valid is None else ~common & valid

    def write(value: int) -> str:
        if abs(value) == TIMESTAMP_INFINITY:
            return "infinity" if value > 0 else "-infinity"
        days, rest = divmod(value, 86_400 * per_second)
        second, fraction = divmod(rest, per_second)
        digits = f".{fraction:0{9 if unit == 'ns' else 6}}".rstrip("0").rstrip(".")
        time = f" {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{digits}"
        return date_text(days) + time + ("+00" if zoned else "")

    return _mend(text, odd, column(data, pa.int64(), valid), write)


def _blob_text(array: pa.Array) -> pa.Array:
    r"""Printable ASCII stays, other bytes, quotes and backslashes become `\xAB`."""
    odd = pc.match_substring_regex(array, pattern=r"[^ -~]|[\\'\"]")
    if pc.any(odd).as_py() is not True:
        return array.cast(pa.string())
    plain = bytes(c for c in range(32, 127) if chr(c) not in "\\'\"")

    def write(value: bytes) -> str:
        return "".join(chr(c) if c in plain else f"\\x{c:02X}" for c in value)

    return by_distinct(array, write, pa.string())


def _item_text(array: pa.Array, t: SqlType) -> pa.Array:
    """Text inside a nested value: quoted where it would be misread, NULL spelled out."""
    text = to_text(array, t)
    if not (t.is_numeric or t.is_nested or t.kind in ("BOOLEAN", "DATE")):
        odd = pc.fill_null(pc.match_substring_regex(text, pattern=_QUOTED), False)
        if pc.any(odd).as_py() is True:
            escaped = pc.replace_substring_regex(text, pattern=r"(['\\])", replacement=r"\\\1")
            text = pc.if_else(odd, pc.binary_join_element_wise("'", escaped, "'", ""), text)
    return pc.fill_null(text, "NULL")


def _nested_text(array: pa.Array, t: SqlType) -> pa.Array:
    if t.kind == "STRUCT":
        return _struct_text(array, t)
    if t.kind == "MAP" and t.key is not None and t.element is not None:
        # A map's buffers are those of a list of its entries.
        starts = array.offsets
        first, last = (starts[0].as_py(), starts[-1].as_py()) if len(array) else (0, 0)
        keys = _item_text(array.keys.slice(first, last - first), t.key)
        values = _item_text(array.items.slice(first, last - first), t.element)
        entries = pc.binary_join_element_wise(keys, values, "=")
        return _joined(array, entries, first, "{", "}")
    assert t.element is not None
    starts = array.offsets
    first, last = (starts[0].as_py(), starts[-1].as_py()) if len(array) else (0, 0)
    return _joined(array, _item_text(array.values.slice(first, last - first), t.element), first, "[", "]")


def _joined(array: pa.Array, entries: pa.Array, first: int, left: str, right: str) -> pa.Array:
    """The texts of the entries of each list, between brackets."""
    offsets = pc.subtract(array.offsets, pa.scalar(first, pa.int32()))
    lists = pa.ListArray.from_arrays(offsets, entries)
    text = pc.binary_join_element_wise(left, pc.binary_join(lists, ", "), right, "")
    return pc.if_else(pc.is_valid(array), text, pa.scalar(None, pa.string())) if array.null_count else text


def _struct_text(array: pa.Array, t: SqlType) -> pa.Array:
    parts: list[Any] = []
    if t.is_tuple:
        items = [_item_text(array.field(i), field) for i, (_, field) in enumerate(t.fields)]
        end = ",)" if len(items) == 1 else ")"
        text = pc.binary_join_element_wise("(", pc.binary_join_element_wise(*items, ", "), end, "")
        return pc.if_else(pc.is_valid(array), text, pa.scalar(None, pa.string())) if array.null_count else text
    for place, (name, field) in enumerate(t.fields):
        label = name.replace("\\", "\\\\").replace("'", "\\'")
        parts += ["{" if place == 0 else ", ", f"'{label}': ", _item_text(array.field(place), field)]
    if not parts:
        text = pa.repeat("{}", len(array))
    else:
        text = pc.binary_join_element_wise(*parts, "}", "")
    return pc.if_else(pc.is_valid(array), text, pa.scalar(None, pa.string())) if array.null_count else text
