"""BigQuery: fractions from `/`, zero is an error; OFFSET and ORDINAL; SAFE_ functions; weeks begin on Sunday."""

from __future__ import annotations

from sqlglot import exp

from velothread.frontend.dialect_meaning.formats import BIGQUERY
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.shared import SUNDAY_BORDERS
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table(
    """
mod(a, b) = "mod, error"(a, b)
div(a, b) = "div, error"(a, b)
safe_divide(a, b) = "divide, exact null"(a, b)
ieee_divide(a, b) = CAST(a AS DOUBLE) / b
safe_add(a, b) = try(a + b)
safe_subtract(a, b) = try(a - b)
safe_multiply(a, b) = try(a * b)
safe_negate(a) = try(-(a))
trunc(...)
log(x) = ln(x)
log(x, b) = ln(x) / ln(b)
log10(...)
cbrt(...)
is_nan(x) = isnan(x)
is_inf(x) = isinf(x)
rand() = random()
greatest(...) = @null_if_any
least(...) = @null_if_any
length(s) = length(s)
byte_length(s) = octet_length(encode(s))
left(...)
right(...)
lpad(s, n) = lpad(s, n, ' ')
lpad(s, n, p) = lpad(s, n, p)
rpad(s, n) = rpad(s, n, ' ')
rpad(s, n, p) = rpad(s, n, p)
trim(s, c) = trim(s, c)
ltrim(s, c) = ltrim(s, c)
rtrim(s, c) = rtrim(s, c)
substr(s, a) = substring(s, CASE WHEN a = 0 OR a < -length(s) THEN 1 ELSE a END)
substr(s, a, n) = CASE WHEN n < 0 THEN error('substr: a length is not negative') ELSE substring(s, CASE WHEN a = \
    0 OR a < -length(s) THEN 1 ELSE a END, n) END
substring(s, a) = substring(s, CASE WHEN a = 0 OR a < -length(s) THEN 1 ELSE a END)
substring(s, a, n) = CASE WHEN n < 0 THEN error('substr: a length is not negative') ELSE substring(s, CASE WHEN a \
    = 0 OR a < -length(s) THEN 1 ELSE a END, n) END
strpos(...)
instr(s, t) = strpos(s, t)
concat(...) = @concat_null
repeat(...)
starts_with(...)
ends_with(...)
split(s) = string_split(s, ',')
split(s, d) = string_split(s, d)
translate(...)
initcap(s) = !
ascii(s) = CASE WHEN s = '' THEN 0 ELSE ascii(s) END
chr(...)
regexp_contains(s, p) = regexp_matches(s, p)
regexp_extract(s, p) = CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, CASE WHEN regexp_matches(p, \
    '(^|[^\\\\])[(]([^?]|$)') THEN 1 ELSE 0 END) END
regexp_replace(s, p, r) = regexp_replace(s, p, r, 'g')
regexp_extract_all(s, p) = !regexp_extract gives the first
format(...) = printf
if(c, a, b) = CASE WHEN c THEN a ELSE b END
ifnull(a, b) = coalesce(a, b)
error(...)
current_date(...)
current_timestamp(...) = now
current_datetime(...) = current_localtimestamp
date(d) = CAST(d AS DATE)
date(y, m, d) = make_date(CAST(y AS INTEGER), CAST(m AS INTEGER), CAST(d AS INTEGER))
datetime(d) = CAST(d AS TIMESTAMP)
timestamp(d) = CAST(d AS TIMESTAMPTZ)
date_add(...) = @date_add
datetime_add(...) = @date_add
timestamp_add(...) = @date_add
date_sub(...) = @date_sub
datetime_sub(...) = @date_sub
timestamp_sub(...) = @date_sub
date_diff(b, a, unit) = <borders>
datetime_diff(b, a, unit) = <borders>
timestamp_diff(a, b, unit) = date_sub(unit, b, a)
date_trunc(d, unit) = CASE unit WHEN 'week' THEN CAST(date_trunc('week', "time of"(d) + INTERVAL 1 DAY) - \
    INTERVAL 1 DAY AS DATE) ELSE CAST(date_trunc(CASE unit WHEN 'isoweek' THEN 'week' ELSE unit END, \
    "time of"(d)) AS DATE) END
timestamp_trunc(d, unit) = CASE unit WHEN 'week' THEN \
    error('TIMESTAMP_TRUNC to WEEK is not translated; ISOWEEK is') ELSE date_trunc(CASE unit WHEN 'isoweek' \
    THEN 'week' ELSE unit END, "time of"(d)) END
datetime_trunc(d, unit) = CASE unit WHEN 'week' THEN \
    error('DATETIME_TRUNC to WEEK is not translated; ISOWEEK is') ELSE CAST(date_trunc(CASE unit WHEN 'isoweek' \
    THEN 'week' ELSE unit END, "time of"(d)) AS TIMESTAMP) END
last_day(d) = last_day("time of"(d))
format_date(format, d) = strftime(CAST(d AS DATE), format)
format_datetime(format, d) = strftime("time of"(d), format)
format_timestamp(format, d) = strftime("time of"(d), format)
parse_date(format, s) = CAST(strptime(s, format) AS DATE)
parse_datetime(format, s) = strptime(s, format)
parse_timestamp(format, s) = CAST(strptime(s, format) AS TIMESTAMPTZ)
unix_seconds(d) = CAST(floor(epoch(d)) AS BIGINT)
unix_millis(d) = epoch_ms(d)
unix_date(d) = date_diff('day', DATE '1970-01-01', CAST(d AS DATE))
timestamp_seconds(n) = to_timestamp(n)
date_from_unix_date(n) = DATE '1970-01-01' + CAST(n AS INTEGER)
extract(...) = @part
countif(x) = count_if(x)
logical_and(...) = bool_and
logical_or(...) = bool_or
string_agg(...) = @joined
any_value(...)
approx_count_distinct(...)
stddev(...)
variance(...)
bit_and(...)
bit_or(...)
bit_xor(...)
max_by(a, b) = max_by(a, b)
min_by(a, b) = min_by(a, b)
percentile_cont(...)
percentile_disc(...)
array(...)
array_agg(...) = @bigquery_array_agg
array_length(l) = len(l)
array_concat(...) = list_concat
array_reverse(l) = reverse(l)
array_to_string(l, d) = array_to_string(l, d)
generate_array(a, b) = generate_series(a, b)
generate_array(a, b, s) = generate_series(a, b, s)
generate_date_array(a, b) = list_transform(generate_series(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), INTERVAL 1 \
    DAY), lambda t: CAST(t AS DATE))
unnest(...)
struct(...) = @struct
json_extract_scalar(j, p) = json_extract_string(j, p)
json_value(j, p) = json_extract_string(j, p)
json_query(j, p) = json_extract(j, p)
to_json_string(x) = CAST(to_json(x) AS VARCHAR)
farm_fingerprint(...) = !
generate_uuid() = CAST(gen_random_uuid() AS VARCHAR)
""".replace("<borders>", SUNDAY_BORDERS)
)

MEANING = Meaning(
    "bigquery", _CALLS, formats=BIGQUERY, divide="divide, exact error", div="div, error", mod="mod, error",
    minus="minus, interval", units={"isoweek": "isoweek"},
    parts={
        "dayofweek": 'dayofweek("time of"(d)) + 1', "dayofyear": 'dayofyear("time of"(d))',
        "week": 'CAST(strftime("time of"(d), \'%U\') AS INTEGER)', "isoweek": 'weekofyear("time of"(d))',
        "isoyear": 'isoyear("time of"(d))', "date": 'CAST(d AS DATE)',
        "millisecond": '(microsecond("time of"(d)) % 1000000) // 1000',
        "microsecond": 'microsecond("time of"(d)) % 1000000',
    },
    first_index=0, whole="away", strict_text=True, escape="\\", interval_keeps_date=False,
    types={"INT64": "BIGINT", "INT": "BIGINT", "INTEGER": "BIGINT", "SMALLINT": "BIGINT", "BIGINT": "BIGINT",
           "FLOAT64": "DOUBLE", "NUMERIC": "DECIMAL(38,9)", "DECIMAL": "DECIMAL(38,9)", "STRING": "VARCHAR",
           "BOOL": "BOOLEAN", "BYTES": "BLOB", "DATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMPTZ"},
    refused=(exp.HexString, exp.BitString, exp.Collate, exp.ByteString, exp.AtTimeZone),
)  # fmt: skip
