"""Spark SQL, Hive: fractions from `/`, NULL for zero and for what can't be cast; lists count from 0 in brackets.

The rules are those of `spark.sql.ansi.enabled = false`; `databricks` has those of ANSI.
"""

from __future__ import annotations

from velothread.frontend.dialect_meaning.formats import JAVA
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.shared import WHOLE_UNITS
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table(
    """
mod(a, b) = "mod, null"(a, b)
pmod(a, b) = CASE WHEN b <> 0 THEN ((a % b) + b) % b END
div(a, b) = "div, null"(a, b)
bround(x) = round_even(x, 0)
bround(x, n) = round_even(x, n)
log(x) = ln(x)
log(b, x) = ln(x) / ln(b)
log2(...)
log10(...)
cbrt(...)
rand() = random()
greatest(...)
least(...)
factorial(...)
length(s) = length(s)
len(s) = length(s)
left(s, n) = left(s, greatest(n, 0))
right(s, n) = right(s, greatest(n, 0))
lpad(s, n) = lpad(s, n, ' ')
lpad(s, n, p) = lpad(s, n, p)
rpad(s, n) = rpad(s, n, ' ')
rpad(s, n, p) = rpad(s, n, p)
lcase(s) = lower(s)
ucase(s) = upper(s)
btrim(s) = trim(s)
btrim(s, c) = trim(s, c)
substring(s, a) = substring(s, CASE WHEN a = 0 THEN 1 ELSE greatest(a, -length(s)) END)
substring(s, a, n) = CASE WHEN n <= 0 THEN '' WHEN a = 0 THEN substring(s, 1, n) WHEN a < -length(s) THEN \
    substring(s, 1, greatest(n + a + length(s), 0)) ELSE substring(s, a, n) END
substr(s, a) = substring(s, CASE WHEN a = 0 THEN 1 ELSE greatest(a, -length(s)) END)
substr(s, a, n) = CASE WHEN n <= 0 THEN '' WHEN a = 0 THEN substring(s, 1, n) WHEN a < -length(s) THEN \
    substring(s, 1, greatest(n + a + length(s), 0)) ELSE substring(s, a, n) END
substring_index(s, d, n) = CASE WHEN n >= 0 THEN array_to_string(array_slice(string_split(s, d), 1, n), d) ELSE \
    array_to_string(array_slice(string_split(s, d), n, -1), d) END
instr(s, t) = strpos(s, t)
locate(t, s) = strpos(s, t)
charindex(t, s) = strpos(s, t)
concat(...) = @concat_null
concat_ws(...)
repeat(s, n) = repeat(s, greatest(n, 0))
space(n) = repeat(' ', n)
initcap(s) = list_reduce(list_transform(string_split(lower(s), ' '), lambda w: upper(left(w, 1)) || substring(w, \
    2)), lambda a, b: a || ' ' || b)
translate(...)
startswith(s, t) = starts_with(s, t)
endswith(s, t) = ends_with(s, t)
contains(s, t) = contains(s, t)
ascii(...)
char(n) = chr(n)
md5(...)
sha1(...)
sha(...) = sha1
split(s, p) = string_split_regex(s, p)
split_part(s, d, n) = split_part(s, d, n)
regexp_extract(s, p) = regexp_extract(s, p, 1)
regexp_extract(s, p, n) = regexp_extract(s, p, n)
regexp_replace(s, p, r) = regexp_replace(s, p, r, 'g')
regexp_like(s, p) = regexp_matches(s, p)
rlike(s, p) = regexp_matches(s, p)
regexp(s, p) = regexp_matches(s, p)
format_string(...) = printf
format_number(...) = !
if(c, a, b) = CASE WHEN c THEN a ELSE b END
iff(c, a, b) = CASE WHEN c THEN a ELSE b END
ifnull(a, b) = coalesce(a, b)
nvl(a, b) = coalesce(a, b)
nvl2(a, b, c) = CASE WHEN a IS NOT NULL THEN b ELSE c END
isnull(x) = x IS NULL
isnotnull(x) = x IS NOT NULL
isnan(...)
nanvl(a, b) = CASE WHEN isnan(a) THEN b ELSE a END
decode(...) = @decode
try_divide(a, b) = "divide, exact null"(a, b)
int(x) = TRY_CAST("whole, cut, lenient"(x) AS INTEGER)
bigint(x) = TRY_CAST("whole, cut, lenient"(x) AS BIGINT)
double(x) = CAST(x AS DOUBLE)
float(x) = CAST(x AS FLOAT)
string(x) = CAST(x AS VARCHAR)
boolean(x) = CAST(x AS BOOLEAN)
date(x) = CAST(x AS DATE)
timestamp(x) = CAST(x AS TIMESTAMP)
now(...) = current_localtimestamp
current_timestamp(...) = current_localtimestamp
current_date(...)
curdate(...) = current_date
to_date(d) = CAST(d AS DATE)
to_date(s, format) = CAST(try_strptime(s, format) AS DATE)
to_timestamp(d) = CAST(d AS TIMESTAMP)
to_timestamp(s, format) = try_strptime(s, format)
date_format(d, format) = strftime("time of"(d), format)
from_unixtime(n) = strftime(make_timestamp(CAST(n * 1000000 AS BIGINT)), '%Y-%m-%d %H:%M:%S')
from_unixtime(n, format) = strftime(make_timestamp(CAST(n * 1000000 AS BIGINT)), format)
unix_timestamp(d) = CAST(epoch("time of"(d)) AS BIGINT)
unix_timestamp(s, format) = CAST(epoch(try_strptime(s, format)) AS BIGINT)
date_add(d, n) = "date plus"('day', n, CAST(d AS DATE))
date_sub(d, n) = "date plus"('day', -(n), CAST(d AS DATE))
dateadd(d, n) = "date plus"('day', n, CAST(d AS DATE))
dateadd(unit, n, d) = "date plus"(unit, n, CAST(d AS TIMESTAMP))
timestampadd(unit, n, d) = "date plus"(unit, n, CAST(d AS TIMESTAMP))
add_months(d, n) = "date plus"('month', n, CAST(d AS DATE))
datediff(a, b) = date_diff('day', CAST(b AS DATE), CAST(a AS DATE))
date_diff(a, b) = date_diff('day', CAST(b AS DATE), CAST(a AS DATE))
datediff(unit, a, b) = <whole units>
timestampdiff(unit, a, b) = <whole units>
date_trunc(unit, d) = "timestamp of"(date_trunc(unit, "time of"(d)))
trunc(d, unit) = CAST(date_trunc(unit, "time of"(d)) AS DATE)
last_day(d) = last_day("time of"(d))
make_date(...)
year(d) = year("time of"(d))
quarter(d) = quarter("time of"(d))
month(d) = month("time of"(d))
day(d) = day("time of"(d))
dayofmonth(d) = day("time of"(d))
dayofweek(d) = dayofweek("time of"(d)) + 1
weekday(d) = isodow("time of"(d)) - 1
dayofyear(d) = dayofyear("time of"(d))
weekofyear(d) = weekofyear("time of"(d))
hour(d) = hour("time of"(d))
minute(d) = minute("time of"(d))
second(d) = second("time of"(d))
date_part(...) = @part
extract(...) = @part
collect_list(...) = @collect
array_agg(...) = @collect
collect_set(...) = @collect_set
listagg(...) = @joined
string_agg(...) = @joined
first(...) = @first
last(...) = @first
first_value(...) = @first
last_value(...) = @first
any_value(...)
count_if(...)
bool_and(...)
every(...) = bool_and
bool_or(...)
any(...) = bool_or
some(...) = bool_or
mean(...) = avg
stddev(...)
std(...) = stddev
variance(...)
median(...)
mode(...)
max_by(...)
min_by(...)
percentile(x, p) = quantile_cont(x, p)
percentile_cont(...)
percentile_disc(...)
approx_count_distinct(...)
skewness(...) = !
kurtosis(...) = !
bit_and(...)
bit_or(...)
bit_xor(...)
array(...) = @array
map(...) = @map_of_pairs
named_struct(...) = @named_struct
struct(...) = @struct
explode(...) = @explode
posexplode(...) = !
size(x) = CASE WHEN x IS NULL THEN -1 ELSE len(x) END
array_size(x) = len(x)
cardinality(x) = CASE WHEN x IS NULL THEN -1 ELSE len(x) END
array_contains(l, x) = list_contains(l, x)
array_distinct(l) = list_distinct(l)
array_join(l, d) = array_to_string(l, d)
array_max(l) = list_max(l)
array_min(l) = list_min(l)
array_position(l, x) = coalesce(list_position(l, x), 0)
array_sort(l) = list_sort(l, 'ASC', 'NULLS LAST')
sort_array(l) = list_sort(l, 'ASC', 'NULLS FIRST')
array_union(a, b) = list_distinct(list_concat(a, b))
element_at(l, i) = CASE WHEN i = 0 THEN error('element_at: an index counts from 1') ELSE l[i] END
reverse(x) = reverse(x)
flatten(...)
transform(l, f) = list_transform(l, f)
filter(l, f) = list_filter(l, f)
aggregate(l, z, f) = list_reduce(l, f, z)
reduce(l, z, f) = list_reduce(l, f, z)
map_keys(...)
map_values(...)
map_from_arrays(k, v) = map(k, v)
sequence(a, b) = generate_series(a, b)
slice(l, a, n) = array_slice(l, a, a + n - 1)
stack(...) = !
monotonically_increasing_id(...) = !
""".replace("<whole units>", WHOLE_UNITS)
)

MEANING = Meaning(
    "spark", _CALLS, formats=JAVA, divide="divide, exact null", div="div, null", mod="mod, null",
    minus="minus, interval",
    parts={
        "dow": 'dayofweek("time of"(d)) + 1', "dayofweek": 'dayofweek("time of"(d)) + 1',
        "dow_iso": 'isodow("time of"(d))', "dayofweek_iso": 'isodow("time of"(d))', "doy": 'dayofyear("time of"(d))',
        "week": 'weekofyear("time of"(d))', "w": 'weekofyear("time of"(d))', "yearofweek": 'isoyear("time of"(d))',
        "second": 'second("time of"(d)) + (microsecond("time of"(d)) % 1000000) / 1000000',
    },
    units={"mm": "month", "mon": "month", "yyyy": "year", "yy": "year", "dd": "day"},
    first_index=0, whole="cut, lenient", escape="\\", separator="",
    types={"TIMESTAMP": "TIMESTAMP", "TIMESTAMP_NTZ": "TIMESTAMP", "DECIMAL": "DECIMAL(10,0)", "DEC": "DECIMAL(10,0)",
           "NUMERIC": "DECIMAL(10,0)", "FLOAT": "FLOAT", "REAL": "FLOAT", "BYTE": "TINYINT", "STRING": "VARCHAR"},
)  # fmt: skip
