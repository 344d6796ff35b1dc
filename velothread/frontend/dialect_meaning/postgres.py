"""PostgreSQL: integers divide to integers, by zero is an error; to_char; `||` and concat differ in NULLs as ours do."""

from __future__ import annotations

from sqlglot import exp

from velothread.frontend.dialect_meaning.formats import POSTGRES
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table("""
mod(a, b) = "mod, error"(a, b)
div(a, b) = "div, error"(a, b)
round(x) = "round, even"(x)
round(x, n) = "round, even"(x, n)
trunc(...)
log(x) = log10(x)
log(b, x) = log10("numeric"(x)) / log10("numeric"(b))
log10(...)
cbrt(...)
random(...)
gcd(...)
lcm(...)
factorial(...)
width_bucket(...) = !
length(s) = length(s)
octet_length(s) = octet_length(encode(s))
bit_length(s) = bit_length(s)
left(...)
right(...)
lpad(s, n) = lpad(s, n, ' ')
lpad(s, n, p) = lpad(s, n, p)
rpad(s, n) = rpad(s, n, ' ')
rpad(s, n, p) = rpad(s, n, p)
btrim(s) = trim(s)
btrim(s, c) = trim(s, c)
ltrim(s, c) = ltrim(s, c)
rtrim(s, c) = rtrim(s, c)
substring(s, a) = substring(s, CASE WHEN a < 1 THEN 1 ELSE a END)
substring(s, a, n) = CASE WHEN n < 0 THEN error('negative substring length not allowed') WHEN a < 1 THEN \
    substring(s, 1, greatest(a + n - 1, 0)) ELSE substring(s, a, n) END
substr(s, a) = substring(s, CASE WHEN a < 1 THEN 1 ELSE a END)
substr(s, a, n) = CASE WHEN n < 0 THEN error('negative substring length not allowed') WHEN a < 1 THEN \
    substring(s, 1, greatest(a + n - 1, 0)) ELSE substring(s, a, n) END
strpos(...)
split_part(s, d, n) = split_part(s, d, n)
initcap(s) = list_reduce(list_transform(regexp_extract_all(lower(s), '[^\\W_]+|[\\W_]+'), lambda w: upper(left(w, \
    1)) || substring(w, 2)), lambda a, b: a || b)
repeat(...)
translate(...)
starts_with(...)
ascii(s) = CASE WHEN s = '' THEN 0 ELSE ascii(s) END
chr(...)
md5(...)
concat(...)
concat_ws(...)
string_to_array(s, d) = string_split(s, d)
array_to_string(a, d) = array_to_string(a, d)
regexp_replace(s, p, r) = regexp_replace(s, p, r)
regexp_replace(s, p, r, f) = regexp_replace(s, p, r, f)
regexp_like(s, p) = regexp_matches(s, p)
regexp_matches(...) = !regexp_like(text, pattern) says whether there is a match
regexp_split_to_array(...)
to_char(d, format) = strftime("time of"(d), format)
to_date(s, format) = CAST(strptime(s, format) AS DATE)
to_timestamp(x) = to_timestamp(x)
to_timestamp(s, format) = strptime(s, format)
to_number(...) = !CAST(text AS numeric) reads numbers
date_trunc(unit, d) = "timestamp of"(date_trunc(unit, "time of"(d)))
date_part(...) = @part
extract(...) = @part
age(a, b) = age(a, b)
make_date(...)
make_timestamp(...)
now(...)
current_date(...)
clock_timestamp(...) = now
date(d) = CAST(d AS DATE)
greatest(...)
least(...)
nvl(a, b) = coalesce(a, b)
nvl2(a, b, c) = CASE WHEN a IS NOT NULL THEN b ELSE c END
decode(...) = !CASE compares values
getdate() = current_localtimestamp()
dateadd(unit, n, d) = "date plus"(unit, n, d)
datediff(unit, a, b) = date_diff(unit, "time of"(a), "time of"(b))
string_agg(...) = @joined
listagg(...) = @joined
array_agg(...) = list
bool_and(...)
bool_or(...)
every(...) = bool_and
bit_and(...)
bit_or(...)
bit_xor(...)
stddev(...)
variance(...)
mode(...)
percentile_cont(...)
percentile_disc(...)
regr_slope(...)
regr_intercept(...)
regr_r2(...)
any_value(...)
array_length(a, n) = CASE WHEN n = 1 AND len(a) > 0 THEN len(a) END
cardinality(a) = len(a)
array_append(...)
array_prepend(...)
array_cat(...) = list_concat
array_position(a, x) = list_position(a, x)
array_remove(a, x) = list_filter(a, lambda v: v IS DISTINCT FROM x)
unnest(...)
generate_series(...)
generate_subscripts(...)
pg_typeof(...)
gen_random_uuid(...)
row_to_json(...)
to_json(...)
to_jsonb(...) = to_json
json_build_object(...) = json_object
jsonb_build_object(...) = json_object
json_build_array(...) = json_array
json_array_length(...)
jsonb_array_length(...) = json_array_length
""")

MEANING = Meaning(
    "postgres", _CALLS, formats=POSTGRES, divide="divide, whole error", div="div, error", mod="mod, error",
    parts={
        "second": 'second("time of"(d)) + (microsecond("time of"(d)) % 1000000) / 1000000',
        "dow": 'dayofweek("time of"(d))',
        "isodow": 'isodow("time of"(d))', "doy": 'dayofyear("time of"(d))', "week": 'weekofyear("time of"(d))',
        "isoyear": 'isoyear("time of"(d))', "epoch": 'epoch("time of"(d))', "decade": 'decade("time of"(d))',
        "century": 'century("time of"(d))', "millennium": 'millennium("time of"(d))',
        "milliseconds": 'microsecond("time of"(d)) / 1000', "microseconds": 'microsecond("time of"(d))',
    },
    units={"mon": "month", "min": "minute", "sec": "second", "milliseconds": "millisecond"},
    types={"FLOAT": "DOUBLE", "NUMERIC": "numeric", "DECIMAL": "numeric", "DOUBLE PRECISION": "DOUBLE",
           "JSONB": "JSON", "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"},
    whole="", strict_text=True, cuts_text=True, escape="\\", separator=None, interval_keeps_date=False,
    aggregates={"sum": "sum type"}, refused=(exp.HexString, exp.BitString, exp.Collate),
)  # fmt: skip
