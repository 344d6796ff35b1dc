"""velothread: SQL over files and streams, in Python, on threads without the GIL.

import velothread
with velothread.connect(processor="adaptive", partitions=4) as session:
    session.register("trades", "data/trades-*.csv")
    session.query("SELECT symbol, sum(qty) FROM trades GROUP BY symbol").arrow()
"""

from __future__ import annotations

# `typing` itself stays out: Ctrl-C is only caught once `cli.main` runs, so little comes before it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from velothread.errors import (
        BadValueError,
        BindError,
        Cancelled,
        ExecutionError,
        InternalError,
        OptionError,
        ParseError,
        Position,
        SinkError,
        SourceError,
        SqlError,
        UnsupportedError,
        UserError,
        VelothreadError,
    )
    from velothread.functions.declaration import udf
    from velothread.options import Options
    from velothread.result import Result
    from velothread.session import Session, connect, query
    from velothread.sinks.sink import Sink
    from velothread.sources.source import ReadOptions, Scan, Source, Split

__version__ = "0.1.0"

__all__ = [
    "BadValueError",
    "BindError",
    "Cancelled",
    "ExecutionError",
    "InternalError",
    "OptionError",
    "Options",
    "ParseError",
    "Position",
    "ReadOptions",
    "Result",
    "Scan",
    "Session",
    "Sink",
    "SinkError",
    "Source",
    "SourceError",
    "Split",
    "SqlError",
    "UnsupportedError",
    "UserError",
    "VelothreadError",
    "connect",
    "query",
    "udf",
]

# A name's module is imported when the name is first used. The command's own module lies in this package too, and
# must be able to catch Ctrl-C before pyarrow and sqlglot are imported, which takes most of the time of a small query.
_ELSEWHERE = {
    "Options": "options",
    "ReadOptions": "sources.source",
    "Result": "result",
    "Scan": "sources.source",
    "Session": "session",
    "Sink": "sinks.sink",
    "Source": "sources.source",
    "Split": "sources.source",
    "connect": "session",
    "query": "session",
    "udf": "functions.declaration",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}"), name)
    globals()[name] = value  # so that this function is asked once per name
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
