"""Random window calls, for property tests: functions, frames, orders over the columns of `query_grammar.COLUMNS`.

Windows are ordered by `n`, a column without two equal values, where a function depends on the order of rows, so that
other engines have one right answer, too.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from tests.query_grammar import tables

# Any order will do: peers are treated alike.
UNORDERED = [
    "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "count(*)", "count(s)", "count(DISTINCT g)", "sum(i)",
    "sum(k)", "sum(m)", "avg(i)", "min(i)", "max(s)", "min(x)", "max(x)", "max(d)", "min(t)", "bool_and(b)",
    "bool_or(b)", "bit_xor(k)", "median(i)", "quantile_cont(i, 0.25)", "quantile_disc(i, 0.7)", "sum(DISTINCT i)",
    "sum(i) FILTER (WHERE b)", "count(*) FILTER (WHERE i > 0)", "min(m) FILTER (WHERE g = 'red')", "avg(m)",
    "max(b)", "quantile_disc(i, [0.2, 0.8])", "median(m)", "count(DISTINCT i) FILTER (WHERE b)",
]  # fmt: skip
# A total order gives one answer.
ORDERED = [
    "row_number()", "ntile(3)", "ntile(1)", "lag(s)", "lag(i, 2)", "lag(i, 1, -1)", "lead(d)", "lead(m, 3)",
    "lead(s, 1, 'none')", "lag(i IGNORE NULLS)", "lead(s, 2, 'none' IGNORE NULLS)", "first_value(s)", "last_value(i)",
    "nth_value(x, 2)", "first_value(i IGNORE NULLS)", "last_value(s IGNORE NULLS)", "nth_value(i, 2 IGNORE NULLS)",
    "string_agg(s, '|')", "list(i)", "first(i)", "last(s)", "any_value(d)", "arg_min(s, i)", "arg_max(n, s)",
    "list(DISTINCT i ORDER BY i)", "list(i ORDER BY n DESC)", "first_value(s ORDER BY i, n)",
    "last_value(s ORDER BY g, n)", "nth_value(n, 2 ORDER BY s, n)", "lag(i, n)", "lead(n, i)",
    "rank(ORDER BY g)", "row_number(ORDER BY s, n)", "lag(n, 1 ORDER BY i, n)", "lead(n, 2, -1 ORDER BY s DESC, n)",
    "cume_dist(ORDER BY k)", "any_value(s ORDER BY n DESC)", "mode(g)",
]  # fmt: skip
_NO_EXCLUDE = ("ORDER BY g)", "row_number(ORDER", "cume_dist(ORDER", "mode(")


@st.composite
def window_tables(draw: st.DrawFn) -> pa.Table:
    """As `tables`, with `n`: a number for each row, none twice, in no order."""
    table = draw(tables(odd=False))
    numbers = draw(st.permutations(range(table.num_rows)))
    return table.append_column("n", pa.array(numbers, pa.int64()))


@st.composite
def window_calls(draw: st.DrawFn) -> str:
    """`function OVER (...)`."""

    def pick(*options: Any) -> Any:
        return draw(st.sampled_from(options))

    ordered = pick(True, False)
    call = pick(*(ORDERED if ordered else UNORDERED))
    partition = pick("", "PARTITION BY g ", "PARTITION BY g, b ", "PARTITION BY i % 3 ")
    side = pick("", " DESC", " NULLS FIRST", " DESC NULLS FIRST")
    unit = pick("", "ROWS", "ROWS", "RANGE", "GROUPS")
    key = "n" if ordered and unit != "RANGE" else pick("n", "i", "g", "d", "k, g")
    if ordered:
        key = "n" if unit in ("RANGE", "") else f"{key}"
    if not unit:
        order = pick("", f"ORDER BY {key}{side} ") if not ordered else f"ORDER BY {key}{side} "
        return f"{call} OVER ({partition}{order})"
    if not ordered and unit == "ROWS":
        key = "n"
    if unit == "RANGE" and "," in key:
        key = "i"
    frame = _frame(pick, unit, "INTERVAL 400 DAYS" if key == "d" else None, key in ("n", "i", "d", "k, g"))
    exclude = pick("", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS")
    if any(x in call for x in _NO_EXCLUDE):
        exclude = ""
    return f"{call} OVER ({partition}ORDER BY {key}{side} {unit} {frame}{exclude})"


def _frame(pick: Any, unit: str, offset: str | None, numeric: bool) -> str:
    def bound(side: str) -> str:
        n = offset if unit == "RANGE" and offset else pick("0", "1", "2", "5", "n % 3" if unit == "ROWS" else "3")
        return f"{n} {side}"

    starts = ["UNBOUNDED PRECEDING", "CURRENT ROW"]
    ends = ["CURRENT ROW", "UNBOUNDED FOLLOWING"]
    if numeric or unit != "RANGE":
        starts += [bound("PRECEDING"), bound("PRECEDING"), bound("FOLLOWING")]
        ends += [bound("FOLLOWING"), bound("FOLLOWING"), bound("PRECEDING")]
    start, end = pick(*starts), pick(*ends)
    if start == "CURRENT ROW" and end.endswith("PRECEDING"):
        end = "CURRENT ROW"
    if start.endswith("FOLLOWING") and not end.endswith("FOLLOWING"):
        end = "UNBOUNDED FOLLOWING"
    return f"BETWEEN {start} AND {end}"


@st.composite
def window_queries(draw: st.DrawFn) -> str:
    """A query over table `t` with window calls, and `n` to tell the rows apart."""
    calls = draw(st.lists(window_calls(), min_size=1, max_size=3))
    where = draw(st.sampled_from(["", "", " WHERE i > 0 OR i IS NULL"]))
    return "SELECT n, " + ", ".join(f"{c} AS c{j}" for j, c in enumerate(calls)) + f" FROM t{where}"
