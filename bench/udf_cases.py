"""What bench/udf.py asks of the engines: a function, its columns, and the query over its results."""

from __future__ import annotations

from dataclasses import dataclass, replace

ROWS = 1_000_000
SHARED_ROWS = 200_000  # a shared table can be slow
REQUESTS = 4_000  # calls of an HTTP server take milliseconds each


@dataclass(frozen=True, slots=True)
class Case:
    """One table of the benchmark.

    `form`: "row" (a call per row), "batch" (NumPy arrays), or "async" (a row, but velothread runs udf_async.py's
    coroutine). `grouped`: count by result, in place of count and sum. `module`: where the function is.
    """

    name: str
    title: str
    function: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    returns: str
    form: str = "row"
    grouped: bool = False
    module: str = "udf_functions"

    @property
    def sql(self) -> str:
        """The query, over {t}, with the function as {f}."""
        call = f"{{f}}({', '.join(self.columns)})"
        if self.grouped:
            return f"SELECT {call} AS result, count(*) AS n FROM {{t}} GROUP BY 1"
        return f"SELECT count(*) AS n, sum({call}) AS total FROM {{t}}"

    @property
    def reading(self) -> str:
        """A query that reads the same columns and calls no Python."""
        typed = zip(self.columns, self.types, strict=True)
        sums = ", ".join(f"sum(length({c}))" if type == "VARCHAR" else f"sum({c})" for c, type in typed)
        return f"SELECT count(*) AS n, {sums} FROM {{t}}"


_FEATURES = tuple(f"f{i}" for i in range(1, 7))
_RIDE = ("distance", "minutes", "passengers")
_RIDE_TYPES = ("DOUBLE", "DOUBLE", "BIGINT")

SCORE = Case("score", "text scoring", "score", ("review",), ("VARCHAR",), "BIGINT")
FARE = Case("fare", "arithmetic with branches", "fare", _RIDE, _RIDE_TYPES, "DOUBLE")
MARGIN = Case("margin", "arithmetic, one expression", "margin", _RIDE, _RIDE_TYPES, "DOUBLE")
TARIFF = Case("tariff", "a global table", "tariff", ("zone", "distance"), ("VARCHAR", "DOUBLE"), "DOUBLE")
ENDPOINT = Case("endpoint", "a regular expression", "endpoint", ("line",), ("VARCHAR",), "VARCHAR", grouped=True)
PREDICT = Case("predict", "a logistic model, by row", "predict", _FEATURES, ("DOUBLE",) * 6, "DOUBLE")
FARE_BATCH = replace(FARE, name="fare-batch", title="arithmetic in NumPy, by batch", form="batch", module="udf_batches")
PREDICT_BATCH = replace(
    PREDICT, name="predict-batch", title="a logistic model in NumPy, by batch", form="batch", module="udf_batches"
)
ASK = Case("ask", "an HTTP request a row", "ask", ("id",), ("BIGINT",), "BIGINT", "async")

CASES = (SCORE, FARE, FARE_BATCH, TARIFF, ENDPOINT, PREDICT, PREDICT_BATCH, ASK)
FORMS = (MARGIN, FARE, TARIFF, PREDICT, SCORE, ENDPOINT)  # of `--forms`: those that could be lifted or inlined first
SHARED = tuple(  # of `--shared`
    Case(name, "a global table", name, ("zone",), ("VARCHAR",), "DOUBLE", module="udf_shared")
    for name in ("by_get", "by_subscript", "interned_get", "interned_subscript")
)
BY_NAME = {case.name: case for case in (*CASES, MARGIN, *SHARED)}
