"""T-SQL: integers divide (and average) to integers, zero is an error; `+` puts texts together; TOP; [names].

Text is compared as it is (a binary collation): the case of letters counts, in LIKE as in `=`.
"""

from __future__ import annotations

from velothread.frontend.dialect_meaning.formats import DOTNET
from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.shared import SUNDAY_BORDERS
from velothread.frontend.dialect_meaning.templates import table

# week 1 has January 1, weeks begin on Sunday
_WEEK = '(dayofyear("time of"(d)) + dayofweek(date_trunc(\'year\', "time of"(d))) - 1) // 7 + 1'
_CALLS = table(
    """
round(x, n) = round(x, n)
round(x, n, t) = CASE WHEN t = 0 THEN round(x, n) ELSE trunc(x, n) END
log(x) = ln(x)
log(x, b) = ln(x) / ln(b)
log10(...)
square(x) = x * x
rand() = random()
len(s) = length(rtrim(CAST(s AS VARCHAR), ' '))
datalength(...) = !
left(s, n) = CASE WHEN n < 0 THEN error('left: a length is not negative') ELSE left(s, n) END
right(s, n) = CASE WHEN n < 0 THEN error('right: a length is not negative') ELSE right(s, n) END
substring(s, a, n) = CASE WHEN n < 0 THEN error('substring: a length is not negative') WHEN a < 1 THEN \
    substring(s, 1, greatest(a + n - 1, 0)) ELSE substring(s, a, n) END
charindex(t, s) = strpos(s, t)
charindex(t, s, a) = CASE WHEN strpos(substring(s, greatest(a, 1)), t) = 0 THEN 0 ELSE strpos(substring(s, \
    greatest(a, 1)), t) + greatest(a, 1) - 1 END
patindex(...) = !
replicate(s, n) = repeat(s, n)
space(n) = repeat(' ', n)
stuff(s, a, n, r) = CASE WHEN a BETWEEN 1 AND length(s) AND n >= 0 THEN left(s, a - 1) || coalesce(r, '') || \
    substring(s, a + n) END
concat(...)
concat_ws(...)
translate(...)
ascii(...)
char(n) = chr(n)
nchar(n) = chr(n)
unicode(...)
str(...) = !
quotename(s) = '[' || replace(s, ']', ']]') || ']'
format(d, format) = strftime("time of"(d), format)
isnull(a, b) = coalesce(a, b)
iif(c, a, b) = CASE WHEN c THEN a ELSE b END
choose(...) = !CASE says it
greatest(...)
least(...)
getdate() = current_localtimestamp()
sysdatetime() = current_localtimestamp()
getutcdate() = current_localtimestamp()
sysutcdatetime() = current_localtimestamp()
current_timestamp() = current_localtimestamp()
year(d) = year("time of"(d))
month(d) = month("time of"(d))
day(d) = day("time of"(d))
datepart(...) = @part
datename(part, d) = !datepart gives the number
dateadd(unit, n, d) = "date plus"(unit, n, d)
datediff(unit, a, b) = <borders>
datediff_big(unit, a, b) = <borders>
datetrunc(unit, d) = CASE unit WHEN 'week' THEN error('DATETRUNC(week) is not translated') ELSE \
    "as given"(date_trunc(unit, "time of"(d)), "time of"(d)) END
eomonth(d) = last_day("time of"(d))
eomonth(d, n) = last_day("date plus"('month', n, d))
datefromparts(y, m, d) = make_date(y, m, d)
isdate(...) = !
string_agg(...) = @joined
count_big(...) = @count_rows
stdev(...) = stddev_samp
stdevp(...) = stddev_pop
var(...) = var_samp
varp(...) = var_pop
approx_count_distinct(...)
percentile_cont(...)
percentile_disc(...)
newid() = gen_random_uuid()
string_split(...) = !
json_value(j, p) = json_extract_string(j, p)
isnumeric(...) = !TRY_CAST(x AS float) IS NOT NULL
""".replace("<borders>", SUNDAY_BORDERS)
)

MEANING = Meaning(
    "tsql", _CALLS, formats=DOTNET, divide="divide, whole error", div="div, error", mod="mod, error",
    minus="minus, refused", plus="plus or concat", first_index=None, whole="cut", strict_text=True, cuts_text=True,
    like="brackets", separator=None, aggregates={"avg": "whole mean"},
    units={"yy": "year", "yyyy": "year", "qq": "quarter", "q": "quarter", "mm": "month", "m": "month", "dy": "day",
           "y": "day", "dayofyear": "day", "dd": "day", "d": "day", "wk": "week", "ww": "week", "dw": "day", "w": "day",
           "weekday": "day", "hh": "hour", "mi": "minute", "n": "minute", "ss": "second", "s": "second",
           "ms": "millisecond", "mcs": "microsecond"},
    parts={
        "weekday": 'dayofweek("time of"(d)) + 1', "dw": 'dayofweek("time of"(d)) + 1',
        "w": 'dayofweek("time of"(d)) + 1',
        "dayofyear": 'dayofyear("time of"(d))', "dy": 'dayofyear("time of"(d))', "y": 'dayofyear("time of"(d))',
        "week": _WEEK, "wk": _WEEK, "ww": _WEEK, "iso_week": 'weekofyear("time of"(d))',
        "isowk": 'weekofyear("time of"(d))',
        "isoww": 'weekofyear("time of"(d))',
    },
    types={"FLOAT": "DOUBLE", "REAL": "FLOAT", "BIT": "BOOLEAN", "MONEY": "DECIMAL(19,4)",
           "SMALLMONEY": "DECIMAL(10,4)",
           "DATETIME": "TIMESTAMP", "DATETIME2": "TIMESTAMP", "SMALLDATETIME": "TIMESTAMP", "DECIMAL": "DECIMAL(18,0)",
           "NUMERIC": "DECIMAL(18,0)", "TINYINT": "UTINYINT", "DATETIMEOFFSET": "TIMESTAMPTZ",
           "UNIQUEIDENTIFIER": "UUID", "TEXT": "VARCHAR", "NTEXT": "VARCHAR"},
)  # fmt: skip
