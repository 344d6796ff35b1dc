"""Text and bytes in other forms: hex, binary, base64, URL encoding, UTF-8, digests.

All go by distinct value: there is no Arrow or NumPy way, and columns of such values repeat or are short.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.shaping import by_row
from velothread.kernels.text import TEXT

BLOB = pa.binary()
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _hex(value: str | bytes) -> str:
    return _bytes(value).hex().upper()


def _bits(value: str | bytes) -> str:
    return "".join(f"{byte:08b}" for byte in _bytes(value))


def _unsigned(value: object, bits: int = 64) -> int:
    """An integer as the two's complement that SQL shows: HUGEINT in 128 bits, all others in 64."""
    number: int = int(value)  # type: ignore[call-overload]
    return number + (1 << bits) if number < 0 else number


hex_text = by_row(_hex, TEXT)
hex_integer = by_row(lambda value: f"{_unsigned(value):X}", TEXT)
hex_hugeint = by_row(lambda value: f"{_unsigned(value, 128):X}", TEXT)
bin_text = by_row(_bits, TEXT)
bin_integer = by_row(lambda value: f"{_unsigned(value):b}", TEXT)
bin_hugeint = by_row(lambda value: f"{_unsigned(value, 128):b}", TEXT)


def _unhex(text: str) -> bytes:
    try:
        return (
            bytes.fromhex(text if len(text) % 2 == 0 else f"0{text}") if not re.search(r"\s", text) else _refuse(text)
        )
    except ValueError:
        return _refuse(text)


def _refuse(text: str) -> bytes:
    raise ExecutionError(f"{text!r} is not hexadecimal", hint="the digits are 0-9 and A-F")


def _unbin(text: str) -> bytes:
    if text.strip("01"):
        raise ExecutionError(f"{text!r} is not binary", hint="the digits are 0 and 1")
    size = (len(text) + 7) // 8
    return int(text or "0", 2).to_bytes(size, "big")


unhex = by_row(_unhex, BLOB)
unbin = by_row(_unbin, BLOB)


def _to_base(number: int, radix: int, width: int = 0) -> str:
    if number < 0:
        raise ExecutionError(f"to_base takes numbers from 0 on, not {number}")
    if not 2 <= radix <= 36:
        raise ExecutionError(f"to_base takes a radix from 2 to 36, not {radix}")
    if not 0 <= width <= 64:
        raise ExecutionError(f"to_base takes a width from 0 to 64, not {width}")
    digits = []
    while number:
        number, digit = divmod(number, radix)
        digits.append(_DIGITS[digit])
    return ("".join(reversed(digits)) or "0").rjust(width, "0")


to_base = by_row(_to_base, TEXT)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ExecutionError(f"{text!r} is not base64: {error}") from None


to_base64 = by_row(lambda value: base64.b64encode(_bytes(value)).decode(), TEXT)
from_base64 = by_row(_from_base64, BLOB)


def encode(text: Value) -> Value:
    """The UTF-8 bytes of each text."""
    return text.cast(BLOB)


def decode(blob: Value) -> Value:
    """The text whose UTF-8 bytes are given.

    :raises ExecutionError: when they are not UTF-8.
    """
    try:
        return pc.cast(blob, TEXT, safe=True)
    except pa.ArrowInvalid:
        raise ExecutionError("decode: the bytes are not UTF-8 text") from None


def _url_decode(text: str) -> str:
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ExecutionError(f"url_decode: {text!r} does not give UTF-8 text") from None


url_encode = by_row(lambda text: quote(text, safe="~-_."), TEXT)
url_decode = by_row(_url_decode, TEXT)


def _md5_half(first: int) -> Callable[[str | bytes], int]:
    return lambda v: int.from_bytes(hashlib.md5(_bytes(v), usedforsecurity=False).digest()[first : first + 8], "little")


md5_lower = by_row(_md5_half(8), pa.uint64())
md5_upper = by_row(_md5_half(0), pa.uint64())

md5 = by_row(lambda value: hashlib.md5(_bytes(value), usedforsecurity=False).hexdigest(), TEXT)
sha1 = by_row(lambda value: hashlib.sha1(_bytes(value), usedforsecurity=False).hexdigest(), TEXT)
sha256 = by_row(lambda value: hashlib.sha256(_bytes(value)).hexdigest(), TEXT)
