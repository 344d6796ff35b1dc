"""File paths as text: parse_path and its relatives. They look at the text only, never at a file system."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.shaping import by_row

_SEPARATORS = {
    "both_slash": "/\\",
    "forward_slash": "/",
    "backslash": "\\",
    "system": os.sep,
}


def _separators(name: str) -> str:
    found = _SEPARATORS.get(name)
    if found is None:
        raise ExecutionError(f"{name!r} is not a path separator", hint=f"choose one of {', '.join(_SEPARATORS)}")
    return found


def _cut(path: str, separators: str) -> list[str]:
    return re.split("[" + re.escape(separators) + "]", path)


def _parse_path(path: str, separator: str = "both_slash") -> list[str]:
    characters = _separators(separator)
    root = [path[0]] if path[:1] and path[0] in characters else []
    return root + [part for part in _cut(path, characters) if part]


def _parse_filename(
    path: str | None, trim_extension: bool | None = False, separator: str | None = "both_slash"
) -> str | None:
    if path is None:
        return None
    separator = "both_slash" if separator is None else separator  # options that are NULL are not there
    name = _cut(path, _separators(separator))[-1]
    dot = name.rfind(".") if trim_extension else -1
    return name[:dot] if dot >= 0 else name


def _parse_dirname(path: str, separator: str = "both_slash") -> str:
    characters = _separators(separator)
    if path[:1] and path[0] in characters:
        return path[0]
    parts = _cut(path, characters)
    return parts[0] if len(parts) > 1 else ""


def _parse_dirpath(path: str, separator: str = "both_slash") -> str:
    name = _cut(path, _separators(separator))[-1]
    return path[: len(path) - len(name) - 1] if len(name) < len(path) else ""


def _parse_filename_in(path: str, separator: str) -> str:
    return _parse_filename(path, False, separator) or ""


def _join(*parts: str) -> str:
    joined = os.path.normpath("/".join(part for part in parts if part))
    if any(part.startswith("/") for part in parts[1:]):
        raise ExecutionError(f"{parts[1]!r} begins at the root: it can't stand behind {parts[0]!r}")
    return joined


path_join = by_row(_join, pa.string())


def _hive_part(name: str, value: str | None) -> str:
    return quote(name, safe="") + "=" + ("__HIVE_DEFAULT_PARTITION__" if value is None else quote(value, safe=""))


hive_part = by_row(lambda name, value: None if name is None else _hive_part(name, value), pa.string(), strict=False)

parse_path = by_row(_parse_path, pa.list_(pa.string()))
parse_filename = by_row(_parse_filename, pa.string(), strict=False)
parse_filename_in = by_row(_parse_filename_in, pa.string())
parse_dirname = by_row(_parse_dirname, pa.string())
parse_dirpath = by_row(_parse_dirpath, pa.string())
