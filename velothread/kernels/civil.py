"""The proleptic Gregorian calendar in NumPy: days since 1970-01-01 to year, month, day and back.

The algorithm is Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the
leap day is the last day, and 400-year eras repeat. Year 0 is 1 BC, as in ISO 8601.
"""

from __future__ import annotations

import numpy as np

from velothread.kernels.vectors import Mask, Numbers

MICROS_PER_SECOND = 1_000_000
MICROS_PER_DAY = 86_400_000_000
NANOS_PER_DAY = 86_400_000_000_000
# DATE and TIMESTAMP have infinities, held as the ends of their ranges.
DATE_INFINITY = 2**31 - 1
TIMESTAMP_INFINITY = 2**63 - 1
_DAYS_PER_ERA = 146_097
_EPOCH_SHIFT = 719_468  # days from 0000-03-01 to 1970-01-01
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def civil(days: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Year, month (1-12) and day (1-31) of days since 1970-01-01, as int64."""
    z = days.astype(np.int64) + _EPOCH_SHIFT
    era = z // _DAYS_PER_ERA
    day_of_era = z - era * _DAYS_PER_ERA
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    return year_of_era + era * 400 + (month <= 2), month, day


def days_from_civil(year: Numbers, month: Numbers, day: Numbers) -> Numbers:
    """Days since 1970-01-01 (int64) of a date that is known to exist."""
    y = year.astype(np.int64) - (month <= 2)
    era = y // 400
    year_of_era = y - era * 400
    day_of_year = (153 * np.where(month > 2, month - 3, month + 9) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: Numbers = era * _DAYS_PER_ERA + day_of_era - _EPOCH_SHIFT
    return days


def is_leap(year: Numbers) -> Mask:
    """Leap years."""
    leap: Mask = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap


def days_in_month(year: Numbers, month: Numbers) -> Numbers:
    """28 to 31."""
    return np.where((month == 2) & is_leap(year), 29, MONTH_DAYS[month - 1])


def day_of_year(days: Numbers, year: Numbers) -> Numbers:
    """1 to 366."""
    one = np.ones_like(year)
    return days - days_from_civil(year, one, one) + 1


def add_months(days: Numbers, months: Numbers) -> Numbers:
    """The same day `months` later, or the last day of a month that is too short."""
    year, month, day = civil(days)
    total = year * 12 + (month - 1) + months
    year, month = total // 12, total % 12 + 1
    return days_from_civil(year, month, np.minimum(day, days_in_month(year, month)))


def iso_week(days: Numbers) -> tuple[Numbers, Numbers]:
    """ISO 8601 year and week (1-53): a week belongs to the year of its Thursday."""
    days = days.astype(np.int64)
    thursday = days - (days + 3) % 7 + 3
    year = civil(thursday)[0]
    return year, (day_of_year(thursday, year) - 1) // 7 + 1
