"""From a format's name, or a file's, to the sink that writes it; and the options of `COPY ... TO`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from velothread.errors import OptionError, UnsupportedError, did_you_mean
from velothread.sinks.compression import codec_named, codec_of_path, compressor, without_suffix
from velothread.sinks.sink import Sink
from velothread.sinks.target import AtomicFile, Stream, Target
from velothread.sinks.text_sink import TextSink

# Each format's module is imported when a result of that format is written: starting up stays quick.
if TYPE_CHECKING:
    from velothread.sinks.arrow_files import ParquetOptions
    from velothread.sinks.delimited import CsvOptions

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "markdown", "parquet", "arrow")
_OTHER_NAMES = {"ndjson": "jsonl", "md": "markdown", "feather": "arrow", "ipc": "arrow", "box": "table"}
_SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md":
    "markdown", ".markdown": "markdown", ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather":
    "arrow", ".ipc": "arrow", ".arrows": "arrow", ".txt": "table",
}  # fmt: skip

# Option names that mean the same.
_SYNONYMS = {"delim": "delimiter", "sep": "delimiter", "null": "nullstr", "nulls": "nullstr", "codec": "compression"}
_CSV = frozenset(
    ("header", "delimiter", "quote", "escape", "nullstr", "force_quote", "dateformat", "timestampformat")
)  # fmt: skip
_COMPRESSION = frozenset(("compression", "compression_level"))
_KNOWN: dict[str, frozenset[str]] = {
    "csv": _CSV | _COMPRESSION,
    "tsv": _CSV | _COMPRESSION,
    "json": frozenset(("array",)) | _COMPRESSION,
    "jsonl": frozenset(("array",)) | _COMPRESSION,
    "markdown": _COMPRESSION,
    "parquet": frozenset(("row_group_size", "dictionary")) | _COMPRESSION,
    "arrow": frozenset(("compression",)),
    "table": frozenset(("max_rows", "width", "color")),
}
# Options of DuckDB's COPY that we know of and don't have: said so instead of "unknown".
_NOT_YET = frozenset(
    (
        "partition_by", "per_thread_output", "file_size_bytes", "filename_pattern", "overwrite_or_ignore", "append",
        "write_partition_columns", "use_tmp_file", "field_ids", "encryption_config", "row_group_size_bytes",
        "row_groups_per_file", "return_files", "prefix", "suffix", "preserve_order", "write_empty_file",
    )
)  # fmt: skip
_PARQUET_CODECS = ("snappy", "zstd", "gzip", "brotli", "lz4", "none")


def make_sink(
    format: str, target: str | os.PathLike[str] | BinaryIO | Target, options: Mapping[str, Any] | None = None
) -> Sink:
    """The sink that writes `format` to `target`: a path (replaced as a whole when the result is complete), an open
    binary stream (left open), or a `Target`.

    `options`: by DuckDB's names, in any case. CSV: HEADER, DELIMITER (DELIM, SEP), QUOTE, ESCAPE, NULLSTR (NULL),
    FORCE_QUOTE, DATEFORMAT, TIMESTAMPFORMAT; JSON: ARRAY; Parquet: ROW_GROUP_SIZE, DICTIONARY; all but tables:
    COMPRESSION; all but Arrow: COMPRESSION_LEVEL; tables: MAX_ROWS, WIDTH, COLOR.

    :raises OptionError: for an unknown format or option, or a value that doesn't fit.
    :raises UnsupportedError: for an option of DuckDB's that we don't have.
    """
    name = format_named(format)
    chosen = _checked(name, options or {})
    place = _target(target)
    path = place.name if isinstance(place, AtomicFile) else ""
    if name == "table":
        from velothread.sinks.table import TableOptions, TableSink

        width, rows = chosen.get("width"), chosen.get("max_rows", 40)
        return TableSink(place, TableOptions(rows, width, bool(chosen.get("color", False))))
    if name == "parquet":
        from velothread.sinks.arrow_files import ParquetSink

        return ParquetSink(place, _parquet_options(chosen))
    if name == "arrow":
        from velothread.sinks.arrow_files import ArrowSink

        codec = _text("compression", chosen.get("compression", "none")).lower()
        if codec not in ("none", "uncompressed", "lz4", "zstd"):
            raise OptionError(f"Arrow files have no compression {codec!r}; known: lz4, zstd, none")
        stream = not isinstance(place, AtomicFile) or path.lower().endswith(".arrows")
        return ArrowSink(place, stream=stream, codec=codec if codec in ("lz4", "zstd") else None)
    wanted = _text("compression", chosen.get("compression", "auto"))
    codec_name = codec_of_path(path) if wanted.lower() in ("auto", "auto_detect") else codec_named(wanted)
    compress = compressor(codec_name, _whole("compression_level", chosen.get("compression_level")))
    if name in ("csv", "tsv"):
        from velothread.sinks.delimited import Delimited

        return TextSink(Delimited(_csv_options(name, chosen)), place, compress)
    if name in ("json", "jsonl"):
        from velothread.sinks.json_text import Json

        array = _yes("array", chosen["array"]) if "array" in chosen else name == "json"
        return TextSink(Json(lines=not array), place, compress)
    from velothread.sinks.markdown import Markdown

    return TextSink(Markdown(), place, compress)


def sink_for_file(
    path: str | os.PathLike[str], format: str | None = None, options: Mapping[str, Any] | None = None
) -> Sink:
    """The sink for a file: of `format`, of the option FORMAT, of what the suffix says, or CSV, in this order.

    As `COPY (query) TO 'path' (options)` means it: FORMAT json is one object per line unless ARRAY is true.

    :raises OptionError, UnsupportedError: as `make_sink`.
    """
    text = os.fspath(path)
    rest = {k: v for k, v in (options or {}).items() if k.lower() != "format"}
    named = next((_text("format", v) for k, v in (options or {}).items() if k.lower() == "format"), None)
    if format is None and named is not None:
        format = "jsonl" if named.lower() == "json" else named
    chosen = format or format_of_path(text) or "csv"
    if chosen == "table" and format is None:
        rest.setdefault("max_rows", None)  # a file has room for all rows
    return make_sink(chosen, AtomicFile(text), rest)


def format_of_path(path: str) -> str | None:
    """The format that the suffix of `path` stands for, a codec's suffix left out; None when it says nothing."""
    return _SUFFIXES.get(os.path.splitext(without_suffix(path))[1].lower())


def format_named(name: str) -> str:
    """The format that a user means. :raises OptionError: when there is no such format."""
    lowered = name.lower()
    lowered = _OTHER_NAMES.get(lowered, lowered)
    if lowered not in FORMATS:
        raise OptionError(f"unknown format {name!r}; {did_you_mean(name, FORMATS) or 'known: ' + ', '.join(FORMATS)}")
    return lowered


def _target(target: Any) -> Target:
    if isinstance(target, (str, os.PathLike)):
        return AtomicFile(target)
    return target if hasattr(target, "commit") else Stream(target)


def _checked(format: str, options: Mapping[str, Any]) -> dict[str, Any]:
    known = _KNOWN[format]
    chosen: dict[str, Any] = {}
    for given, value in options.items():
        name = _SYNONYMS.get(given.lower(), given.lower())
        if name in _NOT_YET and name not in known:
            raise UnsupportedError(f"the output option {given.upper()} is not supported")
        if name not in known:
            elsewhere = [f for f in FORMATS if name in _KNOWN[f]]
            hint = did_you_mean(name, known) or (f"it belongs to {', '.join(elsewhere)}" if elsewhere else None)
            raise OptionError(
                f"{format} output has no option {given!r}; {hint or 'known: ' + ', '.join(sorted(known))}"
            )
        if name in chosen:
            raise OptionError(f"the output option {given!r} is given twice")
        chosen[name] = value
    return chosen


def _csv_options(format: str, chosen: Mapping[str, Any]) -> CsvOptions:
    from velothread.sinks.delimited import CsvOptions

    forced = chosen.get("force_quote", ())
    names = (forced,) if isinstance(forced, str) else tuple(forced) if isinstance(forced, (list, tuple)) else None
    if names is None:
        raise OptionError(f"FORCE_QUOTE takes column names or *, not {forced!r}")
    quote = _text("quote", chosen.get("quote", '"'))
    return CsvOptions(
        delimiter=_delimiter(_text("delimiter", chosen.get("delimiter", "\t" if format == "tsv" else ","))),
        header=_yes("header", chosen.get("header", True)),
        quote=quote,
        escape=_text("escape", chosen.get("escape", quote)),
        null=_text("nullstr", chosen.get("nullstr", "")),
        force_quote=names,
        date_format=_pattern("dateformat", chosen),
        timestamp_format=_pattern("timestampformat", chosen),
    )


def _pattern(name: str, chosen: Mapping[str, Any]) -> str | None:
    return None if chosen.get(name) is None else _text(name, chosen[name])


def _parquet_options(chosen: Mapping[str, Any]) -> ParquetOptions:
    from velothread.sinks.arrow_files import ParquetOptions

    codec = _text("compression", chosen.get("compression", "snappy")).lower()
    codec = {"uncompressed": "none", "gz": "gzip", "zst": "zstd", "lz4_raw": "lz4", "auto": "snappy"}.get(codec, codec)
    if codec not in _PARQUET_CODECS:
        near = did_you_mean(codec, _PARQUET_CODECS) or "known: " + ", ".join(_PARQUET_CODECS)
        raise OptionError(f"Parquet has no compression {codec!r}; {near}")
    level = _whole("compression_level", chosen.get("compression_level"))
    if level is not None and codec not in ("zstd", "gzip", "brotli"):
        raise OptionError(f"compression {codec} has no levels; COMPRESSION_LEVEL goes with zstd, gzip and brotli")
    size = _whole("row_group_size", chosen.get("row_group_size"))
    if size is not None and size < 1:
        raise OptionError(f"ROW_GROUP_SIZE must be at least 1, not {size}")
    options = ParquetOptions(codec, level, dictionary=_yes("dictionary", chosen.get("dictionary", True)))
    return options if size is None else ParquetOptions(codec, level, size, options.dictionary)


def _delimiter(value: str) -> str:
    return {"\\t": "\t", "tab": "\t"}.get(value, value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{name.upper()} takes a text, not {value!r}")
    return value


def _whole(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and value.lstrip("+-").isdigit():
        return int(value)
    raise OptionError(f"{name.upper()} takes a whole number, not {value!r}")


def _yes(name: str, value: Any) -> bool:
    if value is None or value is True or value is False:
        return value is not False  # an option without a value is switched on: (HEADER)
    lowered = str(value).lower()
    if lowered in ("true", "1", "on", "yes", "t"):
        return True
    if lowered in ("false", "0", "off", "no", "f"):
        return False
    raise OptionError(f"{name.upper()} takes true or false, not {value!r}")
