"""Random Python functions, as source, and columns of nasty values for them."""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import FunctionType
from typing import Any, TypeVar

from velothread.types import BIGINT, BOOLEAN, DOUBLE, VARCHAR, SqlType

T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]
TYPES: dict[str, SqlType] = {"int": BIGINT, "float": DOUBLE, "bool": BOOLEAN, "str": VARCHAR}

INTS = [0, 1, -1, 2, 3, 7, -5, 10, 100, -1000]
WILD_INTS = [*INTS, 2**31, -(2**31), 2**53, 2**53 + 1, -(2**53) - 1, 3037000500, 2**62, 2**63 - 1, -(2**63)]
FLOATS = [0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 2.675, 0.1, 3.14159, 100.25, -7.125, 1e6]
WILD_FLOATS = [
    *FLOATS, -0.0, math.nan, math.inf, -math.inf, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e16,
    9007199254740993.0, 9.223372036854775807e18, -9.223372036854775808e18, 0.125, 0.375, 1.005, -0.4, 700.0, -800.0,
]  # fmt: skip
TEXTS = ["", "a", "Ab c", " x ", "12", "-5", "1.5", "abcabc", "True", "they're x1", "A1", "\t\n", "_0", "007"]
WILD_TEXTS = [
    *TEXTS,
    "ß",
    "é",
    "İx",
    "\x1cy\x1f",
    "٣",
    "ǆ",
    "日本語",
    "e\u0301",
    "\u2003pad\u00a0",
    "a\x00b",
    "😀a",
    "1_0",
    " 7 ",
    "12\n",
]
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "int": (INTS, WILD_INTS),
    "float": (FLOATS, WILD_FLOATS),
    "bool": ([True, False], [True, False]),
    "str": (TEXTS, WILD_TEXTS),
}
_numbers = count()


@dataclass
class Grammar:
    """Writes one function. `pick` chooses one of several things: it alone decides what comes out."""

    pick: Pick
    parameters: dict[str, str] = field(default_factory=dict)
    nullable: set[str] = field(default_factory=set)
    locals: dict[str, str] = field(default_factory=dict)

    def function(self) -> str:
        for name in "xyz"[: self.pick([1, 2, 2, 3])]:
            self.parameters[name] = self.pick(["int", "float", "float", "int", "str", "bool"])
            if self.pick([False, False, False, True]):
                self.nullable.add(name)
        returns = self.pick(["int", "float", "float", "bool", "str"])
        shown = ", ".join(f"{n}: {t}{' | None' if n in self.nullable else ''}" for n, t in self.parameters.items())
        body = self.block(returns, self.pick([0, 1, 2]))
        return f"def f({shown}) -> {returns}:\n" + "\n".join("    " + line for line in body) + "\n"

    def block(self, returns: str, depth: int) -> list[str]:
        """Statements, the last of which returns."""
        lines: list[str] = []
        for _ in range(self.pick([0, 0, 1, 2])):
            lines += self.statement(returns, depth)
        lines.append(f"return {self.of(returns, self.pick([1, 2, 3]))}")
        return lines

    def statement(self, returns: str, depth: int) -> list[str]:
        match self.pick(["local", "local", "return", "branch", "none", "again", "raise", "itself"]):
            case "itself" if names := self.names("bool"):
                # what is chosen is what was asked: registers must not meet
                name = self.pick(names)
                return [f"if {name}:", f"    {name} = {self.of('bool', 2)}"]
            case "return" if depth:
                return [f"if {self.test(2)}:", *self.inner(returns, depth)]
            case "branch" if depth and self.locals:
                name = self.pick(sorted(self.locals))
                kind = self.locals[name]
                lines = [f"if {self.test(2)}:", f"    {name} = {self.of(kind, 2)}"]
                if self.pick([True, False]):
                    lines += ["else:", f"    {name} = {self.of(self.pick([kind, kind, 'int']), 2)}"]
                return lines
            case "none" if self.nullable:
                name = self.pick(sorted(self.nullable))
                what = self.pick(
                    [f"return {self.of(returns, 1)}", "return None", f"{name} = {self.of(self.parameters[name], 1)}"]
                )
                return [f"if {name} is None:", f"    {what}"]
            case "again" if self.locals:
                name = self.pick(sorted(self.locals))
                sign = {"str": "+=", "bool": "&="}.get(self.locals[name]) or self.pick(["+=", "-=", "*="])
                return [f"{name} {sign} {self.of(self.locals[name], 1)}"]
            case "raise" if depth:
                return [f"if {self.test(1)}:", "    raise ValueError('no')"]
        kind = self.pick(["int", "float", "str", "bool"])
        name = self.pick(["t", "u"])
        line = f"{name} = {self.of(kind, 2)}"
        self.locals[name] = kind
        return [line]

    def inner(self, returns: str, depth: int) -> list[str]:
        before = dict(self.locals)
        lines = ["    " + line for line in self.block(returns, depth - 1)]
        self.locals = before
        return lines

    def names(self, kind: str) -> list[str]:
        every = {**self.parameters, **self.locals}
        return sorted(n for n, k in every.items() if k == kind)

    def of(self, kind: str, depth: int) -> str:
        if depth <= 0 or self.pick([True, False, False, False]):
            names = self.names(kind)
            if names and self.pick([True, True, True, False]):
                return self.pick(names)
            return self.constant(kind)
        if self.names(kind) and self.pick([False] * 9 + [True]):
            name, sign = self.pick(self.names(kind)), self.pick(["<", "==", "!=", ">="])
            return f"({name} if {name} {sign} {self.of(kind, depth - 1)} else {self.of(kind, depth - 1)})"
        if self.pick([False] * 9 + [True]):
            return f"({self.of(kind, depth - 1)} if {self.test(depth - 1)} else {self.of(kind, depth - 1)})"
        return getattr(self, kind + "_")(depth - 1)

    def constant(self, kind: str) -> str:
        values = {"int": INTS, "float": FLOATS, "bool": [True, False], "str": ["", "a", "b", "ab", " ", "ß", "1", "A"]}
        return repr(self.pick([*values[kind], -0.0] if kind == "float" else values[kind]))

    def number(self, depth: int) -> str:
        return self.of(self.pick(["int", "float"]), depth)

    def int_(self, d: int) -> str:
        form = self.pick([
            "{i} + {i}", "{i} - {i}", "{i} * {i}", "{i} // {i}", "{i} % {i}", "{i} // 7", "{i} % 10", "{i} ** 2",
            "{i} ** 3", "-{i}", "abs({i})", "min({i}, {i})", "max({i}, {i}, {i})", "int({f})", "round({f})", "len({s})",
            "int({b})", "math.floor({f})", "math.ceil({f})", "{i} & {i}", "{i} | 3", "~{i}", "{i} >> 2", "{i} << 3",
            "{s}.find('a')", "{s}.count('a')", "int({s})", "{b} + {i}", "math.trunc({f})", "{i} or {i}", "{i} and {i}",
        ])  # fmt: skip
        return self.fill(form, d)

    def float_(self, d: int) -> str:
        form = self.pick([
            "{f} + {f}", "{f} - {f}", "{f} * {f}", "{f} / {f}", "{i} / {i}", "{f} * {i}", "{i} + {f}", "{f} // {f}",
            "{f} % {f}", "{f} ** 2", "{f} ** {f}", "-{f}", "abs({f})", "min({f}, {f})", "max({f}, {f})", "max({f}, 0)",
            "math.sqrt({f})", "math.sin({f})", "math.exp({f})", "math.log({f})", "round({f}, 2)", "round({f}, 1)",
            "float({i})", "float({s})", "{f} / 3.0", "{f} % 1.0", "math.fabs({f})", "math.pi * {f}", "{f} or {f}",
            "math.atan2({f}, {f})", "{i} ** -1", "math.log10({f})", "math.pow({f}, {f})", "math.tanh({f})", "{f} - {i}",
        ])  # fmt: skip
        return self.fill(form, d)

    def bool_(self, d: int) -> str:
        return self.test(d)

    def test(self, d: int) -> str:
        if d <= 0:
            names = self.names("bool")
            return self.pick([*names, "True"]) if names else f"{self.of('int', 0)} < {self.of('float', 0)}"
        sign = self.pick(["<", "<=", ">", ">=", "==", "!="])
        form = self.pick([
            f"{{i}} {sign} {{i}}", f"{{f}} {sign} {{f}}", f"{{i}} {sign} {{f}}", f"{{s}} {sign} {{s}}", "{b} and {b}",

            "{b} or {b}", "not {b}", "{i} < {f} <= {i}", "{s} in ('a', 'Ab c', '')", "{s} in ('x', 'é')",
            "{i} in (1, 2.0, 3)", "'a' in {s}",
            "{s}.startswith('a')", "{s}.endswith(('c', 'x'))", "{s}.isdigit()", "{s}.isalpha()", "{s}.isupper()",
            "math.isnan({f})", "bool({i})", "bool({s})", "bool({f})", "{n} is None", "{n} is not None", "{s}.isspace()",
            "{i} not in {{1, 2}}", "{b} ^ {b}", "{s}.islower()", "{s}.isalnum()", "math.isfinite({f})", "{n} == 1",
        ])  # fmt: skip
        return self.fill(form, d - 1)

    def str_(self, d: int) -> str:
        form = self.pick([
            "{s} + {s}", "{s}.upper()", "{s}.lower()", "{s}.strip()",
            "{s}.lstrip('a ')", "{s}.rstrip()", "{s}[1:]", "{s}[:2]",
            "{s}[-2:]", "{s}[1:-1]", "{s}[::-1]", "{s}[0]", "{s}[-1]", "{s}.replace('a', 'bb')", "str({i})", "str({b})",
            "f'{{{s}}}-{{{i}}}'", "{s}.removeprefix('a')", "{s}.removesuffix('c')", "{s}.title()", "{s}.capitalize()",
            "{s}.swapcase()", "{s}.rjust(3)", "{s}.ljust(4, '*')",
            "{s} or {s}", "f'{{{n}}}'", "{s}.replace('b', '', 1)",
            "{s}[2]", "{s}[-5:3]", "{s}[{i}:{i}]",
            "{s}[:{i}]", "{s}[{i}:]", "{s}[{i}]", "{s}[{s}.find('a'):]",
        ])  # fmt: skip
        return self.fill(form, d)

    def fill(self, form: str, d: int) -> str:
        result = form
        kinds = {"{i}": "int", "{f}": "float", "{s}": "str", "{b}": "bool"}
        if form.startswith("f'"):  # no quotes inside
            for hole, kind in kinds.items():
                while hole in result:
                    result = result.replace(hole, self.pick([*self.names(kind), "1"]), 1)
        while True:
            at = [(result.index(hole), hole) for hole in (*kinds, "{n}") if hole in result]
            if not at:
                break
            _, hole = min(at)
            names = sorted(self.parameters)
            text = self.pick(names) if hole == "{n}" else self.of(kinds[hole], d)
            result = result.replace(hole, text.replace("{", "\x01").replace("}", "\x02"), 1)
        result = result.replace("{{", "{").replace("}}", "}").replace("\x01", "{").replace("\x02", "}")
        return f"({result})"


def compiled(source: str, **names: Any) -> FunctionType:
    """The function `f` of a source, in a file that `inspect` finds."""
    filename = f"<random function {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"math": math, "__name__": "random_functions", **names}
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)
    made = namespace["f"]
    assert isinstance(made, FunctionType)
    return made
