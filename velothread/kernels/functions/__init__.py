"""All scalar functions and operators: `SCALARS[name]` are the overloads of a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType

from velothread.kernels.function import Function

# Module -> the name of its table. The order decides between overloads that fit equally well.
_TABLES = (
    ("operators", "OPERATORS"),
    ("generic", "GENERIC"),
    ("numeric", "NUMERIC"),
    ("text", "TEXT"),
    ("date_time", "DATE_TIME"),
    ("listing", "LISTING"),
    ("mapping", "MAPPING"),
    ("json_documents", "JSON_DOCUMENTS"),
)


# Names of operators as functions.
_SAME_AS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "//", "mod": "%"}


def _by_name(functions: Iterable[Function]) -> Mapping[str, tuple[Function, ...]]:
    found: dict[str, list[Function]] = {}
    for function in functions:
        for name in (function.name, *function.aliases):
            found.setdefault(name.lower(), []).append(function)
    for name, operator in _SAME_AS.items():
        found[name] = [*found.get(name, []), *found.get(operator, [])]
    return MappingProxyType({name: tuple(overloads) for name, overloads in found.items()})


def _every_table() -> Iterable[Function]:
    for module, table in _TABLES:
        try:
            loaded = import_module(f"{__name__}.{module}")
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith("velothread.kernels"):
                raise
            continue
        yield from getattr(loaded, table)


SCALARS: Mapping[str, tuple[Function, ...]] = _by_name(_every_table())

__all__ = ["SCALARS"]
