"""MySQL: `/` gives fractions and NULL for zero; predicates are 1 and 0; texts in double quotes; `||` is OR.

Text is compared as it is (the collation utf8mb4_bin): the case of letters counts, in LIKE as in `=`.
"""

from __future__ import annotations

from velothread.frontend.dialect_meaning.formats import MYSQL
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.shared import WHOLE_UNITS
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table(
    """
mod(a, b) = "mod, null"(a, b)
round(x) = "round, even"(x)
round(x, n) = "round, even"(x, n)
truncate(x, n) = trunc(x, n)
log(x) = ln(x)
log(b, x) = ln(x) / ln(b)
log2(...)
log10(...)
rand() = random()
crc32(...) = !
conv(...) = !
length(s) = octet_length(encode(s))
octet_length(s) = octet_length(encode(s))
left(s, n) = left(s, greatest(n, 0))
right(s, n) = right(s, greatest(n, 0))
lpad(s, n, p) = lpad(s, n, p)
rpad(s, n, p) = rpad(s, n, p)
lcase(s) = lower(s)
ucase(s) = upper(s)
substring(s, a) = CASE WHEN a = 0 OR a < -length(s) THEN '' ELSE substring(s, a) END
substring(s, a, n) = CASE WHEN a = 0 OR n < 1 OR a < -length(s) THEN '' ELSE substring(s, a, n) END
substr(s, a) = CASE WHEN a = 0 OR a < -length(s) THEN '' ELSE substring(s, a) END
substr(s, a, n) = CASE WHEN a = 0 OR n < 1 OR a < -length(s) THEN '' ELSE substring(s, a, n) END
mid(s, a, n) = CASE WHEN a = 0 OR n < 1 OR a < -length(s) THEN '' ELSE substring(s, a, n) END
substring_index(s, d, n) = CASE WHEN n >= 0 THEN array_to_string(array_slice(string_split(s, d), 1, n), d) ELSE \
    array_to_string(array_slice(string_split(s, d), n, -1), d) END
instr(s, t) = strpos(s, t)
locate(t, s) = strpos(s, t)
concat(...) = @concat_null
concat_ws(...)
space(n) = repeat(' ', n)
repeat(s, n) = repeat(s, greatest(n, 0))
ascii(s) = CASE WHEN s = '' THEN 0 ELSE ascii(s) END
strcmp(a, b) = CASE WHEN a = b THEN 0 WHEN a < b THEN -1 WHEN a > b THEN 1 END
field(...) = !CASE says it
find_in_set(x, l) = coalesce(list_position(string_split(l, ','), x), 0)
hex(...) = !
md5(...)
sha1(...)
regexp_like(s, p) = regexp_matches(s, p)
regexp_replace(s, p, r) = regexp_replace(s, p, r, 'g')
regexp_substr(s, p) = nullif(regexp_extract(s, p), '')
format(...) = !
if(c, a, b) = CASE WHEN c THEN a ELSE b END
ifnull(a, b) = coalesce(a, b)
isnull(x) = CAST(x IS NULL AS INTEGER)
greatest(...) = @null_if_any
least(...) = @null_if_any
now() = current_localtimestamp()
sysdate() = current_localtimestamp()
current_timestamp() = current_localtimestamp()
localtime() = current_localtimestamp()
curdate() = current_date
current_date() = current_date
utc_date() = current_date
utc_timestamp() = current_localtimestamp()
unix_timestamp(d) = CAST(epoch("time of"(d)) AS BIGINT)
from_unixtime(n) = make_timestamp(CAST(n * 1000000 AS BIGINT))
date(d) = CAST(d AS DATE)
timestamp(d) = CAST(d AS TIMESTAMP)
year(d) = year("time of"(d))
quarter(d) = quarter("time of"(d))
month(d) = month("time of"(d))
day(d) = day("time of"(d))
dayofmonth(d) = day("time of"(d))
hour(d) = hour("time of"(d))
minute(d) = minute("time of"(d))
second(d) = second("time of"(d))
microsecond(d) = microsecond("time of"(d)) % 1000000
dayofweek(d) = dayofweek("time of"(d)) + 1
weekday(d) = isodow("time of"(d)) - 1
dayofyear(d) = dayofyear("time of"(d))
weekofyear(d) = weekofyear("time of"(d))
week(d) = CAST(strftime("time of"(d), '%U') AS INTEGER)
week(d, mode) = CASE mode WHEN 0 THEN CAST(strftime("time of"(d), '%U') AS INTEGER) WHEN 3 THEN weekofyear(\
    "time of"(d)) WHEN 5 THEN CAST(strftime("time of"(d), '%W') AS INTEGER) ELSE \
    error('week(): only the modes 0, 3 and 5 are translated') END
dayname(d) = dayname("time of"(d))
monthname(d) = monthname("time of"(d))
last_day(d) = last_day("time of"(d))
date_add(...) = @date_add
adddate(...) = @date_add
date_sub(...) = @date_sub
subdate(...) = @date_sub
timestampadd(unit, n, d) = "date plus"(unit, n, d)
datediff(a, b) = date_diff('day', CAST(b AS DATE), CAST(a AS DATE))
timestampdiff(unit, a, b) = <whole units>
date_format(d, format) = strftime("time of"(d), format)
str_to_date(s, format) = try_strptime(s, format)
makedate(y, n) = make_date(y, 1, 1) + CAST(n - 1 AS INTEGER)
to_days(d) = date_diff('day', DATE '0001-01-01', CAST(d AS DATE)) + 366
extract(...) = @part
sum(x) = sum("number of"(x))
avg(x) = avg("number of"(x))
std(...) = stddev_pop
stddev(...) = stddev_pop
variance(...) = var_pop
bit_and(...)
bit_or(...)
bit_xor(...)
any_value(...)
group_concat(...) = @joined
json_arrayagg(x) = json_group_array(x)
json_objectagg(k, v) = json_group_object(k, v)
json_extract(...)
json_object(...)
json_array(...)
json_length(j) = json_array_length(j)
""".replace("<whole units>", WHOLE_UNITS)
)

MEANING = Meaning(
    "mysql", _CALLS, formats=MYSQL, divide="divide, exact null", div="div, null", mod="mod, null",
    minus="minus, refused",
    parts={
        "week": 'CAST(strftime("time of"(d), \'%U\') AS INTEGER)',
        "microsecond": 'microsecond("time of"(d)) % 1000000',
        "year_month": 'year("time of"(d)) * 100 + month("time of"(d))',
    },
    first_index=None, whole="half, leading", cuts_text=True, escape="\\", predicates_are_numbers=True,
    types={"TIMESTAMP": "TIMESTAMP", "DATETIME": "TIMESTAMP", "DECIMAL": "DECIMAL(10,0)", "CHAR": "VARCHAR",
           "MEDIUMINT": "INTEGER", "FLOAT": "FLOAT", "YEAR": "INTEGER", "NCHAR": "VARCHAR"},
)  # fmt: skip
