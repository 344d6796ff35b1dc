"""Trino, Presto, Athena: integers divide to integers, decimals to decimals; NULLs last either way; lists from 1."""

from __future__ import annotations

from velothread.frontend.dialect_meaning.formats import MYSQL
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table(
    """
mod(a, b) = "mod, error"(a, b)
truncate(x) = trunc(x)
truncate(x, n) = trunc(x, n)
log(b, x) = ln(x) / ln(b)
log2(...)
log10(...)
cbrt(...)
random() = random()
rand() = random()
is_nan(x) = isnan(x)
is_finite(x) = isfinite(x)
is_infinite(x) = isinf(x)
greatest(...) = @null_if_any
least(...) = @null_if_any
length(s) = length(s)
lpad(s, n, p) = lpad(s, n, p)
rpad(s, n, p) = rpad(s, n, p)
substring(s, a) = CASE WHEN a = 0 OR abs(a) > length(s) THEN '' ELSE substring(s, a) END
substring(s, a, n) = CASE WHEN a = 0 OR n <= 0 OR abs(a) > length(s) THEN '' ELSE substring(s, a, n) END
substr(s, a) = CASE WHEN a = 0 OR abs(a) > length(s) THEN '' ELSE substring(s, a) END
substr(s, a, n) = CASE WHEN a = 0 OR n <= 0 OR abs(a) > length(s) THEN '' ELSE substring(s, a, n) END
strpos(...)
concat(...) = @concat_or_lists
concat_ws(...)
starts_with(...)
split(s, d) = string_split(s, d)
split_part(s, d, n) = nullif(split_part(s, d, n), CASE WHEN n > len(string_split(s, d)) THEN '' END)
translate(...)
chr(...)
codepoint(s) = unicode(s)
levenshtein_distance(a, b) = levenshtein(a, b)
regexp_like(s, p) = regexp_matches(s, p)
regexp_extract(s, p) = CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p) END
regexp_extract(s, p, n) = CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, n) END
regexp_extract_all(s, p) = regexp_extract_all(s, p)
regexp_replace(s, p) = regexp_replace(s, p, '', 'g')
regexp_replace(s, p, r) = regexp_replace(s, p, r, 'g')
regexp_count(s, p) = len(regexp_extract_all(s, p))
format(...) = printf
if(c, a) = CASE WHEN c THEN a END
if(c, a, b) = CASE WHEN c THEN a ELSE b END
try(x) = try(x)
now(...)
current_date(...)
date(d) = CAST(d AS DATE)
date_add(unit, n, d) = "date plus"(unit, n, d)
date_diff(unit, a, b) = date_sub(unit, "time of"(a), "time of"(b))
date_trunc(unit, d) = "as given"(date_trunc(unit, "time of"(d)), "time of"(d))
date_format(d, format) = strftime("time of"(d), format)
date_parse(s, format) = strptime(s, format)
format_datetime(...) = @joda_format
parse_datetime(...) = !date_parse(text, format)
from_unixtime(n) = to_timestamp(n)
to_unixtime(d) = epoch("time of"(d))
from_iso8601_date(s) = CAST(s AS DATE)
from_iso8601_timestamp(s) = CAST(s AS TIMESTAMPTZ)
to_iso8601(d) = strftime("time of"(d), '%Y-%m-%d')
last_day_of_month(d) = last_day("time of"(d))
year(d) = year("time of"(d))
quarter(d) = quarter("time of"(d))
month(d) = month("time of"(d))
week(d) = weekofyear("time of"(d))
week_of_year(d) = weekofyear("time of"(d))
year_of_week(d) = isoyear("time of"(d))
yow(d) = isoyear("time of"(d))
day(d) = day("time of"(d))
day_of_month(d) = day("time of"(d))
day_of_week(d) = isodow("time of"(d))
dow(d) = isodow("time of"(d))
day_of_year(d) = dayofyear("time of"(d))
doy(d) = dayofyear("time of"(d))
hour(d) = hour("time of"(d))
minute(d) = minute("time of"(d))
second(d) = second("time of"(d))
extract(...) = @part
approx_distinct(...) = approx_count_distinct
approx_percentile(...) = !percentile_cont(p) WITHIN GROUP (ORDER BY x) of other dialects; there is no exact one \
    in Trino
array_agg(...) = list
listagg(...) = @joined
string_agg(...) = @joined
arbitrary(...) = any_value
any_value(...)
count_if(...)
bool_and(...)
every(...) = bool_and
bool_or(...)
bitwise_and_agg(...) = bit_and
bitwise_or_agg(...) = bit_or
bitwise_and(a, b) = a & b
bitwise_or(a, b) = a | b
bitwise_xor(a, b) = xor(a, b)
max_by(a, b) = max_by(a, b)
min_by(a, b) = min_by(a, b)
stddev(...)
variance(...)
skewness(...) = !
kurtosis(...) = !
geometric_mean(...)
regr_slope(...)
regr_intercept(...)
map(...)
map_agg(k, v) = map(list(k), list(v))
map_keys(...)
map_values(...)
map_entries(...)
cardinality(x) = len(x)
element_at(l, i) = l[i]
contains(l, x) = list_contains(l, x)
array_distinct(l) = list_distinct(l)
array_join(l, d) = array_to_string(l, d)
array_max(l) = list_max(l)
array_min(l) = list_min(l)
array_sort(l) = list_sort(l, 'ASC', 'NULLS LAST')
array_position(l, x) = coalesce(list_position(l, x), 0)
sequence(a, b) = generate_series(a, b)
sequence(a, b, s) = generate_series(a, b, s)
slice(l, a, n) = array_slice(l, a, a + n - 1)
flatten(...)
transform(l, f) = list_transform(l, f)
filter(l, f) = list_filter(l, f)
reduce(l, z, f, g) = @
json_extract_scalar(j, p) = json_extract_string(j, p)
json_extract(j, p) = json_extract(j, p)
json_parse(s) = CAST(s AS JSON)
json_format(j) = CAST(j AS VARCHAR)
typeof(...) = !
uuid(...) = gen_random_uuid
to_hex(...) = !
md5(...) = !
""".replace("reduce(l, z, f, g) = @\n", "reduce(...) = @trino_reduce\n")
)

MEANING = Meaning(
    "trino", _CALLS, formats=MYSQL, divide="divide, scaled", div="div, error", mod="mod, error",
    minus="minus, interval", first_index=1, whole="away", strict_text=True, separator=None,
    parts={
        "dow": 'isodow("time of"(d))', "day_of_week": 'isodow("time of"(d))', "doy": 'dayofyear("time of"(d))',
        "day_of_year": 'dayofyear("time of"(d))', "week": 'weekofyear("time of"(d))', "yow": 'isoyear("time of"(d))',
        "year_of_week": 'isoyear("time of"(d))', "day_of_month": 'day("time of"(d))',
    },
    cuts_text=True, aggregates={"avg": "mean, scaled"},
    types={"DECIMAL": "DECIMAL(38,0)", "REAL": "FLOAT", "VARBINARY": "BLOB"},
)  # fmt: skip
