"""What a CSV file looks like, found out from its first rows: punctuation, header, names and types.

Each finding can be overridden by `ReadOptions`; the rest follows DuckDB's sniffer: the delimiter that gives the most
even records, a header when no value of the first row has a type of its own, and the narrowest type that the sample has.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import pyarrow as pa

from velothread import types as t
from velothread.errors import OptionError, SourceError, did_you_mean
from velothread.sources import csv_dialect
from velothread.sources.compression import looks_like
from velothread.sources.csv_arrow import read_csv
from velothread.sources.csv_detect import Detected, detect, type_named
from velothread.sources.csv_dialect import Dialect, fields, last_record_end, records
from velothread.sources.files import File
from velothread.sources.source import ReadOptions
from velothread.types import SqlType

HEAD_BYTES = 1 << 20
_MOST_HEAD = 1 << 26
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = (",", "|", ";", "\t")
_SNIFFED_RECORDS = 200
_TITLE_LINES = 10


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """A column. `found`: where its type comes from: `sample`, `option`, `no values`. `as_text`: read as text first, and
    then converted, since Arrow's reader doesn't know the spelling."""

    name: str
    type: SqlType
    format: str | None = None
    as_text: bool = False
    found: Literal["sample", "option", "no values"] = "sample"


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """One file: its punctuation, its columns in their order, and where the rows start (byte offset, lines before)."""

    dialect: Dialect
    columns: tuple[CsvColumn, ...]
    header: bool
    start: int
    lines: int
    sampled_rows: int = 0
    sampled_bytes: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file; `whole`: that is all of it."""

    data: bytes
    whole: bool


def read_head(stream: Any, options: ReadOptions, size: int = HEAD_BYTES, before: bytes = b"") -> Head:
    """Read as much as the sample needs: at least `size` bytes, more while the sample's lines are not there yet.

    before: what was read of the stream already.
    """
    data = bytearray(before)
    rows = options.sample_rows
    lines = data.count(b"\n")
    while True:
        while len(data) < size:
            piece = stream.read(size - len(data))
            if not piece:
                return Head(bytes(data), True)
            data += piece
            lines += piece.count(b"\n")
        if rows >= 0 and (lines > rows + options.skip or (size >= _MOST_HEAD and lines)):
            return Head(bytes(data), False)
        # Twice as much, or what the lines so far say that is needed.
        size = max(2 * size, min(_MOST_HEAD, size * (rows + options.skip + 64) // max(lines, 1)) if rows >= 0 else 0)


def sniff(head: Head, file: File, options: ReadOptions, like: Dialect | None = None) -> CsvLayout:
    """Find out what a file looks like; `like`: the dialect of the files before it, which it must share.

    :raises SourceError: when it is not text that we read (UTF-16, Parquet, compressed).
    :raises OptionError: when an option doesn't fit the file (types of unknown columns, more names than columns).
    """
    data, start = head.data, 0
    _check_text(data, file)
    if data.startswith(_BOM):
        start = len(_BOM)
    start = _skip_lines(data, start, options.skip)
    dialect = like or _dialect(data[start:], file, options, head.whole)
    if dialect.comment:
        while data.startswith(dialect.comment.encode(), start):
            start = _skip_lines(data, start, 1)
    if like is None and options.skip == 0:
        start += _title_bytes(data[start:], dialect)
    body = data[start:] if head.whole else data[start : start + last_record_end(data[start:], dialect)]
    if dialect.comment:
        body = without_comments(body, dialect)
    first = next((body[a:b] for a, b in records(body, dialect) if body[a:b].strip(b"\r\n")), None)
    if first is None:
        return _empty(dialect, start, data, options)
    width = max(csv_dialect.field_count(first, dialect), len(options.names or ()) if not options.header else 0)
    rows = _sample(body, dialect, width, options)
    header = _has_header(rows, options)
    after = start
    if header:
        after = start + _end_of(data[start:], first, dialect)
        rows = [column[1:] for column in rows]
    names = _names(first if header else None, width, dialect, options)
    columns = _columns(names, rows, options)
    sampled = len(rows[0]) if rows else 0
    lines = data.count(b"\n", 0, after)
    return CsvLayout(dialect, columns, header, after, lines, sampled, max(0, len(body) - len(first)))


def without_comments(data: bytes, dialect: Dialect, keep_lines: bool = False) -> bytes:
    """Take out lines that start with the comment character; `keep_lines`: leave empty lines, so that lines keep their
    numbers."""
    mark = re.escape((dialect.comment or "#").encode())
    end = rb"" if keep_lines else rb"(?:\r\n|\r|\n|\Z)"
    return re.sub(rb"^%s[^\r\n]*%s" % (mark, end), b"", data, flags=re.MULTILINE)


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names as DuckDB makes them: the second `a` is `a_1` (case doesn't matter), an empty one is `column3`."""
    used: set[str] = set()
    counts: Counter[str] = Counter()
    result = []
    for place, name in enumerate(names):
        base = name or f"column{place}"
        chosen = base
        while chosen.lower() in used:
            counts[base.lower()] += 1
            chosen = f"{base}_{counts[base.lower()]}"
        used.add(chosen.lower())
        result.append(chosen)
    return tuple(result)


def convert_options(
    layout: CsvLayout, options: ReadOptions, types: dict[str, pa.DataType], wanted: Sequence[str] | None
) -> Any:
    """Options for `pyarrow.csv`: `types` by column name, only the columns `wanted` (None: all)."""
    from pyarrow import csv

    return csv.ConvertOptions(
        column_types=types,
        include_columns=list(wanted) if wanted is not None else None,
        null_values=list(options.nulls) if options.nulls is not None else [""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        true_values=["true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "1"],
        false_values=["false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "0"],
        decimal_point=options.decimal_separator,
    )


def _check_text(data: bytes, file: File) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(
            f"{file.label}: is UTF-16 text; only UTF-8 is read\n  hint: iconv -f UTF-16 -t UTF-8 converts it"
        )
    if data.startswith((b"PAR1", b"ARROW1")):
        kind = "parquet" if data.startswith(b"P") else "arrow"
        raise SourceError(f"{file.label}: is a {kind} file, not CSV\n  hint: --input-format {kind}")
    compressed = looks_like(data)
    if compressed is not None and compressed != "bz2":
        how = f"read_csv('{file.path}', compression='{compressed}')"
        raise SourceError(f"{file.label}: is {compressed} data\n  hint: {how} reads it")


def _skip_lines(data: bytes, start: int, lines: int) -> int:
    for _ in range(lines):
        end = data.find(b"\n", start)
        if end < 0:
            return len(data)
        start = end + 1
    return start


def _dialect(data: bytes, file: File, options: ReadOptions, whole: bool) -> Dialect:
    for name in ("delimiter", "escape", "comment"):
        value = getattr(options, name)
        if value is not None and (len(value) != 1 or ord(value) > 127 or value in "\r\n"):
            raise OptionError(f"{name} must be one ASCII character, not {value!r}")
    if len(options.quote) > 1 or not options.quote.isascii():
        raise OptionError(f"quote must be one ASCII character or empty, not {options.quote!r}")
    comment = options.comment or ("#" if options.comment is None and data.startswith(b"#") else None)
    escape = options.escape if options.escape != options.quote else None
    crlf = b"\r" in data[:65536]
    if comment:
        data = without_comments(data[: 1 << 18], Dialect(comment=comment))
    preferred = "\t" if file.path.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else None
    delimiters = (options.delimiter,) if options.delimiter else _DELIMITERS
    best = Dialect(delimiters[0] if len(delimiters) == 1 else preferred or ",", options.quote, escape, crlf, comment)
    best_score = (0.0, 0)
    quotings = [(options.quote, escape)]
    if options.escape is None and options.quote == '"' and b'\\"' in data:
        quotings.append(('"', "\\"))
        # A quote after a backslash that can't close its field: the backslash escapes it.
        if not csv_dialect.evenly_quoted(data[: 1 << 18], best):
            quotings.reverse()
    elif options.quote == '"' and b'"' not in data and b"'" in data:
        quotings.append(("'", None))
    for quote, escaping in quotings:
        for delimiter in sorted(delimiters, key=lambda d: d != preferred):
            candidate = Dialect(delimiter, quote, escaping, crlf, comment)
            score = _evenness(data, candidate, whole)
            # A later candidate must be clearly better; with one column, evenness says nothing.
            wider = score[0] >= best_score[0] and score[1] > best_score[1]
            if score[1] > 1 and (wider or score[0] > best_score[0] + 0.01):
                best, best_score = candidate, score
    return best


def _evenness(data: bytes, dialect: Dialect, whole: bool) -> tuple[float, int]:
    """The share of records with the usual number of values, and that number."""
    counts = _counts(data, dialect, whole)
    if not counts:
        return 0.0, 0
    width, times = Counter(counts).most_common(1)[0]
    return times / len(counts), width


def _counts(data: bytes, dialect: Dialect, whole: bool = True) -> list[int]:
    spans = list(islice(records(data[: 1 << 20], dialect), _SNIFFED_RECORDS + 1))
    if len(spans) > 1 and (not whole or len(data) > 1 << 20 or len(spans) > _SNIFFED_RECORDS):
        spans.pop()  # may be cut
    return [csv_dialect.field_count(r, dialect) for a, b in spans if (r := data[a:b]).strip(b"\r\n")]


def _title_bytes(data: bytes, dialect: Dialect) -> int:
    """Bytes of the lines above the table: single values where all that follows has several."""
    spans = [(a, b) for a, b in islice(records(data, dialect), _TITLE_LINES + 30) if data[a:b].strip(b"\r\n")]
    counts = [csv_dialect.field_count(data[a:b], dialect) for a, b in spans]
    lead = next((i for i, c in enumerate(counts) if c > 1), 0)
    rest = counts[lead:]
    return spans[lead][0] if 0 < lead <= _TITLE_LINES and len(set(rest)) == 1 else 0


def _sample(body: bytes, dialect: Dialect, width: int, options: ReadOptions) -> list[pa.Array]:
    """The sample's columns as text, header row included; ragged rows left out."""
    from pyarrow import csv

    names = [str(i) for i in range(width)]
    layout = CsvLayout(dialect, (), False, 0, 0)
    table = read_csv(
        body,
        read_options=csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=names),
        parse_options=dialect.parse_options(width, lambda row: "skip"),
        convert_options=convert_options(layout, options, dict.fromkeys(names, pa.binary()), None),
    )
    if options.sample_rows >= 0:
        table = table.slice(0, options.sample_rows + 1)
    return [_text(column) for column in table.columns]


def _text(column: pa.ChunkedArray) -> pa.Array:
    """Bytes to text; bytes that are not UTF-8 are replaced: they only decide that a column is text."""
    array = column.combine_chunks()
    try:
        return array.cast(pa.string())
    except pa.ArrowException:
        texts = [None if v is None else v.decode("utf-8", "replace") for v in array.to_pylist()]
        return pa.array(texts, pa.string())


def _has_header(rows: list[pa.Array], options: ReadOptions) -> bool:
    if options.header is not None:
        return options.header
    first = [(column[0].as_py(), column.slice(1)) for column in rows if len(column)]
    present = [(pa.array([value]), rest) for value, rest in first if value is not None]
    return bool(present) and all(_is_name(value, rest, options) for value, rest in present)


def _is_name(value: pa.Array, rest: pa.Array, options: ReadOptions) -> bool:
    """Text, or `t`, `f`, `yes`... above a column that is not one of booleans."""
    kind = _detect(value, options).type
    return kind == t.VARCHAR or (kind == t.BOOLEAN and _detect(rest, options).type != t.BOOLEAN)


def _detect(values: pa.Array, options: ReadOptions) -> Detected:
    return detect(
        values,
        decimal=options.decimal_separator,
        date_format=options.date_format,
        timestamp_format=options.timestamp_format,
    )


def _end_of(data: bytes, first: bytes, dialect: Dialect) -> int:
    """The offset after the record `first`, which is the first that is not empty or a comment."""
    at = data.find(first)
    return max(0, at) + len(first)


def _names(header: bytes | None, width: int, dialect: Dialect, options: ReadOptions) -> tuple[str, ...]:
    given = list(options.names or ())
    if len(given) > width:
        raise OptionError(f"{len(given)} names are given, but the file has {width} columns")
    found = [""] * width
    if header is not None:
        values = fields(header.rstrip(b"\r\n"), dialect)
        found = [v.decode("utf-8", "replace").strip() for v in values] + [""] * (width - len(values))
    return unique_names([*given, *found[len(given) :]])


def _columns(names: tuple[str, ...], rows: list[pa.Array], options: ReadOptions) -> tuple[CsvColumn, ...]:
    wanted = _types(names, options)
    columns = []
    for name, values in zip(names, rows, strict=True):
        chosen = wanted.get(name)
        if chosen is not None:
            columns.append(_as_told(name, chosen, options))
        elif options.all_varchar:
            columns.append(CsvColumn(name, t.VARCHAR, found="option"))
        elif values.null_count == len(values):
            columns.append(CsvColumn(name, t.VARCHAR, found="no values"))
        else:
            found = _detect(values, options)
            columns.append(CsvColumn(name, found.type, found.format, found.odd))
    return tuple(columns)


def _as_told(name: str, kind: SqlType, options: ReadOptions) -> CsvColumn:
    fmt = options.date_format if kind == t.DATE else options.timestamp_format if kind.is_temporal else None
    fmt = None if kind == t.TIME else fmt
    return CsvColumn(name, kind, fmt, as_text=fmt is not None or kind.kind == "UUID", found="option")


def _types(names: tuple[str, ...], options: ReadOptions) -> dict[str, SqlType]:
    by_lower = {n.lower(): n for n in names}
    wanted = {}
    for column, text in options.types:
        name = by_lower.get(column.lower())
        if name is None and column.startswith("#") and column[1:].isdigit() and 0 < int(column[1:]) <= len(names):
            name = names[int(column[1:]) - 1]
        if name is None:
            hint = did_you_mean(column, names) or "columns: " + ", ".join(names[:20])
            raise OptionError(f"types: the file has no column {column!r}; {hint}")
        wanted[name] = type_named(text, column)
    return wanted


def _empty(dialect: Dialect, start: int, data: bytes, options: ReadOptions) -> CsvLayout:
    """An empty file has no rows; as in DuckDB, its one column is `column0`, unless names are given."""
    names = options.names or tuple(c for c, _ in options.types if not c.startswith("#")) or ("column0",)
    wanted = _types(names, replace(options, types=tuple(p for p in options.types if not p[0].startswith("#"))))
    columns = tuple(
        _as_told(n, wanted[n], options) if n in wanted else CsvColumn(n, t.VARCHAR, found="no values") for n in names
    )
    return CsvLayout(dialect, columns, False, len(data), data.count(b"\n"))


def names_like(head: Head, file: File, options: ReadOptions, first: CsvLayout) -> CsvLayout:
    """The layout of a further file of a glob: its names and start; types are those of the `first`."""
    found = sniff(head, file, replace(options, types=(), all_varchar=True, header=first.header), first.dialect)
    by_name = {c.name.lower(): c for c in first.columns}
    columns = tuple(by_name.get(c.name.lower(), c) for c in found.columns)
    return replace(found, columns=columns)
