"""Lifting: a Python function of simple expressions becomes a kernel over columns, with Python's answers.

    nodes.py         the program that a function becomes: operations, each a column, and checks
    operators.py     Python's operators, their static types and checks
    names.py         what global names mean
    calls.py         built-in functions and `math`;  libm.py: which of them Arrow computes to the same bits
    text.py          methods, slices and f-strings of str
    expressions.py   expressions -> nodes
    statements.py    statements -> nodes: where paths part and meet
    bounds.py        where integers can't overflow
    writer.py        nodes -> source of a function over chunks;  kernels.py, text_kernels.py: what it calls
    lifted.py        all of it: `lift`
    compiled.py      a lifted body as a function over batches

A program computes every branch for all rows and then chooses; it masks nothing. So it needs to know where Python would
have raised, overflowed 64 bits, or met None: a check says "on this path, this mask", and a batch in which a wanted row
fails one is left to Python (`PythonDiffers`). That is always right, and only ever slow.

The sign and payload of a NaN aren't part of a value here, as they aren't in Python's own comparisons and texts.
"""

from velothread.functions.lifting.compiled import compile_lifted
from velothread.functions.lifting.lifted import lift
from velothread.functions.lifting.outcome import Lifted, NotLifted, PythonDiffers

__all__ = ["Lifted", "NotLifted", "PythonDiffers", "compile_lifted", "lift"]
