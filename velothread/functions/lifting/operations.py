"""Which function computes which operation of a program, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.compute as pc

from velothread.functions.lifting import bounds, kernels, text_kernels

# One NumPy function: `function(*arguments, out)`, where `out` may be one of the arguments.
UFUNCS: dict[str, np.ufunc] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "//": np.floor_divide, "%": np.remainder,
    "negate": np.negative, "abs": np.absolute, "~": np.invert, "bit_and": np.bitwise_and, "bit_or": np.bitwise_or,
    "bit_xor": np.bitwise_xor, ">>": np.right_shift, "==": np.equal, "!=": np.not_equal, "<": np.less,
    "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "not": np.logical_not, "and": np.logical_and,
    "or": np.logical_or, "sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "rint": np.rint, "isnan": np.isnan,
    "isinf": np.isinf, "isfinite": np.isfinite,
}  # fmt: skip
# Ours: `function(*arguments, out)`, where `out` is none of the arguments.
KERNELS: dict[str, Callable[..., None]] = {
    "beyond": kernels.beyond, "outside": kernels.outside, "power": kernels.power, "atan2": kernels.atan2,
    "power_differs": kernels.power_differs,
}  # fmt: skip
# `function(extra, *arguments, out)`.
WITH_EXTRA: dict[str, Callable[..., None]] = {
    "libm": kernels.libm, "libm_differs": kernels.libm_differs, "round": kernels.rounded,
    "round_differs": kernels.round_differs,
}  # fmt: skip
# `function(*arguments)`, which gives the column.
TEXT: dict[str, Callable[..., Any]] = {
    "not_empty": text_kernels.not_empty, "length": text_kernels.length, "concat": text_kernels.concat,
    "reversed": text_kernels.reverse, "text_upper": text_kernels.upper, "text_lower": text_kernels.lower,
    "text_capitalize": text_kernels.capitalize, "text_swapcase": text_kernels.swapcase,
    "text_title": text_kernels.title,
    "text_isdigit": text_kernels.is_digit, "text_isalpha": text_kernels.is_alpha, "text_isalnum": text_kernels.is_alnum,
    "text_isspace": text_kernels.is_space, "text_isupper": text_kernels.is_upper, "text_islower": text_kernels.is_lower,
    "shown": text_kernels.shown, "letter": text_kernels.letter,
    "not_int": text_kernels.not_whole, "not_float": text_kernels.not_fraction,
    "parsed_int": text_kernels.whole, "parsed_float": text_kernels.fraction,
}  # fmt: skip
# `function(extra, *arguments)`.
TEXT_WITH_EXTRA: dict[str, Callable[..., Any]] = {
    "among": text_kernels.among, "cut": text_kernels.cut, "contains": text_kernels.contains,
    "text_startswith": text_kernels.starts, "text_endswith": text_kernels.ends,
    "text_find": text_kernels.find, "text_count": text_kernels.count, "replace": text_kernels.replace,
    "slice": text_kernels.slice_, "text_strip": text_kernels.strip, "text_lstrip": text_kernels.lstrip,
    "text_rstrip": text_kernels.rstrip, "text_ljust": text_kernels.ljust, "text_rjust": text_kernels.rjust,
}  # fmt: skip
TEXT_COMPARISONS: dict[str, Callable[..., Any]] = {
    "text==": pc.equal, "text<": pc.less, "text<=": pc.less_equal, "text>": pc.greater, "text>=": pc.greater_equal,
}  # fmt: skip
BOUNDS: dict[str, Callable[..., Any]] = {
    "+": bounds.add, "-": bounds.subtract, "*": bounds.multiply, "//": bounds.divide, "%": bounds.modulo,
    "negate": bounds.negate, "abs": bounds.absolute,
}  # fmt: skip

__all__ = ["BOUNDS", "KERNELS", "TEXT", "TEXT_COMPARISONS", "TEXT_WITH_EXTRA", "UFUNCS", "WITH_EXTRA"]
