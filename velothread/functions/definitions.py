"""The syntax tree of a function that is already running: found in its file, and checked against its bytecode.

A file may have changed since it was imported, a decorator may have put another function in place, and a line may hold
two lambdas. So nothing is believed: the file is compiled again, and the function's code must be among what comes out.
"""

from __future__ import annotations
import __future__

import ast
import inspect
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from types import CodeType, FunctionType

# `from __future__ import`: of a file, or of whoever executed its text.
_FUTURES = reduce(or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))


class NoDefinition(Exception):
    """The source can't be found, or isn't what runs; the message is a reason for people."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A function's tree, with the line numbers of its file.

    node: `FunctionDef`, `Lambda` or `AsyncFunctionDef`. in_class: it stands in the body of a class.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    filename: str
    in_class: bool

    @property
    def body(self) -> list[ast.stmt]:
        """The statements; a lambda is one `return`."""
        if isinstance(self.node, ast.Lambda):
            return [ast.copy_location(ast.Return(self.node.body), self.node.body)]
        return self.node.body


def definition(function: FunctionType) -> Definition:
    """Where `function` is written.

    :raises NoDefinition: no source, not the source that runs, or two candidates.
    """
    code = function.__code__
    try:
        lines, _ = inspect.findsource(code)
    except (OSError, IndexError, TypeError):
        raise NoDefinition("its source can't be read") from None
    try:
        tree, codes = _compiled("".join(lines), code.co_filename, code.co_flags & _FUTURES)
    except (SyntaxError, ValueError):
        raise NoDefinition("its source isn't what runs: the file has changed since") from None
    # Code objects are equal by bytecode, constants, names and positions.
    if not any(c == code and c.co_qualname == code.co_qualname for c in codes):
        raise NoDefinition("its source isn't what runs: the file has changed since")
    found = [d for d in _candidates(tree, code) if _holds(d.node, code)]
    if len(found) != 1:
        raise NoDefinition("several functions stand where it is written")
    return found[0]


@lru_cache(maxsize=16)
def _compiled(source: str, filename: str, futures: int) -> tuple[ast.Module, tuple[CodeType, ...]]:
    # The tree is shared: those who change it work on a copy.
    tree = ast.parse(source, filename)
    found: list[CodeType] = []
    waiting = [compile(source, filename, "exec", flags=futures, dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        found.append(code)
        waiting.extend(c for c in code.co_consts if isinstance(c, CodeType))
    return tree, tuple(found)


def _candidates(tree: ast.Module, code: CodeType) -> list[Definition]:
    found: list[Definition] = []

    def visit(node: ast.AST, in_class: bool) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    first = child.decorator_list[0].lineno if child.decorator_list else child.lineno
                    if child.name == code.co_name and first == code.co_firstlineno:
                        found.append(Definition(child, code.co_filename, in_class))
                case ast.Lambda() if code.co_name == "<lambda>" and child.lineno == code.co_firstlineno:
                    found.append(Definition(child, code.co_filename, in_class))
            visit(child, isinstance(child, ast.ClassDef))

    visit(tree, False)
    return found


def _holds(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, code: CodeType) -> bool:
    """Does every instruction of `code` come from inside of `node`? Tells lambdas on one line apart."""
    if not isinstance(node, ast.Lambda):
        return True
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    body = (node.body.lineno, node.body.col_offset)
    places = [
        (line, column)
        for line, _, column, last in code.co_positions()
        if line is not None and column is not None and last is not None and last > column
    ]
    # The innermost of nested lambdas: some instruction starts where its body starts, and none lies outside.
    return all(start <= p <= end for p in places) and any(p == body for p in places)


__all__ = ["Definition", "NoDefinition", "definition"]
