"""str: methods, subscripts, f-strings and conversions that can be lifted.

What Arrow does by code point or by byte is exact for all text. What depends on tables of characters (upper, isdigit)
is exact for ASCII alone: the kernel looks at its column, and other text is left to Python (`text_kernels.ascii_only`).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from velothread.functions.lifting.nodes import Kind, Node, Path, Value
from velothread.functions.lifting.operators import Operators, kind_name
from velothread.functions.lifting.outcome import refuse

Method = Callable[[Operators, Node, list[Any], Path, ast.AST], Value]


def method(name: str, o: Operators, receiver: Node, arguments: list[Value], path: Path, where: ast.AST) -> Value:
    """receiver.name(*arguments) of a str.

    :raises Refused: of a method that can't be lifted, or an argument that isn't constant.
    """
    found = _METHODS.get(name)
    constants: list[Any] = []
    for v in arguments:
        if v.node is None:
            constants.append(None)
        elif v.none is None and v.node.is_constant:
            constants.append(v.node.extra)
        else:
            refuse(f"calls str.{name} with an argument that isn't constant", where)
    if receiver.is_constant:
        return Value(o.folded(operator.methodcaller(name, *constants), where, receiver.extra))
    if found is None:
        refuse(f"calls str.{name}", where)
    return found(o, receiver, constants, path, where)


def _plain(op: str, kind: Kind) -> Method:
    """A method without arguments."""

    def build(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
        if arguments:
            refuse(f"calls str.{op} with {len(arguments)} arguments", where)
        return Value(o.program.node("text_" + op, kind, s))

    return build


def _trim(op: str) -> Method:
    def build(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
        characters = arguments[0] if arguments else None
        if len(arguments) > 1 or not (characters is None or isinstance(characters, str)):
            refuse(f"calls str.{op} with other than text", where)
        if characters == "":
            return Value(s)
        return Value(o.program.node("text_" + op, "str", s, extra=characters))

    return build


def _affix(op: str) -> Method:
    """startswith and endswith, of one text or a tuple of them (a tuple comes as an extra of several)."""

    def build(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
        if len(arguments) != 1 or not isinstance(arguments[0], str):
            refuse(f"calls str.{op} with other than one text", where)
        return Value(affix(o, op, s, arguments[0]))

    return build


def affix(o: Operators, op: str, s: Node, wanted: str) -> Node:
    """Does `s` start or end with a constant?"""
    return o.program.node("text_" + op, "bool", s, extra=wanted) if wanted else o.truth_constant(True)


def _remove(op: str, test: str) -> Method:
    def build(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
        if len(arguments) != 1 or not isinstance(arguments[0], str):
            refuse(f"calls str.{op} with other than one text", where)
        if not arguments[0]:
            return Value(s)
        length = len(arguments[0])
        rest = (length, None) if op == "removeprefix" else (None, -length)
        cut = o.program.node("slice", "str", s, extra=rest)
        return Value(o.choose_node(affix(o, test, s, arguments[0]), cut, s))

    return build


def _replace(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
    if len(arguments) not in (2, 3) or not all(isinstance(a, str) for a in arguments[:2]):
        refuse("calls str.replace with other than texts", where)
    if not arguments[0]:
        refuse("replaces the empty text", where)
    most = arguments[2] if len(arguments) == 3 else -1
    if type(most) is not int:
        refuse("calls str.replace with other than a number", where)
    if most == 0 or arguments[0] == arguments[1]:
        return Value(s)
    return Value(o.program.node("replace", "str", s, extra=(arguments[0], arguments[1], most)))


def _search(op: str) -> Method:
    """find and count: Arrow's positions are bytes, so `find` is for ASCII."""

    def build(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
        if len(arguments) != 1 or not isinstance(arguments[0], str):
            refuse(f"calls str.{op} with other than one text", where)
        if not arguments[0]:
            refuse("looks for the empty text", where)
        found = o.program.node("text_find" if op == "index" else "text_" + op, "int", s, extra=arguments[0])
        if op == "index":
            missing = o.program.node("<", "bool", found, o.program.constant(0))
            o.program.check(path, missing, getattr(where, "lineno", None))
        return Value(found)

    return build


def _padded(op: str) -> Method:
    def build(o: Operators, s: Node, arguments: list[Any], path: Path, where: ast.AST) -> Value:
        width, fill = (*arguments, " ")[:2] if arguments else (None, None)
        if len(arguments) not in (1, 2) or type(width) is not int or not isinstance(fill, str) or len(fill) != 1:
            refuse(f"calls str.{op} with other than a width and a character", where)
        return Value(o.program.node("text_" + op, "str", s, extra=(max(width, 0), fill)))

    return build


_METHODS: dict[str, Method] = {
    "upper": _plain("upper", "str"),
    "lower": _plain("lower", "str"),
    "capitalize": _plain("capitalize", "str"),
    "swapcase": _plain("swapcase", "str"),
    "title": _plain("title", "str"),
    "casefold": _plain("lower", "str"),  # of ASCII
    "isdigit": _plain("isdigit", "bool"),
    "isdecimal": _plain("isdigit", "bool"),
    "isnumeric": _plain("isdigit", "bool"),
    "isalpha": _plain("isalpha", "bool"),
    "isalnum": _plain("isalnum", "bool"),
    "isspace": _plain("isspace", "bool"),
    "isupper": _plain("isupper", "bool"),
    "islower": _plain("islower", "bool"),
    "strip": _trim("strip"),
    "lstrip": _trim("lstrip"),
    "rstrip": _trim("rstrip"),
    "startswith": _affix("startswith"),
    "endswith": _affix("endswith"),
    "removeprefix": _remove("removeprefix", "startswith"),
    "removesuffix": _remove("removesuffix", "endswith"),
    "replace": _replace,
    "find": _search("find"),
    "index": _search("index"),
    "count": _search("count"),
    "ljust": _padded("ljust"),
    "rjust": _padded("rjust"),
}


def contains(o: Operators, hay: Node, needle: Node, where: ast.AST) -> Node:
    """needle in hay, of two texts."""
    if not needle.is_constant:
        refuse("looks for text that isn't constant", where)
    if hay.is_constant:
        return o.truth_constant(needle.extra in hay.extra)
    return o.program.node("contains", "bool", hay, extra=needle.extra) if needle.extra else o.truth_constant(True)


def among(o: Operators, left: Value, wanted: tuple[str, ...]) -> Node:
    """left in wanted, of a text."""
    assert left.node is not None
    if left.node.is_constant:
        return o.truth_constant(left.node.extra in wanted)
    return o.program.node("among", "bool", left.node, extra=wanted)


def subscript(o: Operators, s: Node, index: ast.expr, value: Callable[[ast.expr], Value], path: Path) -> Value:
    """s[index], s[start:stop] or s[::-1].

    :raises Refused: for other steps, and indexes of other types.
    """

    def bound(part: ast.expr | None) -> Node | None:
        v = Value(None) if part is None else value(part)
        if v.node is None:
            return None
        n = o.whole(o.need(v, path, index, "index"))
        if n.kind != "int":
            refuse("slices by other than ints", index)
        return n

    if not isinstance(index, ast.Slice):
        at = bound(index)
        if at is None:
            refuse("indexes by None", index)
        return Value(_character(o, s, at, path, index))
    start, stop, step = (bound(part) for part in (index.lower, index.upper, index.step))
    if step is not None and not (step.is_constant and step.extra in (1, -1)):
        refuse("slices with a step", index)
    backwards = step is not None and step.extra == -1
    if backwards and (start is not None or stop is not None):
        refuse("slices with a step", index)
    if all(n is None or n.is_constant for n in (start, stop)):
        low, high = (None if n is None else n.extra for n in (start, stop))
        if s.is_constant:
            return Value(o.folded(operator.itemgetter(slice(low, high, -1 if backwards else None)), index, s.extra))
        return Value(o.program.node("reversed", "str", s) if backwards else _slice(o, s, low, high))
    if s.is_constant:
        refuse("slices a constant", index)
    ends = tuple(n for n in (start, stop) if n is not None)
    return Value(o.program.node("cut", "str", s, *ends, extra=(start is not None, stop is not None)))


def _slice(o: Operators, s: Node, start: int | None, stop: int | None) -> Node:
    # Arrow takes 64 bits; no text is so long
    start, stop = (None if n is None else max(min(n, 2**31), -(2**31)) for n in (start, stop))
    return o.program.node("slice", "str", s, extra=(start, stop))


def _character(o: Operators, s: Node, at: Node, path: Path, where: ast.AST) -> Node:
    """s[at]: no row may be too short for it."""
    line = getattr(where, "lineno", None)
    if s.is_constant:
        if not at.is_constant:
            refuse("indexes a constant", where)
        return o.folded(operator.itemgetter(at.extra), where, s.extra)
    length = o.program.node("length", "int", s)
    if at.is_constant:
        n = at.extra
        short = o.program.node("<=" if n >= 0 else "<", "bool", length, o.program.constant(n if n >= 0 else -n))
        o.program.check(path, short, line)
        return _slice(o, s, n, n + 1 if n != -1 else None)
    o.program.check(path, o.program.node("<=", "bool", length, at), line)
    o.program.check(
        path, o.program.node("<", "bool", o.program.node("+", "int", length, at), o.program.constant(0)), line
    )
    return o.program.node("letter", "str", s, at)


def shown(o: Operators, n: Node, where: ast.AST) -> Node:
    """str(n).

    :raises Refused: for floats: Arrow writes them in another way.
    """
    if n.kind == "str":
        return n
    if n.is_constant and n.kind != "real":
        return o.constant(str(n.extra), where)
    if n.kind == "bool":
        return o.choose_node(n, o.program.constant("True"), o.program.constant("False"))
    if n.kind == "int":
        return o.program.node("shown", "str", n)
    refuse("writes a float as text", where)


def joined(o: Operators, parts: list[Node], where: ast.AST) -> Value:
    """The parts of an f-string, all of them text."""
    result = None
    for part in parts:
        if result is None:
            result = part
        elif result.is_constant and part.is_constant:
            result = o.constant(result.extra + part.extra, where)
        else:
            result = o.program.node("concat", "str", result, part)
    return Value(o.program.constant("") if result is None else result)


def parsed(o: Operators, n: Node, kind: Kind, path: Path, where: ast.AST) -> Node:
    """int(n) or float(n) of a text: of plain decimal numbers; other text is left to Python."""
    line = getattr(where, "lineno", None)
    o.program.check(path, o.program.node(f"not_{kind}", "bool", n), line)
    return o.program.node(f"parsed_{kind}", kind, n)


__all__ = ["affix", "among", "contains", "joined", "kind_name", "method", "parsed", "shown", "subscript"]
