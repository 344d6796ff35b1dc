"""Which arguments of sqlglot's nodes the binder of expressions reads.

What else is set on a node would be ignored, so it is refused instead.
"""

from __future__ import annotations

from sqlglot import exp

ALWAYS = frozenset({"this", "expression", "expressions"})
ARGUMENTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Column: frozenset({"table", "db", "catalog"}), exp.Literal: frozenset({"is_string"}),
    exp.Identifier: frozenset({"quoted"}), exp.Interval: frozenset({"unit", "fraction_in_string"}),
    exp.Div: frozenset({"typed", "safe"}), exp.DPipe: frozenset({"safe"}),
    exp.Between: frozenset({"low", "high"}), exp.In: frozenset({"query", "unnest", "field"}),
    exp.Like: frozenset({"negate"}), exp.ILike: frozenset({"negate"}), exp.Case: frozenset({"ifs", "default"}),
    exp.If: frozenset({"true", "false"}), exp.Cast: frozenset({"to"}),
    exp.Window: frozenset({"partition_by", "order", "spec", "alias", "over", "first"}),
    exp.TryCast: frozenset({"to", "safe"}),
    exp.Substring: frozenset({"start", "length"}), exp.Trim: frozenset({"position"}),
    exp.StrPosition: frozenset({"substr"}),
    exp.AtTimeZone: frozenset({"zone"}), exp.Anonymous: frozenset({"quoted"}), exp.RegexpLike: frozenset(),
    exp.Array: frozenset({"bracket_notation", "struct_name_inheritance"}), exp.Bracket: frozenset({"offset", "safe"}),
    exp.Comprehension: frozenset({"position", "iterator", "condition"}), exp.Lambda: frozenset({"colon"}),
    exp.Map: frozenset({"keys", "values"}), exp.Overlay: frozenset({"from_", "for_"}),
    exp.Slice: frozenset({"step"}), exp.Null: frozenset(), exp.Alias: frozenset({"alias"}),
    exp.WithinGroup: frozenset(), exp.RawString: frozenset(), exp.HexString: frozenset({"is_integer"}),
}  # fmt: skip
