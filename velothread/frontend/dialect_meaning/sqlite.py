"""SQLite: integers divide to integers, by zero to NULL; LIKE ignores the case of ASCII letters; dates are texts.

`date()` and `datetime()` give a DATE and a TIMESTAMP here, which print as SQLite's texts do.
"""

from __future__ import annotations

from velothread.frontend.dialect_meaning.formats import SQLITE
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.templates import table

_CALLS = table("""
mod(a, b) = "mod, null"(a, b)
round(x) = round(CAST(x AS DOUBLE))
round(x, n) = round(CAST(x AS DOUBLE), n)
ceil(x) = ceil(x)
trunc(x) = trunc(x)
log(x) = log10(x)
log(b, x) = ln(x) / ln(b)
log10(...)
log2(...)
random(...) = !
length(s) = length(CAST(s AS VARCHAR))
ltrim(s, c) = ltrim(s, c)
rtrim(s, c) = rtrim(s, c)
trim(s, c) = trim(s, c)
substr(s, a) = substring(CAST(s AS VARCHAR), CASE WHEN a < -length(CAST(s AS VARCHAR)) THEN 1 WHEN a = 0 THEN 1 \
    ELSE a END)
substr(s, a, n) = CASE WHEN n < 0 THEN error('substr() with a negative length is not translated') WHEN a = 0 THEN \
    substring(CAST(s AS VARCHAR), 1, greatest(n - 1, 0)) WHEN a < -length(CAST(s AS VARCHAR)) THEN \
    substring(CAST(s AS VARCHAR), 1, greatest(n + a + length(CAST(s AS VARCHAR)), 0)) ELSE substring(CAST(s AS \
    VARCHAR), a, n) END
substring(s, a) = substring(CAST(s AS VARCHAR), CASE WHEN a < -length(CAST(s AS VARCHAR)) THEN 1 WHEN a = 0 THEN \
    1 ELSE a END)
substring(s, a, n) = CASE WHEN n < 0 THEN error('substr() with a negative length is not translated') WHEN a = 0 \
    THEN substring(CAST(s AS VARCHAR), 1, greatest(n - 1, 0)) WHEN a < -length(CAST(s AS VARCHAR)) THEN \
    substring(CAST(s AS VARCHAR), 1, greatest(n + a + length(CAST(s AS VARCHAR)), 0)) ELSE substring(CAST(s AS \
    VARCHAR), a, n) END
instr(s, t) = strpos(s, t)
concat(...)
concat_ws(...)
char(n) = chr(n)
unicode(s) = unicode(s)
printf(...)
format(...) = printf
hex(...)
typeof(...) = !
ifnull(a, b) = coalesce(a, b)
iif(c, a, b) = CASE WHEN c THEN a ELSE b END
iif(c, a) = CASE WHEN c THEN a END
if(c, a, b) = CASE WHEN c THEN a ELSE b END
max(...) = @extreme
min(...) = @extreme
sum(x) = sum("number of"(x))
avg(x) = avg("number of"(x))
total(x) = coalesce(CAST(sum("number of"(x)) AS DOUBLE), 0.0)
group_concat(...) = @joined
string_agg(...) = @joined
date(...) = @sqlite_date
datetime(...) = @sqlite_datetime
time(...) = @sqlite_time
julianday(...) = @sqlite_julianday
unixepoch(...) = @sqlite_unixepoch
strftime(...) = @sqlite_strftime
json_extract(...) = !-> and ->> read documents
median(...)
likely(x) = x
unlikely(x) = x
""")

MEANING = Meaning(
    "sqlite", _CALLS, formats=SQLITE, divide="divide, whole null", div="div, null", mod="mod, null",
    minus="minus, refused", first_index=None, whole="cut, leading", like="ascii", predicates_are_numbers=True,
    types={"INTEGER": "BIGINT", "INT": "BIGINT", "REAL": "DOUBLE", "FLOAT": "DOUBLE", "DOUBLE": "DOUBLE",
           "TEXT": "VARCHAR", "NUMERIC": "!", "DECIMAL": "!",
           "DATE": "!", "DATETIME": "!", "TIMESTAMP": "!",
           "BOOLEAN": "!"},
)  # fmt: skip
