"""Arrow's CSV reader, called so that no Ctrl-C is lost."""

from __future__ import annotations

import _thread
import threading
from typing import Any

import pyarrow as pa


def read_csv(data: Any, **options: Any) -> pa.Table:
    """`pyarrow.csv.read_csv` of bytes or a buffer: `read_options`, `parse_options`, `convert_options`.

    :raises pyarrow.ArrowInvalid: as Arrow does.
    """
    from pyarrow import csv

    if _thread.get_ident() != threading.main_thread().ident:
        return csv.read_csv(pa.BufferReader(data), **options)
    # In the main thread, Arrow puts a signal handler of its own in the place of Python's; it tells a thread, which
    # tells the reader. A signal that comes shortly before the end, or before a bad value, is told to nobody, and the
    # user presses Ctrl-C in vain. In another thread, Arrow leaves signals alone. (So does its streaming reader, but it
    # lets go of its input in the background, at which a program that ends meanwhile may hang.)
    from velothread.sources.aside import aside

    return aside(lambda: csv.read_csv(pa.BufferReader(data), **options))
