"""Functions for SQL over the lines of data/access.log: see docs/python-functions.md."""

import re
from dataclasses import dataclass
from datetime import datetime

LINE = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>[^ ?"]+)[^"]*" '
    r'(?P<status>\d{3}) (?P<bytes>\d+) "[^"]*" "(?P<agent>[^"]*)" (?P<seconds>[\d.]+)'
)


@dataclass
class Request:
    host: str
    time: datetime
    method: str
    path: str
    status: int
    bytes: int
    seconds: float
    robot: bool


def request(line: str) -> Request | None:
    """What a line says, or None where it was cut short."""
    found = LINE.fullmatch(line)
    if found is None:
        return None
    return Request(
        host=found["host"],
        time=datetime.strptime(found["time"][:20], "%d/%b/%Y:%H:%M:%S"),
        method=found["method"],
        path=found["path"],
        status=int(found["status"]),
        bytes=int(found["bytes"]),
        seconds=float(found["seconds"]),
        robot="bot" in found["agent"].lower(),
    )


def network(host: str, parts: int = 2) -> str:
    """The first parts of an address."""
    return ".".join(host.split(".")[:parts])


def slow(seconds: float, limit: float = 0.1) -> bool:
    """Did it take longer than it should?"""
    return seconds > limit
