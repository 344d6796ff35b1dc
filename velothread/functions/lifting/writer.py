"""A program -> the source of one Python function over a batch: NumPy over chunks that stay in the cache.

def scaled(rows, a, b):
    a_all = numbers(a, rows)
    ...
    result = empty(rows, FLOAT)
    f0 = empty(step, FLOAT)
    with errstate(all="ignore"):
        for start in range(0, rows, step):
            ...
            multiply(a, K_1_5, f0)      # line 12
            add(f0, b, f0)

A register is an array of one chunk; it is used again as soon as nobody reads it any more. Text has no registers: a
program with text in it runs over the whole batch at once.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa

from velothread.codegen.writer import SourceWriter
from velothread.functions.lifting import bounds, kernels, text_kernels
from velothread.functions.lifting.nodes import LAZY, Check, Node, Program, Value
from velothread.functions.lifting.operations import (
    BOUNDS,
    KERNELS,
    TEXT,
    TEXT_COMPARISONS,
    TEXT_WITH_EXTRA,
    UFUNCS,
    WITH_EXTRA,
)
from velothread.types import INTEGER_WIDTHS, SqlType

# Rows of a chunk: its columns should stay in a core's cache, but its calls should cost little beside its rows.
_CACHE_BYTES = 768 << 10
_LEAST_ROWS, _MOST_ROWS = 2048, 16_384
DTYPES: dict[str, Any] = {
    "int": np.dtype(np.int64), "float": np.dtype(np.float64), "real": np.dtype(np.float64), "bool": np.dtype(np.bool_),
}  # fmt: skip
_REGISTERS = {"int": "i", "float": "f", "real": "f", "bool": "m"}
_LETTERS: dict[str, np.dtype[Any]] = {"i": np.dtype(np.int64), "f": np.dtype(np.float64), "m": np.dtype(np.bool_)}
# Variables of every function that is written.
_RESERVED = ("rows", "start", "stop", "step", "size", "result", "none", "out", "none_out", "wanted", "asked")
_CONVERSIONS = ("int_of_bool", "float_of_int", "int_of_float")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A column of the batch: its type; `node`: what holds it, `none`: where it is None, for those that may be."""

    name: str
    type: SqlType
    node: Node
    none: Node | None


def write(
    name: str, program: Program, parameters: tuple[Parameter, ...], result: Value, returns: SqlType
) -> tuple[Callable[..., Any], str]:
    """The function `(rows, *columns) -> column`, and its source. It raises PythonDiffers."""
    writer = _Writer(program, parameters, result, returns)
    writer.write(name)
    source = writer.w.source
    filename = f"<velothread lifted {name} {crc32(source.encode()):08x}>"
    namespace = dict(writer.w.namespace)
    exec(compile(source, filename, "exec"), namespace)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return namespace[writer.name], source


class _Writer:
    def __init__(self, program: Program, parameters: tuple[Parameter, ...], result: Value, returns: SqlType) -> None:
        assert result.node is not None
        self.program, self.parameters, self.returns = program, parameters, returns
        self.result = _root(result.node)
        self.none = None if result.none is None else _root(result.none)
        self.w = SourceWriter()
        self.name = ""
        self.text = False  # is there any?
        self.names: dict[int, str] = {}  # number of a node -> the variable that holds it
        self.registers: dict[int, str] = {}  # number of a node -> its register, while it has one
        self.made: dict[str, list[str]] = {"i": [], "f": [], "m": []}
        self.free: dict[str, list[str]] = {"i": [], "f": [], "m": []}
        self.last: dict[int, int] = {}  # number of a node -> the last step that reads it
        self.position: dict[int, int] = {}  # number of a node -> its step
        self.bounds: dict[int, str] = {}
        self.wide: dict[int, str] = {}

    def write(self, name: str) -> None:
        """The whole function. A chunk's lines are written first: they say which registers there are."""
        w = self.w
        for reserved in _RESERVED:
            w.fresh(reserved)
        self.name = w.fresh(name)
        columns = [w.fresh(p.name) for p in self.parameters]
        steps = self._needed()
        whole = [s for s in steps if isinstance(s, Node) and s.op in ("parameter", "none")]
        w.line(f"def {self.name}({', '.join(['rows', *columns])}):")
        w.indent()
        self._before(steps, whole, columns)
        mark = len(w.lines)
        w.indent()
        w.indent()
        self._chunk(steps, whole)
        chunk = w.lines[mark:]
        del w.lines[mark:]
        w.dedent()
        w.dedent()
        self._loop(chunk, len(whole))
        t = w.constant(("type", self.returns), self.returns.arrow, "type")
        none = "None" if self.none is None else "none"
        w.line(f"return {self._use(kernels.finished)}(result, {t}, rows, wanted, {none})")

    def _before(self, steps: list[Node | Check], whole: list[Node], columns: list[str]) -> None:
        """What is done once for the batch: columns, bounds, room for the result."""
        w = self.w
        w.line("if not rows:")
        w.line(f"    return {w.constant('empty', pa.array([], self.returns.arrow), 'empty')}")
        for n in whole:
            self._parameter(n, columns[n.extra])
        strict = [c for c, p in zip(columns, self.parameters, strict=True) if p.none is None]
        wanted = f"{self._use(kernels.wanted_rows)}({', '.join(['rows', *strict])})" if strict else "None"
        w.line(f"wanted = {wanted}")
        for s in steps:
            if isinstance(s, Check) and s.bad.op in LAZY:
                # of an overflow the result, which comes last
                self._bound(_root(s.bad.arguments[-1]))
        if self.result.kind != "str":
            w.line(f"result = {self._room('rows', DTYPES[self.result.kind])}")
        if self.none is not None:
            w.line(f"none = {self._room('rows', DTYPES['bool'])}")

    def _room(self, size: str, dtype: np.dtype[Any]) -> str:
        return f"{self.w.function(np.empty, 'empty')}({size}, {self.w.constant(('dtype', dtype), dtype, str(dtype))})"

    def _loop(self, chunk: list[str], columns: int) -> None:
        w = self.w
        made = [r for registers in self.made.values() for r in registers]
        w.line("step = rows" if self.text else f"step = {_chunk_rows(len(made) + columns)}")
        w.line("size = min(step, rows)")
        for letter, registers in self.made.items():
            for r in registers:
                w.line(f"{r} = {self._room('size', _LETTERS[letter])}")
        w.line(f"with {w.function(np.errstate, 'errstate')}(all='ignore'):")
        w.indent()
        w.line("for start in range(0, rows, step):")
        w.indent()
        w.line("stop = min(start + step, rows)")
        if made:
            w.line("if stop - start < size:")
            for r in made:
                w.line(f"    {r} = {r}[: stop - start]")
        w.lines.extend(chunk)
        w.dedent()
        w.dedent()

    def _use(self, function: Any, name: str | None = None) -> str:
        return self.w.function(function, name or function.__name__.strip("_"))

    # --- what is needed, and for how long

    def _needed(self) -> list[Node | Check]:
        """The steps that the result or a check needs, and `last`."""
        ends = [n for n in (self.result, self.none) if n is not None]
        wanted = {n.number for n in ends}
        kept: list[Node | Check] = []
        for s in reversed(self.program.steps):
            if isinstance(s, Check) or (s.number in wanted and s.op != "same"):
                kept.append(s)
                wanted.update(n.number for n in _reads(s))
        kept.reverse()
        for i, s in enumerate(kept):
            for n in _reads(s):
                self.last[n.number] = i
            if isinstance(s, Node):
                self.position[s.number] = i
        for n in ends:
            self.last[n.number] = len(kept)
        self.text = any(isinstance(s, Node) and s.kind == "str" for s in kept)
        return kept

    # --- before the chunks

    def _parameter(self, n: Node, column: str) -> None:
        p = self.parameters[n.extra]
        name = self.w.fresh(f"{p.name}_{'none' if n.op == 'none' else 'all'}")
        if n.op == "none":
            read = kernels.nones
        elif n.kind == "str":
            read = kernels.texts
        else:
            read = kernels.unsigned if p.type.kind == "UBIGINT" else kernels.numbers
        self.w.line(f"{name} = {self._use(read)}({column}, rows)")
        self.names[n.number] = name

    def _bound(self, n: Node) -> str:
        """The name of the bounds of an integer node; `wide` says whether it may have overflowed."""
        if n.number in self.bounds:
            return self.bounds[n.number]
        arguments = [_root(a) for a in n.arguments]
        found: str | None = None
        if n.op == "constant":
            found = f"({n.extra}, {n.extra})"
        elif n.op in BOUNDS:
            inner = ", ".join(self._bound(a) for a in arguments)
            found, wide = self.w.fresh("bounds"), self.w.fresh("wide")
            self.w.line(f"{found}, {wide} = {self._use(BOUNDS[n.op], 'bounds_' + BOUNDS[n.op].__name__)}({inner})")
            self.wide[n.number] = wide
        else:
            text = self._simple_bound(n, arguments)
            found = self.w.fresh("bounds")
            self.w.line(f"{found} = {text}")
        self.bounds[n.number] = found
        return found

    def _simple_bound(self, n: Node, arguments: list[Node]) -> str:
        if n.op == "parameter":
            kind = self.parameters[n.extra].type.kind
            if kind in ("INTEGER", "UINTEGER", "BIGINT", "UBIGINT"):
                return f"{self._use(bounds.of_column, 'bounds_of')}({self.names[n.number]})"
            signed, bits = INTEGER_WIDTHS[kind]
            return repr((-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1))
        if n.op == "choose":
            a, b = (self._bound(x) for x in arguments[1:])
            return f"{self._use(bounds.union, 'bounds_union')}({a}, {b})"
        if n.op == "int_of_bool":
            return "(0, 1)"
        if n.op in ("length", "text_find", "text_count"):
            return repr((-(2**31), 2**31 - 1))
        if n.op == "parsed_int":
            return repr((-(10**18), 10**18))
        if n.op == "bit_and" and any(x.is_constant and x.extra >= 0 for x in arguments):
            return repr((0, min(x.extra for x in arguments if x.is_constant and x.extra >= 0)))
        return repr(bounds.ANY)

    # --- a chunk

    def _chunk(self, steps: list[Node | Check], whole: list[Node]) -> None:
        w = self.w
        if self.result.kind != "str":
            w.line("out = result[start:stop]")
        if self.none is not None:
            w.line("none_out = none[start:stop]")
        if any(isinstance(s, Check) for s in steps):
            w.line("asked = None if wanted is None else wanted[start:stop]")
        for n in whole:
            if n.kind != "str":
                self._slice(n)
        out = self._in_place()
        for i, s in enumerate(steps):
            if isinstance(s, Check):
                self._check(s)
            elif s.op not in ("parameter", "none"):
                self._node(s, i, "out" if s.number in out else None)
            for n in _reads(s):
                if self.last[n.number] == i and n.number in self.registers:
                    register = self.registers.pop(n.number)
                    if register != "out":
                        self.free[register[0]].append(register)
        name = self._name(self.result)
        if self.result.kind == "str":
            w.line(f"result = {name}")
        elif name != "out":
            w.line(f"{self._copy()}(out, {name})")
        if self.none is not None:
            w.line(f"{self._copy()}(none_out, {self._name(self.none)})")

    def _slice(self, n: Node) -> None:
        whole = self.names[n.number]
        name = self.w.fresh(self.parameters[n.extra].name)
        self.w.line(f"{name} = {whole}[start:stop]")
        self.names[n.number] = name
        exact = n.op == "none" or self.parameters[n.extra].type.kind in ("BIGINT", "UBIGINT", "DOUBLE", "BOOLEAN")
        if not exact:
            register = self._take(n)
            self.w.line(f"{self._copy()}({register}, {name})")
            self.names[n.number] = register

    def _in_place(self) -> set[int]:
        """The nodes that are computed where the result goes: itself, and what it is chosen from."""
        found: set[int] = set()
        n = self.result
        while n.kind != "str" and n.op not in ("parameter", "none", "constant"):
            found.add(n.number)
            if n.op != "choose":
                break
            otherwise = _root(n.arguments[2])
            # its only further reader may be this choice, and that only once
            if self.last[otherwise.number] != self.position[n.number] or not _only_otherwise(n):
                break
            n = otherwise
        return found

    def _copy(self) -> str:
        return self.w.function(np.copyto, "copyto")

    def _take(self, n: Node) -> str:
        register = self._free(_REGISTERS[n.kind])
        self.registers[n.number] = register
        return register

    def _free(self, letter: str) -> str:
        """A register that nobody reads."""
        if self.free[letter]:
            return self.free[letter].pop()
        register = f"{letter}{len(self.made[letter])}_"
        self.made[letter].append(register)
        return register

    def _name(self, n: Node) -> str:
        n = _root(n)
        if n.is_constant:
            value = pa.scalar(n.extra, pa.string()) if n.kind == "str" else np.array(n.extra, DTYPES[n.kind])
            hint = "k_" + (str(n.extra) if len(str(n.extra)) < 16 else n.kind)
            return self.w.constant((n.kind, repr(n.extra)), value, hint)
        return self.names[n.number]

    def _check(self, s: Check) -> None:
        path = "".join(f", {self._name(n)}, {polarity}" for n, polarity in s.path)
        check = self._use(kernels.check)
        note = "" if s.line is None else f"  # line {s.line}"
        arguments = [self._name(a) for a in s.bad.arguments] if s.bad.op in LAZY else []
        if s.bad.op == "overflow":
            wide = self.wide[_root(s.bad.arguments[-1]).number]
            mask = f"{self._use(kernels.overflowed)}({', '.join([repr(s.bad.extra), *arguments])})"
            self.w.line(f"if {wide}:{note}")
            self.w.line(f"    {check}({mask}, asked{path})")
        elif s.bad.op == "inexact":
            bound = self.bounds[_root(s.bad.arguments[0]).number]
            self.w.line(f"if {self._use(bounds.beyond, 'bounds_beyond')}({bound}):{note}")
            self.w.line(f"    {check}({self._use(kernels.inexact)}({arguments[0]}), asked{path})")
        else:
            bad = self._name(s.bad)
            self.w.line(f"if {self.w.function(np.count_nonzero, 'count_nonzero')}({bad}):{note}")
            self.w.line(f"    {check}({bad}, asked{path})")

    def _node(self, n: Node, step: int, out: str | None) -> None:
        if n.is_constant:
            return
        arguments = [_root(a) for a in n.arguments]
        names = [self._name(a) for a in arguments]
        if n.kind == "str" or n.op in TEXT or n.op in TEXT_WITH_EXTRA or n.op in TEXT_COMPARISONS:
            self.names[n.number] = self._text(n, names)
            return
        if n.op == "choose":
            self._choose(n, arguments, names, step, out)
            return
        by_constant = n.op == "%" and n.kind == "int" and arguments[1].is_constant
        if out is None and (n.op in UFUNCS or by_constant):
            out = self._reused(n, arguments, step)
        out = self._take(n) if out is None else out
        self.registers[n.number] = self.names[n.number] = out
        self.w.line(f"{self._function(n, by_constant)}({', '.join(self._given(n, names, out))})")

    def _function(self, n: Node, by_constant: bool) -> str:
        if by_constant:
            return self._use(kernels.int_modulo)
        if n.op in UFUNCS:
            return self.w.function(UFUNCS[n.op], UFUNCS[n.op].__name__)
        if n.op in _CONVERSIONS:
            return self._copy()
        return self._use(KERNELS[n.op] if n.op in KERNELS else WITH_EXTRA[n.op])

    def _given(self, n: Node, names: list[str], out: str) -> list[str]:
        if n.op in _CONVERSIONS:
            return [out, *names, *(["'unsafe'"] if n.op == "int_of_float" else [])]
        return [*([repr(n.extra)] if n.op in WITH_EXTRA else []), *names, out]

    def _reused(self, n: Node, arguments: list[Node], step: int) -> str | None:
        """The register of an argument that nobody reads after this step."""
        for a in arguments:
            register = self.registers.get(a.number)
            same = register is not None and register != "out" and _REGISTERS[a.kind] == _REGISTERS[n.kind]
            if same and self.last[a.number] == step:
                return self.registers.pop(a.number)
        return None

    def _choose(self, n: Node, arguments: list[Node], names: list[str], step: int, out: str | None) -> None:
        test, then, otherwise = names
        if out is None and _only_otherwise(n):
            out = self._reused(n, arguments[2:], step)
        if out is None:
            out = self._take(n)
        self.registers[n.number] = self.names[n.number] = out
        if n.kind == "bool":
            self.w.line(f"{self._use(kernels.choose_flags)}({test}, {then}, {otherwise}, {out})")
            return
        scratch = self._free("i")
        self.w.line(f"{self._use(kernels.choose)}({test}, {then}, {otherwise}, {out}, {scratch})")
        self.free["i"].append(scratch)

    def _text(self, n: Node, names: list[str]) -> str:
        name = self.w.fresh(n.op)
        given = ", ".join(names)
        if n.op == "choose":
            text = f"{self._use(text_kernels.choose)}({given})"
        elif n.op in TEXT_COMPARISONS:
            f = TEXT_COMPARISONS[n.op]
            text = f"{self._use(text_kernels.compare, 'compare')}({self.w.function(f, f.__name__)}, {given})"
        elif n.op in TEXT:
            text = f"{self._use(TEXT[n.op], n.op)}({given})"
        else:
            extra = self.w.constant(("extra", repr(n.extra)), n.extra, "k_" + n.op)
            text = f"{self._use(TEXT_WITH_EXTRA[n.op], n.op)}({extra}, {given})"
        self.w.line(f"{name} = {text}")
        return name


def _chunk_rows(columns: int) -> int:
    rows = _MOST_ROWS
    while rows > _LEAST_ROWS and rows * 8 * columns > _CACHE_BYTES:
        rows //= 2
    return rows


def _root(n: Node) -> Node:
    """What holds the same bits as `n`."""
    while n.op == "same":
        n = n.arguments[0]
    return n


def _only_otherwise(choice: Node) -> bool:
    """Is what it chooses else nothing that it reads as test, or chooses otherwise? Then it may be overwritten."""
    test, then, otherwise = (_root(n) for n in choice.arguments)
    return otherwise is not test and otherwise is not then


def _reads(s: Node | Check) -> list[Node]:
    """The nodes whose columns a step reads."""
    if isinstance(s, Node):
        return [_root(a) for a in s.arguments]
    bad = s.bad.arguments if s.bad.op in LAZY else (s.bad,)
    return [_root(n) for n in (*bad, *(p for p, _ in s.path))]


__all__ = ["Parameter", "write"]
