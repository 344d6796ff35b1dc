"""Python's expressions -> nodes: what the parts of a syntax tree compute, under the path on which Python gets there."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from velothread.functions.lifting import calls, text
from velothread.functions.lifting.names import Unknown, meaning
from velothread.functions.lifting.nodes import Node, Path, Value
from velothread.functions.lifting.operators import Operators, kind_name
from velothread.functions.lifting.outcome import Refused, refuse

_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.USub: "-", ast.UAdd: "+",
    ast.Invert: "~", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
# So many texts are looked up in a set, not compared with one by one.
_MANY = 3
_ATOMS = (bool, int, float, str, type(None))


@dataclass(frozen=True, slots=True)
class Unusable:
    """A local name whose value is nothing that can be lifted on some path; the reason is for whoever reads it."""

    reason: str


Names = dict[str, "Value | Unusable"]
# Calls of other Python functions: function, arguments, path, place -> value.
CallFunction = Callable[[FunctionType, list[Value], Path, ast.AST], Value]


@dataclass(slots=True)
class Expressions:
    """The expressions of one function."""

    function: FunctionType
    operators: Operators
    call_function: CallFunction

    def value(self, e: ast.expr, names: Names, path: Path) -> Value:
        """What `e` computes.

        :raises Refused: when that can't be lifted.
        """
        o = self.operators
        match e:
            case ast.Constant():
                return Value(None) if e.value is None else Value(o.constant(e.value, e))
            case ast.Name():
                return self._name(e, names)
            case ast.BinOp():
                left, right = (self.value(x, names, path) for x in (e.left, e.right))
                return o.binary(_SIGNS.get(type(e.op), "@"), left, right, path, e)
            case ast.UnaryOp(op=ast.Not()):
                return Value(o.opposite(self.test(e.operand, names, path)))
            case ast.UnaryOp():
                return o.unary(_SIGNS[type(e.op)], self.value(e.operand, names, path), path, e)
            case ast.BoolOp():
                return self._bool_op(e, names, path)
            case ast.Compare():
                return Value(self._compare(e, names, path))
            case ast.IfExp():
                return self._if_exp(e, names, path)
            case ast.Call():
                return self._call(e, names, path)
            case ast.Attribute():
                return self._constant_object(self._object(e, names), e)
            case ast.Subscript():
                return self._subscript(e, names, path)
            case ast.JoinedStr():
                return text.joined(o, [self._part(p, names, path) for p in e.values], e)
        refuse(f"uses {_what(e)}", e)

    def test(self, e: ast.expr, names: Names, path: Path) -> Node:
        """The truth of `e`, as a condition: and, or, not give no operands here."""
        o = self.operators
        match e:
            case ast.UnaryOp(op=ast.Not()):
                return o.opposite(self.test(e.operand, names, path))
            case ast.BoolOp():
                conjunction = isinstance(e.op, ast.And)
                found = self.test(e.values[0], names, path)
                for x in e.values[1:]:
                    path = (*path, (found, conjunction))
                    if found.is_constant and found.extra != conjunction:
                        return found
                    found = (o.both if conjunction else o.either)(found, self.test(x, names, path))
                return found
        return o.truth(self.value(e, names, path))

    def _name(self, e: ast.Name, names: Names) -> Value:
        found = names.get(e.id)
        if isinstance(found, Unusable):
            refuse(found.reason, e)
        if found is not None:
            return found
        return self._constant_object(self._object(e, names), e)

    def _object(self, e: ast.expr, names: Names) -> Any:
        """The object that a global name, or an attribute of a module, has.

        :raises Refused: of others.
        """
        match e:
            case ast.Name():
                code = self.function.__code__
                if e.id in names:
                    refuse(f"uses {e.id} as an object", e)
                if e.id in code.co_varnames or e.id in code.co_cellvars:
                    refuse(f"{e.id} may not be set", e)
                try:
                    return meaning(self.function, e.id)
                except Unknown as unknown:
                    refuse(str(unknown), e)
            case ast.Attribute():
                if isinstance(e.value, (ast.Name, ast.Attribute)):
                    try:
                        owner = self._object(e.value, names)
                    except Refused:
                        owner = None
                    if isinstance(owner, ModuleType) and hasattr(owner, e.attr):
                        found = getattr(owner, e.attr)
                        # A constant of a module that isn't the function's own may change without notice.
                        if owner.__name__ == "math" or not isinstance(found, _ATOMS):
                            return found
        refuse(f"reads {ast.unparse(e)}", e)

    def _constant_object(self, found: Any, e: ast.expr) -> Value:
        if found is None:
            return Value(None)
        if type(found) not in _ATOMS:
            refuse(f"reads {ast.unparse(e)}, which is {type(found).__name__}", e)
        return Value(self.operators.constant(found, e))

    def constant(self, e: ast.expr, names: Names) -> Any:
        """A Python constant, or a tuple, list or set display of constants, or a global that holds a tuple or frozenset.

        :raises Refused: of others.
        """
        match e:
            case ast.Tuple() | ast.List() | ast.Set():
                return tuple(self.constant(x, names) for x in e.elts)
            case ast.Name() | ast.Attribute() if not (isinstance(e, ast.Name) and e.id in names):
                found = self._object(e, names)
                if type(found) in _ATOMS:
                    return found
                if type(found) in (tuple, frozenset) and all(type(x) in _ATOMS for x in found):
                    return tuple(found)
                refuse(f"reads {ast.unparse(e)}, which is {type(found).__name__}", e)
        v = self.value(e, names, ())
        if v.node is None:
            return None
        if not v.node.is_constant or v.none is not None:
            refuse(f"needs a constant in place of {ast.unparse(e)}", e)
        return v.node.extra

    # --- conditions

    def _bool_op(self, e: ast.BoolOp, names: Names, path: Path) -> Value:
        """and, or: the operand that decides is the value."""
        o = self.operators
        conjunction = isinstance(e.op, ast.And)
        first = self.value(e.values[0], names, path)
        return self._rest(first, e.values[1:], conjunction, names, path, o)

    def _rest(
        self, first: Value, others: list[ast.expr], conjunction: bool, names: Names, path: Path, o: Operators
    ) -> Value:
        if not others:
            return first
        test = o.truth(first)
        if test.is_constant and test.extra != conjunction:
            return first
        onward = (*path, (test, conjunction))
        second = self._rest(self.value(others[0], names, onward), others[1:], conjunction, names, onward, o)
        if not conjunction and first.none is not None:
            first = Value(first.node)  # taken only where it is true, so not None
        if first.kind == "bool" and second.kind == "bool" and first.none is None and second.none is None:
            assert first.node is not None and second.node is not None
            return Value((o.both if conjunction else o.either)(first.node, second.node))
        return o.choose(test, *((second, first) if conjunction else (first, second)), path, others[0])

    def _if_exp(self, e: ast.IfExp, names: Names, path: Path) -> Value:
        o = self.operators
        test = self.test(e.test, names, path)
        if test.is_constant:
            return self.value(e.body if test.extra else e.orelse, names, path)
        then = self.value(e.body, names, (*path, (test, True)))
        otherwise = self.value(e.orelse, names, (*path, (test, False)))
        return o.choose(test, then, otherwise, path, e)

    def _compare(self, e: ast.Compare, names: Names, path: Path) -> Node:
        o = self.operators
        left, result = self.value(e.left, names, path), None
        for op, right_side in zip(e.ops, e.comparators, strict=True):
            if result is not None:
                if result.is_constant and not result.extra:
                    return result
                path = (*path, (result, True))
            if isinstance(op, (ast.In, ast.NotIn)):
                if len(e.ops) > 1:
                    refuse("chains `in`", e)
                found = self._in(left, right_side, names, path, e)
                return found if isinstance(op, ast.In) else o.opposite(found)
            right = self.value(right_side, names, path)
            if isinstance(op, (ast.Is, ast.IsNot)):
                one = self._is(left, right, e)
                one = one if isinstance(op, ast.Is) else o.opposite(one)
            else:
                one = o.compare(_SIGNS[type(op)], left, right, path, e)
            result = one if result is None else o.both(result, one)
            left = right
        assert result is not None
        return result

    def _is(self, left: Value, right: Value, e: ast.Compare) -> Node:
        o = self.operators
        if right.node is None:
            return o.is_none(left)
        if left.node is None:
            return o.is_none(right)
        if left.kind == right.kind == "bool":  # there is one True and one False
            return o.compare("==", left, right, (), e)
        refuse("uses `is` on other than None", e)

    def _in(self, left: Value, right: ast.expr, names: Names, path: Path, e: ast.Compare) -> Node:
        o = self.operators
        if isinstance(right, (ast.Tuple, ast.List, ast.Set)) or (isinstance(right, ast.Name) and right.id not in names):
            wanted = self.constant(right, names)
            if isinstance(wanted, tuple):
                if left.kind == "str" and left.none is None and sum(isinstance(w, str) for w in wanted) >= _MANY:
                    return text.among(o, left, tuple(w for w in wanted if isinstance(w, str)))
                found = o.truth_constant(False)
                for w in wanted:
                    if w != w:
                        refuse("looks for NaN", e)
                    one = Value(None) if w is None else Value(o.constant(w, e))
                    found = o.either(found, o.compare("==", left, one, path, e))
                return found
        hay = self.value(right, names, path)
        whole, part = (o.need(v, path, e, "in") for v in (hay, left))
        if whole.kind != "str" or part.kind != "str":
            refuse(f"looks for {kind_name(left)} in {kind_name(hay)}", e)
        return text.contains(o, whole, part, e)

    # --- calls and text

    def _call(self, e: ast.Call, names: Names, path: Path) -> Value:
        o = self.operators
        if e.keywords or any(isinstance(a, ast.Starred) for a in e.args):
            refuse(f"calls {ast.unparse(e.func)} with keywords or *arguments", e)
        if isinstance(e.func, ast.Attribute) and not self._is_module(e.func.value, names):
            receiver = self.value(e.func.value, names, path)
            n = o.need(receiver, path, e, f"method {e.func.attr}")
            if n.kind != "str":
                refuse(f"calls the method {e.func.attr} of {kind_name(receiver)}", e)
            if e.func.attr in ("startswith", "endswith") and len(e.args) == 1 and isinstance(e.args[0], ast.Tuple):
                found = o.truth_constant(False)
                for wanted in self.constant(e.args[0], names):
                    if not isinstance(wanted, str):
                        refuse(f"calls str.{e.func.attr} with other than text", e)
                    found = o.either(found, text.affix(o, e.func.attr, n, wanted))
                return Value(found)
            return text.method(e.func.attr, o, n, [self.value(a, names, path) for a in e.args], path, e)
        if not isinstance(e.func, (ast.Name, ast.Attribute)):
            refuse(f"calls {ast.unparse(e.func)}", e)
        function = self._object(e.func, names)
        if isinstance(function, FunctionType):
            return self.call_function(function, [self.value(a, names, path) for a in e.args], path, e)
        if calls.handler_of(function) is None:
            refuse(f"calls {calls.name_of(function)}", e)
        return calls.call(function, o, [self.value(a, names, path) for a in e.args], path, e)

    def _is_module(self, e: ast.expr, names: Names) -> bool:
        if not isinstance(e, (ast.Name, ast.Attribute)) or (isinstance(e, ast.Name) and e.id in names):
            return False
        try:
            return isinstance(self._object(e, names), ModuleType)
        except Refused:
            return False

    def _subscript(self, e: ast.Subscript, names: Names, path: Path) -> Value:
        o = self.operators
        receiver = self.value(e.value, names, path)
        n = o.need(receiver, path, e, "index")
        if n.kind != "str":
            refuse(f"indexes {kind_name(receiver)}", e)
        return text.subscript(o, n, e.slice, lambda x: self.value(x, names, path), path)

    def _part(self, part: ast.expr, names: Names, path: Path) -> Node:
        """A part of an f-string, as text."""
        o = self.operators
        if isinstance(part, ast.Constant):
            return o.constant(part.value, part)
        assert isinstance(part, ast.FormattedValue)
        if part.format_spec is not None:
            refuse("formats with a specification", part)
        if part.conversion not in (-1, ord("s")):
            refuse("formats with a conversion", part)
        v = self.value(part.value, names, path)
        if v.node is None:
            return o.program.constant("None")
        shown = text.shown(o, v.node, part)
        return shown if v.none is None else o.choose_node(v.none, o.program.constant("None"), shown)


def _what(e: ast.expr) -> str:
    return {
        ast.Lambda: "a lambda", ast.ListComp: "a list", ast.List: "a list", ast.Dict: "a dict", ast.Tuple: "a tuple",
        ast.GeneratorExp: "a generator", ast.Set: "a set", ast.SetComp: "a set", ast.DictComp: "a dict",
        ast.NamedExpr: "an assignment inside of an expression", ast.Await: "await", ast.Yield: "yield",
        ast.YieldFrom: "yield",
    }.get(type(e), type(e).__name__)  # fmt: skip


__all__ = ["Expressions", "Names", "Unusable"]
