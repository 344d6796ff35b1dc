"""velothread: SQL over files and streams, in Python, on threads without the GIL.

    import velothread
    with velothread.connect(processor="adaptive", partitions=4) as session:
        session.register("trades", "data/trades-*.csv")
        session.query("SELECT symbol, sum(qty) FROM trades GROUP BY symbol").arrow()
"""

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
from velothread.options import Options
from velothread.result import Result
from velothread.session import Session, connect, query
from velothread.sources.source import ReadOptions

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
    "Session",
    "SinkError",
    "SourceError",
    "SqlError",
    "UnsupportedError",
    "UserError",
    "VelothreadError",
    "connect",
    "query",
]
