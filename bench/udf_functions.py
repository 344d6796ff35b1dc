"""The Python functions that bench/udf.py compares: one source for all engines, a value of each argument a call.

Nothing here is velothread's: types are read from the annotations, and any engine's process can import it. What works on
whole batches is in udf_batches.py; what needs an event loop, in udf_async.py.
"""

from __future__ import annotations

import http.client
import math
import os
import re
import threading

WEIGHTS = {
    "excellent": 5, "great": 4, "good": 3, "solid": 2, "fine": 1,
    "slow": -1, "poor": -2, "bad": -3, "broken": -4, "terrible": -5,
}  # fmt: skip
NEGATIONS = frozenset({"not", "never", "hardly"})
STRONGER = frozenset({"very", "really", "truly"})


def score(review: str) -> int:
    """How a review feels: words have weights, some words turn or double the next weight."""
    total = 0
    factor = 1
    for word in review.split():
        if word in NEGATIONS:
            factor = -1
        elif word in STRONGER:
            factor *= 2
        else:
            weight = WEIGHTS.get(word)
            if weight is not None:
                total += factor * weight
                factor = 1
    if review.endswith("!"):
        total *= 2
    return total


def fare(distance: float, minutes: float, passengers: int) -> float:
    """What a ride costs: arithmetic with branches."""
    if distance < 2.0:
        price = 4.0
    elif distance < 15.0:
        price = 4.0 + (distance - 2.0) * 1.6
    else:
        price = 24.8 + (distance - 15.0) * 1.2
    if minutes > distance * 3.0:
        price = price + (minutes - distance * 3.0) * 0.35
    if passengers > 4:
        price = price * 1.25
    return price


def margin(distance: float, minutes: float, passengers: int) -> float:
    """One expression: arithmetic without branches."""
    return (distance * 1.6 + minutes * 0.35) * 0.8 - passengers * 0.25


TARIFFS = {f"zone-{i:03d}": (0.8 + i % 17 * 0.11, 3.0 + i % 5 * 0.5) for i in range(500)}


def tariff(zone: str, distance: float) -> float:
    """A price from a table that is a global of the module, read for every row."""
    entry = TARIFFS.get(zone)
    if entry is None:
        return 0.0
    rate, least = entry
    price = rate * distance
    return price if price > least else least


LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "([A-Z]+) (/[^/ ?"]*)([^ "]*) HTTP/[\d.]+" (\d{3}) (\d+|-)')


def endpoint(line: str) -> str:
    """The first part of the path in a line of a web server's log."""
    found = LINE.match(line)
    return found[4] if found is not None else "?"


COEFFICIENTS = (0.82, -1.35, 0.41, 0.077, -0.56, 1.9)
INTERCEPT = -0.3
C1, C2, C3, C4, C5, C6 = COEFFICIENTS


def predict(f1: float, f2: float, f3: float, f4: float, f5: float, f6: float) -> float:
    """A logistic regression of six features, a row at a time."""
    z = INTERCEPT + C1 * f1 + C2 * f2 + C3 * f3 + C4 * f4 + C5 * f5 + C6 * f6
    return 1.0 / (1.0 + math.exp(-z))


PORT = int(os.environ.get("BENCH_HTTP_PORT", "0"))
_kept = threading.local()


def ask(id: int) -> int:
    """What udf_server.py answers for an id; a thread keeps its connection."""
    connection = getattr(_kept, "connection", None)
    if connection is None:
        connection = _kept.connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.request("GET", f"/{id}")
    return int(connection.getresponse().read())
