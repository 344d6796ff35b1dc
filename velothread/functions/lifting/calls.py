"""Built-in functions and those of `math` that can be lifted, by what they are, not by their names.

Libm's functions are computed by Arrow, which calls the same libm as Python (`kernels.libm` makes sure): NumPy has its
own, whose last bits differ.
"""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable
from typing import Any

from velothread.functions.lifting import text
from velothread.functions.lifting.libm import agrees
from velothread.functions.lifting.nodes import Node, Path, Value
from velothread.functions.lifting.operators import Operators, kind_name
from velothread.functions.lifting.outcome import refuse

Handler = Callable[[Operators, list[Value], Path, ast.AST], Value]


def handler_of(function: Any) -> Handler | None:
    """How calls of a function are lifted, if they can be."""
    found = _KNOWN.get(id(function))
    return found[1] if found is not None and found[0] is function else None


def name_of(function: Any) -> str:
    """`math.sin`, `len`, `my_module.f`: for messages."""
    name = getattr(function, "__qualname__", None) or type(function).__name__
    module = getattr(function, "__module__", None)
    return name if module in (None, "builtins", "__main__") else f"{module}.{name}"


def call(function: Any, o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    """A call of a known function.

    :raises Refused: of one that can't be lifted.
    """
    handler = handler_of(function)
    if handler is None:
        refuse(f"calls {name_of(function)}", where)
    nodes = [v.node for v in arguments]
    constants = [n.extra for n in nodes if n is not None and n.is_constant and n.kind != "real"]
    if len(constants) == len(nodes) and all(v.none is None for v in arguments):
        return Value(o.folded(function, where, *constants))
    return handler(o, arguments, path, where)


def _count(arguments: list[Value], least: int, most: int, name: str, where: ast.AST) -> None:
    if not least <= len(arguments) <= most:
        refuse(f"calls {name} with {len(arguments)} arguments", where)


def _number(o: Operators, value: Value, path: Path, where: ast.AST, name: str) -> Node:
    n = o.need(value, path, where, name)
    if n.kind == "str":
        refuse(f"calls {name} of a str", where)
    return o.whole(n)


# --- built-ins


def _abs(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 1, "abs", where)
    return o.unary("abs", arguments[0], path, where)


def _extreme(sign: str, name: str) -> Handler:
    def handler(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
        if len(arguments) < 2:
            refuse(f"calls {name} of something to iterate over", where)
        best = arguments[0]
        for value in arguments[1:]:
            # Of equals (0.0 and -0.0), and with NaN, the first stays
            better = o.compare(sign, value, best, path, where)
            best = o.choose(better, Value(value.node), Value(best.node), path, where)
        return best

    return handler


def _bool(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 1, "bool", where)
    return Value(o.truth(arguments[0]))


def _int(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 1, "int", where)
    n = o.whole(o.need(arguments[0], path, where, "int()"))
    if n.kind == "int":
        return Value(n)
    if n.kind == "str":
        return Value(text.parsed(o, n, "int", path, where))
    return Value(_truncated(o, n, path, where))


def _truncated(o: Operators, n: Node, path: Path, where: ast.AST) -> Node:
    """The int of a float without its fraction; NaN, infinities and what is beyond 64 bits are left to Python."""
    o.program.check(path, o.program.node("outside", "bool", n), getattr(where, "lineno", None))
    return o.program.node("int_of_float", "int", n)


def _float(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 1, "float", where)
    n = o.need(arguments[0], path, where, "float()")
    if n.kind == "str":
        return Value(text.parsed(o, n, "float", path, where))
    return Value(o.float(n))


def _str(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 1, "str", where)
    return Value(text.shown(o, o.need(arguments[0], path, where, "str()"), where))


def _len(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 1, "len", where)
    n = o.need(arguments[0], path, where, "len()")
    if n.kind != "str":
        refuse(f"calls len of {kind_name(arguments[0])}", where)
    return Value(o.program.node("length", "int", n))


# Ten to these is exact as a float.
_MOST_DIGITS = 22


def _round(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 2, "round", where)
    n = _number(o, arguments[0], path, where, "round")
    if n.kind == "real":
        refuse("rounds what may be an int or a float", where)
    if len(arguments) == 1 or arguments[1].node is None:
        if n.kind == "int":
            return Value(n)
        return Value(_truncated(o, o.program.node("rint", "float", n), path, where))
    digits = arguments[1].node
    if not digits.is_constant or digits.kind != "int" or arguments[1].none is not None:
        refuse("rounds to a number of digits that isn't constant", where)
    if n.kind == "int" and digits.extra >= 0:
        return Value(n)
    if n.kind == "int" or not 0 <= digits.extra <= _MOST_DIGITS:
        refuse(f"rounds to {digits.extra} digits", where)
    differs = o.program.node("round_differs", "bool", n, extra=int(digits.extra))
    o.program.check(path, differs, getattr(where, "lineno", None))
    return Value(o.program.node("round", "float", n, extra=int(digits.extra)))


# --- math


def _of_float(op: str, *, negative: bool = True) -> Handler:
    """A function of one float; negative: does it take negative ones?"""

    def handler(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
        _count(arguments, 1, 1, f"math.{op}", where)
        n = o.float(_number(o, arguments[0], path, where, f"math.{op}"))
        if not negative:
            below = o.program.node("<", "bool", n, o.program.constant(0.0))
            o.program.check(path, below, getattr(where, "lineno", None))
        return Value(o.program.node(op, "float", n))

    return handler


def _libm(name: str, domain: str | None = None) -> Handler:
    """A function of libm. domain: "finite", "positive", ...: else Python raises; also where it overflows."""

    def handler(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
        _count(arguments, 1, 1, f"math.{name}", where)
        n = o.float(_number(o, arguments[0], path, where, f"math.{name}"))
        return Value(_libm_node(o, name, domain, n, path, where))

    return handler


def _libm_node(o: Operators, name: str, domain: str | None, n: Node, path: Path, where: ast.AST) -> Node:
    if not agrees(name):
        refuse(f"calls math.{name}, which differs from Arrow's in this process", where)
    result = o.program.node("libm", "float", n, extra=name)
    bad = o.program.node("libm_differs", "bool", n, result, extra=domain)
    o.program.check(path, bad, getattr(where, "lineno", None))
    return result


def _log(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 1, 2, "math.log", where)
    logs = []
    for value in arguments:
        n = o.float(_number(o, value, path, where, "math.log"))
        if n.is_constant:
            logs.append(o.folded(math.log, where, n.extra))
        else:
            logs.append(_libm_node(o, "log", "positive", n, path, where))
    return Value(logs[0]) if len(logs) == 1 else o.binary("/", Value(logs[0]), Value(logs[1]), path, where)


def _atan2(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 2, 2, "math.atan2", where)
    if not agrees("atan2"):
        refuse("calls math.atan2, which differs from Arrow's in this process", where)
    nodes = [o.float(_number(o, v, path, where, "math.atan2")) for v in arguments]
    return Value(o.program.node("atan2", "float", *nodes))


def _pow(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    _count(arguments, 2, 2, "math.pow", where)
    base, exponent = (Value(o.float(_number(o, v, path, where, "math.pow"))) for v in arguments)
    return o.binary("**", base, exponent, path, where)


def _to_int(op: str) -> Handler:
    """floor, ceil, trunc: an int."""

    def handler(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
        _count(arguments, 1, 1, f"math.{op}", where)
        n = _number(o, arguments[0], path, where, f"math.{op}")
        if n.kind == "int":
            return Value(n)
        n = o.float(n)
        return Value(_truncated(o, n if op == "trunc" else o.program.node(op, "float", n), path, where))

    return handler


def _test(op: str) -> Handler:
    """isnan, isinf, isfinite."""

    def handler(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
        _count(arguments, 1, 1, f"math.{op}", where)
        n = _number(o, arguments[0], path, where, f"math.{op}")
        return Value(o.truth_constant(op == "isfinite") if n.kind == "int" else o.program.node(op, "bool", n))

    return handler


def _scaled(factor: float, name: str) -> Handler:
    def handler(o: Operators, arguments: list[Value], path: Path, where: ast.AST) -> Value:
        _count(arguments, 1, 1, f"math.{name}", where)
        n = o.float(_number(o, arguments[0], path, where, f"math.{name}"))
        return Value(o.program.node("*", "float", n, o.program.constant(factor)))

    return handler


_TABLE: tuple[tuple[Any, Handler], ...] = (
    (builtins.abs, _abs),
    (builtins.min, _extreme("<", "min")),
    (builtins.max, _extreme(">", "max")),
    (builtins.bool, _bool),
    (builtins.int, _int),
    (builtins.float, _float),
    (builtins.str, _str),
    (builtins.len, _len),
    (builtins.round, _round),
    (math.sqrt, _of_float("sqrt", negative=False)),
    (math.fabs, _of_float("abs")),
    (math.floor, _to_int("floor")),
    (math.ceil, _to_int("ceil")),
    (math.trunc, _to_int("trunc")),
    (math.isnan, _test("isnan")),
    (math.isinf, _test("isinf")),
    (math.isfinite, _test("isfinite")),
    (math.degrees, _scaled(180.0 / math.pi, "degrees")),
    (math.radians, _scaled(math.pi / 180.0, "radians")),
    (math.log, _log),
    (math.atan2, _atan2),
    (math.pow, _pow),
    (math.exp, _libm("exp")),
    (math.expm1, _libm("expm1")),
    (math.log2, _libm("log2", "positive")),
    (math.log10, _libm("log10", "positive")),
    (math.log1p, _libm("log1p", "above -1")),
    (math.sin, _libm("sin", "finite")),
    (math.cos, _libm("cos", "finite")),
    (math.tan, _libm("tan", "finite")),
    (math.asin, _libm("asin", "unit")),
    (math.acos, _libm("acos", "unit")),
    (math.atan, _libm("atan")),
    (math.sinh, _libm("sinh")),
    (math.cosh, _libm("cosh")),
    (math.tanh, _libm("tanh")),
    (math.asinh, _libm("asinh")),
)
_KNOWN: dict[int, tuple[Any, Handler]] = {id(f): (f, handler) for f, handler in _TABLE}

__all__ = ["call", "handler_of", "name_of"]
