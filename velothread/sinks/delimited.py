"""CSV and TSV: quoted only where needed, NULL as nothing, an empty text as `\"\"`; the bytes are DuckDB's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import BindError, OptionError, did_you_mean
from velothread.sinks.celltext import cell_text
from velothread.types import SqlType

# Columns of these kinds never hold a character that needs a quote (unless the options are odd, see `_never_quoted`).
_PLAIN_CHARACTERS = frozenset("0123456789+-.:einfatrulsNTZ ")
_PLAIN_KINDS = frozenset(
    (
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
        "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How CSV is written.

    delimiter, quote, escape: one character each; quote and escape may be "" (none), which fails for text that needs
    one.
    null: how NULL is written. force_quote: names of columns whose every value is quoted, or ("*",) for all.
    date_format, timestamp_format: as in `strftime`; None: ISO.
    """

    delimiter: str = ","
    header: bool = True
    quote: str = '"'
    escape: str = '"'
    null: str = ""
    force_quote: tuple[str, ...] = ()
    date_format: str | None = None
    timestamp_format: str | None = None

    def __post_init__(self) -> None:
        if not self.delimiter or len(self.delimiter.encode()) > 4 or set(self.delimiter) & set("\r\n"):
            raise OptionError(f"the delimiter must be one to four bytes and no line end, not {self.delimiter!r}")
        for name in ("quote", "escape"):
            value = getattr(self, name)
            if len(value.encode()) > 1:
                raise OptionError(f"{name} must be one ASCII character, not {value!r}")
        if self.quote and self.quote in self.delimiter:
            raise OptionError(f"delimiter and quote may not be the same character, {self.quote!r}")
        if self.delimiter in self.null and self.null:
            raise OptionError(f"the text for NULL, {self.null!r}, may not contain the delimiter")


class Delimited:
    """CSV text of batches. A `TextFormat`.

    Threading: immutable after `start`.
    """

    between = b""
    end = b""

    def __init__(self, options: CsvOptions) -> None:
        self._options = options
        self._types: tuple[SqlType, ...] = ()
        self._forced: tuple[bool, ...] = ()
        special = {options.delimiter, options.quote, "\n", "\r", "#"} - {""}
        self._special = tuple(sorted(s.encode() for s in special))
        self._plain_is_safe = not (set(options.delimiter + options.quote + options.escape) & _PLAIN_CHARACTERS)

    def start(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> bytes:
        options = self._options
        self._types = types
        force_all = "*" in options.force_quote
        for name in options.force_quote:
            if name != "*" and name not in schema.names:
                hint = did_you_mean(name, schema.names)
                raise BindError(f"FORCE_QUOTE names a column {name!r} that is not there", hint=hint)
        self._forced = tuple(force_all or name in options.force_quote for name in schema.names)
        if not options.header:
            return b""
        names = [
            self._quoted(pa.array([name], pa.string()), forced)[0].as_py()
            for name, forced in zip(schema.names, self._forced, strict=True)
        ]
        return (options.delimiter.join(names) + "\n").encode()

    def rows(self, batch: pa.RecordBatch) -> Any:
        columns: list[pa.Array] = []
        safe = len(self._options.delimiter) == 1 and ord(self._options.delimiter) < 128
        for column, sql_type, forced in zip(batch.columns, self._types, self._forced, strict=True):
            if not forced and pa.types.is_integer(column.type) and self._plain_is_safe and not self._options.null:
                columns.append(column)
                continue
            text = self._text(column, sql_type)
            if forced or (not self._never_quoted(sql_type) and self._needs_quotes(text)):
                text = self._quoted(text, forced)
                safe = False
            if self._options.null and text.null_count:
                text = pc.fill_null(text, self._options.null)
            columns.append(text)
        if safe:
            written = self._write_plain(columns)
            if written is not None:
                return written
        return self._join(columns)

    def _write_plain(self, columns: list[pa.Array]) -> Any:
        """Columns with nothing to quote, by Arrow's CSV writer, which is the quickest."""
        import pyarrow.csv

        names = [str(i) for i in range(len(columns))]
        batch = pa.RecordBatch.from_arrays(columns, names=names)
        out = pa.BufferOutputStream()
        options = pyarrow.csv.WriteOptions(
            include_header=False, delimiter=self._options.delimiter, quoting_style="none", batch_size=65_536
        )
        try:
            pyarrow.csv.write_csv(batch, out, options)
        except pa.ArrowInvalid:
            # Arrow sees something to quote where DuckDB's rules see nothing: `"` when the quote is another one.
            return None
        return out.getvalue()

    def _join(self, columns: list[pa.Array]) -> Any:
        text = [c if pa.types.is_string(c.type) else pc.cast(c, pa.string()) for c in columns]
        text = [pc.fill_null(c, self._options.null) if c.null_count else c for c in text]
        lines = text[0] if len(text) == 1 else pc.binary_join_element_wise(*text, self._options.delimiter)
        return joined_lines(lines, "\n", last=True)

    def _text(self, column: pa.Array, sql_type: SqlType) -> pa.Array:
        pattern = None
        if sql_type.kind == "DATE":
            pattern = self._options.date_format
        elif sql_type.kind in ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ"):
            pattern = self._options.timestamp_format
        if pattern is not None:
            return pc.strftime(column, pattern)
        return cell_text(column, sql_type)

    def _never_quoted(self, sql_type: SqlType) -> bool:
        options = self._options
        formatted = options.date_format or options.timestamp_format
        return self._plain_is_safe and sql_type.kind in _PLAIN_KINDS and not (sql_type.is_temporal and formatted)

    def _needs_quotes(self, text: pa.Array) -> bool:
        if len(text) == 0:
            return False
        shortest = pc.min(pc.binary_length(text)).as_py()
        null = self._options.null
        if not null and shortest == 0:
            return True
        if null and bool(pc.any(pc.equal(text, null)).as_py()):
            return True
        # A search in the bytes of the whole column is a memchr, many times as quick as a search per value.
        content = text_bytes(text)
        return any(s in content for s in self._special)

    def _quoted(self, text: pa.Array, forced: bool) -> pa.Array:
        quote, escape = self._options.quote, self._options.escape
        needs: Any = True
        if not forced:
            needs = pc.equal(text, self._options.null)
            for special in self._special:
                needs = pc.or_(needs, pc.match_substring(text, special.decode()))
            needs = pc.fill_null(needs, False)
            if not quote:
                if bool(pc.any(needs).as_py()):
                    value = pc.filter(text, needs)[0].as_py()
                    raise OptionError(f"the value {value[:60]!r} needs quotes, and the option QUOTE '' allows none")
                return text
        inner = text
        if escape and escape != quote:
            inner = pc.replace_substring(inner, escape, escape + escape)
        inner = pc.replace_substring(inner, quote, (escape or quote) + quote)
        whole = pc.binary_join_element_wise(quote, inner, quote, "")
        return whole if forced else pc.if_else(needs, whole, text)


def text_bytes(text: pa.Array) -> bytes:
    """The bytes of all values of a string array, one after the other (and those under its NULLs)."""
    _, offsets, data = text.buffers()
    if data is None or len(text) == 0:
        return b""
    bounds = memoryview(offsets).cast("i")
    first, last = bounds[text.offset], bounds[text.offset + len(text)]
    return bytes(data.slice(first, last - first))


def joined_lines(lines: pa.Array, separator: str, *, last: bool) -> Any:
    """All values of a string array in one buffer, with `separator` between them, and after the last if `last`.

    Joining the values of one list is quicker than appending to each: it is one pass without per-value parts.
    """
    if last:
        lines = pa.concat_arrays([lines, pa.array([""], pa.string())])
    ends = pa.array([0, len(lines)], pa.int32())
    return pc.binary_join(pa.ListArray.from_arrays(ends, lines), separator)[0].as_buffer()
