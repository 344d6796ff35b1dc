"""Construct by construct: what is lifted, with Python's answers, and what isn't, with the reason."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from tests.functions.lifting.grammar import TYPES, VALUES, compiled
from tests.functions.lifting.running import by_call, by_kernel, lifted, same
from velothread.functions.lifting import Lifted, NotLifted
from velothread.types import BIGINT, DATE, DOUBLE, HUGEINT, INTEGER, VARCHAR, decimal

INDENT = "\n    "
RATE, NAMES, TEMPERATURES = 1.25, ("ab", "cd", "ef"), frozenset({1, 2})
COUNTER = 0
OTHERS = """
def helper(x, y=2):
    return x * y if x > 1 else y

def other(x):
    for _ in range(3):
        x += 1
    return x

def counted():
    global COUNTER
    COUNTER += 1
"""


# parameters and result; body; None: lifted and every tame row answered, else the reason
LIFTED = [
    ("a: int, b: int -> int", "return a + b * 2 - -a"),
    ("a: int, b: int -> int", "return a // b if b else a % 7"),
    ("a: int -> float", "return a / 4"),
    ("a: int -> float", "return a"),
    ("a: int -> int", "return a ** 2 - abs(a)"),
    ("a: int -> int", "return (a & 6) | (a >> 1) ^ ~a"),
    ("a: float, b: float -> float", "return a * b if a > b else a - b"),
    ("a: float -> float", "return max(a, 0)"),
    ("a: float -> float", "return a % 3.0 + a // 3.0"),
    ("a: float -> float", "return round(a, 2)"),
    ("a: float -> int", "return round(a) + int(a) + math.floor(a)"),
    ("a: float -> float", "return math.sqrt(abs(a)) + math.sin(a) * math.pi"),
    ("a: float -> float", "return math.log(abs(a) + 1) ** 1.5"),
    ("a: float -> bool", "return not 0 < a <= 2.5 and not math.isnan(a)"),
    ("a: bool, b: bool -> bool", "return a or not b"),
    ("a: bool -> int", "return a + 1"),
    ("a: int -> int", "return a or 7"),
    ("a: int -> int", f"if a > 5:{INDENT}    return 1{INDENT}elif a < 0:{INDENT}    return -1{INDENT}return 0"),
    ("a: int -> int", f"t = 0{INDENT}if a > 5:{INDENT}    t = a{INDENT}    t += 1{INDENT}return t"),
    ("a: int -> int", f"t, u = a, 2{INDENT}t, u = u, t{INDENT}return t - u"),
    ("a: int -> int", f"assert a < 10**9{INDENT}if a == 10**8:{INDENT}    raise ValueError{INDENT}return a"),
    ("a: int -> int", f"'''Documented.'''{INDENT}t: int = a{INDENT}pass{INDENT}return t"),
    ("a: float -> float", f"total = 0{INDENT}if a > 1:{INDENT}    total = total + a{INDENT}return total"),
    ("a: float -> float", "return a * RATE"),
    ("a: str -> bool", "return a in NAMES or a in ('', 'a')"),
    ("a: int -> bool", "return a in TEMPERATURES"),
    ("a: int -> int", "return helper(a, 3)"),
    ("a: int -> int", "return helper(a)"),
    ("a: str -> str", "return a.strip().upper() + '!'"),
    ("a: str -> str", "return a[1:-1] + a[::-1] + a[:3]"),
    ("a: str -> int", "return len(a) + a.find('b') + a.count('a')"),
    ("a: str -> bool", "return a.startswith(('a', 'A')) or 'b' in a"),
    ("a: str -> bool", "return a < 'b' and a != 'a'"),
    ("a: str, b: int -> str", "return f'{a}-{b}' + str(b > 2)"),
    ("a: str -> str", "return a.removeprefix('a').replace('b', 'c')"),
    ("a: str -> str", "return a or 'nothing'"),
    ("a: str -> str", "return a[0] if a else ''"),
    ("a: str, b: int -> str", "return a[b:] + a[: a.find('b')] + a[b - 1 : b]"),
    ("a: str, b: int -> str", "return a[b] if -len(a) <= b < len(a) else ''"),
    ("a: str -> int", "return int(a) if a.isdigit() else -1"),
]  # fmt: skip

NOT_LIFTED = [
    ("a: str -> bool", "return re.search('x', a) is not None", "calls re.search", 2),
    ("a: float -> float", "return math.hypot(a, 1.0)", "calls math.hypot", 2),
    ("a: float -> float", "return other(a)", "calls other, which loops", 2),
    ("a: int -> int", "return f(a - 1) if a else 0", "calls f, which calls itself", 2),
    ("a: int -> int", f"t = 0{INDENT}for i in range(a):{INDENT}    t += i{INDENT}return t", "loops", 3),
    ("a: int -> int", f"try:{INDENT}    return 1 // a{INDENT}except ZeroDivisionError:{INDENT}    return 0",
     "catches exceptions", 2),
    ("a: int -> int", f"if a:{INDENT}    t = 1{INDENT}return t", "t may not be set", 4),
    ("a: int -> int", f"if a:{INDENT}    t = 1{INDENT}else:{INDENT}    t = 'x'{INDENT}return len(str(t))",
     "t: a value may be an int or a str", 6),
    ("a: int -> str", "return a", "returns an int where VARCHAR is declared", 1),
    ("a: float -> int", "return a", "returns a float where BIGINT is declared", 1),
    ("a: int -> int", "return a > 1", "returns a bool where BIGINT is declared", 1),
    ("a: int -> int", "return None", "always returns None", 1),
    ("a: int -> float", "return 2 ** a", "raises an int to a power that isn't constant: int or float, by its sign", 2),
    ("a: float -> str", "return str(a)", "writes a float as text", 2),
    ("a: float -> str", "return f'{a:.2f}'", "formats with a specification", 2),
    ("a: str -> str", "return a + 1", "uses + on a str and an int", 2),
    ("a: str -> str", "return a * 2", "uses * on a str and an int", 2),
    ("a: str -> bool", "return a < 1", "uses < on a str and an int", 2),
    ("a: str, b: float -> str", "return a[b]", "slices by other than ints", 2),
    ("a: str -> str", "return a[::2]", "slices with a step", 2),
    ("a: str -> str", "return a.center(9)", "calls str.center", 2),
    ("a: str -> str", "return a.split()[0]", "calls str.split", 2),
    ("a: str, b: str -> bool", "return a in b", "looks for text that isn't constant", 2),
    ("a: int -> int", "return COUNTER + a", "reads the global COUNTER, which is assigned elsewhere", 2),
    ("a: int -> int", "return TABLE[a]", "reads TABLE, which is dict", 2),
    ("a: int -> int", "return missing + a", "reads missing, which is not defined", 2),
    ("a: int -> int", "return a + 2**64", "uses an int beyond 64 bits", 2),
    ("a: int -> int", "return 2**64", "returns an int beyond 64 bits", 1),
    ("a: int -> float", "return a / 0", "always raises ZeroDivisionError", 2),
    ("a: int -> int", "return (lambda x: x + 1)(a)", "calls lambda x: x + 1", 2),
    ("a: int -> int", "return sum([a, 1])", "calls sum", 2),
    ("a: int -> int", "return round(a, -2)", "rounds to -2 digits", 2),
    ("a: float -> float", "return max(a, 0) * 2", "uses * on what may be an int or a float", 2),
    ("a: int -> bool", "return a is 5000", "uses `is` on other than None", 2),
    ("a: int -> int", "return max(a, key=abs)", "calls max with keywords or *arguments", 2),
    ("a: int -> int", f"def g():{INDENT}    return a{INDENT}return g()",
     "has a function inside that uses its variables", 1),
]  # fmt: skip


def made(signature: str, body: str) -> tuple[Any, list[str], str]:
    parameters, returns = signature.split(" -> ")
    source = f"def f({parameters}) -> {returns}:{INDENT}{body}\n{OTHERS}"
    names = {"RATE": RATE, "NAMES": NAMES, "TEMPERATURES": TEMPERATURES, "COUNTER": COUNTER, "TABLE": {}, "re": re}
    kinds = [p.split(": ")[1] for p in parameters.split(", ")]
    return compiled(source, **names), kinds, returns


@pytest.mark.parametrize(("signature", "body"), LIFTED, ids=[b.replace(INDENT, "; ") for _, b in LIFTED])
def test_lifted(signature: str, body: str) -> None:
    function, kinds, returns = made(signature, body)
    types = [TYPES[k] for k in kinds]
    found = lifted(function, types, TYPES[returns])
    assert isinstance(found, Lifted), found
    tame = [VALUES[k][0] for k in kinds]
    rows = [tuple(values[(i * (3 if j else 1)) % len(values)] for j, values in enumerate(tame)) for i in range(13)]
    kernel = by_kernel(found, rows, types)
    assert kernel is not None
    python = by_call(function, rows)
    assert all(same(k, p, TYPES[returns]) for k, p in zip(kernel, python, strict=True)), (kernel, python)


@pytest.mark.parametrize(("signature", "body", "reason", "line"), NOT_LIFTED, ids=[r for _, _, r, _ in NOT_LIFTED])
@pytest.mark.filterwarnings("ignore:.*is.*literal:SyntaxWarning")
def test_not_lifted(signature: str, body: str, reason: str, line: int) -> None:
    function, kinds, returns = made(signature, body)
    assert lifted(function, [TYPES[k] for k in kinds], TYPES[returns]) == NotLifted(reason, line)


def identity(x):  # type: ignore[no-untyped-def]
    return x


@pytest.mark.parametrize("type_", [HUGEINT, decimal(10, 2), DATE], ids=str)
def test_types_that_are_not_taken(type_: Any) -> None:
    assert lifted(identity, [type_], BIGINT) == NotLifted(f"takes {type_}")


def test_types_that_are_not_given() -> None:
    assert lifted(identity, [BIGINT], INTEGER) == NotLifted("returns INTEGER")


def test_a_generator_and_a_method_are_refused() -> None:
    class Class:
        def method(self):  # type: ignore[no-untyped-def]
            return 1

    def generator(x):  # type: ignore[no-untyped-def]
        yield x

    assert lifted(generator, [BIGINT], BIGINT) == NotLifted("is a generator", generator.__code__.co_firstlineno)
    assert lifted(Class.method, [BIGINT], BIGINT) == NotLifted("is a method", Class.method.__code__.co_firstlineno)


def test_a_variable_of_an_enclosing_function_is_refused() -> None:
    factor = math.e

    def scaled(x: float) -> float:
        return x * factor

    line = scaled.__code__.co_firstlineno + 1
    assert lifted(scaled, [DOUBLE], DOUBLE) == NotLifted("reads factor of an enclosing function", line)


def test_a_default_that_is_not_given_is_a_constant() -> None:
    def scaled(x: float, factor: float = 2.5, missing: str | None = None) -> float:
        return x * factor if missing is None else x

    found = lifted(scaled, [DOUBLE], DOUBLE)
    assert isinstance(found, Lifted)
    assert by_kernel(found, [(1.5,), (2.0,)], [DOUBLE]) == [3.75, 5.0]


def test_a_function_too_large_is_refused() -> None:
    lines = "".join(f"    x = x * x + {i}\n" for i in range(1500))
    function = compiled(f"def f(x: float) -> float:\n{lines}    return x\n")
    assert lifted(function, [DOUBLE], DOUBLE) == NotLifted("is too large", 1)


def test_what_is_said_in_explain() -> None:
    assert str(NotLifted("calls re.search", 12)) == "calls re.search (line 12)"
    assert str(NotLifted("takes DATE")) == "takes DATE"
    function = compiled("def f(x: str) -> str:\n    return x.upper()\n")
    found = lifted(function, [VARCHAR], VARCHAR)
    assert isinstance(found, Lifted)
    assert "text_upper" in found.source
