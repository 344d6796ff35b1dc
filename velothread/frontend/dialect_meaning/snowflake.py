"""Snowflake: fractions from `/`, zero is an error; NULLs sort as the largest; lists count from 0; RLIKE is whole."""

from __future__ import annotations

from velothread.frontend.dialect_meaning.formats import SNOWFLAKE
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.shared import MONDAY_BORDERS
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table(
    """
mod(a, b) = "mod, error"(a, b)
div0(a, b) = CASE WHEN b = 0 THEN 0 ELSE a / b END
div0null(a, b) = CASE WHEN b IS NULL OR b = 0 THEN 0 ELSE a / b END
trunc(x) = trunc(x)
trunc(x, n) = trunc(x, n)
truncate(x) = trunc(x)
truncate(x, n) = trunc(x, n)
log(b, x) = ln(x) / ln(b)
cbrt(...)
square(x) = x * x
length(s) = length(s)
len(s) = length(s)
octet_length(s) = octet_length(encode(s))
left(s, n) = left(s, greatest(n, 0))
right(s, n) = right(s, greatest(n, 0))
lpad(s, n, p) = lpad(s, n, p)
rpad(s, n, p) = rpad(s, n, p)
trim(s, c) = trim(s, c)
ltrim(s, c) = ltrim(s, c)
rtrim(s, c) = rtrim(s, c)
substring(s, a) = substring(s, CASE WHEN a = 0 THEN 1 ELSE a END)
substring(s, a, n) = CASE WHEN n <= 0 OR a < -length(s) THEN '' ELSE substring(s, CASE WHEN a = 0 THEN 1 ELSE a \
    END, n) END
substr(s, a) = substring(s, CASE WHEN a = 0 THEN 1 ELSE a END)
substr(s, a, n) = CASE WHEN n <= 0 OR a < -length(s) THEN '' ELSE substring(s, CASE WHEN a = 0 THEN 1 ELSE a END, \
    n) END
position(t, s) = strpos(s, t)
charindex(t, s) = strpos(s, t)
contains(s, t) = contains(s, t)
startswith(s, t) = starts_with(s, t)
endswith(s, t) = ends_with(s, t)
concat(...) = @concat_null
concat_ws(...) = @concat_ws_null
repeat(...)
initcap(s) = list_reduce(list_transform(regexp_extract_all(lower(s), '[^\\W_]+|[\\W_]+'), lambda w: upper(left(w, \
    1)) || substring(w, 2)), lambda a, b: a || b)
translate(...)
split(s, d) = string_split(s, d)
split_part(s, d, n) = split_part(s, d, CASE WHEN n = 0 THEN 1 ELSE n END)
strtok(...) = !split_part(text, separator, number)
ascii(s) = CASE WHEN s = '' THEN 0 ELSE ascii(s) END
chr(...)
md5(...)
sha1(...)
regexp_replace(s, p) = regexp_replace(s, p, '', 'g')
regexp_replace(s, p, r) = regexp_replace(s, p, r, 'g')
regexp_substr(s, p) = nullif(regexp_extract(s, p), '')
regexp_like(s, p) = regexp_full_match(s, p)
rlike(s, p) = regexp_full_match(s, p)
regexp_count(s, p) = len(regexp_extract_all(s, p))
iff(c, a, b) = CASE WHEN c THEN a ELSE b END
ifnull(a, b) = coalesce(a, b)
nvl(a, b) = coalesce(a, b)
nvl2(a, b, c) = CASE WHEN a IS NOT NULL THEN b ELSE c END
zeroifnull(x) = coalesce(x, 0)
nullifzero(x) = nullif(x, 0)
equal_null(a, b) = a IS NOT DISTINCT FROM b
decode(...) = @decode
greatest(...) = @null_if_any
least(...) = @null_if_any
greatest_ignore_nulls(...) = greatest
least_ignore_nulls(...) = least
to_number(x) = CAST("whole, away"(x) AS DECIMAL(38,0))
to_decimal(x, p, s) = !CAST(x AS NUMBER(p, s))
to_double(x) = CAST(x AS DOUBLE)
to_varchar(x) = CAST(x AS VARCHAR)
to_char(x) = CAST(x AS VARCHAR)
to_char(d, format) = strftime("time of"(d), format)
to_varchar(d, format) = strftime("time of"(d), format)
to_boolean(x) = CAST(x AS BOOLEAN)
to_date(d) = CAST(d AS DATE)
to_date(s, format) = CAST(strptime(s, format) AS DATE)
date(d) = CAST(d AS DATE)
try_to_date(d) = TRY_CAST(d AS DATE)
try_to_date(s, format) = CAST(try_strptime(s, format) AS DATE)
to_timestamp(d) = CAST(d AS TIMESTAMP)
to_timestamp(s, format) = strptime(s, format)
to_timestamp_ntz(d) = CAST(d AS TIMESTAMP)
try_to_timestamp(d) = TRY_CAST(d AS TIMESTAMP)
try_to_number(x) = TRY_CAST(x AS DECIMAL(38,0))
date_from_parts(y, m, d) = "date plus"('day', d - 1, "date plus"('month', m - 1, make_date(CAST(y AS INTEGER), 1, 1)))
dateadd(unit, n, d) = "date plus"(unit, n, d)
timeadd(unit, n, d) = "date plus"(unit, n, d)
timestampadd(unit, n, d) = "date plus"(unit, n, d)
datediff(unit, a, b) = <borders>
timediff(unit, a, b) = <borders>
timestampdiff(unit, a, b) = <borders>
add_months(d, n) = CASE WHEN d = last_day(d) THEN last_day("date plus"('month', n, d)) ELSE "date plus"('month', \
    n, d) END
months_between(...) = !datediff(month, a, b)
date_trunc(unit, d) = "as given"(date_trunc(unit, "time of"(d)), "time of"(d))
last_day(d) = last_day("time of"(d))
date_part(...) = @part
extract(...) = @part
year(d) = year("time of"(d))
quarter(d) = quarter("time of"(d))
month(d) = month("time of"(d))
day(d) = day("time of"(d))
dayofmonth(d) = day("time of"(d))
dayofweek(d) = dayofweek("time of"(d))
dayofweekiso(d) = isodow("time of"(d))
dayofyear(d) = dayofyear("time of"(d))
week(d) = weekofyear("time of"(d))
weekofyear(d) = weekofyear("time of"(d))
weekiso(d) = weekofyear("time of"(d))
yearofweekiso(d) = isoyear("time of"(d))
hour(d) = hour("time of"(d))
minute(d) = minute("time of"(d))
second(d) = second("time of"(d))
dayname(d) = left(dayname("time of"(d)), 3)
monthname(d) = left(monthname("time of"(d)), 3)
current_date(...)
current_timestamp(...) = now
sysdate() = current_localtimestamp()
getdate() = now()
array_agg(...) = @collect
listagg(...) = @joined
string_agg(...) = @joined
any_value(...)
count_if(...)
booland_agg(...) = bool_and
boolor_agg(...) = bool_or
stddev(...)
variance(...)
variance_samp(...) = var_samp
variance_pop(...) = var_pop
median(...)
mode(...)
max_by(a, b) = max_by(a, b)
min_by(a, b) = min_by(a, b)
percentile_cont(...)
percentile_disc(...)
approx_count_distinct(...)
hll(...) = approx_count_distinct
bitand(a, b) = a & b
bitor(a, b) = a | b
bitand_agg(...) = bit_and
bitor_agg(...) = bit_or
bitxor_agg(...) = bit_xor
kurtosis(...)
skew(...) = skewness
array_construct(...) = @array
array_size(l) = len(l)
array_contains(x, l) = list_contains(l, x)
array_cat(a, b) = list_concat(a, b)
array_append(...)
array_distinct(l) = list_distinct(l)
array_to_string(l, d) = array_to_string(l, d)
array_slice(l, a, b) = array_slice(l, a + 1, b)
array_min(l) = list_min(l)
array_max(l) = list_max(l)
object_construct(...) = json_object
parse_json(s) = CAST(s AS JSON)
get(l, i) = CASE WHEN i >= 0 THEN l[i + 1] END
typeof(...) = !
uuid_string() = gen_random_uuid()
""".replace("<borders>", MONDAY_BORDERS)
)

_UNITS = {
    "y": "year", "yy": "year", "yyy": "year", "yyyy": "year", "yr": "year", "qtr": "quarter", "q": "quarter",
    "mm": "month",
    "mon": "month", "mons": "month", "d": "day", "dd": "day", "w": "week", "wk": "week", "h": "hour", "hh": "hour",
    "hr": "hour", "m": "minute", "mi": "minute", "min": "minute", "s": "second", "sec": "second", "ms": "millisecond",
}  # fmt: skip
MEANING = Meaning(
    "snowflake", _CALLS, formats=SNOWFLAKE, divide="divide, exact error", div="div, error", mod="mod, error",
    units=_UNITS, separator="", first_index=0, whole="away",
    parts={
        "dayofweek": 'dayofweek("time of"(d))', "dow": 'dayofweek("time of"(d))',
        "dayofweekiso": 'isodow("time of"(d))',
        "dayofweek_iso": 'isodow("time of"(d))', "doy": 'dayofyear("time of"(d))',
        "dayofyear": 'dayofyear("time of"(d))',
        "week": 'weekofyear("time of"(d))', "weekiso": 'weekofyear("time of"(d))',
        "yearofweekiso": 'isoyear("time of"(d))',
        "epoch_second": 'CAST(epoch("time of"(d)) AS BIGINT)', "epoch": 'CAST(epoch("time of"(d)) AS BIGINT)',
        "epoch_millisecond": 'epoch_ms("time of"(d))',
    },
    types={"NUMBER": "DECIMAL(38,0)", "NUMERIC": "DECIMAL(38,0)", "DECIMAL": "DECIMAL(38,0)", "INT": "BIGINT",
           "INTEGER": "BIGINT", "FLOAT": "DOUBLE", "REAL": "DOUBLE", "VARIANT": "JSON", "TIMESTAMP": "TIMESTAMP",
           "TIMESTAMP_NTZ": "TIMESTAMP", "DATETIME": "TIMESTAMP", "STRING": "VARCHAR", "SMALLINT": "BIGINT",
           "TINYINT": "BIGINT"},
)  # fmt: skip
