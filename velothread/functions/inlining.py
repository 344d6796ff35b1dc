"""Inlining: a simple Python function becomes the body of the loop over a batch, so no row costs a call.

    def f(a, b):                      def f(.0, .1):
        t = a * b            ->           .next1 = .1.__next__
        return t + 1                      return [t + 1 for a in .0 for b in [.next1()] for t in [a * b]]

The loop is compiled from the function's own syntax tree, under its file's name and with its line numbers, and runs with
its globals and closure: tracebacks and breakpoints stand in the user's file. CPython compiles `for x in [value]` inside
a comprehension to an assignment. The names that are ours have a dot in front, so no name of the user's can meet them.

An early return becomes a conditional expression; an assignment after one is written `(t := value) is not .never`, which
is always true. What can't be said in such ways isn't inlined, nor what would gain little by it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, NoReturn

from velothread.functions.definitions import Definition, NoDefinition, definition
from velothread.functions.own_code import own_code

# Never the value of an expression of a user's.
_NEVER = object()
# These look at the frame that they are called from.
_FRAMES = frozenset({"locals", "vars", "dir", "eval", "exec", "super", "_getframe", "currentframe", "breakpoint"})
# Operations, a call counting for several, by the number of parameters: a body that does more gains less than a sixth by
# being inlined. Fetching a further column costs nearly what passing it as an argument does.
_WORTH = {1: 6, 2: 2}
_CALL = 4
_WORDS: dict[type[ast.AST], str] = {
    ast.For: "loops", ast.While: "loops", ast.Try: "catches exceptions", ast.TryStar: "catches exceptions",
    ast.With: "uses with", ast.Raise: "raises", ast.Assert: "asserts", ast.Global: "declares a global",
    ast.Nonlocal: "declares nonlocal", ast.Delete: "deletes a name", ast.Import: "imports", ast.ImportFrom: "imports",
    ast.FunctionDef: "defines a function inside", ast.ClassDef: "defines a class inside", ast.Match: "uses match",
    ast.Lambda: "has a lambda", ast.GeneratorExp: "has a generator", ast.ListComp: "loops in an expression",
    ast.SetComp: "loops in an expression", ast.DictComp: "loops in an expression", ast.Yield: "is a generator",
    ast.YieldFrom: "is a generator", ast.Await: "is a coroutine",
    ast.AugAssign: "changes a local in place",
    ast.NamedExpr: "has an assignment inside of an expression",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NotInlined:
    """Why not, for EXPLAIN: "loops (line 12)"."""

    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return self.reason if self.line is None else f"{self.reason} (line {self.line})"


@dataclass(frozen=True, slots=True)
class Inlined:
    """The compiled loops of one function. Every copy of the function (each partition has its own) gets its own loops.

    Threading: immutable.
    """

    _loop: CodeType
    _generator: CodeType

    def loop(self, function: FunctionType) -> Callable[..., list[Any]]:
        """`loop(*iterators) -> results`: one iterator a parameter, all of one length.

        A row takes the next value of each before it is computed: after an exception, all stand behind the row at fault.
        """
        return _bound(self._loop, function)

    def generator(self, function: FunctionType) -> Callable[..., Iterator[Any]]:
        """Like `loop`, but gives the results one by one: what came before an exception isn't lost.

        A StopIteration of the function comes out as the RuntimeError that generators make of it.
        """
        return _bound(self._generator, function)


def _bound(code: CodeType, function: FunctionType) -> Callable[..., Any]:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    made = FunctionType(own_code(code), function.__globals__, function.__name__, (_NEVER,), closure)
    made.__qualname__ = function.__qualname__
    return made


class _Refused(Exception):
    def __init__(self, reason: str, line: int | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def _refuse(reason: str, node: object) -> NoReturn:
    raise _Refused(reason, getattr(node, "lineno", None))


def inline(function: FunctionType) -> Inlined | NotInlined:
    """The loops of a function, or why there are none. Its parameters are positional and all given."""
    try:
        found = definition(function)
        _look(found, function)
        comprehension = _comprehension(found, function)
        return Inlined(*(_compiled(body, found, function) for body in (comprehension, _yielding(found, function))))
    except NoDefinition as reason:
        return NotInlined(str(reason))
    except _Refused as refused:
        return NotInlined(refused.reason, refused.line)
    except RecursionError:
        return NotInlined("is too large", function.__code__.co_firstlineno)


def _parameters(function: FunctionType) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def _look(found: Definition, function: FunctionType) -> None:
    """:raises _Refused: for what isn't the same inside of a loop, or isn't worth it."""
    node, code = found.node, function.__code__
    if isinstance(node, ast.AsyncFunctionDef):
        _refuse("is a coroutine", node)
    if found.in_class or "__class__" in code.co_freevars:
        _refuse("is a method", node)
    if code.co_cellvars:
        _refuse("has a function inside that uses its variables", node)
    if function.__name__ in code.co_names:
        _refuse("calls itself", node)  # inside of the loop, which has its name, it would mean the loop
    if node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
        _refuse("takes *arguments or keywords", node)
    if not _parameters(function):
        _refuse("takes no arguments", node)
    cost = 0
    for s in found.body:
        for x in ast.walk(s):
            if type(x) in _WORDS:
                _refuse(_WORDS[type(x)], x)
            called = x.func if isinstance(x, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", None))
            if name in _FRAMES:
                _refuse(f"calls {name}, which looks at its frame", x)
            if name == "next" and isinstance(x, ast.Call) and len(x.args) < 2:
                _refuse("calls next, which may raise StopIteration", x)
            cost += _cost(x)
    if len(_parameters(function)) not in _WORTH:
        _refuse(f"takes {len(_parameters(function))} arguments: fetching them costs what calling does", node)
    if cost > _WORTH[len(_parameters(function))]:
        _refuse("does so much that inlining would gain little", node)


def _cost(x: ast.AST) -> int:
    match x:
        case ast.Call():
            return _CALL
        case ast.BinOp() | ast.Compare() | ast.Subscript() | ast.Attribute() | ast.IfExp() | ast.JoinedStr() | ast.If():
            return 1
    return 0


# --- the comprehension


@dataclass(slots=True)
class _Tail:
    """Statements -> one expression. `assigned`: the locals that are certainly set; `bound`: those bound by a `for`."""

    locals: frozenset[str]
    bound: frozenset[str]

    def checked(self, e: ast.expr, assigned: frozenset[str]) -> ast.expr:
        """A copy of `e`, all of whose locals are set.

        :raises _Refused: when one may not be.
        """
        for x in ast.walk(e):
            if isinstance(x, ast.Name) and x.id in self.locals and x.id not in assigned:
                _refuse(f"{x.id} may not be set", x)
        return deepcopy(e)

    def expression(self, statements: Sequence[ast.stmt], assigned: frozenset[str], end: ast.AST) -> ast.expr:
        """What the statements return."""
        if not statements:
            return ast.copy_location(ast.Constant(None), end)
        s, rest = statements[0], statements[1:]
        match s:
            case ast.Return():
                return ast.copy_location(ast.Constant(None), s) if s.value is None else self.checked(s.value, assigned)
            case ast.Pass():
                return self.expression(rest, assigned, end)
            case ast.Expr(value=ast.Constant()):
                return self.expression(rest, assigned, end)
            case ast.If() if (one := self.assignment(s, assigned)) is None:
                return self._if(s, rest, assigned, end)
            case _:
                one = self.assignment(s, assigned)
        if one is None:
            _refuse(f"uses {type(s).__name__}", s)
        name, value = one
        if name in self.bound:
            _refuse(f"assigns {name} again after an early return", s)
        named = _at(ast.NamedExpr(_at(ast.Name(name, ast.Store()), s), value), s)
        test = _at(ast.Compare(named, [ast.IsNot()], [_at(ast.Name(".never", ast.Load()), s)]), s)
        inner = self.expression(rest, assigned | {name}, end)
        return _at(ast.IfExp(test, inner, _at(ast.Constant(None), s)), s)

    def _if(self, s: ast.If, rest: Sequence[ast.stmt], assigned: frozenset[str], end: ast.AST) -> ast.expr:
        ends = [_returns(s.body), _returns(s.orelse)]
        if rest and not any(ends):
            _refuse("has a branch of several statements that goes on", s)
        then = list(s.body) + ([] if ends[0] else list(rest))
        otherwise = list(s.orelse) + ([] if ends[1] else list(rest))
        test = self.checked(s.test, assigned)
        return _at(ast.IfExp(test, self.expression(then, assigned, end), self.expression(otherwise, assigned, end)), s)

    def assignment(self, s: ast.stmt, assigned: frozenset[str]) -> tuple[str, ast.expr] | None:
        """Name and value, where a statement does nothing but assign one local."""
        match s:
            case ast.Assign(targets=[ast.Name(id=name)]):
                return name, self.checked(s.value, assigned)
            case ast.AnnAssign(target=ast.Name(id=name)) if s.value is not None:
                return name, self.checked(s.value, assigned)
            case ast.If(body=[only], orelse=orelse) if len(orelse) <= 1:
                then = self.assignment(only, assigned)
                otherwise = self.assignment(orelse[0], assigned) if orelse else None
                if then is None or (orelse and (otherwise is None or otherwise[0] != then[0])):
                    return None
                if otherwise is None:
                    kept = self.checked(_at(ast.Name(then[0], ast.Load()), s), assigned)
                    otherwise = (then[0], kept)
                return then[0], _at(ast.IfExp(self.checked(s.test, assigned), then[1], otherwise[1]), s)
        return None


def _returns(statements: Sequence[ast.stmt]) -> bool:
    """Does every path through the statements end in a return?"""
    return any(
        isinstance(s, ast.Return) or (isinstance(s, ast.If) and _returns(s.body) and _returns(s.orelse))
        for s in statements
    )


def _comprehension(found: Definition, function: FunctionType) -> list[ast.stmt]:
    parameters = _parameters(function)
    code = function.__code__
    where = found.node
    loops = [_binding(name, _take(i, where), where) for i, name in enumerate(parameters)]
    assigned = frozenset(parameters)
    tail = _Tail(frozenset(code.co_varnames), frozenset())
    statements = list(found.body)
    while statements:
        s = statements[0]
        if isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)):
            statements.pop(0)
            continue
        one = tail.assignment(s, assigned)
        if one is None:
            break
        loops.append(_binding(one[0], _at(ast.List([one[1]], ast.Load()), s), s))
        assigned |= {one[0]}
        statements.pop(0)
    tail.bound = assigned
    result = tail.expression(statements, assigned, where)
    return [_at(ast.Return(_at(ast.ListComp(result, loops), where)), where)]


def _take(number: int, where: ast.AST) -> ast.expr:
    """What the parameter is taken from: the first column is the loop itself."""
    if number == 0:
        return _at(ast.Name(".0", ast.Load()), where)
    return _at(ast.List([_next(number, where)], ast.Load()), where)


def _next(number: int, where: ast.AST) -> ast.expr:
    return _at(ast.Call(_at(ast.Name(f".next{number}", ast.Load()), where), [], []), where)


def _binding(name: str, values: ast.expr, where: ast.AST) -> ast.comprehension:
    return ast.comprehension(_at(ast.Name(name, ast.Store()), where), values, [], 0)


# --- the generator


class _Yields(ast.NodeTransformer):
    """return value -> yield value, and on to the next row."""

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        value = _at(ast.Constant(None), node) if node.value is None else node.value
        return [_at(ast.Expr(_at(ast.Yield(value), node)), node), _at(ast.Continue(), node)]


def _yielding(found: Definition, function: FunctionType) -> list[ast.stmt]:
    where = found.node
    body: list[ast.stmt] = []
    parameters = _parameters(function)
    for i, name in enumerate(parameters[1:], 1):
        body.append(_at(ast.Assign([_at(ast.Name(name, ast.Store()), where)], _next(i, where)), where))
    for s in found.body:
        changed = _Yields().visit(deepcopy(s))
        body.extend(changed if isinstance(changed, list) else [changed])
    if not _returns(found.body):
        body.append(_at(ast.Expr(_at(ast.Yield(_at(ast.Constant(None), where)), where)), where))
    target = _at(ast.Name(parameters[0], ast.Store()), where)
    return [_at(ast.For(target, _at(ast.Name(".0", ast.Load()), where), body, []), where)]


# --- compiling


def _compiled(body: list[ast.stmt], found: Definition, function: FunctionType) -> CodeType:
    where, parameters = found.node, _parameters(function)
    names = [f".{i}" for i in range(len(parameters))]
    start: list[ast.stmt] = [
        _at(
            ast.Assign(
                [_at(ast.Name(f".next{i}", ast.Store()), where)],
                _at(ast.Attribute(_at(ast.Name(f".{i}", ast.Load()), where), "__next__", ast.Load()), where),
            ),
            where,
        )
        for i in range(1, len(parameters))
    ]
    loop = _function(function.__name__, [*names, ".never"], [*start, *body], where)
    # Around it a function that has the variables of its closure, so that it is compiled to read them from cells.
    outer = _function(".outer", list(function.__code__.co_freevars), [loop], where)
    module = ast.fix_missing_locations(ast.Module([outer], []))
    waiting = [compile(module, found.filename, "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        if code.co_varnames[:1] == (".0",):
            return code
        waiting.extend(c for c in code.co_consts if isinstance(c, CodeType))
    raise AssertionError("the loop was compiled")


def _function(name: str, parameters: list[str], body: list[ast.stmt], where: ast.AST) -> ast.FunctionDef:
    arguments = ast.arguments(args=[_at(ast.arg(p), where) for p in parameters])
    made = ast.FunctionDef(name=name, args=arguments, body=body)
    return _at(made, where)


def _at[N: ast.AST](node: N, where: ast.AST) -> N:
    """A new node in the place of one of the user's."""
    return ast.copy_location(node, where)


__all__ = ["Inlined", "NotInlined", "inline"]
