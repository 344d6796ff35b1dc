"""From whatever a user names to a source: a path, a glob, stdin, or a Python object.

open_source("logs/*.jsonl.gz", options)
open_source(arrow_table, options, name="trades")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from velothread.errors import OptionError, SourceError, did_you_mean
from velothread.sources.files import Files, format_of, open_bytes, resolve
from velothread.sources.remembered import Remembered
from velothread.sources.source import ReadOptions, Source

# Format -> the module and function that open it: imported when first needed, so that starting up stays quick.
_OPENERS = {
    "csv": ("velothread.sources.csv_source", "open_csv"),
    "jsonl": ("velothread.sources.jsonl_source", "open_jsonl"),
    "parquet": ("velothread.sources.parquet_source", "open_parquet"),
    "arrow": ("velothread.sources.arrow_source", "open_arrow"),
    "lines": ("velothread.sources.lines_source", "open_lines"),
}
_NAMES = {
    **{name: name for name in _OPENERS},
    "tsv": "csv", "psv": "csv", "txt": "csv", "json": "jsonl", "ndjson": "jsonl", "pq": "parquet", "feather": "arrow",
    "ipc": "arrow", "arrows": "arrow",
}  # fmt: skip
_EVERYWHERE = ("compression", "filename", "hive_partitioning", "union_by_name")
# The named arguments of the table functions, by format; all are spelled as for `read_csv`.
_ARGUMENTS = {
    "jsonl": (*_EVERYWHERE, "columns", "types", "all_varchar", "sample_size", "ignore_errors", "auto_detect"),
    "parquet": _EVERYWHERE,
    "arrow": _EVERYWHERE,
    "lines": ("compression", "filename", "hive_partitioning"),
}
_JSON_LAYOUTS = ("auto", "array", "newline_delimited", "nd", "unstructured")
FORMATS = tuple(sorted(_NAMES))
_SNIFF_BYTES = 1 << 16


def open_source(
    what: Any, options: ReadOptions | None = None, name: str | None = None, known: Remembered | None = None
) -> Source:
    """Open `what`: a path, glob, `-` (stdin), list of paths, Arrow table, batch, reader or dataset, pandas or polars
    DataFrame, anything with `__arrow_c_stream__` or `__arrow_c_array__`, dict of columns, list of dicts, a `Source`.

    The format of files is `options.format`, else what their suffix says, else what their first bytes say. known: what
    the session has found out about files before.

    :raises SourceError: when it can't be opened, or there is no telling what it is.
    :raises OptionError: when `options.format` is not a format.
    """
    options = options or ReadOptions()
    if isinstance(what, str | os.PathLike) or _is_paths(what):
        return _open_files(what, options, known)
    if isinstance(what, list | tuple) and not what:
        raise SourceError(f"{name or 'the table'}: an empty list has no columns")
    if callable(getattr(type(what), "splits", None)):
        own: Source = what
        return own
    from velothread.sources.python_source import open_object

    source = open_object(what, name or type(what).__name__)
    if source is None:
        raise SourceError(
            f"{name + ': ' if name else ''}can't read rows from a {type(what).__module__}.{type(what).__qualname__}\n"
            "  hint: give a path, an Arrow table, a data frame, a dict of columns or a list of dicts"
        )
    return source


def _is_paths(what: Any) -> bool:
    return isinstance(what, list | tuple) and bool(what) and all(isinstance(p, str | os.PathLike) for p in what)


def _open_files(what: Any, options: ReadOptions, known: Remembered | None) -> Source:
    told = None if options.format is None else _named(options.format)
    files = resolve(what, options)
    opened = told or (_NAMES.get(files.format) if files.format else None)
    if opened is None:
        _refuse_mixed(files)
        files, opened = _sniffed(files)
    if opened == "csv" and options.delimiter is None and (options.format or "").lower() == "tsv":
        from dataclasses import replace

        options = replace(options, delimiter="\t")
    opener = _opener(opened)
    # The other formats are cheap to look at.
    return opener(files, options, known) if opened in ("csv", "parquet") else opener(files, options)


def _refuse_mixed(files: Files) -> None:
    """Files whose suffixes say different formats are not one table; the first one's bytes must not decide for all."""
    kinds = [_NAMES.get(format_of(f.path) or "") for f in files]
    different = sorted({k for k in kinds if k is not None})
    if len(different) > 1:
        one = os.path.splitext(files.items[0].path)[1]
        raise SourceError(
            f"{files.name}: files of several formats ({', '.join(different)})\n"
            f"  hint: name one kind, as in '*{one}', or say which with --input-format"
        )


def _named(text: str) -> str:
    found = _NAMES.get(text.lower())
    if found is None:
        hint = did_you_mean(text, FORMATS) or f"known: {', '.join(FORMATS)}"
        raise OptionError(f"input format {text!r} is not known; {hint}")
    return found


def _opener(name: str) -> Callable[..., Source]:
    import importlib

    module, function = _OPENERS[name]
    opener: Callable[..., Source] = getattr(importlib.import_module(module), function)
    return opener


def _sniffed(files: Files) -> tuple[Files, str]:
    """The format by the first bytes; what was taken from a pipe for that is put back in front of it."""
    first = files.items[0]
    if first.seekable:
        with open_bytes(first) as stream:
            head = stream.read(_SNIFF_BYTES)
    else:
        from velothread.sources.peeked import peek

        first, head = peek(first, _SNIFF_BYTES)
        files = Files(files.name, (first, *files.items[1:]), files.format)
    found = looks_like(head)
    if found is None and not head:
        once = "" if first.seekable else "; it may have been read already: a pipe gives its data once"
        raise SourceError(
            f"{first.label}: it is empty, so there is no telling what columns it has{once}\n"
            "  hint: --input-format csv reads it as a table without rows"
        )
    if found is None:
        raise SourceError(
            f"{first.label}: neither its name nor its first bytes say what format it has\n"
            f"  hint: name it with --input-format ({', '.join(sorted(_OPENERS))})"
        )
    return files, found


def apply_arguments(format: str, options: ReadOptions, arguments: Mapping[str, Any]) -> ReadOptions:
    """`options` changed by the named arguments of `read_csv(...)`, `read_json(...)`, `read_parquet(...)`.

    :raises OptionError: when an argument is not known for that format (near names are listed) or has a wrong value.
    """
    from velothread.sources import csv_arguments

    opened = _named(format)
    known = _ARGUMENTS.get(opened)
    if known is None:
        return csv_arguments.apply_arguments(options, arguments)
    changes: dict[str, Any] = {}
    for name, value in arguments.items():
        lower = name.lower()
        if opened == "jsonl" and lower == "format":
            # The layout of a JSON file is seen from its first bytes.
            if str(value).lower() not in _JSON_LAYOUTS:
                raise OptionError(f"format={value!r} is not known; {did_you_mean(str(value), _JSON_LAYOUTS) or 'auto'}")
        elif lower in known:
            changes[lower] = value
        else:
            function = {"jsonl": "read_json"}.get(opened, f"read_{opened}")
            raise OptionError(
                f"{function} has no argument {name!r}; {did_you_mean(lower, known) or 'known: ' + ', '.join(known)}"
            )
    return csv_arguments.apply_arguments(options, changes)


def looks_like(head: bytes) -> str | None:
    """The format that these first bytes are of, or None.

    >>> looks_like(b'{"a": 1}'), looks_like(b"a,b"), looks_like(b"PAR1")
    ('jsonl', 'csv', 'parquet')
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")):
        return "arrow"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[{", b"[\n", b"[\r", b"[ ")):
        return "jsonl"
    if b"\0" in head or not text:
        return None
    return "csv"
