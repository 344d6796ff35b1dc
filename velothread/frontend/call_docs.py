"""Words on the calls that no table of kernels knows: those with lambdas, over structs, over windows, and the like.

`tools/function_docs.py` puts them beside the tables into docs/functions.md; a test runs the examples.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallDoc:
    """A function for readers: how it is called, what it does, an expression and its text."""

    name: str
    signature: str
    doc: str
    example: str = ""
    result: str = ""
    aliases: tuple[str, ...] = ()
    group: str = "generic"


D = CallDoc
_LAMBDAS = (
    D("list_transform", "list_transform(list, lambda x[, i]: ...)", "What the lambda makes of each item",
      "list_transform([1, 2], lambda x: x * 10)", "[10, 20]",
      ("list_apply", "array_transform", "array_apply"), "lambda"),
    D("list_filter", "list_filter(list, lambda x[, i]: ...)", "The items for which the lambda is true",
      "list_filter([1, 2, 3], lambda x: x > 1)", "[2, 3]", ("array_filter", "filter"), "lambda"),
    D("list_reduce", "list_reduce(list, lambda a, x[, i]: ...[, start])",
      "The lambda over what there is so far and the next item, from the first item or a start on",
      "list_reduce([1, 2, 3], lambda a, x: a + x, 10)", "16", ("array_reduce", "reduce"), "lambda"),
    D("[... for ... in ...]", "[f(x) for x in list if g(x)]", "list_transform of list_filter",
      "[x * 2 for x in [1, 2, 3] if x > 1]", "[4, 6]", group="lambda"),
    D("list_aggregate", "list_aggregate(list, name, ...)", "An aggregate, by name, of the items",
      "list_aggregate([1, 2, 4], 'sum')", "7", ("list_aggr", "array_aggregate", "array_aggr", "aggregate"), "list"),
    D("unnest", "unnest(list or struct[, recursive := true][, max_depth := n])",
      "A row for each item of a list, a column for each field of a struct", group="list"),
)  # fmt: skip

_STRUCTS = (
    D("struct_pack", "struct_pack(name := value, ...)", "A struct", "struct_pack(a := 1, b := 'x')", "{'a': 1, 'b': x}",
      group="struct"),
    D("row", "row(value, ...)", "A struct without names; (1, 2) is one, too", "row(1, 'x')", "(1, x)", group="struct"),
    D("struct_extract", "struct_extract(struct, name or number)", "A field; s.name is the same",
      "struct_extract({'a': 1}, 'a')", "1", ("array_extract",), "struct"),
    D("struct_extract_at", "struct_extract_at(struct, number)", "A field by its number, from 1",
      "struct_extract_at({'a': 1, 'b': 2}, 2)", "2", group="struct"),
    D("struct_insert", "struct_insert(struct, name := value, ...)", "A struct with further fields",
      "struct_insert({'a': 1}, b := 2)", "{'a': 1, 'b': 2}", group="struct"),
    D("struct_update", "struct_update(struct, name := value, ...)", "A struct with fields changed or added",
      "struct_update({'a': 1}, a := 'x')", "{'a': x}", group="struct"),
    D("struct_concat", "struct_concat(struct, ...)", "The fields of all structs", "struct_concat({'a': 1}, {'b': 2})",
      "{'a': 1, 'b': 2}", group="struct"),
    D("struct_keys", "struct_keys(struct)", "The names of the fields", "struct_keys({'a': 1, 'b': 2})", "[a, b]",
      group="struct"),
    D("struct_values", "struct_values(struct)", "The fields without their names", "struct_values({'a': 1, 'b': 2})",
      "(1, 2)", group="struct"),
    D("struct_position", "struct_position(row, value)", "Which field of a struct without names is the value, from 1",
      "struct_position(row(7, 2, 5), 2)", "2", ("struct_indexof",), "struct"),
    D("struct_contains", "struct_contains(row, value)", "Is the value a field of a struct without names?",
      "struct_contains(row(7, 2, 5), 3)", "false", ("struct_has",), "struct"),
    D("remap_struct", "remap_struct(value, NULL::type, mapping, defaults)",
      "A nested value in another type: fields taken by `mapping` (new name to old name), else from `defaults`",
      "remap_struct({'i': 1}, NULL::STRUCT(a INT, b INT), {'a': 'i'}, {'b': 0})", "{'a': 1, 'b': 0}", group="struct"),
    D("replace_type", "replace_type(value, NULL::type, NULL::type)", "A nested value with one type in it made another",
      "replace_type({'a': [1]}, NULL::INTEGER, NULL::VARCHAR)", "{'a': [1]}", group="struct"),
)  # fmt: skip

_JSON = (
    D("to_json", "to_json(value)", "Any value as JSON", "to_json({'a': [1, NULL]})", '{"a":[1,null]}',
      ("json_quote", "array_to_json", "row_to_json"), "json"),
    D("json_object", "json_object(name, value, ...)", "An object", "json_object('a', 1, 'b', 'x')", '{"a":1,"b":"x"}',
      group="json"),
    D("json_array", "json_array(value, ...)", "An array", "json_array(1, 'x', NULL)", '[1,"x",null]', group="json"),
    D("json_transform", "json_transform(document, structure)",
      "A document as the type that a structure says; what doesn't fit is NULL",
      "json_transform('{\"a\": \"7\"}', '{\"a\": \"INTEGER\"}')", "{'a': 7}", ("from_json",), "json"),
    D("json_transform_strict", "json_transform_strict(document, structure)",
      "json_transform that fails where something doesn't fit", aliases=("from_json_strict",), group="json"),
)  # fmt: skip

_GENERIC = (
    D("nullif", "nullif(a, b)", "NULL where both are equal, else the first", "nullif(1, 2)", "1"),
    D("try", "try(expression)", "NULL where computing the expression fails", "try(CAST('x' AS INTEGER))", "NULL"),
    D("alias", "alias(expression)", "The heading that the expression gets", "alias(1 + 1)", "(1 + 1)"),
    D("can_cast_implicitly", "can_cast_implicitly(a, b)", "Does a value of a's type become one of b's without a CAST?",
      "can_cast_implicitly(1, 2.5::DOUBLE)", "true"),
    D("cast_to_type", "cast_to_type(a, b)", "a in the type of b", "cast_to_type('7', 1) + 1", "8"),
    D("current_setting", "current_setting(name)", "A setting", "current_setting('TimeZone')", "UTC"),
    D("current_query", "current_query()", "The text of the query"),
    D("current_user", "current_user", "The name of the user: velothread", "current_user", "velothread",
      ("session_user", "current_role", "user")),
    D("now", "now()", "The time when the query began, with time zone",
      aliases=("get_current_timestamp", "current_timestamp", "transaction_timestamp"), group="date and time"),
    D("current_localtimestamp", "current_localtimestamp()", "The time when the query began, without time zone",
      group="date and time"),
    D("current_localtime", "current_localtime()", "The time of day when the query began",
      aliases=("get_current_time", "current_time"), group="date and time"),
    D("today", "today()", "The date when the query began", aliases=("current_date",), group="date and time"),
)  # fmt: skip

_WINDOWS = (
    D("row_number", "row_number()", "Number of the row, from 1", group="window"),
    D("rank", "rank()", "Rank with gaps behind equal rows", group="window"),
    D("dense_rank", "dense_rank()", "Rank without gaps", aliases=("rank_dense",), group="window"),
    D("percent_rank", "percent_rank()", "Rank from 0 to 1", group="window"),
    D("cume_dist", "cume_dist()", "Share of the rows up to this one and its equals", group="window"),
    D("ntile", "ntile(n)", "Number of the part, of n equal ones", group="window"),
    D("lag", "lag(x[, n[, default]])", "x of the n-th row before", group="window"),
    D("lead", "lead(x[, n[, default]])", "x of the n-th row after", group="window"),
    D("first_value", "first_value(x)", "x of the first row of the frame", aliases=("first",), group="window"),
    D("last_value", "last_value(x)", "x of the last row of the frame", aliases=("last",), group="window"),
    D("nth_value", "nth_value(x, n)", "x of the n-th row of the frame", group="window"),
    D("fill", "fill(x)", "x, interpolated by the order where it is NULL", group="window"),
)  # fmt: skip

CALL_DOCS: tuple[CallDoc, ...] = (*_LAMBDAS, *_STRUCTS, *_JSON, *_GENERIC, *_WINDOWS)
