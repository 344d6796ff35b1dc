"""The table of map functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from velothread.coercion import STRING_LITERAL, common_type, implicit_cost
from velothread.kernels import maps
from velothread.kernels.function import Function
from velothread.types import BOOLEAN, NULL, UBIGINT, VARCHAR, SqlType, list_of, map_of, struct_of

Types = tuple[SqlType, ...]
_line = partial(Function, group="map")


def _of_map(returns: Callable[[SqlType], SqlType], *, keyed: bool) -> Callable[[Types], tuple[Types, SqlType] | None]:
    """A map, and a key of its key type."""

    def resolve(arguments: Types) -> tuple[Types, SqlType] | None:
        given = arguments[0]
        if given.kind != "MAP" or given.key is None:
            return None
        if not keyed:
            return (given,), returns(given)
        if arguments[1] != STRING_LITERAL and implicit_cost(arguments[1], given.key) is None:
            wider = common_type(arguments[1], given.key)
            if wider is None or given.element is None:
                return None
            given = map_of(wider, given.element)
        return (given, given.key or NULL), returns(given)

    return resolve


def _value(t: SqlType) -> SqlType:
    return t.element or NULL


def _key(t: SqlType) -> SqlType:
    return t.key or NULL


def _map_of_lists(arguments: Types) -> tuple[Types, SqlType] | None:
    if any(a.kind != "LIST" for a in arguments):
        return None
    parameters = tuple(list_of(VARCHAR) if a.element == STRING_LITERAL else a for a in arguments)
    return parameters, map_of(_value(parameters[0]), _value(parameters[1]))


def _map_of_entries(arguments: Types) -> tuple[Types, SqlType] | None:
    entry = arguments[0].element
    if entry is None or entry.kind != "STRUCT" or len(entry.fields) != 2:
        return None
    return arguments, map_of(entry.fields[0][1], entry.fields[1][1])


def _same_maps(arguments: Types) -> tuple[Types, SqlType] | None:
    shared: SqlType | None = arguments[0] if arguments else None
    for argument in arguments[1:]:
        shared = shared and common_type(shared, argument)
    if shared is None or shared.kind != "MAP" or len(arguments) < 2:
        return None
    return (shared,) * len(arguments), shared


_PAIR = "map([1, 2], ['a', 'b'])"
MAPPING: tuple[Function, ...] = (
    _line(
        "map", ("list", "list"), NULL, maps.from_lists, "A map of keys and values", _PAIR, "{1=a, 2=b}", raises=True,
        resolve=_map_of_lists,
    ),
    _line(
        "map_from_entries", ("list",), NULL, maps.from_entries, "A map of a list of (key, value)", raises=True,
        resolve=_map_of_entries,
    ),
    _line(
        "map_keys", ("map",), NULL, maps.keys, "The keys", f"map_keys({_PAIR})", "[1, 2]",
        resolve=_of_map(lambda t: list_of(_key(t)), keyed=False),
    ),
    _line(
        "map_values", ("map",), NULL, maps.values, "The values", f"map_values({_PAIR})", "[a, b]",
        resolve=_of_map(lambda t: list_of(_value(t)), keyed=False),
    ),
    _line(
        "map_entries", ("map",), NULL, maps.entries, "The entries as structs of key and value",
        f"map_entries({_PAIR})", "[{'key': 1, 'value': a}, {'key': 2, 'value': b}]",
        resolve=_of_map(lambda t: list_of(struct_of((("key", _key(t)), ("value", _value(t))))), keyed=False),
    ),
    _line(
        "map_extract", ("map", "any"), NULL, maps.values_of, "A list of the value of a key, or empty",
        f"map_extract({_PAIR}, 2)", "[b]", strict=False, resolve=_of_map(lambda t: list_of(_value(t)), keyed=True),
        aliases=("element_at",),
    ),
    _line(
        "map_extract_value", ("map", "any"), NULL, maps.value_of, "The value of a key, or NULL",
        f"map_extract_value({_PAIR}, 2)", "b", resolve=_of_map(_value, keyed=True),
    ),
    _line(
        "map_contains", ("map", "any"), BOOLEAN, maps.contains, "Has the map this key?", f"map_contains({_PAIR}, 2)",
        "true", resolve=_of_map(lambda _: BOOLEAN, keyed=True), aliases=("contains",),
    ),
    _line("cardinality", ("map",), UBIGINT, maps.cardinality, "Number of entries", f"cardinality({_PAIR})", "2"),
    _line(
        "map_concat", (), NULL, maps.concat, "All entries; of equal keys the last",
        f"map_concat({_PAIR}, map([2], ['z']))", "{1=a, 2=z}", variadic="any", strict=False, resolve=_same_maps,
    ),
)  # fmt: skip
