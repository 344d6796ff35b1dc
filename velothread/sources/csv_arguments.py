"""The named arguments of `read_csv(...)`, by DuckDB's names, as changes of `ReadOptions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from velothread.errors import OptionError, did_you_mean
from velothread.sources.source import ReadOptions

Changes = dict[str, Any]
Argument = Callable[[str, Any], Changes]


def _text(field: str) -> Argument:
    def change(name: str, value: Any) -> Changes:
        if not isinstance(value, str):
            raise OptionError(f"{name} must be text, not {value!r}")
        return {field: value}

    return change


def _flag(field: str) -> Argument:
    def change(name: str, value: Any) -> Changes:
        if isinstance(value, str) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if value in (0, 1):
            value = bool(value)
        if not isinstance(value, bool):
            raise OptionError(f"{name} must be true or false, not {value!r}")
        return {field: value}

    return change


def _number(field: str) -> Argument:
    def change(name: str, value: Any) -> Changes:
        if isinstance(value, bool) or not isinstance(value, int) or value < -1:
            raise OptionError(f"{name} must be a whole number, not {value!r}")
        return {field: value}

    return change


def _texts(field: str) -> Argument:
    def change(name: str, value: Any) -> Changes:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
            raise OptionError(f"{name} must be text or a list of texts, not {value!r}")
        return {field: tuple(values)}

    return change


def _types(name: str, value: Any) -> Changes:
    if isinstance(value, Mapping):
        return {"types": tuple((str(k), str(v)) for k, v in value.items())}
    if isinstance(value, list | tuple):
        # By place: "#1" is the first column.
        return {"types": tuple((f"#{i}", str(v)) for i, v in enumerate(value, 1))}
    raise OptionError(f"{name} must be a struct {{'column': 'TYPE'}} or a list of types, not {value!r}")


def _columns(name: str, value: Any) -> Changes:
    if not isinstance(value, Mapping):
        raise OptionError(f"{name} must be a struct {{'column': 'TYPE'}} with all columns, not {value!r}")
    return {**_types(name, value), "names": tuple(str(k) for k in value)}


def _quote(name: str, value: Any) -> Changes:
    return {"quote": "" if value is None else _text("quote")(name, value)["quote"]}


def _filename(name: str, value: Any) -> Changes:
    if isinstance(value, str) and value.lower() not in ("true", "false"):
        return {"filename": True, "extra": (("filename_column", value),)}
    return _flag("filename")(name, value)


def _ignored(name: str, value: Any) -> Changes:
    return {}


READ_CSV_ARGUMENTS: Mapping[str, Argument] = MappingProxyType(
    {
        "delim": _text("delimiter"),
        "sep": _text("delimiter"),
        "delimiter": _text("delimiter"),
        "header": _flag("header"),
        "quote": _quote,
        "escape": _text("escape"),
        "nullstr": _texts("nulls"),
        "null": _texts("nulls"),
        "columns": _columns,
        "types": _types,
        "dtypes": _types,
        "column_types": _types,
        "names": _texts("names"),
        "column_names": _texts("names"),
        "all_varchar": _flag("all_varchar"),
        "skip": _number("skip"),
        "comment": _text("comment"),
        "dateformat": _text("date_format"),
        "date_format": _text("date_format"),
        "timestampformat": _text("timestamp_format"),
        "timestamp_format": _text("timestamp_format"),
        "decimal_separator": _text("decimal_separator"),
        "sample_size": _number("sample_rows"),
        "ignore_errors": _flag("ignore_errors"),
        "compression": _text("compression"),
        "hive_partitioning": _flag("hive_partitioning"),
        "filename": _filename,
        "union_by_name": _flag("union_by_name"),
        # What we do anyway: everything that isn't told is detected, in parallel.
        "auto_detect": _ignored,
        "parallel": _ignored,
    }
)


def apply_arguments(options: ReadOptions, arguments: Mapping[str, Any]) -> ReadOptions:
    """`options` changed by the named arguments of a `read_csv` call: `{"delim": ";", "header": True}`.

    :raises OptionError: when an argument is not known (near names are listed) or has a wrong value.
    """
    changes: Changes = {}
    for name, value in arguments.items():
        argument = READ_CSV_ARGUMENTS.get(name.lower())
        if argument is None:
            hint = did_you_mean(name, READ_CSV_ARGUMENTS) or "known: " + ", ".join(READ_CSV_ARGUMENTS)
            raise OptionError(f"read_csv has no argument {name!r}; {hint}")
        changes.update(argument(name.lower(), value))
    return replace(options, **changes)
