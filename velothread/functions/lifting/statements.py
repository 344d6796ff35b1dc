"""Python's statements -> nodes: all paths of a function are followed at once, and locals chosen where they meet.

A `Flow` is what running some statements comes to: for which rows the function has returned and what, and the locals of
the rows that go on. No statement is looked at twice, however many paths lead to it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType

from velothread.functions.definitions import NoDefinition, definition
from velothread.functions.lifting.expressions import Expressions, Names, Unusable
from velothread.functions.lifting.nodes import Node, Path, Value
from velothread.functions.lifting.operators import Operators
from velothread.functions.lifting.outcome import Refused, refuse

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Flow:
    """done: where the function has ended. value: what it returned there (None: it only ever raised).

    names: the locals where it has not ended; None when that is nowhere.
    """

    done: Node
    value: Value | None
    names: Names | None


def lift_call(
    function: FunctionType, arguments: Sequence[Value], operators: Operators, path: Path, outer: tuple[object, ...] = ()
) -> Value:
    """What a function returns for these arguments.

    :raises Refused: when it can't be lifted.
    """
    try:
        found = definition(function)
    except NoDefinition as reason:
        raise Refused(str(reason)) from None
    if not isinstance(found.node, (ast.FunctionDef, ast.Lambda)):
        refuse("is a coroutine", found.node)
    if found.in_class:
        refuse("is a method", found.node)
    code = function.__code__
    if code.co_flags & 0x2A0:  # generator, coroutine, asynchronous generator
        refuse("is a generator", found.node)
    if code.co_cellvars:
        refuse("has a function inside that uses its variables", found.node)
    if found.node.args.vararg or found.node.args.kwarg or found.node.args.kwonlyargs:
        refuse("takes *arguments or keywords", found.node)
    names = code.co_varnames[: code.co_argcount]
    arguments = [*arguments, *_defaults(function, len(names) - len(arguments), operators, found.node)]
    if len(arguments) != len(names):
        refuse(f"takes {len(names)} arguments, not {len(arguments)}", found.node)

    def call(callee: FunctionType, values: list[Value], on: Path, where: ast.AST) -> Value:
        shown = (
            callee.__name__ if callee.__module__ == function.__module__ else f"{callee.__module__}.{callee.__name__}"
        )
        if callee.__globals__ is not function.__globals__:
            refuse(f"calls {shown}", where)
        if callee is function or callee in outer:
            refuse(f"calls {shown}, which calls itself", where)
        if len(outer) >= _DEEPEST:
            refuse("calls too deep", where)
        try:
            return lift_call(callee, values, operators, on, (*outer, function))
        except Refused as error:
            raise Refused(f"calls {shown}, which {error.reason}", getattr(where, "lineno", None)) from None

    statements = _Statements(Expressions(function, operators, call), operators)
    flow = statements.block(found.body, dict(zip(names, arguments, strict=True)), path)
    if flow.names is None:
        if flow.value is None:
            refuse("only ever raises", found.node)
        return flow.value
    if flow.value is None:
        return Value(None)
    return operators.choose(flow.done, flow.value, Value(None), path, found.node)


def _defaults(function: FunctionType, missing: int, operators: Operators, where: ast.AST) -> list[Value]:
    """The defaults of the last parameters, constants all of them."""
    if missing <= 0 or missing > len(function.__defaults__ or ()):
        return []
    given = (function.__defaults__ or ())[-missing:]
    return [Value(None) if v is None else Value(operators.constant(v, where)) for v in given]


@dataclass(slots=True)
class _Statements:
    expressions: Expressions
    operators: Operators

    def block(self, statements: Sequence[ast.stmt], names: Names, path: Path) -> Flow:
        """Statements one after the other; each is for the rows that no earlier one has returned for."""
        o = self.operators
        done, value = o.truth_constant(False), None
        for s in statements:
            here = path if done.is_constant else (*path, (done, False))
            try:
                flow = self.statement(s, names, here)
            except Refused as error:
                raise Refused(error.reason, s.lineno if error.line is None else error.line) from None
            if flow.value is not None:
                value = flow.value if value is None else o.choose(done, value, flow.value, path, s)
            if flow.names is None:
                return Flow(o.truth_constant(True), value, None)
            names = flow.names
            done = o.either(done, flow.done)
        return Flow(done, value, names)

    def statement(self, s: ast.stmt, names: Names, path: Path) -> Flow:
        o = self.operators
        match s:
            case ast.Return():
                value = Value(None) if s.value is None else self.expressions.value(s.value, names, path)
                return Flow(o.truth_constant(True), value, None)
            case ast.If():
                return self._if(s, names, path)
            case ast.Assign():
                return self._go_on(self._assign(s, names, path))
            case ast.AnnAssign(target=ast.Name(id=name)) if s.value is not None:
                return self._go_on({**names, name: self.expressions.value(s.value, names, path)})
            case ast.AugAssign(target=ast.Name(id=name)):
                target = ast.copy_location(ast.Name(name, ast.Load()), s.target)
                changed = ast.copy_location(ast.BinOp(target, s.op, s.value), s)
                return self._go_on({**names, name: self.expressions.value(changed, names, path)})
            case ast.Pass():
                return self._go_on(names)
            case ast.Expr():
                if not isinstance(s.value, ast.Constant):
                    self.expressions.value(s.value, names, path)
                return self._go_on(names)
            case ast.Assert():
                # Python raises it, with its own message
                o.program.check(path, o.opposite(self.expressions.test(s.test, names, path)), s.lineno)
                return self._go_on(names)
            case ast.Raise():
                o.program.check(path, o.truth_constant(True), s.lineno)
                return Flow(o.truth_constant(True), None, None)
        refuse(_WORDS.get(type(s), f"uses {type(s).__name__}"), s)

    def _go_on(self, names: Names) -> Flow:
        return Flow(self.operators.truth_constant(False), None, names)

    def _assign(self, s: ast.Assign, names: Names, path: Path) -> Names:
        changed = dict(names)
        if len(s.targets) == 1 and isinstance(s.targets[0], ast.Tuple):
            targets, value = s.targets[0].elts, s.value
            if not isinstance(value, ast.Tuple) or len(value.elts) != len(targets):
                refuse("unpacks a value", s)
            values = [self.expressions.value(v, names, path) for v in value.elts]
            for target, found in zip(targets, values, strict=True):
                if not isinstance(target, ast.Name):
                    refuse("assigns to other than a local name", s)
                changed[target.id] = found
            return changed
        found = self.expressions.value(s.value, names, path)
        for target in s.targets:
            if not isinstance(target, ast.Name):
                refuse("assigns to other than a local name", s)
            changed[target.id] = found
        return changed

    def _if(self, s: ast.If, names: Names, path: Path) -> Flow:
        o = self.operators
        test = self.expressions.test(s.test, names, path)
        if test.is_constant:
            return self.block(s.body if test.extra else s.orelse, names, path)
        on, off = (*path, (test, True)), (*path, (test, False))
        a, b = self.block(s.body, names, on), self.block(s.orelse, names, off)
        if a.value is None or b.value is None:
            value = a.value or b.value
        else:
            value = o.choose(test, a.value, b.value, path, s)
        return Flow(o.choose_node(test, a.done, b.done), value, self._meet(test, a, b, path, s))

    def _meet(self, test: Node, a: Flow, b: Flow, path: Path, s: ast.If) -> Names | None:
        if a.names is None or b.names is None:
            return a.names if b.names is None else b.names
        met: Names = {}
        for name in dict.fromkeys((*a.names, *b.names)):
            x, y = a.names.get(name), b.names.get(name)
            if x is y and x is not None:
                met[name] = x
            elif x is None or y is None:
                met[name] = Unusable(f"{name} may not be set")
            elif isinstance(x, Unusable) or isinstance(y, Unusable):
                met[name] = x if isinstance(x, Unusable) else y
            else:
                try:
                    met[name] = self.operators.choose(test, x, y, path, s)
                except Refused as error:
                    met[name] = Unusable(f"{name}: {error.reason}")
        return met


_WORDS: dict[type[ast.stmt], str] = {
    ast.For: "loops", ast.While: "loops", ast.AsyncFor: "loops", ast.Try: "catches exceptions", ast.With: "uses with",
    ast.Import: "imports", ast.ImportFrom: "imports", ast.Global: "declares a global",
    ast.Nonlocal: "declares nonlocal",
    ast.FunctionDef: "defines a function inside", ast.Delete: "deletes a name", ast.Match: "uses match",
    ast.Assign: "assigns to other than a local name", ast.AugAssign: "assigns to other than a local name",
    ast.AnnAssign: "declares a local without a value",
}  # fmt: skip

__all__ = ["lift_call"]
