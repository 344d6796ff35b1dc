"""ClickHouse: `/` follows the floating-point rules, intDiv does not; -If aggregates; predicates are 1 and 0."""

from __future__ import annotations

from sqlglot import exp

from velothread.frontend.dialect_meaning.formats import CLICKHOUSE
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.shared import MONDAY_BORDERS
from velothread.frontend.dialect_meaning.templates import table

_BASES = {"count": "count", "sum": "sum", "avg": "avg", "min": "min", "max": "max", "any": "first", "uniq": "",
          "uniqExact": "", "median": "median", "stddevSamp": "stddev_samp", "stddevPop": "stddev_pop",
          "varSamp": "var_samp", "varPop": "var_pop"}  # fmt: skip
_IF = "\n".join(
    f"{name}If(x, c) = {ours}(x) FILTER (WHERE c)" if ours else f"{name}If(x, c) = count(DISTINCT x) FILTER (WHERE c)"
    for name, ours in _BASES.items()
    if name not in ("count", "sum", "avg")
)
_STARTS = "\n".join(
    f'toStartOf{u.title()}(d) = CAST(date_trunc(\'{u}\', "time of"(d)) AS {t})'
    for u, t in (("year", "DATE"), ("quarter", "DATE"), ("month", "DATE"), ("day", "TIMESTAMP"), ("hour", "TIMESTAMP"),
                 ("minute", "TIMESTAMP"), ("second", "TIMESTAMP"))
)  # fmt: skip
_ADD = "\n".join(
    f"{w}{u.title()}s(d, n) = \"date plus\"('{u}', {s}, d)"
    for w, s in (("add", "n"), ("subtract", "-(n)"))
    for u in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
)
_CASTS = "\n".join(
    f'to{name}(x) = CAST("whole, cut"(x) AS {ours})\nto{name}OrNull(x) = TRY_CAST(x AS {ours})'
    f"\nto{name}OrZero(x) = coalesce(TRY_CAST(x AS {ours}), 0)"
    for name, ours in (("Int8", "TINYINT"), ("Int16", "SMALLINT"), ("Int32", "INTEGER"), ("Int64", "BIGINT"),
                       ("UInt8", "UTINYINT"), ("UInt16", "USMALLINT"), ("UInt32", "UINTEGER"), ("UInt64", "UBIGINT"))
)  # fmt: skip
_CALLS = table(_IF, _STARTS, _ADD, _CASTS, """
divide(a, b) = CAST(a AS DOUBLE) / b
intDiv(a, b) = "div, error"(a, b)
intDivOrZero(a, b) = CASE WHEN b = 0 THEN 0 ELSE "div, error"(a, b) END
modulo(a, b) = "mod, error"(a, b)
mod(a, b) = "mod, error"(a, b)
plus(a, b) = a + b
minus(a, b) = a - b
multiply(a, b) = a * b
negate(a) = -(a)
round(x) = "round, even"(x)
round(x, n) = "round, even"(x, n)
trunc(...)
truncate(...) = trunc
log(x) = ln(x)
log2(...)
log10(...)
cbrt(...)
greatest(...)
least(...)
equals(a, b) = a = b
notEquals(a, b) = a <> b
less(a, b) = a < b
greater(a, b) = a > b
lessOrEquals(a, b) = a <= b
greaterOrEquals(a, b) = a >= b
not(a) = NOT a
like(s, p) = s LIKE p ESCAPE '\\'
notLike(s, p) = NOT (s LIKE p ESCAPE '\\')
ilike(s, p) = s ILIKE p
isNull(x) = x IS NULL
isNotNull(x) = x IS NOT NULL
ifNull(a, b) = coalesce(a, b)
assumeNotNull(x) = x
toNullable(x) = x
if(c, a, b) = CASE WHEN c THEN a ELSE b END
multiIf(...) = @multi_if
length(s) = CASE WHEN typeof(s) = 'VARCHAR' THEN octet_length(encode(CAST(s AS VARCHAR))) ELSE len(s) END
lengthUTF8(s) = length(s)
empty(s) = len(s) = 0
notEmpty(s) = len(s) > 0
lowerUTF8(s) = lower(s)
upperUTF8(s) = upper(s)
substring(s, a) = substring(s, a)
substring(s, a, n) = substring(s, a, n)
substr(s, a, n) = substring(s, a, n)
substringUTF8(s, a) = substring(s, a)
substringUTF8(s, a, n) = substring(s, a, n)
left(...)
right(...)
position(s, t) = strpos(s, t)
concat(...) = @concat_null
concatWithSeparator(...) = @concat_ws_null
startsWith(s, t) = starts_with(s, t)
endsWith(s, t) = ends_with(s, t)
trimBoth(s) = trim(s)
trimLeft(s) = ltrim(s)
trimRight(s) = rtrim(s)
repeat(...)
replaceAll(s, a, b) = replace(s, a, b)
replaceRegexpAll(s, p, r) = regexp_replace(s, p, r, 'g')
replaceRegexpOne(s, p, r) = regexp_replace(s, p, r)
match(s, p) = regexp_matches(s, p)
extract(s, p) = regexp_extract(s, p, CASE WHEN regexp_matches(p, '(^|[^\\\\])[(]([^?]|$)') THEN 1 ELSE 0 END)
splitByChar(d, s) = string_split(s, d)
splitByString(d, s) = string_split(s, d)
toString(x) = CAST(x AS VARCHAR)
toFloat32(x) = CAST(x AS FLOAT)
toFloat64(x) = CAST(x AS DOUBLE)
toDate(x) = CAST(x AS DATE)
toDateTime(x) = CAST(x AS TIMESTAMP)
toDateOrNull(x) = TRY_CAST(x AS DATE)
now() = current_localtimestamp()
today() = current_date
yesterday() = current_date - 1
toYear(d) = year("time of"(d))
toQuarter(d) = quarter("time of"(d))
toMonth(d) = month("time of"(d))
toDayOfMonth(d) = day("time of"(d))
toDayOfWeek(d) = isodow("time of"(d))
toDayOfYear(d) = dayofyear("time of"(d))
toISOWeek(d) = weekofyear("time of"(d))
toISOYear(d) = isoyear("time of"(d))
toWeek(d) = CAST(strftime("time of"(d), '%U') AS INTEGER)
toHour(d) = hour("time of"(d))
toMinute(d) = minute("time of"(d))
toSecond(d) = second("time of"(d))
toYYYYMM(d) = year("time of"(d)) * 100 + month("time of"(d))
toYYYYMMDD(d) = year("time of"(d)) * 10000 + month("time of"(d)) * 100 + day("time of"(d))
toUnixTimestamp(d) = CAST(epoch("time of"(d)) AS BIGINT)
toMonday(d) = CAST(date_trunc('week', "time of"(d)) AS DATE)
toLastDayOfMonth(d) = last_day("time of"(d))
date_trunc(unit, d) = date_trunc(unit, "time of"(d))
dateTrunc(unit, d) = date_trunc(unit, "time of"(d))
dateDiff(unit, a, b) = <borders>
date_diff(unit, a, b) = <borders>
dateAdd(unit, n, d) = "date plus"(unit, n, d)
date_add(unit, n, d) = "date plus"(unit, n, d)
dateSub(unit, n, d) = "date plus"(unit, -(n), d)
date_sub(unit, n, d) = "date plus"(unit, -(n), d)
formatDateTime(d, format) = strftime("time of"(d), format)
parseDateTime(s, format) = strptime(s, format)
count(...) = @count_rows
countIf(c) = count_if(c)
sumIf(x, c) = coalesce(sum("number of"(x)) FILTER (WHERE c), 0)
avgIf(x, c) = avg("number of"(x)) FILTER (WHERE c)
avg(x) = avg("number of"(x))
sum(...)
any(...) = any_value
anyLast(x) = last(x) FILTER (WHERE x IS NOT NULL)
uniq(...) = @count_different
uniqExact(...) = @count_different
uniqCombined(...) = @count_different
uniqHLL12(...) = @count_different
argMax(a, b) = arg_max(a, b)
argMin(a, b) = arg_min(a, b)
groupArray(...) = @collect
groupUniqArray(...) = @collect_set
groupConcat(...) = @joined
groupBitAnd(...) = bit_and
groupBitOr(...) = bit_or
groupBitXor(...) = bit_xor
median(...)
quantile(x) = quantile_cont(x, 0.5)
quantile(x, p) = quantile_cont(x, p)
quantileExact(x) = quantile_disc(x, 0.5)
quantileExact(x, p) = !
quantileExactInclusive(x, p) = quantile_cont(x, p)
stddevSamp(...) = stddev_samp
stddevPop(...) = stddev_pop
varSamp(...) = var_samp
varPop(...) = var_pop
corr(...)
covarSamp(...) = covar_samp
covarPop(...) = covar_pop
array(...) = @array
tuple(...) = row
has(l, x) = CAST(coalesce(list_contains(l, x), false) AS INTEGER)
indexOf(l, x) = coalesce(list_position(l, x), 0)
arrayJoin(...) = @explode
arrayMap(f, l) = list_transform(l, f)
arrayFilter(f, l) = list_filter(l, f)
arraySum(l) = coalesce(list_sum(l), 0)
arrayMin(l) = list_min(l)
arrayMax(l) = list_max(l)
arrayAvg(l) = list_avg(l)
arrayDistinct(l) = list_distinct(list_filter(l, lambda v: v IS NOT NULL))
arraySort(l) = list_sort(l)
arrayReverse(l) = reverse(l)
arrayConcat(...) = list_concat
arrayElement(l, i) = l[i]
arrayStringConcat(l) = array_to_string(l, '')
arrayStringConcat(l, d) = array_to_string(l, d)
range(n) = range(n)
range(a, b) = range(a, b)
arrayUniq(l) = len(list_distinct(l))
arrayExists(f, l) = len(list_filter(l, f)) > 0
arrayCount(f, l) = len(list_filter(l, f))
map(...) = @map_of_pairs
mapKeys(...) = map_keys
mapValues(...) = map_values
toTypeName(...) = !
rowNumberInAllBlocks(...) = !
""".replace("<borders>", MONDAY_BORDERS))  # fmt: skip

MEANING = Meaning(
    "clickhouse", _CALLS, formats=CLICKHOUSE, divide="divide, exact infinite", div="div, error", mod="mod, error",
    predicates_are_numbers=True, whole="cut", strict_text=True, escape="\\", separator="",
    parts={"dayofweek": 'isodow("time of"(d))'},
    types={"INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INTEGER", "INT64": "BIGINT", "UINT8": "UTINYINT",
           "UINT16": "USMALLINT", "UINT32": "UINTEGER", "UINT64": "UBIGINT", "FLOAT32": "FLOAT", "FLOAT64": "DOUBLE",
           "STRING": "VARCHAR", "DATE32": "DATE", "DATETIME": "TIMESTAMP", "BOOL": "BOOLEAN", "DATETIME64": "TIMESTAMP",
           "INT": "INTEGER", "FIXEDSTRING": "VARCHAR"},
    refused=(exp.HexString, exp.BitString, exp.Collate, exp.AtTimeZone),
)  # fmt: skip
