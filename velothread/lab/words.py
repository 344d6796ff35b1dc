"""Figures as people read them."""

from __future__ import annotations


def us(value: float | None) -> str:
    """Microseconds, three digits.

    >>> us(0.004321), us(1234.5), us(None)
    ('0.00432 µs', '1,234 µs', '-')
    """
    return "-" if value is None else f"{digits(value)} µs"


def digits(value: float) -> str:
    """Three digits that count.

    >>> digits(0.0123456), digits(12.3456), digits(123456.0), digits(0)
    ('0.0123', '12.3', '123,456', '0')
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size < 1e-5:
        return f"{value:.1e}"
    places = 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.1 else 4 if size >= 0.01 else 5
    return f"{value:.{places}f}"


def rate(value: float | None) -> str:
    """Records per second.

    >>> rate(16_500), rate(2.8e6), rate(None)
    ('16.5 K/s', '2.80 M/s', '-')
    """
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{digits(value / 1e6)} M/s"
    return f"{digits(value / 1e3)} K/s" if value >= 1e3 else f"{digits(value)}/s"


def times(value: float | None) -> str:
    """A ratio.

    >>> times(1.874), times(None)
    ('1.87x', '-')
    """
    return "-" if value is None else f"{value:.2f}x"


def percent(value: float | None) -> str:
    """A share.

    >>> percent(0.0351), percent(0.00004), percent(9.38)
    ('3.5 %', '0.00 %', '938 %')
    """
    if value is None:
        return "-"
    share = value * 100
    return f"{share:,.0f} %" if abs(share) >= 100 else f"{share:.1f} %" if abs(share) >= 0.1 else f"{share:.2f} %"


__all__ = ["digits", "percent", "rate", "times", "us"]
