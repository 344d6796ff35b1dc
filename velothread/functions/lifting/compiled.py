"""A lifted body as a function over batches."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any
from zlib import crc32

from velothread.codegen.expressions import ExpressionWriter
from velothread.codegen.writer import SourceWriter
from velothread.functions.lifting.outcome import Lifted
from velothread.kernels import rows as runtime


def compile_lifted(lifted: Lifted) -> Callable[..., Any]:
    """`compute(rows, *columns) -> column` of a lifted function, one column (or constant) a parameter.

    It raises PythonDiffers, `pa.ArrowInvalid` or ExecutionError where the function itself has to be called instead.
    Rows in which a parameter that can't be None is NULL come out NULL.

    Threading: the function may be called by many threads at once.
    """
    w = SourceWriter()
    w.fresh("rows")
    compute = w.fresh("compute")
    names = {f: w.fresh(f.name) for f in lifted.parameters}
    w.line(f"def {compute}({', '.join(['rows', *names.values()])}):")
    w.indent()
    value = ExpressionWriter(w, names, frozenset()).value(lifted.body)
    w.line(f"return {w.function(runtime.column, 'column')}({value}, rows)")
    source = w.source
    filename = f"<velothread lifted {crc32(source.encode()):08x}>"
    namespace = dict(w.namespace)
    exec(compile(source, filename, "exec"), namespace)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    function: Callable[..., Any] = namespace[compute]
    return function


__all__ = ["compile_lifted"]
