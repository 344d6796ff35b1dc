"""Python's operators over nodes: the static types that they take and give, and the checks that they need."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from velothread.functions.lifting.libm import agrees
from velothread.functions.lifting.nodes import Kind, Node, Path, Program, Value
from velothread.functions.lifting.outcome import refuse

# Floats have all integers up to here.
EXACT = 2**53
_NUMBERS = ("int", "float", "real", "bool")

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": operator.lshift, ">>": operator.rshift,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORST_POWER = 64


@dataclass(slots=True)
class Operators:
    """Makes the nodes of one program."""

    program: Program

    # --- conditions

    def truth_constant(self, value: bool) -> Node:
        return self.program.constant(value)

    def opposite(self, test: Node) -> Node:
        """not test."""
        if test.is_constant:
            return self.program.constant(not test.extra)
        return test.arguments[0] if test.op == "not" else self.program.node("not", "bool", test)

    def both(self, a: Node, b: Node) -> Node:
        """a and b, of conditions."""
        if a.is_constant or a is b:
            return b if a.is_constant and a.extra else a
        if b.is_constant:
            return a if b.extra else b
        return self.program.node("and", "bool", a, b)

    def either(self, a: Node, b: Node) -> Node:
        """a or b, of conditions."""
        if a.is_constant or a is b:
            return a if not a.is_constant or a.extra else b
        if b.is_constant:
            return b if b.extra else a
        return self.program.node("or", "bool", a, b)

    def truth(self, value: Value) -> Node:
        """bool(value), which never raises."""
        if value.node is None:
            return self.truth_constant(False)
        n = value.node
        if n.is_constant:
            found = self.program.constant(bool(n.extra))
        elif n.kind == "bool":
            found = n
        elif n.kind == "str":
            found = self.program.node("not_empty", "bool", n)
        else:
            found = self.program.node("!=", "bool", n, self._zero(n))
        return found if value.none is None else self.both(self.opposite(value.none), found)

    def is_none(self, value: Value) -> Node:
        """value is None."""
        if value.node is None:
            return self.truth_constant(True)
        return self.truth_constant(False) if value.none is None else value.none

    def need(self, value: Value, path: Path, where: ast.AST, what: str) -> Node:
        """The node of a value that has to be something: None would raise a TypeError.

        :raises Refused: when it is always None.
        """
        if value.node is None:
            refuse(f"{what} of None", where)
        if value.none is not None:
            self.program.check(path, value.none, _line(where))
        return value.node

    # --- choosing

    def choose(self, test: Node, then: Value, otherwise: Value, path: Path, where: ast.AST) -> Value:
        """`then` where `test` is true, else `otherwise`, of one static type.

        :raises Refused: when they have none in common.
        """
        if then is otherwise or test.is_constant:
            return then if then is otherwise or test.extra else otherwise
        none = self._choose_none(test, then, otherwise)
        if then.node is None or otherwise.node is None:
            return Value(then.node or otherwise.node, none)
        a, b = then.node, otherwise.node
        if a.kind != b.kind:
            kinds = {a.kind, b.kind}
            if kinds - {"int", "float", "real"}:
                refuse(f"a value may be {_article(a.kind)} or {_article(b.kind)}", where)
            a = self.real(a, (*path, (test, True)), where)
            b = self.real(b, (*path, (test, False)), where)
        return Value(self.choose_node(test, a, b), none)

    def _choose_none(self, test: Node, then: Value, otherwise: Value) -> Node | None:
        if then.node is not None and otherwise.node is not None and then.none is None and otherwise.none is None:
            return None
        found = self.choose_node(test, self.is_none(then), self.is_none(otherwise))
        return None if found.is_constant and not found.extra else found

    def choose_node(self, test: Node, a: Node, b: Node) -> Node:
        """Of nodes of one kind."""
        if a is b:
            return a
        if test.is_constant:
            return a if test.extra else b
        if test.op == "not":
            return self.choose_node(test.arguments[0], b, a)
        if a.kind == "bool" and (a.is_constant or b.is_constant):
            if a.is_constant:
                return self.either(test, b) if a.extra else self.both(self.opposite(test), b)
            return self.either(self.opposite(test), a) if b.extra else self.both(test, a)
        return self.program.node("choose", a.kind, test, a, b)

    # --- conversions

    def whole(self, n: Node) -> Node:
        """A bool as the int that it is."""
        if n.kind != "bool":
            return n
        if n.is_constant:
            return self.program.constant(int(n.extra))
        return self.program.node("int_of_bool", "int", n)

    def float(self, n: Node) -> Node:
        """A number as a float, rounded as Python does."""
        n = self.whole(n)
        if n.kind == "float":
            return n
        if n.is_constant:
            return self.program.constant(float(n.extra))
        return self.program.node("same" if n.kind == "real" else "float_of_int", "float", n)

    def exact_float(self, n: Node, path: Path, where: ast.AST) -> Node:
        """A number as a float of exactly its value."""
        n = self.whole(n)
        if n.kind == "int":
            if n.is_constant:
                if abs(n.extra) > EXACT:
                    refuse("mixes floats and an int beyond 2**53", where)
            else:
                self.program.check(path, self.program.node("inexact", "bool", n), _line(where))
        return self.float(n)

    def real(self, n: Node, path: Path, where: ast.AST) -> Node:
        """An int or float as "an int or a float"."""
        if n.kind == "real":
            return n
        exact = self.exact_float(n, path, where)
        if exact.is_constant:
            return self.program.node("constant", "real", extra=exact.extra)
        return self.program.node("same", "real", exact)

    def _zero(self, n: Node) -> Node:
        return self.program.constant(0 if n.kind == "int" else 0.0)

    # --- operators

    def binary(self, sign: str, left: Value, right: Value, path: Path, where: ast.AST) -> Value:
        """left sign right, for arithmetic and bits."""
        a, b = (self.need(v, path, where, sign) for v in (left, right))
        if _plain_constant(a) and _plain_constant(b):
            return Value(self.folded(_BINARY[sign], where, a.extra, b.extra))
        if a.kind == "str" and b.kind == "str" and sign == "+":
            return Value(self.program.node("concat", "str", a, b))
        if "str" in (a.kind, b.kind):
            refuse(f"uses {sign} on {_article(a.kind)} and {_article(b.kind)}", where)
        if sign in ("&", "|", "^", "<<", ">>"):
            return Value(self._bits(sign, a, b, path, where))
        a, b = self.whole(a), self.whole(b)
        if a.kind == "int" and b.kind == "int":
            return Value(self._integers(sign, a, b, path, where))
        if "float" not in (a.kind, b.kind):
            return Value(self._reals(sign, a, b, path, where))
        return Value(self._floats(sign, self.float(a), self.float(b), path, where))

    def folded(self, function: Callable[..., Any], where: ast.AST, *constants: Any) -> Node:
        """A constant that Python itself computes, now."""
        if (function is operator.pow and abs(constants[1]) > 1000) or (
            function is operator.lshift and constants[1] > 1000
        ):
            refuse("uses a constant that is too large", where)
        try:
            found = function(*constants)
        except Exception as error:
            refuse(f"always raises {type(error).__name__}", where)
        return self.constant(found, where)

    def constant(self, value: Any, where: ast.AST) -> Node:
        """A Python constant.

        :raises Refused: when SQL has no such value.
        """
        if type(value) not in (bool, int, float, str):
            refuse(f"uses a constant of type {type(value).__name__}", where)
        if type(value) is str:
            try:
                value.encode()
            except UnicodeEncodeError:
                refuse("uses text that isn't Unicode", where)
        return self.program.constant(value)

    def _checked(self, sign: str, path: Path, where: ast.AST, *arguments: Node) -> Node:
        """An integer operation that must stay within 64 bits."""
        result = self.program.node(sign, "int", *arguments)
        self.program.check(path, self.program.node("overflow", "bool", *arguments, result, extra=sign), _line(where))
        return result

    def _not_zero(self, divisor: Node, path: Path, where: ast.AST) -> None:
        if divisor.is_constant:
            if not divisor.extra:
                refuse("always raises ZeroDivisionError", where)
            return
        self.program.check(path, self.program.node("==", "bool", divisor, self._zero(divisor)), _line(where))

    def _integers(self, sign: str, a: Node, b: Node, path: Path, where: ast.AST) -> Node:
        match sign:
            case "/":
                self._not_zero(b, path, where)
                x, y = (self.exact_float(n, path, where) for n in (a, b))
                return self._floats("/", x, y, path, where, zero=True)
            case "//":
                self._not_zero(b, path, where)
                return self._checked("//", path, where, a, b)
            case "%":
                self._not_zero(b, path, where)
                return self.program.node("%", "int", a, b)
            case "**":
                return self._integer_power(a, b, path, where)
        return self._checked(sign, path, where, a, b)

    def _integer_power(self, a: Node, b: Node, path: Path, where: ast.AST) -> Node:
        if not b.is_constant:
            refuse("raises an int to a power that isn't constant: int or float, by its sign", where)
        if b.extra < 0:
            return self._floats("**", self.float(a), self.float(b), path, where)
        if b.extra > _WORST_POWER:
            refuse(f"raises an int to a power over {_WORST_POWER}", where)
        # By squaring: no partial product is greater than the power itself.
        result, square, left = None, a, b.extra
        while left:
            if left & 1:
                result = square if result is None else self._checked("*", path, where, result, square)
            left >>= 1
            if left:
                square = self._checked("*", path, where, square, square)
        return self.program.constant(1) if result is None else result

    def _reals(self, sign: str, a: Node, b: Node, path: Path, where: ast.AST) -> Node:
        if sign == "/":
            a, b = (self.exact_float(n, path, where) for n in (a, b))
            return self._floats("/", a, b, path, where)
        if sign not in ("+", "-"):
            # 0 * -1 is 0, but 0.0 * -1.0 is -0.0
            refuse(f"uses {sign} on what may be an int or a float", where)
        result = self.program.node(sign, "real", *(self.real(n, path, where) for n in (a, b)))
        self.program.check(path, self.program.node("beyond", "bool", result), _line(where))
        return result

    def _floats(self, sign: str, a: Node, b: Node, path: Path, where: ast.AST, *, zero: bool = False) -> Node:
        if sign in ("/", "//", "%") and not zero:
            self._not_zero(b, path, where)
        if sign == "**":
            if not agrees("pow"):
                refuse("uses **, which differs from Arrow's in this process", where)
            result = self.program.node("power", "float", a, b)
            self.program.check(path, self.program.node("power_differs", "bool", a, b, result), _line(where))
            return result
        return self.program.node(sign, "float", a, b)

    def _bits(self, sign: str, a: Node, b: Node, path: Path, where: ast.AST) -> Node:
        if {a.kind, b.kind} - {"int", "bool"}:
            refuse(f"uses {sign} on {_article(a.kind)} and {_article(b.kind)}", where)
        if sign in ("&", "|", "^"):
            kind: Kind = "bool" if a.kind == b.kind == "bool" else "int"
            if kind == "int":
                a, b = self.whole(a), self.whole(b)
            return self.program.node({"&": "bit_and", "|": "bit_or", "^": "bit_xor"}[sign], kind, a, b)
        a = self.whole(a)
        if not b.is_constant or b.extra < 0:
            refuse(f"uses {sign} by what isn't a constant", where)
        if sign == ">>":
            return self.program.node(">>", "int", a, self.program.constant(min(int(b.extra), 63)))
        if b.extra > 62:
            refuse("shifts by over 62 bits", where)
        return self._checked("*", path, where, a, self.program.constant(1 << int(b.extra)))

    def unary(self, sign: str, operand: Value, path: Path, where: ast.AST) -> Value:
        """-x, +x, ~x; abs(x) as "abs"."""
        functions: dict[str, Callable[[Any], Any]] = {
            "-": operator.neg, "+": operator.pos, "~": operator.invert, "abs": abs,
        }  # fmt: skip
        n = self.need(operand, path, where, sign)
        if n.kind == "str":
            refuse(f"uses {sign} on a str", where)
        if _plain_constant(n):
            return Value(self.folded(functions[sign], where, n.extra))
        n = self.whole(n)
        if sign == "+":
            return Value(n)
        if sign == "~":
            if n.kind != "int":
                refuse("uses ~ on a float", where)
            return Value(self.program.node("~", "int", n))
        if sign == "-" and n.kind == "real":
            refuse("uses - on what may be an int or a float", where)
        op = "negate" if sign == "-" else "abs"
        if n.kind == "int":
            return Value(self._checked(op, path, where, n))
        return Value(self.program.node(op, n.kind, n))

    # --- comparisons

    def compare(self, sign: str, left: Value, right: Value, path: Path, where: ast.AST) -> Node:
        """left sign right, as a condition."""
        if sign in ("==", "!="):
            same = self._equal(left, right, path, where)
            return same if sign == "==" else self.opposite(same)
        a, b = (self.need(v, path, where, sign) for v in (left, right))
        if (a.kind == "str") != (b.kind == "str"):
            refuse(f"uses {sign} on {_article(a.kind)} and {_article(b.kind)}", where)
        return self._compare(sign, a, b, path, where)

    def _equal(self, left: Value, right: Value, path: Path, where: ast.AST) -> Node:
        a, b = left.node, right.node
        if a is None or b is None:
            return self.both(self.is_none(left), self.is_none(right))
        if (a.kind == "str") != (b.kind == "str"):
            same = self.truth_constant(False)
        else:
            for v in (left, right):
                if v.none is not None:
                    path = (*path, (v.none, False))
            same = self._compare("==", a, b, path, where)
        if left.none is None and right.none is None:
            return same
        missing = [self.is_none(v) for v in (left, right)]
        return self.either(self.both(*missing), self.both(self.opposite(self.either(*missing)), same))

    def _compare(self, sign: str, a: Node, b: Node, path: Path, where: ast.AST) -> Node:
        if _plain_constant(a) and _plain_constant(b):
            return self.folded(_BINARY[sign], where, a.extra, b.extra)
        if a.kind == "str":
            return self.program.node("text" + sign, "bool", a, b)
        if not (a.kind == b.kind == "bool" and sign == "=="):
            a, b = self.whole(a), self.whole(b)
        if a.kind != b.kind:
            a, b = (self.exact_float(n, path, where) for n in (a, b))
        return self.program.node(sign, "bool", a, b)


def _plain_constant(n: Node) -> bool:
    # what may be an int or a float isn't what it seems
    return n.is_constant and n.kind != "real"


def _line(where: ast.AST) -> int | None:
    return getattr(where, "lineno", None)


def _article(kind: str) -> str:
    return {"int": "an int", "real": "an int or float"}.get(kind, f"a {kind}")


def kind_name(value: Value) -> str:
    """For messages: "a str"."""
    return "None" if value.node is None else _article(value.node.kind)


__all__ = ["EXACT", "Operators", "kind_name"]
