"""Functions that mean the same in all dialects that have them, as ours do."""

from __future__ import annotations

from velothread.frontend.dialect_meaning.templates import table

# (unit, a, b): how many whole units are between two times. A month is whole when the day of the month is reached:
# from January 31 to February 29 there is none, where date_sub sees one.
_MONTHS = """CASE WHEN CAST(b AS TIMESTAMP) >= CAST(a AS TIMESTAMP)
    THEN date_diff('month', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP))
       - CAST(strftime(CAST(b AS TIMESTAMP), DAY) < strftime(CAST(a AS TIMESTAMP), DAY) AS INTEGER)
    ELSE date_diff('month', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP))
       + CAST(strftime(CAST(b AS TIMESTAMP), DAY) > strftime(CAST(a AS TIMESTAMP), DAY) AS INTEGER) END"""
_WHOLE_UNITS = """CASE WHEN unit IN ('month', 'quarter', 'year')
    THEN CAST((MONTHS) // CASE unit WHEN 'month' THEN 1 WHEN 'quarter' THEN 3 ELSE 12 END AS BIGINT)
    ELSE date_sub(unit, CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP)) END"""
WHOLE_UNITS = " ".join(_WHOLE_UNITS.replace("MONTHS", _MONTHS).replace("DAY", "'%d%H%M%S%f'").split())

# (unit, a, b): how many borders of the unit lie between two times. Those of weeks: before Monday, or before Sunday.
_BORDERS = """CASE unit
    WHEN 'week' THEN date_diff('day', date_trunc('week', CAST(a AS TIMESTAMP) + INTERVAL SHIFT DAY),
                               date_trunc('week', CAST(b AS TIMESTAMP) + INTERVAL SHIFT DAY)) // 7
    WHEN 'isoweek' THEN date_diff('day', date_trunc('week', CAST(a AS TIMESTAMP)),
                                  date_trunc('week', CAST(b AS TIMESTAMP))) // 7
    ELSE date_diff(unit, CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP)) END"""
_BORDERS = " ".join(_BORDERS.split())
MONDAY_BORDERS = _BORDERS.replace("SHIFT", "0")
SUNDAY_BORDERS = _BORDERS.replace("SHIFT", "1")

SHARED = table("""
abs(...)
acos(...)
asin(...)
atan(...)
atan2(...)
ceil(x) = ceil(x)
ceiling(x) = ceil(x)
cos(...)
cot(...)
degrees(...)
exp(...)
floor(x) = floor(x)
ln(...)
mod(a, b) = a % b
pi(...)
pow(...)
power(...)
radians(...)
round(...)
sign(...)
sin(...)
sqrt(...)
tan(...)
lower(...)
upper(...)
ltrim(s) = ltrim(s)
rtrim(s) = rtrim(s)
trim(s) = trim(s)
replace(s, a, b) = replace(s, a, b)
reverse(...)
char_length(s) = length(s)
character_length(s) = length(s)
coalesce(...)
nullif(...)
case(...)
count(...) = @count_rows
sum(...)
min(...)
max(...)
avg(...)
stddev_samp(...)
stddev_pop(...)
var_samp(...)
var_pop(...)
corr(...)
covar_samp(...)
covar_pop(...)
row_number(...)
rank(...)
dense_rank(...)
percent_rank(...)
cume_dist(...)
ntile(...)
lag(...)
lead(...)
first_value(...)
last_value(...)
nth_value(...)
row(...)
grouping(...)
""")
