"""Figures as people read them: three digits, a unit that fits, and a dash for what is not known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

NOTHING = "–"


def number(value: Any) -> float | None:
    """The value as a finite float, or None: bools, texts and NaN are no figures."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def median(spread: Any) -> float | None:
    """The median of a spread (a mapping with median, low and high), or the figure itself."""
    return number(spread.get("median")) if isinstance(spread, dict) else number(spread)


def bounds(spread: Any) -> tuple[float | None, float | None]:
    """The lowest and the highest figure of a spread."""
    return (number(spread.get("low")), number(spread.get("high"))) if isinstance(spread, dict) else (None, None)


def digits(value: float, count: int = 3) -> str:
    """At least `count` digits that count, thousands apart, no zeros behind the point.

    >>> digits(0.03456), digits(12.0), digits(1234567.8)
    ('0.0346', '12', '1,234,568')
    """
    if value == 0:
        return "0"
    places = max(0, count - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value: float, steps: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    for size, unit in steps:
        if abs(value) >= size:
            return size, unit
    return steps[-1]


_DURATIONS = ((1e6, "s"), (1e3, "ms"), (0.0999, "µs"), (1e-3, "ns"))
_RATES = ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""))


def microseconds(value: Any) -> str:
    """A duration that is given in microseconds.

    >>> microseconds(0.352), microseconds(0.004), microseconds(12_345)
    ('0.352 µs', '4 ns', '12.3 ms')
    """
    figure = number(value)
    if figure is None:
        return NOTHING
    if figure == 0:
        return "0 µs"
    size, unit = _scaled(figure, _DURATIONS)
    return f"{digits(figure / (1.0 if unit == 'µs' else size))} {unit}"


def nanoseconds(value: Any) -> str:
    """A duration that is given in nanoseconds."""
    figure = number(value)
    if figure is None:
        return NOTHING
    return f"{digits(figure)} ns" if abs(figure) < 1_000 else microseconds(figure / 1_000)


def seconds(value: Any) -> str:
    """How long something took, given in seconds.

    >>> seconds(412.3), seconds(2.5)
    ('6 min 52 s', '2.5 s')
    """
    figure = number(value)
    if figure is None:
        return NOTHING
    if figure < 60:
        return f"{digits(figure)} s"
    return f"{int(figure) // 60} min {int(figure) % 60} s"


def rate(value: Any) -> str:
    """Records per second, short; the unit is said elsewhere.

    >>> rate(2_857_142), rate(940)
    ('2.86 M', '940')
    """
    figure = number(value)
    if figure is None:
        return NOTHING
    size, unit = _scaled(figure, _RATES)
    return f"{digits(figure / size)}{unit}"


def count(value: Any) -> str:
    """A number of things."""
    figure = number(value)
    return NOTHING if figure is None else digits(figure)


def share(value: Any) -> str:
    """A share of 1 as a percentage.

    >>> share(0.0342), share(0.97)
    ('3.4 %', '97 %')
    """
    figure = number(value)
    if figure is None:
        return NOTHING
    return f"{digits(figure * 100, 2 if abs(figure) < 0.0995 else 3)} %"


def times(value: Any) -> str:
    """A factor.

    >>> times(1.9)
    '1.9 times'
    """
    figure = number(value)
    return NOTHING if figure is None else f"{digits(figure)} times"


def spread(value: Any, show: Callable[[Any], str]) -> str:
    """A median with what it was between: `0.35 µs (0.34 µs to 0.37 µs)`; the median alone if that is all there is."""
    low, high = bounds(value)
    text = show(median(value))
    return text if low is None or high is None or low == high else f"{text} ({show(low)} to {show(high)})"


def listed(items: list[str]) -> str:
    """Things in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
