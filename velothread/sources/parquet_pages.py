"""A few rows of a Parquet column chunk, without decoding the rest of it.

Arrow reads whole column chunks. A chunk is a row of pages, each with a header that says how long it is and how many
values it has; so the pages that hold the wanted rows can be found, and a Parquet file of these alone be put together in
memory, which Arrow then reads:

    PAR1 | dictionary page | pages with wanted rows | footer of one column, one row group | PAR1

Headers and footer are in Thrift's compact protocol (apache/parquet-format, parquet.thrift). Only columns of plain types
without nesting are read so; `None` says of all others, and of what looks odd, that the whole chunk has to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

Codes = np.ndarray[Any, np.dtype[Any]]
# (place, size) -> these bytes of the file, fewer at its end
Read = Callable[[int, int], bytes]

# Names, as Arrow gives them, to parquet.thrift's numbers. LZ4 is not here: two formats go by this name.
_CODECS = {"UNCOMPRESSED": 0, "SNAPPY": 1, "GZIP": 2, "BROTLI": 4, "ZSTD": 6}
_PHYSICAL = {"BOOLEAN": 0, "INT32": 1, "INT64": 2, "FLOAT": 4, "DOUBLE": 5, "BYTE_ARRAY": 6}
_UTF8 = 0
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
# Most headers are shorter than the first; statistics of long text make them longer.
_HEADER_BYTES, _LONG_HEADER_BYTES = 256, 1 << 16
# Of a chunk of which more than this share of the pages is wanted, the whole is read.
_MOST = 0.6


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column chunk that can be read by pages.

    start, size: its bytes in the file; physical: number of its physical type; kind: the Arrow type of its values.

    Threading: immutable.
    """

    start: int
    size: int
    rows: int
    physical: int
    codec: int
    nullable: bool
    kind: pa.DataType
    creator: str

    @staticmethod
    def of(metadata: Any, group: int, place: int, kind: pa.DataType) -> Chunk | None:
        """Column `place` of a row group, whose values Arrow reads as `kind`; None when it must be read whole."""
        column, found = metadata.schema.column(place), metadata.row_group(group).column(place)
        physical, codec = _PHYSICAL.get(column.physical_type), _CODECS.get(found.compression)
        if physical is None or codec is None or column.max_repetition_level or column.max_definition_level > 1:
            return None
        if column.path != column.name or not _as_is(physical, kind, column.logical_type):
            return None
        # Some writers say 0 where there is no dictionary.
        start = min(found.dictionary_page_offset or found.data_page_offset, found.data_page_offset)
        rows = metadata.row_group(group).num_rows
        if found.num_values != rows:
            return None
        creator, nullable = metadata.created_by or "", bool(column.max_definition_level)
        return Chunk(start, found.total_compressed_size, rows, physical, codec, nullable, kind, creator)

    def take(self, read: Read, rows: Codes) -> pa.Array | None:
        """The values of these rows (rising). None: read all of the chunk, that is as cheap, or it looks odd.

        :raises pa.ArrowException: the pages can't be decoded.
        :raises OSError: the file can't be read.
        """
        try:
            pages = _Pages.of(read, self.start, self.start + self.size, int(rows[-1]))
        except (IndexError, ValueError):
            return None
        if pages is None:
            return None
        wanted = np.unique(np.searchsorted(pages.firsts, rows, side="right") - 1)
        if len(wanted) > _MOST * len(pages.firsts) * self.rows / pages.end:
            return None
        # Where the rows are among those of the wanted pages, which follow each other now.
        ends = np.append(pages.firsts[1:], pages.end)
        starts = pages.firsts[wanted]
        sizes = ends[wanted] - starts
        before = np.cumsum(sizes) - sizes
        page_of = np.searchsorted(starts, rows, side="right") - 1
        places = rows - starts[page_of] + before[page_of]
        parts = [
            read(self.start, pages.head),
            *(read(pages.starts[i], pages.stops[i] - pages.starts[i]) for i in wanted),
        ]
        found = self._decoded(parts, int(sizes.sum()), bool(pages.head)).take(pa.array(places))
        return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found

    def _decoded(self, parts: list[bytes], rows: int, dictionary: bool) -> pa.Array:
        import pyarrow.parquet as pq

        size = sum(map(len, parts))
        footer = _footer(self, rows, size, 4 + len(parts[0]) if dictionary else 4, 4 if dictionary else None)
        whole = b"".join([b"PAR1", *parts, footer, len(footer).to_bytes(4, "little"), b"PAR1"])
        # Text is decoded after the few rows of a page that are wanted have been taken.
        encoded = ["c"] if dictionary and pa.types.is_string(self.kind) else None
        with pq.ParquetFile(pa.BufferReader(whole), read_dictionary=encoded, pre_buffer=False) as opened:
            column = opened.read_row_group(0, use_threads=False).column(0).combine_chunks()
        return column if column.type == self.kind or encoded else column.view(self.kind)


def _as_is(physical: int, kind: pa.DataType, logical: Any) -> bool:
    """Are the stored bits the values of the Arrow type, without any conversion?"""
    match physical:
        case 0:
            return bool(pa.types.is_boolean(kind))
        case 1:
            return bool(pa.types.is_int32(kind) or pa.types.is_date32(kind))
        case 2 if pa.types.is_timestamp(kind):
            units = {"ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
            return kind.unit in units and f'"timeUnit": "{units[kind.unit]}"' in logical.to_json()
        case 2:
            return bool(pa.types.is_int64(kind)) and logical.type in ("NONE", "INT")
        case 4:
            return bool(pa.types.is_float32(kind))
        case 5:
            return bool(pa.types.is_float64(kind))
        case _:
            return bool(pa.types.is_string(kind))


# --- pages


@dataclass(frozen=True, slots=True)
class _Pages:
    """The data pages of a chunk up to some row: first row of each, bytes from `starts` to `stops`. `end`: one past the
    last row; `head`: bytes of the dictionary page, which comes first (0: there is none)."""

    firsts: Codes
    starts: list[int]
    stops: list[int]
    end: int
    head: int

    @staticmethod
    def of(read: Read, start: int, stop: int, last: int) -> _Pages | None:
        """The pages of the chunk from `start` to `stop`, up to that with row `last`.

        :raises IndexError: the file ends within a header.
        :raises ValueError: a header is none.
        """
        firsts, starts, stops = [], [], []
        place, row, head = start, 0, 0
        while row <= last:
            try:
                data = read(place, _HEADER_BYTES)
                header, size = _header(data, 0)
            except IndexError:
                data = read(place, _LONG_HEADER_BYTES)
                header, size = _header(data, 0)
            end = place + size + header[2]
            if end > stop:
                return None
            if header[0] == _DICTIONARY and place == start:
                head = end - start
            elif header[0] in (_DATA, _DATA_V2) and header[3] > 0:
                firsts.append(row)
                starts.append(place)
                stops.append(end)
                row += header[3]
            elif header[0] in (_DATA, _DATA_V2, _DICTIONARY):
                return None
            place = end
        return _Pages(np.array(firsts, np.int64), starts, stops, row, head)


def _header(data: bytes, place: int) -> tuple[tuple[int, int, int, int], int]:
    """(kind, size, size in the file, values) of a page header, and where it ends."""
    top = {1: 0, 2: 0, 3: 0}
    values = 0
    field = 0
    while True:
        byte = data[place]
        place += 1
        if not byte:
            return (top[1], top[2], top[3], values), place
        kind = byte & 15
        if byte < 16:
            raise ValueError("a field number that page headers do not have")
        field += byte >> 4
        if kind == 5:
            number, place = _varint(data, place)
            top[field] = (number >> 1) ^ -(number & 1)
        elif kind == 12 and field in (5, 8):
            # Of a data page's header the first field is the number of values.
            if data[place] != 0x15:
                raise ValueError("a page header without a number of values")
            number, _ = _varint(data, place + 1)
            values = number >> 1
            place = _skipped(data, place)
        elif kind == 12:
            place = _skipped(data, place)
        else:
            raise ValueError("a field type that page headers do not have")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = data[place]
    place += 1
    if number < 128:
        return number, place
    number &= 127
    shift = 7
    while True:
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _skipped(data: bytes, place: int) -> int:
    """Where the struct that begins at `place` ends."""
    while True:
        byte = data[place]
        place += 1
        if not byte:
            return place
        if byte < 16:
            raise ValueError("a field number that page headers do not have")
        kind = byte & 15
        if kind in (4, 5, 6):
            while data[place] > 127:
                place += 1
            place += 1
        elif kind == 8:
            size, place = _varint(data, place)
            place += size
        elif kind == 12:
            place = _skipped(data, place)
        elif kind == 3:
            place += 1
        elif kind == 7:
            place += 8
        elif kind not in (1, 2):
            raise ValueError("a field type that page headers do not have")


# --- the footer


def _footer(chunk: Chunk, rows: int, size: int, data_page: int, dictionary_page: int | None) -> bytes:
    """FileMetaData of one row group of one column."""
    element: list[tuple[int, bytes]] = [(1, _i32(chunk.physical)), (3, _i32(int(chunk.nullable))), (4, _binary(b"c"))]
    if pa.types.is_string(chunk.kind):
        element.append((6, _i32(_UTF8)))
    column = [
        (1, _i32(chunk.physical)),
        (2, _list(5, [_zigzag(e) for e in (0, 3, 8)])),
        (3, _list(8, [_binary(b"c")[1:]])),
        (4, _i32(chunk.codec)),
        (5, _i64(rows)),
        (6, _i64(size)),
        (7, _i64(size)),
        (9, _i64(data_page)),
    ]
    if dictionary_page is not None:
        column.append((11, _i64(dictionary_page)))
    group = _struct([(2, _i64(4)), (3, _nested(_struct(column)))])
    root = _struct([(4, _binary(b"root")), (5, _i32(1))])
    return _struct(
        [
            (1, _i32(2)),
            (2, _list(12, [root, _struct(element)])),
            (3, _i64(rows)),
            (4, _list(12, [_struct([(1, _list(12, [group])), (2, _i64(size)), (3, _i64(rows))])])),
            # Readers make up for what old writers did wrong, by their name.
            (6, _binary(chunk.creator.encode())),
        ]
    )


# A value is its type (a byte), then its bytes.


def _unsigned(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _zigzag(number: int) -> bytes:
    return _unsigned(number << 1)


def _i32(number: int) -> bytes:
    return b"\x05" + _zigzag(number)


def _i64(number: int) -> bytes:
    return b"\x06" + _zigzag(number)


def _binary(text: bytes) -> bytes:
    return b"\x08" + _unsigned(len(text)) + text


def _list(kind: int, items: list[bytes]) -> bytes:
    return bytes((9, len(items) << 4 | kind)) + b"".join(items)


def _nested(struct: bytes) -> bytes:
    return b"\x0c" + struct


def _struct(fields: Iterable[tuple[int, bytes]]) -> bytes:
    out, last = bytearray(), 0
    for field, value in fields:
        out.append((field - last) << 4 | value[0])
        out += value[1:]
        last = field
    out.append(0)
    return bytes(out)
