"""The table of list functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from velothread.coercion import STRING_LITERAL, common_type
from velothread.kernels import list_aggregates, list_search, lists, series
from velothread.kernels.function import Function
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INTEGER,
    INTERVAL,
    NULL,
    TIMESTAMP,
    TIMESTAMPTZ,
    UBIGINT,
    VARCHAR,
    SqlType,
    array_of,
    list_of,
    map_of,
    struct_of,
)

Types = tuple[SqlType, ...]
ITEMS = "T[]"
_line = partial(Function, group="list")


def _array_names(*names: str) -> tuple[str, ...]:
    """The `array_` twins of `list_` names."""
    return (*names, *[n.replace("list_", "array_", 1) for n in names if n.startswith("list_")])


def _any_lists(least: int, *, lists_only: bool = True) -> Callable[[Types], tuple[Types, SqlType] | None]:
    """Lists, and NULLs among them, brought to one type: concat([1], NULL, [2])."""

    def resolve(arguments: Types) -> tuple[Types, SqlType] | None:
        # concat(NULL) is a text, list_concat(NULL) is none
        if len(arguments) < least or not any(a.kind in ("LIST", "NULL" if lists_only else "LIST") for a in arguments):
            return None
        shared: SqlType | None = NULL
        for argument in arguments:
            if argument.kind not in ("LIST", "NULL"):
                return None
            shared = shared and common_type(shared, argument)
        return None if shared is None else ((shared,) * len(arguments), shared)

    return resolve


def _flattened(arguments: Types) -> SqlType:
    item = arguments[0].element
    return NULL if item is None else item if item.kind == "LIST" else list_of(NULL)


def _zipped(arguments: Types) -> tuple[Types, SqlType] | None:
    """list_zip: lists (or NULLs), and perhaps a BOOLEAN."""
    lists = arguments[:-1] if len(arguments) > 1 and arguments[-1] == BOOLEAN else arguments
    if not lists or any(a.kind not in ("LIST", "NULL") for a in lists):
        return None
    given = [list_of(VARCHAR) if a.element == STRING_LITERAL else a for a in lists]
    row = struct_of(tuple((f"element_{i}", a.element or NULL) for i, a in enumerate(given, 1)))
    return (*given, *arguments[len(lists) :]), list_of(row)


_BUILD = (
    _line(
        "list_value", (), ITEMS, lists.value, "A list of the arguments", "list_value(4, 5, 6)", "[4, 5, 6]",
        variadic="T", strict=False, aliases=("list_pack",),
    ),
    _line(
        "array_value", (), lambda a: array_of(a[0] if a else NULL, len(a)), lists.value,
        "An array, whose type knows its size, of the arguments", "array_value(4, 5, 6)", "[4, 5, 6]", variadic="T",
        strict=False,
    ),
    _line(
        "list_concat", (), ITEMS, lists.concat, "Lists one behind the other; NULL ones are left out",
        "list_concat([2, 3], [4])", "[2, 3, 4]", variadic=ITEMS, strict=False, resolve=_any_lists(1),
        aliases=("list_cat", "array_concat", "array_cat"),
    ),
    _line(
        "concat", (), ITEMS, lists.concat, "Lists one behind the other; NULL ones are left out",
        "concat([2, 3], [4])", "[2, 3, 4]", variadic=ITEMS, strict=False, resolve=_any_lists(1, lists_only=False),
    ),
    _line(
        "list_append", (ITEMS, "T"), ITEMS, lists.append, "A list with one more item at its end",
        "list_append([2, 3], 4)", "[2, 3, 4]", strict=False, aliases=("array_append", "array_push_back"),
    ),
    _line(
        "list_prepend", ("T", ITEMS), ITEMS, lists.prepend, "A list with one more item at its front",
        "list_prepend(3, [4, 5])", "[3, 4, 5]", strict=False, aliases=("array_prepend",),
    ),
    _line(
        "array_push_front", (ITEMS, "T"), ITEMS, lambda many, one: lists.prepend(one, many),
        "A list with one more item at its front", "array_push_front([4, 5], 3)", "[3, 4, 5]", strict=False,
    ),
    _line(
        "array_pop_back", (ITEMS,), ITEMS, lists.without_last, "A list without its last item",
        "array_pop_back([4, 5])", "[4]",
    ),
    _line(
        "array_pop_front", (ITEMS,), ITEMS, lists.without_first, "A list without its first item",
        "array_pop_front([4, 5])", "[5]",
    ),
    _line(
        "repeat", (ITEMS, BIGINT), ITEMS, lists.repeat, "A list several times over", "repeat([1, 2], 2)",
        "[1, 2, 1, 2]",
    ),
    _line(
        "list_resize", (ITEMS, BIGINT), ITEMS, lists.resize, "A list cut, or filled up with NULL, to a size",
        "list_resize([1, 2], 3)", "[1, 2, NULL]", strict=False, raises=True, aliases=("array_resize",),
    ),
    _line(
        "list_resize", (ITEMS, BIGINT, "T"), ITEMS, lists.resize, "A list cut, or filled up with a value, to a size",
        "list_resize([1, 2], 3, 9)", "[1, 2, 9]", strict=False, raises=True, aliases=("array_resize",),
    ),
    _line(
        "flatten", ("list",), _flattened, lists.flatten, "A list of lists as one list",
        "flatten([[1, 2], [3]])", "[1, 2, 3]",
    ),
)  # fmt: skip

_PIECES = (
    _line(
        "len", (ITEMS,), BIGINT, lists.length, "Number of items", "len([1, 2, 3])", "3",
        aliases=("length", "array_length"),
    ),
    _line("array_length", (ITEMS, BIGINT), BIGINT, lists.length_of, "Number of items along dimension 1",
          "array_length([1, 2, 3], 1)", "3", raises=True),
    _line(
        "list_zip", (), NULL, lists.zip_, "Rows of the items at the same place; with true as many as the shortest has",
        "list_zip([1, 2], ['a'])", "[(1, a), (2, NULL)]", variadic="any", strict=False, resolve=_zipped,
        aliases=("array_zip",),
    ),
    _line(
        "list_extract", (ITEMS, BIGINT), "T", lists.element,
        "One item (1-based; negative: from the end); NULL when there is none", "list_extract([4, 5, 6], -1)", "6",
        aliases=("list_element", "array_extract"),
    ),
    _line(
        "list_slice", (ITEMS, BIGINT, BIGINT), ITEMS, lists.slice_, "From one position to another, both included",
        "list_slice([4, 5, 6], 2, 3)", "[5, 6]", aliases=("array_slice",),
    ),
    _line(
        "list_slice", (ITEMS, BIGINT, BIGINT, BIGINT), ITEMS, lists.slice_,
        "Every so many-th item; negative: backwards", "list_slice([4, 5, 6], 1, 3, 2)", "[4, 6]", raises=True,
        aliases=("array_slice",),
    ),
    _line(
        "list_reverse", (ITEMS,), ITEMS, lists.reverse, "The items in reverse order", "list_reverse([3, NULL, 1])",
        "[1, NULL, 3]", aliases=("array_reverse",),
    ),
    _line(
        "list_where", (ITEMS, list_of(BOOLEAN)), ITEMS, lists.where, "The items whose partner is true",
        "list_where([1, 2, 3], [true, false, true])", "[1, 3]", raises=True, aliases=("array_where",),
    ),
    _line(
        "list_select", (ITEMS, list_of(BIGINT)), ITEMS, lists.select, "The items at these positions",
        "list_select([10, 20, 30], [3, 1])", "[30, 10]", raises=True, aliases=("array_select",),
    ),
)  # fmt: skip

_SEARCH = (
    _line(
        "list_contains", (ITEMS, "T"), BOOLEAN, list_search.contains, "Is the item in the list?",
        "list_contains([1, 2, NULL], 2)", "true", aliases=(*_array_names("list_has"), "array_contains", "contains"),
    ),
    _line(
        "list_position", (ITEMS, "T"), INTEGER, list_search.position,
        "Where the item first is (1-based); NULL: nowhere", "list_position([1, 2, NULL], 2)", "2", strict=False,
        aliases=("array_position", *_array_names("list_indexof")),
    ),
    _line(
        "list_has_any", (ITEMS, ITEMS), BOOLEAN, list_search.has_any, "Have the lists an item in common?",
        "list_has_any([1, 2], [2, 3])", "true", aliases=("array_has_any", "&&"),
    ),
    _line(
        "list_has_all", (ITEMS, ITEMS), BOOLEAN, list_search.has_all,
        "Are all items of the second list in the first?", "list_has_all([1, 2, 3], [2, 3])", "true",
        aliases=("array_has_all", "@>"),
    ),
    _line("<@", (ITEMS, ITEMS), BOOLEAN, list_search.within_all, "Are all items of the first list in the second?"),
    _line(
        "list_intersect", (ITEMS, ITEMS), ITEMS, list_search.intersect, "The different items that both lists have",
        "list_intersect([1, 2, 2, 3], [2, 5])", "[2]", strict=False, aliases=("array_intersect",),
    ),
    _line(
        "list_distinct", (ITEMS,), ITEMS, list_search.distinct, "The different items, without NULL",
        "list_distinct([1, 1, NULL])", "[1]", aliases=("array_distinct",),
    ),
    _line(
        "list_unique", (ITEMS,), UBIGINT, list_search.unique_count, "How many different items",
        "list_unique([1, 1, NULL, 2])", "2", aliases=("array_unique",),
    ),
    _line(
        "list_sort", (ITEMS,), ITEMS, list_search.sort, "The items in order, NULLs last",
        "list_sort([3, 1, NULL, 2])", "[1, 2, 3, NULL]", aliases=("array_sort",),
    ),
    _line(
        "list_sort", (ITEMS, VARCHAR), ITEMS, list_search.sort, "The items in order, ASC or DESC",
        "list_sort([3, 1, 2], 'DESC')", "[3, 2, 1]", raises=True, aliases=("array_sort",),
    ),
    _line(
        "list_sort", (ITEMS, VARCHAR, VARCHAR), ITEMS, list_search.sort,
        "The items in order, with the place of NULLs", "list_sort([3, 1, NULL], 'DESC', 'NULLS FIRST')",
        "[NULL, 3, 1]", raises=True, aliases=("array_sort",),
    ),
    _line(
        "list_reverse_sort", (ITEMS,), ITEMS, list_search.reverse_sort, "The items in descending order, NULLs last",
        "list_reverse_sort([3, 1, NULL, 2])", "[3, 2, 1, NULL]", aliases=("array_reverse_sort",),
    ),
    _line(
        "list_reverse_sort", (ITEMS, VARCHAR), ITEMS, list_search.reverse_sort,
        "The items in descending order, with the place of NULLs", "list_reverse_sort([3, NULL, 2], 'NULLS FIRST')",
        "[NULL, 3, 2]", raises=True, aliases=("array_reverse_sort",),
    ),
    _line(
        "list_grade_up", (ITEMS,), list_of(BIGINT), list_search.grade_up,
        "The positions of the items in sorted order", "list_grade_up([3, 1, NULL, 2])", "[2, 4, 1, 3]",
        aliases=("array_grade_up", "grade_up"),
    ),
)  # fmt: skip


def _texts_and_separator(arguments: Types) -> tuple[Types, SqlType] | None:
    """A list of anything as texts."""
    if not arguments or arguments[0].kind not in ("LIST", "NULL"):
        return None
    return (list_of(VARCHAR), *[VARCHAR] * (len(arguments) - 1)), VARCHAR


def _items_where(test: Callable[[SqlType], bool], returns: Any) -> Callable[[Types], tuple[Types, SqlType] | None]:
    """A list whose items pass a test."""

    def resolve(arguments: Types) -> tuple[Types, SqlType] | None:
        item = arguments[0].element
        if arguments[0].kind != "LIST" or item is None or not (item == NULL or test(item)):
            return None
        if item == NULL:
            item = DOUBLE if test(DOUBLE) else INTEGER if test(INTEGER) else BOOLEAN
        parameters = (list_of(item),)
        return parameters, returns if isinstance(returns, SqlType) else returns(parameters)

    return resolve


def _item(arguments: Types) -> SqlType:
    return arguments[0].element or NULL


def _aggregate(
    name: str, returns: Any, kernel: Callable[..., Any], example: str, result: str, test: Any = None
) -> Function:
    """list_<name>: an aggregate of the items of each list."""
    return _line(
        f"list_{name}", (ITEMS,), returns, kernel, f"{name} of the items of each list",
        f"list_{name}({example})" if example else "", result,
        strict=False, resolve=None if test is None else _items_where(test, returns), aliases=(f"array_{name}",),
    )  # fmt: skip


def _number(t: SqlType) -> bool:
    return t.is_numeric


def _addable(t: SqlType) -> bool:
    return t.is_numeric or t == BOOLEAN


def _whole(t: SqlType) -> bool:
    return t.is_integer and t.kind != "HUGEINT"


def _truth(t: SqlType) -> bool:
    return t == BOOLEAN


_AGGREGATES = (
    _aggregate("sum", list_aggregates.sum_type, list_aggregates.sum_, "[1, 2, NULL]", "3", _addable),
    _aggregate("avg", DOUBLE, list_aggregates.average, "[1, 2, NULL]", "1.5", _number),
    _aggregate("mean", DOUBLE, list_aggregates.average, "", "", _number),
    _aggregate("min", "T", list_aggregates.least, "[2, 1]", "1"),
    _aggregate("max", "T", list_aggregates.greatest, "['a', 'b']", "b"),
    _aggregate("count", BIGINT, list_aggregates.count, "[1, NULL]", "1"),
    _aggregate("first", "T", list_aggregates.first, "[1, NULL]", "1"),
    _aggregate("last", "T", list_aggregates.last, "[1, 2]", "2"),
    _aggregate("any_value", "T", list_aggregates.any_value, "[NULL, 1]", "1"),
    _aggregate("product", DOUBLE, list_aggregates.product, "[2, 3]", "6.0", _number),
    _aggregate("median", list_aggregates.median_type, list_aggregates.median, "[1, 2, 3, 4]", "2.5"),
    _aggregate("mode", "T", list_aggregates.mode, "[1, 2, 2]", "2"),
    _aggregate("var_pop", DOUBLE, list_aggregates.var_pop, "[1, 2]", "0.25", _number),
    _aggregate("var_samp", DOUBLE, list_aggregates.var_samp, "[1, 2, 3]", "1.0", _number),
    _aggregate("variance", DOUBLE, list_aggregates.var_samp, "", "", _number),
    _aggregate("stddev_pop", DOUBLE, list_aggregates.stddev_pop, "[1, 2]", "0.5", _number),
    _aggregate("stddev_samp", DOUBLE, list_aggregates.stddev_samp, "[1, 2, 3]", "1.0", _number),
    _aggregate("stddev", DOUBLE, list_aggregates.stddev_samp, "", "", _number),
    _aggregate("bool_and", BOOLEAN, list_aggregates.bool_and, "[true, false]", "false", _truth),
    _aggregate("bool_or", BOOLEAN, list_aggregates.bool_or, "[true, false]", "true", _truth),
    _aggregate("bit_and", _item, list_aggregates.bit_and, "[1, 3]", "1", _whole),
    _aggregate("bit_or", _item, list_aggregates.bit_or, "[1, 2]", "3", _whole),
    _aggregate("bit_xor", _item, list_aggregates.bit_xor, "[1, 3]", "2", _whole),
    _aggregate("entropy", DOUBLE, list_aggregates.entropy, "[1, 2]", "1.0"),
    _aggregate("approx_count_distinct", BIGINT, list_aggregates.distinct_count, "[1, 1, 2]", "2"),
    _aggregate("histogram", lambda a: map_of(_item(a), UBIGINT), list_aggregates.histogram, "[1, 2, 2]", "{1=1, 2=2}"),
    _line(
        "list_string_agg", (ITEMS,), VARCHAR, lists.aggregate_join, "The items as one text with commas",
        "list_string_agg(['a', 'b'])", "a,b", resolve=_texts_and_separator,
    ),
    _line(
        "list_string_agg", (ITEMS, VARCHAR), VARCHAR, lists.aggregate_join, "The items as one text with a separator",
        resolve=_texts_and_separator,
    ),
    _line(
        "array_to_string", (ITEMS, VARCHAR), VARCHAR, lists.join, "The items as one text with a separator",
        "array_to_string([1, NULL, 2], '-')", "1-2", strict=False, resolve=_texts_and_separator,
    ),
)  # fmt: skip


def _vectors(name: str, kernel: Callable[..., Any], doc: str, result: str, *aliases: str) -> tuple[Function, ...]:
    """A function of two lists of numbers."""
    names = (*_array_names(*aliases), name.replace("list_", "array_", 1))
    return (
        _line(
            name,
            (list_of(DOUBLE),) * 2,
            DOUBLE,
            kernel,
            doc,
            f"{name}([1, 2], [3, 4])",
            result,
            raises=True,
            aliases=names,
        ),
        _line(name, (list_of(FLOAT),) * 2, FLOAT, kernel, doc, raises=True, aliases=names),
    )


_VECTORS = (
    *_vectors("list_dot_product", list_aggregates.dot_product, "Sum of the products", "11.0", "list_inner_product"),
    *_vectors(
        "list_negative_dot_product", list_aggregates.negative_dot_product, "Sum of the products, negative", "-11.0",
        "list_negative_inner_product",
    ),
    _line("array_cross_product", (array_of(DOUBLE, 3),) * 2, array_of(DOUBLE, 3), list_aggregates.cross_product,
          "Cross product of arrays of three", "array_cross_product([1, 2, 3]::DOUBLE[3], [2, 3, 4]::DOUBLE[3])",
          "[-1.0, 2.0, -1.0]", raises=True),
    _line("array_cross_product", (array_of(FLOAT, 3),) * 2, array_of(FLOAT, 3), list_aggregates.cross_product,
          "Cross product of arrays of three", raises=True),
    *_vectors("list_distance", list_aggregates.distance, "Euclidean distance", "2.8284271247461903"),
    *_vectors(
        "list_cosine_similarity", list_aggregates.cosine_similarity, "Cosine of the angle between",
        "0.9838699100999074",
    ),
    *_vectors(
        "list_cosine_distance", list_aggregates.cosine_distance, "1 minus the cosine of the angle between",
        "0.01613008990009257",
    ),
)  # fmt: skip


def _series(
    name: str, numbers: Callable[..., Any], times: Callable[..., Any], zoned: Callable[..., Any], ends: tuple[str, str]
) -> tuple[Function, ...]:
    return (
        _line(name, (BIGINT,), list_of(BIGINT), numbers, "Numbers from 0 on", f"{name}(2)", ends[0], raises=True),
        _line(
            name, (BIGINT, BIGINT), list_of(BIGINT), numbers, "Numbers from a start on", f"{name}(2, 4)", ends[1],
            raises=True,
        ),
        _line(
            name, (BIGINT, BIGINT, BIGINT), list_of(BIGINT), numbers, "Numbers in steps", f"{name}(5, 0, -3)",
            "[5, 2]", raises=True,
        ),
        _line(name, (TIMESTAMP, TIMESTAMP, INTERVAL), list_of(TIMESTAMP), times, "Times in steps", raises=True),
        _line(name, (TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL), list_of(TIMESTAMPTZ), zoned, "Times in steps", raises=True),
    )  # fmt: skip


_SERIES = (
    *_series("range", series.range_, series.time_range, series.zoned_range, ("[0, 1]", "[2, 3]")),
    *_series(
        "generate_series", series.generate_series, series.time_series, series.zoned_series, ("[0, 1, 2]", "[2, 3, 4]")
    ),
)


LISTING: tuple[Function, ...] = (
    *_BUILD,
    *_PIECES,
    *_SEARCH,
    *_AGGREGATES,
    *_VECTORS,
    *_SERIES,
)
