"""Every aggregate function, one entry per overload."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.coercion import STRING_LITERAL
from velothread.errors import BindError
from velothread.kernels.aggregates import best, extremes, folds, frequencies, moments, quantiles, rows
from velothread.kernels.aggregates.function import AggregateFunction, Resolve, StateFactory
from velothread.kernels.aggregates.state import State
from velothread.kernels.aggregates.wrappers import Distinct
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTERVAL,
    NULL,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UBIGINT,
    UINTEGER,
    VARCHAR,
    SqlType,
    decimal,
    list_of,
    map_of,
)

F = AggregateFunction
Types = tuple[SqlType, ...]


def _state(make: Any) -> StateFactory:
    """A factory for states that need to know nothing of the call."""
    return lambda types, constants, returns: make()


def _integer_sum(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
    return folds.IntegerSum(returns.arrow)


def _integer_average(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
    return folds.IntegerAverage(pa.decimal128(38, types[0].scale))


def _temporal_average(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
    return folds.TemporalAverage(returns.arrow)


def _extreme(largest: bool) -> StateFactory:
    def make(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
        if extremes.fits(returns.arrow):
            return extremes.Extreme(largest, returns.arrow)
        return rows.Chosen("greatest" if largest else "least", returns.arrow)

    return make


def _chosen(choice: rows.Choice) -> StateFactory:
    return lambda types, constants, returns: rows.Chosen(choice, returns.arrow)


def _holistic(computation: rows.Computation, nothing: Any = None, in_any_order: bool = False) -> StateFactory:
    return lambda types, constants, returns: rows.Holistic(computation, returns.arrow, nothing, in_any_order)


def _string_agg(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
    separator = constants[0].as_py() if constants else ","
    return rows.Holistic(rows.joined_text(separator or ""), returns.arrow)


def _variance(name: str, sample: int) -> StateFactory:
    return lambda types, constants, returns: moments.Variance(name, sample)


def _covariance(reading: moments.Reading) -> StateFactory:
    return lambda types, constants, returns: moments.Covariance(reading)


def _bits(ufunc: np.ufunc, initial: int) -> StateFactory:
    return lambda types, constants, returns: folds.Bits(ufunc, initial, returns.arrow)


def _best(greatest: bool, nulls: best.Nulls = "skip") -> StateFactory:
    def make(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
        count = _positive(constants[0], "the number of rows to keep") if constants else None
        return best.Best(greatest, count, nulls, returns.arrow)

    return make


def _most_frequent(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
    return rows.Holistic(frequencies.most_frequent(_positive(constants[0], "k")), returns.arrow)


def _positive(constant: pa.Scalar, what: str) -> int:
    count = constant.as_py()
    if count is None or count <= 0:
        raise BindError(f"{what} must be a positive number, not {'NULL' if count is None else count}")
    return int(count)


def _binned(exactly: bool) -> StateFactory:
    def make(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
        bins = constants[0].values if constants[0].is_valid else None
        if bins is None or bins.null_count:
            raise BindError("the bins of a histogram must not be NULL")
        return rows.Holistic(frequencies.binned(bins, exactly), returns.arrow)

    return make


def _quantile(continuous: bool) -> StateFactory:
    def make(types: Types, constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
        given: Any = constants[0].as_py() if constants else 0.5
        as_list = isinstance(given, list)
        fractions = tuple(float("nan") if f is None else float(f) for f in (given if as_list else [given]))
        for fraction in fractions:
            if not -1.0 <= fraction <= 1.0:
                raise BindError(
                    f"a quantile must be between -1 and 1, not {fraction}",
                    hint="0.5 is the median, 0.99 the 99th percentile",
                )
        interpolated = continuous and types[0] != VARCHAR
        return rows.Holistic(quantiles.quantiles(fractions, interpolated, as_list), returns.arrow, in_any_order=True)

    return make


def _quantile_types(continuous: bool, fixed: bool) -> Resolve:
    """The types of quantile(x[, fraction or list of fractions])."""

    def resolve(arguments: Types) -> tuple[Types, SqlType] | None:
        if len(arguments) != (1 if fixed else 2):
            return None
        value = VARCHAR if arguments[0] == STRING_LITERAL else arguments[0]
        if continuous:
            if value == NULL or value.is_integer:
                value, result = DOUBLE, DOUBLE
            elif value.is_float or value.kind in ("DECIMAL", "VARCHAR"):
                result = value
            elif value.is_temporal:
                result = TIMESTAMP if value == DATE else value
            else:
                return None
        else:
            result = value
        if fixed:
            return (value,), result
        if arguments[1].kind == "LIST":
            return (value, list_of(DOUBLE)), list_of(result)
        return (value, DOUBLE), result

    return resolve


def _sum_types(arguments: Types) -> tuple[Types, SqlType] | None:
    """sum of integers and booleans is HUGEINT, of DECIMAL(p, s) DECIMAL(38, s)."""
    if len(arguments) != 1:
        return None
    t = BIGINT if arguments[0] == NULL else arguments[0]
    if t.is_integer or t == BOOLEAN:
        return (t,), HUGEINT
    return ((t,), decimal(38, t.scale)) if t.kind == "DECIMAL" else None


def _integer_average_types(arguments: Types) -> tuple[Types, SqlType] | None:
    if len(arguments) == 1 and (arguments[0].is_integer or arguments[0].kind == "DECIMAL" or arguments[0] == BOOLEAN):
        return (arguments[0],), DOUBLE
    return None


def _temporal_average_types(arguments: Types) -> tuple[Types, SqlType] | None:
    if len(arguments) != 1 or arguments[0] not in (DATE, TIME, TIMESTAMP, TIMESTAMPTZ):
        return None
    t = TIMESTAMP if arguments[0] == DATE else arguments[0]
    return (t,), t


def _bit_types(arguments: Types) -> tuple[Types, SqlType] | None:
    if len(arguments) != 1 or not ((arguments[0].is_integer and arguments[0] != HUGEINT) or arguments[0] == NULL):
        return None
    t = BIGINT if arguments[0] == NULL else arguments[0]
    return (t,), t


def _list_types(arguments: Types) -> tuple[Types, SqlType] | None:
    if len(arguments) != 1:
        return None
    t = VARCHAR if arguments[0] == STRING_LITERAL else arguments[0]
    return (t,), list_of(t)


def _by_types(arguments: Types) -> tuple[Types, SqlType] | None:
    """arg_min(x, by): any two types."""
    if len(arguments) != 2:
        return None
    x, by = (VARCHAR if t == STRING_LITERAL else t for t in arguments)
    return (x, by), x


def _best_by_types(arguments: Types) -> tuple[Types, SqlType] | None:
    """arg_min(x, by, n), and min(x, n)."""
    if arguments[-1] != NULL and not arguments[-1].is_integer:
        return None
    given = tuple(VARCHAR if t == STRING_LITERAL else t for t in arguments[:-1])
    return (*given, BIGINT), list_of(given[0])


def _histogram_types(arguments: Types) -> tuple[Types, SqlType] | None:
    """histogram(x) and histogram(x, bins): the keys are of the type of x."""
    value = VARCHAR if arguments[0] == STRING_LITERAL else arguments[0]
    if len(arguments) == 1:
        return (value,), map_of(value, UBIGINT)
    if arguments[1].kind != "LIST" and arguments[1] != NULL:
        return None
    value = DOUBLE if value.kind == "DECIMAL" else value
    return (value, list_of(value)), map_of(value, UBIGINT)


def _deviation_types(arguments: Types) -> tuple[Types, SqlType] | None:
    t = arguments[0]
    if t in (DATE, TIME, TIMESTAMP, TIMESTAMPTZ):
        return (t,), INTERVAL
    if t == FLOAT or t.kind == "DECIMAL":
        return (t,), t
    return ((DOUBLE,), DOUBLE) if t.is_numeric or t == NULL else None


def _same(arguments: Types) -> tuple[Types, SqlType] | None:
    if len(arguments) != 1:
        return None
    t = VARCHAR if arguments[0] == STRING_LITERAL else arguments[0]
    return (t,), t


_TABLE: tuple[AggregateFunction, ...] = (
    F("count", (), BIGINT, _state(folds.Count), "Number of rows (`count(*)`)", "count(*)", "3",
      aliases=("count_star",)),
    F("count", ("any",), BIGINT, _state(folds.Count), "Number of rows where x is not NULL", "count(x)", "3"),
    F("count_if", (BOOLEAN,), HUGEINT, _integer_sum, "Number of rows where the condition is true; NULL of no rows",
      "count_if(x > 1)", "2", aliases=("countif",)),
    F("approx_count_distinct", ("any",), BIGINT, _state(lambda: Distinct(folds.Count, False)),
      "Number of different values, exact",
      "approx_count_distinct(x)", "3"),
    F("sum", ("T",), HUGEINT, _integer_sum, "Exact sum of integers or decimals", "sum(x)", "7", resolve=_sum_types,
      aliases=("sum_no_overflow",)),
    F("sum", (DOUBLE,), DOUBLE, _state(folds.FloatSum), "Sum", "sum(x)", "7.0", exact=False, ordered=True),
    F("avg", ("T",), DOUBLE, _integer_average, "Mean, from the exact sum", "avg(x)", "2.333",
      resolve=_integer_average_types,
      aliases=("mean",)),
    F("avg", ("T",), TIMESTAMP, _temporal_average, "Mean date or time", "avg(x)", "", resolve=_temporal_average_types,
      aliases=("mean",)),
    F("avg", (DOUBLE,), DOUBLE, _state(folds.FloatAverage), "Mean", "avg(x)", "2.333", exact=False, ordered=True,
      aliases=("mean",)),
    F("fsum", (DOUBLE,), DOUBLE, _holistic(rows.exact_float_sum), "Sum without rounding errors", "fsum(x)", "7.0",
      aliases=("kahan_sum", "sumkahan")),
    F("favg", (DOUBLE,), DOUBLE, _holistic(rows.exact_float_mean), "Mean without rounding errors in the sum",
      "favg(x)", "2.333"),
    F("weighted_avg", (DOUBLE, DOUBLE), DOUBLE, _state(moments.WeightedAverage), "Mean of x by weight",
      "weighted_avg(x, x)", "3.0", exact=False, ordered=True, aliases=("wavg",)),
    F("product", (DOUBLE,), DOUBLE, _state(folds.Product), "Product", "product(x)", "8.0", exact=False, ordered=True),
    F("geomean", (DOUBLE,), DOUBLE, _holistic(rows.geometric_mean), "Geometric mean", "geomean(x)", "2.0", ordered=True,
      aliases=("geometric_mean",)),
    F("min", ("T",), "T", _extreme(False), "Least value; NaN is the greatest number", "min(x)", "1", resolve=_same),
    F("max", ("T",), "T", _extreme(True), "Greatest value; NaN is the greatest number", "max(x)", "4", resolve=_same),
    F("any_value", ("T",), "T", _chosen("first"), "First value that is not NULL", "any_value(x)", "1", ordered=True,
      resolve=_same),
    F("first", ("T",), "T", _chosen("first"), "Value of the first row, NULL or not", "first(x)", "1", ordered=True,
      nulls="keep", resolve=_same, aliases=("arbitrary",)),
    F("last", ("T",), "T", _chosen("last"), "Value of the last row, NULL or not", "last(x)", "4", ordered=True,
      nulls="keep",
      resolve=_same),
    F("arg_min", ("any", "any"), "T", _chosen("least"), "x of the row with the least y", "arg_min(x, -x)", "4",
      ordered=True,
      resolve=_by_types, aliases=("argmin", "min_by")),
    F("arg_max", ("any", "any"), "T", _chosen("greatest"), "x of the row with the greatest y", "arg_max(x, -x)", "1",
      ordered=True, resolve=_by_types, aliases=("argmax", "max_by")),
    F("min", ("T", BIGINT), "T[]", _best(False), "The n least values, least first", "min(x, 2)", "[1, 2]",
      ordered=True, constants=1, resolve=_best_by_types),
    F("max", ("T", BIGINT), "T[]", _best(True), "The n greatest values, greatest first", "max(x, 2)", "[4, 2]",
      ordered=True, constants=1, resolve=_best_by_types),
    F("arg_min", ("any", "any", BIGINT), "T[]", _best(False), "x of the n rows with the least y", "arg_min(x, -x, 2)",
      "[4, 2]", ordered=True, constants=1, resolve=_best_by_types, aliases=("argmin", "min_by")),
    F("arg_max", ("any", "any", BIGINT), "T[]", _best(True), "x of the n rows with the greatest y",
      "arg_max(x, -x, 2)", "[1, 2]", ordered=True, constants=1, resolve=_best_by_types, aliases=("argmax", "max_by")),
    F("arg_min_null", ("any", "any"), "T", _best(False), "As arg_min, also where x is NULL", "arg_min_null(x, -x)", "4",
      ordered=True, nulls="keep", resolve=_by_types),
    F("arg_max_null", ("any", "any"), "T", _best(True), "As arg_max, also where x is NULL", "arg_max_null(x, -x)", "1",
      ordered=True, nulls="keep", resolve=_by_types),
    F("arg_min_nulls_last", ("any", "any"), "T", _best(False, "last"), "As arg_min_null; a NULL y comes last",
      "arg_min_nulls_last(x, -x)", "4", ordered=True, nulls="keep", resolve=_by_types),
    F("arg_max_nulls_last", ("any", "any"), "T", _best(True, "last"), "As arg_max_null; a NULL y comes last",
      "arg_max_nulls_last(x, -x)", "1", ordered=True, nulls="keep", resolve=_by_types),
    F("arg_min_nulls_last", ("any", "any", BIGINT), "T[]", _best(False, "last"), "The same of n rows",
      "arg_min_nulls_last(x, -x, 2)", "[4, 2]", ordered=True, nulls="keep", constants=1, resolve=_best_by_types),
    F("arg_max_nulls_last", ("any", "any", BIGINT), "T[]", _best(True, "last"), "The same of n rows",
      "arg_max_nulls_last(x, -x, 2)", "[1, 2]", ordered=True, nulls="keep", constants=1, resolve=_best_by_types),
    F("bool_and", (BOOLEAN,), BOOLEAN, _bits(np.bitwise_and, 1), "Are all true?", "bool_and(x > 0)", "true"),
    F("bool_or", (BOOLEAN,), BOOLEAN, _bits(np.bitwise_or, 0), "Is any true?", "bool_or(x > 3)", "true"),
    F("bit_and", ("T",), "T", _bits(np.bitwise_and, -1), "Bits that all values have", "bit_and(x)", "0",
      resolve=_bit_types),
    F("bit_or", ("T",), "T", _bits(np.bitwise_or, 0), "Bits that any value has", "bit_or(x)", "7", resolve=_bit_types),
    F("bit_xor", ("T",), "T", _bits(np.bitwise_xor, 0), "Bits that an odd number of values have", "bit_xor(x)", "7",
      resolve=_bit_types),
    F("var_samp", (DOUBLE,), DOUBLE, _variance("variance", 1), "Sample variance", "var_samp(x)", "2.333", exact=False,
      ordered=True, aliases=("variance",)),
    F("var_pop", (DOUBLE,), DOUBLE, _variance("variance", 0), "Population variance", "var_pop(x)", "1.556", exact=False,
      ordered=True),
    F("stddev_samp", (DOUBLE,), DOUBLE, _variance("stddev", 1), "Sample standard deviation", "stddev_samp(x)", "1.528",
      exact=False, ordered=True, aliases=("stddev",)),
    F("stddev_pop", (DOUBLE,), DOUBLE, _variance("stddev", 0), "Population standard deviation", "stddev_pop(x)",
      "1.247",
      exact=False, ordered=True),
    F("sem", (DOUBLE,), DOUBLE, _variance("sem", 0), "Standard error of the mean", "sem(x)", "0.72", exact=False,
      ordered=True),
    F("skewness", (DOUBLE,), DOUBLE, lambda t, c, r: moments.PowerSums("skewness"), "Skewness", "skewness(x)", "0.935",
      exact=False, ordered=True),
    F("kurtosis", (DOUBLE,), DOUBLE, lambda t, c, r: moments.PowerSums("kurtosis"),
      "Excess kurtosis, corrected for the sample",
      "kurtosis(x)", "NULL", exact=False, ordered=True),
    F("kurtosis_pop", (DOUBLE,), DOUBLE, lambda t, c, r: moments.PowerSums("kurtosis_pop"), "Excess kurtosis",
      "kurtosis_pop(x)", "-1.5", exact=False, ordered=True),
    F("corr", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.corr), "Correlation", "corr(x, 2 * x)", "1.0", exact=False,
      ordered=True),
    F("covar_pop", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.covar_pop), "Population covariance",
      "covar_pop(x, x)", "1.556",
      exact=False, ordered=True),
    F("covar_samp", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.covar_samp), "Sample covariance",
      "covar_samp(x, x)", "2.333",
      exact=False, ordered=True),
    F("regr_slope", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_slope),
      "Slope of the line through (x, y): regr_slope(y, x)",
      "regr_slope(2 * x, x)", "2.0", exact=False, ordered=True),
    F("regr_intercept", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_intercept), "Where that line crosses x = 0",
      "regr_intercept(2 * x, x)", "0.0", exact=False, ordered=True),
    F("regr_r2", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_r2), "How well that line fits", "regr_r2(x, x)",
      "1.0",
      exact=False, ordered=True),
    F("regr_count", (DOUBLE, DOUBLE), UINTEGER, _state(folds.Count), "Number of rows where neither is NULL",
      "regr_count(x, x)", "3"),
    F("regr_avgx", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_avgx), "Mean of x: regr_avgx(y, x)",
      "regr_avgx(2 * x, x)", "2.333", exact=False, ordered=True),
    F("regr_avgy", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_avgy), "Mean of y: regr_avgy(y, x)",
      "regr_avgy(2 * x, x)", "4.667", exact=False, ordered=True),
    F("regr_sxx", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_sxx), "Sum of squared deviations of x",
      "regr_sxx(2 * x, x)", "4.667", exact=False, ordered=True),
    F("regr_syy", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_syy), "Sum of squared deviations of y",
      "regr_syy(2 * x, x)", "18.667", exact=False, ordered=True),
    F("regr_sxy", (DOUBLE, DOUBLE), DOUBLE, _covariance(moments.regr_sxy), "Sum of products of both deviations",
      "regr_sxy(2 * x, x)", "9.333", exact=False, ordered=True),
    F("median", ("T",), DOUBLE, _quantile(True), "Middle value, interpolated", "median(x)", "2.0",
      resolve=_quantile_types(True, True)),
    F("quantile_cont", ("T", DOUBLE), DOUBLE, _quantile(True), "Interpolated quantile, or a list of them",
      "quantile_cont(x, 0.25)", "1.5", constants=1, resolve=_quantile_types(True, False), aliases=("percentile_cont",)),
    F("quantile_disc", ("T", DOUBLE), "T", _quantile(False), "Quantile that is one of the values, or a list of them",
      "quantile_disc(x, 0.5)", "2", constants=1, resolve=_quantile_types(False, False),
      aliases=("quantile", "percentile_disc", "approx_quantile", "reservoir_quantile")),
    F("mad", ("T",), DOUBLE, _holistic(quantiles.median_deviation, in_any_order=True),
      "Median distance from the median", "mad(x)", "1.0", resolve=_deviation_types),
    F("mode", ("T",), "T", _holistic(frequencies.mode), "Most frequent value; the first of several", "mode(x)", "1",
      ordered=True,
      resolve=_same),
    F("entropy", ("any",), DOUBLE, _holistic(frequencies.entropy, 0.0), "Entropy of the frequencies, in bits",
      "entropy(x)", "1.585"),
    F("approx_top_k", ("T", BIGINT), "T[]", _most_frequent, "The k most frequent values, exact", "approx_top_k(x, 2)",
      "[1, 2]", ordered=True, constants=1, resolve=_best_by_types),
    F("histogram", ("T",), HUGEINT, _holistic(frequencies.histogram), "Number of rows of each value",
      "histogram(x)", "{1=1, 2=1, 4=1}", resolve=_histogram_types),
    F("histogram", ("T", "list"), HUGEINT, _binned(False), "Number of rows up to each upper bound",
      "histogram(x, [1, 4])", "{1=1, 4=2}", constants=1, resolve=_histogram_types),
    F("histogram_exact", ("T", "list"), HUGEINT, _binned(True), "Number of rows equal to each of these",
      "histogram_exact(x, [1, 2, 4])", "{1=1, 2=1, 4=1}", constants=1, resolve=_histogram_types),
    F("string_agg", (VARCHAR,), VARCHAR, _string_agg, "Values joined by commas", "string_agg(x::VARCHAR)", "1,2,4",
      ordered=True, aliases=("group_concat", "listagg")),
    F("string_agg", (VARCHAR, VARCHAR), VARCHAR, _string_agg, "Values joined by a separator",
      "string_agg(x::VARCHAR, '-')",
      "1-2-4", ordered=True, constants=1, aliases=("group_concat", "listagg")),
    F("list", ("T",), "T[]", _holistic(rows.lists), "All values, NULLs included", "list(x)", "[1, 2, 4]", ordered=True,
      nulls="keep", resolve=_list_types, aliases=("array_agg",)),
)  # fmt: skip


def _by_name() -> Mapping[str, tuple[AggregateFunction, ...]]:
    found: dict[str, list[AggregateFunction]] = {}
    for function in _TABLE:
        for name in (function.name, *function.aliases):
            found.setdefault(name, []).append(function)
    return MappingProxyType({name: tuple(overloads) for name, overloads in found.items()})


AGGREGATES: Mapping[str, tuple[AggregateFunction, ...]] = _by_name()
