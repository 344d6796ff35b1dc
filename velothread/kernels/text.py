"""Text kernels: case, length, pieces by position, padding, searching. Positions are 1-based and count code points.

Most text is ASCII, where bytes are characters: kernels look once at the bytes of a batch and take the quicker way.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.shaping import by_row, lift, with_options

TEXT = pa.string()
_LARGEST_POSITION = 4294967295


def text_bytes(array: pa.StringArray) -> np.ndarray:
    """The bytes of all rows, one after the other, as uint8 (a view)."""
    data = array.buffers()[2]
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    first, last = text_offsets(array)[[0, -1]]
    return np.frombuffer(data, np.uint8)[first:last]


def text_offsets(array: pa.Array) -> np.ndarray:
    """Where each row begins in the data buffer, and the end of the last one: int32, len + 1 (a view)."""
    offsets = array.buffers()[1]
    if offsets is None or not offsets.size:
        return np.zeros(len(array) + 1, np.int32)
    return np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]


def is_ascii(array: pa.StringArray) -> bool:
    """Is every byte of every row ASCII?"""
    data = text_bytes(array)
    return not data.size or bool(data.max() < 128)


@lift
def upper(text: pa.Array) -> pa.Array:
    return pc.ascii_upper(text) if is_ascii(text) else pc.utf8_upper(text)


@lift
def lower(text: pa.Array) -> pa.Array:
    return pc.ascii_lower(text) if is_ascii(text) else pc.utf8_lower(text)


@lift
def length(text: pa.Array) -> pa.Array:
    """Code points in each text."""
    counted = pc.binary_length(text) if is_ascii(text) else pc.utf8_length(text)
    return counted.cast(pa.int64())


def byte_length(text: Value) -> Value:
    """Bytes in each text (UTF-8) or blob."""
    return pc.binary_length(text).cast(pa.int64())


def bit_length(text: Value) -> Value:
    return pc.multiply(byte_length(text), pa.scalar(8, pa.int64()))


def slice_text(text: pa.Array, start: int, stop: int | None) -> pa.Array:
    """text[start:stop] as Python does it, by code point."""
    if is_ascii(text):
        if stop is None and start >= 0:
            stop = 2**31 - 1  # Arrow 24 computes a negative buffer size from None here
        return pc.binary_slice(text.view(pa.binary()), start, stop).view(TEXT)
    return pc.utf8_slice_codeunits(text, start, stop)


def _substring(text: pa.Array, offset: int, count: int | None = None) -> pa.Array:
    for what, number in (("offset", offset), ("length", count)):
        if number is not None and abs(number) > _LARGEST_POSITION:
            raise ExecutionError(f"substring {what} {number} is out of range (at most {_LARGEST_POSITION})")
    # The wanted stretch is [begin, end) before it is clipped to the text; a negative count reaches to the left.
    begin = offset if offset < 0 else offset - 1
    end = None if count is None else begin + count
    if end is not None and end < begin:
        begin, end = end, begin
    if offset < 0:  # both ends count from the end of the text: 0 is just behind it
        if begin >= 0:
            return slice_text(text, 0, 0)
        return slice_text(text, begin, None if end is None or end >= 0 else end)
    return slice_text(text, max(0, begin), None if end is None else max(0, end))


substring = with_options(_substring, TEXT)


def _left(text: pa.Array, count: int) -> pa.Array:
    return slice_text(text, 0, count)


def _right(text: pa.Array, count: int) -> pa.Array:
    if count == 0:
        return slice_text(text, 0, 0)
    return slice_text(text, -count, None)


left = with_options(_left, TEXT)
right = with_options(_right, TEXT)


def _slice(text: pa.Array, begin: int, end: int) -> pa.Array:
    start = begin - 1 if begin > 0 else begin
    return slice_text(text, start, end if end >= 0 else end + 1 or None)


def _character(text: pa.Array, position: int) -> pa.Array:
    if position == 0:
        return slice_text(text, 0, 0)
    start = position - 1 if position > 0 else position
    return slice_text(text, start, start + 1 or None) if position >= -1 else _before_end(text, position)


def _before_end(text: pa.Array, position: int) -> pa.Array:
    # A position before the first character is no character, where a Python slice would be clipped to the first.
    far = pc.less(length(text), -position)
    return pc.if_else(far, "", slice_text(text, position, position + 1))


slice_inclusive = with_options(_slice, TEXT)
character = with_options(_character, TEXT)


def _trimmer(trim: Callable[..., pa.Array]) -> Callable[..., pa.Array]:
    def kernel(text: pa.Array, characters: str = " ") -> pa.Array:
        return trim(text, characters) if characters else text

    return kernel


trim = with_options(_trimmer(pc.utf8_trim), TEXT)
ltrim = with_options(_trimmer(pc.utf8_ltrim), TEXT)
rtrim = with_options(_trimmer(pc.utf8_rtrim), TEXT)


def _padder(name: str, at_left: bool) -> Callable[..., pa.Array]:
    def kernel(text: pa.Array, width: int, padding: str) -> pa.Array:
        width = max(width, 0)
        missing = np.maximum(width - length(text).fill_null(width).to_numpy(zero_copy_only=False), 0)
        cut = slice_text(text, 0, width)
        widths, which = np.unique(missing, return_inverse=True)
        if not widths.size or widths[-1] == 0:
            return cut
        if not padding:
            raise ExecutionError(
                f"{name} to {width} characters needs something to pad with", hint="give a third argument"
            )
        longest = padding * (int(widths[-1]) // len(padding) + 1)
        pads = pa.array([longest[:n] for n in widths.tolist()], TEXT).take(pa.array(which))
        return pc.binary_join_element_wise(*([pads, cut] if at_left else [cut, pads]), "")

    return kernel


lpad = with_options(_padder("lpad", True), TEXT)
rpad = with_options(_padder("rpad", False), TEXT)


def _replace(text: pa.Array, old: str, new: str) -> pa.Array:
    return pc.replace_substring(text, old, new) if old else text


replace = with_options(_replace, TEXT)


def _overlay(text: pa.Array, new: str, position: int, count: int | None = None) -> pa.Array:
    begin = max(position - 1, 0)
    return pc.binary_replace_slice(text, begin, begin, new) if count == 0 else _overlaid(text, new, begin, count)


def _overlaid(text: pa.Array, new: str, begin: int, count: int | None) -> pa.Array:
    end = begin + (len(new) if count is None else count)
    return pc.utf8_replace_slice(text, begin, end, new)


overlay = with_options(_overlay, TEXT)


def _translate(text: str, old: str, new: str) -> str:
    table: dict[int, str | None] = {}
    for i, character_ in enumerate(old):
        table.setdefault(ord(character_), new[i] if i < len(new) else None)
    return text.translate(table)


translate = by_row(_translate, TEXT)


def repeat(text: Value, times: Value) -> Value:
    """`times` copies of each text; none when `times` is negative."""
    return pc.binary_repeat(text, pc.max_element_wise(times, pa.scalar(0, pa.int64()), skip_nulls=False))


def concat(*texts: Value) -> Value:
    """All texts joined; NULL ones are left out."""
    return pc.binary_join_element_wise(*texts, "", null_handling="replace", null_replacement="")


def concat_ws(separator: Value, *texts: Value) -> Value:
    """All texts with `separator` between them; NULL ones are left out; NULL when the separator is."""
    if not any(isinstance(v, pa.Array) for v in (separator, *texts)):
        return concat_ws(separator, pa.repeat(texts[0], 1), *texts[1:])[0]
    # Arrow 24 loses the rows where all texts are to be skipped: those get an empty text.
    some = _any_valid(texts)
    all_some = some.as_py() if isinstance(some, pa.Scalar) else pc.all(some).as_py() is not False
    first = texts[0] if all_some else pc.if_else(some, texts[0], "")
    return pc.binary_join_element_wise(first, *texts[1:], separator, null_handling="skip")


def _any_valid(texts: tuple[Value, ...]) -> Value:
    found = pc.is_valid(texts[0])
    for text in texts[1:]:
        found = pc.or_(found, pc.is_valid(text))
    return found


def _position(text: pa.Array, wanted: str) -> pa.Array:
    found = pc.find_substring(text, wanted)
    if is_ascii(text):
        return pc.add(found, pa.scalar(1, found.type)).cast(pa.int64())
    # Arrow counts bytes: count those that begin a code point, up to the place that was found.
    at = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    offsets = text_offsets(text).astype(np.int64)
    begins = np.concatenate(([0], np.cumsum((text_bytes(text) & 0xC0) != 0x80)))
    begin = offsets[:-1] - offsets[0]
    position_ = np.where(at < 0, 0, begins[begin + np.maximum(at, 0)] - begins[begin] + 1)
    return pa.array(position_, mask=_null_mask(text))


def _null_mask(array: pa.Array) -> np.ndarray | None:
    return array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None


position = with_options(_position, pa.int64())


def _contains(text: pa.Array, wanted: str) -> pa.Array:
    return pc.match_substring(text, wanted)


def _starts_with(text: pa.Array, wanted: str) -> pa.Array:
    return pc.starts_with(text, wanted)


def _ends_with(text: pa.Array, wanted: str) -> pa.Array:
    return pc.ends_with(text, wanted)


contains = with_options(_contains, pa.bool_())
starts_with = with_options(_starts_with, pa.bool_())
ends_with = with_options(_ends_with, pa.bool_())


def code_point(empty: int) -> Callable[..., Value]:
    """A kernel for the code point of the first character; `empty` for the empty text."""

    @lift
    def kernel(text: pa.Array) -> pa.Array:
        # The first character of a batch takes few values.
        firsts = slice_text(text, 0, 1).dictionary_encode()
        points = pa.array([ord(c) if c else empty for c in firsts.dictionary.to_pylist()], pa.int32())
        return points.take(firsts.indices)

    return kernel


def _character_of(code: int) -> str:
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ExecutionError(f"chr({code}): there is no character with this number")
    return chr(code)


chr_ = by_row(_character_of, TEXT)


def _strip_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_strip_accents_rows, _nfc_rows = by_row(_strip_accents, TEXT), by_row(_nfc, TEXT)


@lift
def strip_accents(text: pa.Array) -> Value:
    return text if is_ascii(text) else _strip_accents_rows(text)


@lift
def nfc_normalize(text: pa.Array) -> Value:
    return text if is_ascii(text) else _nfc_rows(text)
