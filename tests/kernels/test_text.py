"""Text functions against Python's str, and against values known from DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.calls import call, typed, values
from velothread.coercion import STRING_LITERAL
from velothread.errors import ExecutionError
from velothread.types import BIGINT, BLOB, DOUBLE, INTEGER, VARCHAR

EXAMPLES = settings(deadline=None, max_examples=20)
# A few letters, so that things are found; wide ones, so that bytes and characters differ.
TEXT = st.text(st.sampled_from("abcABC .-é中🦆"), max_size=8)
COLUMN = st.lists(st.none() | TEXT, max_size=8)


def column(texts: list[str | None]) -> tuple[pa.Array, Any]:
    return pa.array(texts, pa.string()), VARCHAR


def check(
    name: str, texts: list[str | None], expected: Callable[..., Any], *options: Any, types: tuple[Any, ...] = ()
) -> None:
    """The function on a column, on a slice of it, on each value alone: all as `expected` of each value."""
    given_ = [(pa.scalar(o, t.arrow), t) for o, t in zip(options, types, strict=True)] if types else options
    wanted = [None if text is None else expected(text, *options) for text in texts]
    constants = [typed(o) for o in given_]
    assert call(name, column(texts), *constants)[0].to_pylist() == wanted
    padded = pa.array(["zé", *texts, "q"], pa.string()).slice(1, len(texts))
    assert call(name, (padded, VARCHAR), *constants)[0].to_pylist() == wanted
    for text, one in list(zip(texts, wanted, strict=True))[:2]:
        assert call(name, (pa.scalar(text, pa.string()), VARCHAR), *constants)[0].as_py() == one


@EXAMPLES
@given(COLUMN)
def test_length_case_and_bytes(texts: list[str | None]) -> None:
    check("length", texts, len)
    check("strlen", texts, lambda text: len(text.encode()))
    check("upper", texts, str.upper)
    check("lower", texts, str.lower)
    check("reverse", texts, lambda text: text[::-1])
    check("ascii", texts, lambda text: ord(text[0]) if text else 0)
    check("unicode", texts, lambda text: ord(text[0]) if text else -1)


def substring(text: str, offset: int, count: int | None = None) -> str:
    begin = len(text) + offset if offset < 0 else offset - 1
    end = len(text) if count is None else begin + count
    return text[max(0, min(begin, end)) : max(0, begin, end)]


@EXAMPLES
@given(COLUMN, st.integers(-10, 10), st.integers(-10, 10))
def test_substring(texts: list[str | None], offset: int, count: int) -> None:
    check("substring", texts, substring, offset, types=(BIGINT,))
    check("substring", texts, substring, offset, count, types=(BIGINT, BIGINT))


@EXAMPLES
@given(COLUMN, st.integers(-10, 10))
def test_left_and_right(texts: list[str | None], count: int) -> None:
    check("left", texts, lambda text, n: text[:n], count, types=(BIGINT,))
    check("right", texts, lambda text, n: text[-n:] if n else "", count, types=(BIGINT,))


@EXAMPLES
@given(COLUMN, st.integers(-9, 9), st.integers(-9, 9))
def test_array_extract_and_slice_of_text(texts: list[str | None], first: int, last: int) -> None:
    def extract(text: str, n: int) -> str:
        place = n - 1 if n > 0 else len(text) + n
        return text[place] if n and 0 <= place < len(text) else ""

    def slice_(text: str, a: int, b: int) -> str:
        begin = max(a - 1 if a > 0 else len(text) + a if a else 0, 0)
        return text[begin : max(len(text) + b + 1 if b < 0 else b, 0)]

    check("array_extract", texts, extract, first, types=(BIGINT,))
    check("array_slice", texts, slice_, first, last, types=(BIGINT, BIGINT))


@EXAMPLES
@given(COLUMN, st.text(st.sampled_from("a. é"), min_size=1, max_size=3))
def test_trim(texts: list[str | None], characters: str) -> None:
    check("trim", texts, lambda text: text.strip(" "))
    check("trim", texts, str.strip, characters)
    check("ltrim", texts, str.lstrip, characters)
    check("rtrim", texts, str.rstrip, characters)


@EXAMPLES
@given(COLUMN, st.integers(-2, 12), st.sampled_from(["x", "é", "ab", "中x-"]))
def test_padding(texts: list[str | None], width: int, fill: str) -> None:
    def pad(text: str, n: int, fill: str) -> str:
        return (fill * 12)[: max(n - len(text), 0)]

    def left(text: str, n: int, fill: str) -> str:
        return pad(text, n, fill) + text[: max(n, 0)]

    def right(text: str, n: int, fill: str) -> str:
        return text[: max(n, 0)] + pad(text, n, fill)

    check("lpad", texts, left, width, fill, types=(INTEGER, VARCHAR))
    check("rpad", texts, right, width, fill, types=(INTEGER, VARCHAR))


@EXAMPLES
@given(COLUMN, TEXT, TEXT)
def test_finding_and_replacing(texts: list[str | None], old: str, new: str) -> None:
    check("strpos", texts, lambda text, wanted: text.find(wanted) + 1, old)
    check("contains", texts, lambda text, wanted: wanted in text, old)
    check("starts_with", texts, str.startswith, old)
    check("ends_with", texts, str.endswith, old)
    check("replace", texts, lambda text, a, b: text.replace(a, b) if a else text, old, new)
    table = {ord(c): (new[i] if i < len(new) else None) for i, c in reversed(list(enumerate(old)))}
    check("translate", texts, lambda text, a, b: text.translate(table), old, new)


@EXAMPLES
@given(COLUMN, st.text(st.sampled_from("ab.é"), max_size=2), st.integers(-4, 4))
def test_splitting(texts: list[str | None], separator: str, number: int) -> None:
    def parts(text: str, separator: str) -> list[str]:
        return text.split(separator) if separator else list(text) or [""]

    def part(text: str, separator: str, n: int) -> str:
        found = parts(text, separator)
        place = n - 1 if n > 0 else len(found) + n
        return found[place] if n and 0 <= place < len(found) else ""

    check("string_split", texts, parts, separator)
    check("split_part", texts, part, separator, number, types=(VARCHAR, BIGINT))


@EXAMPLES
@given(COLUMN, COLUMN, TEXT)
def test_concatenation_leaves_nulls_out(left: list[str | None], right: list[str | None], between: str) -> None:
    rows = list(zip(left, right, strict=False))
    a, b = column([x for x, _ in rows]), column([y for _, y in rows])
    assert values("concat", a, b, between).to_pylist() == [(x or "") + (y or "") + between for x, y in rows]
    kept = [[t for t in row if t is not None] for row in rows]
    assert values("concat_ws", between, a, b).to_pylist() == [between.join(row) for row in kept]
    if rows:
        assert values("concat_ws", (pa.scalar(None, pa.string()), VARCHAR), a, b).null_count == len(rows)


@EXAMPLES
@given(st.lists(st.tuples(st.none() | TEXT, st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5))))
def test_options_may_be_columns(rows: list[tuple[str | None, int | None, int | None]]) -> None:
    texts, begins, counts = zip(*rows, strict=True) if rows else ((), (), ())
    numbers = [(pa.array(list(n), pa.int64()), BIGINT) for n in (begins, counts)]
    wanted = [None if None in row else substring(*row) for row in rows]  # type: ignore[arg-type]
    assert values("substring", column(list(texts)), *numbers).to_pylist() == wanted
    constant = [None if None in row[1:] else substring("hé中lo", *row[1:]) for row in rows]  # type: ignore[arg-type]
    assert values("substring", "hé中lo", *numbers).to_pylist() == constant


PATTERNS = ["a", "[ab]+", "(a)(b)?", "b*", "^a", "c$", r"\.", "(?:a|é)", "a.c", "[^a]", r"[\]a]", "(?P<n>b)a*"]


@EXAMPLES
@given(COLUMN, st.sampled_from(PATTERNS))
def test_regular_expressions(texts: list[str | None], pattern: str) -> None:
    python = re.compile(pattern)

    def group(text: str, _: str, n: int = 0) -> str:
        found = python.search(text)
        return (found[n] or "") if found and n <= python.groups else ""

    check("regexp_matches", texts, lambda text, _: python.search(text) is not None, pattern)
    check("regexp_full_match", texts, lambda text, _: python.fullmatch(text) is not None, pattern)
    check("regexp_extract", texts, group, pattern)
    check("regexp_extract", texts, group, pattern, 1, types=(VARCHAR, INTEGER))
    check("regexp_extract", texts, group, pattern, 2, types=(VARCHAR, INTEGER))
    check("regexp_extract_all", texts, lambda text, _: [m[0] for m in python.finditer(text)], pattern)
    check("regexp_replace", texts, lambda text, _, new: python.sub(new, text, count=1), pattern, "<>")


@EXAMPLES
@given(COLUMN, TEXT)
def test_escaped_text_matches_itself(texts: list[str | None], wanted: str) -> None:
    pattern = values("regexp_escape", wanted + ".*(").as_py()
    assert values("regexp_full_match", wanted + ".*(", pattern).as_py() is True
    literal = [None if t is None else wanted in t for t in texts]
    assert values("regexp_matches", column(texts), wanted, "l").to_pylist() == literal


@EXAMPLES
@given(st.lists(st.none() | st.binary(max_size=9), max_size=6))
def test_encodings_come_back(blobs: list[bytes | None]) -> None:
    raw = pa.array(blobs, pa.binary()), BLOB
    for there, back in (("hex", "unhex"), ("to_base64", "from_base64")):
        assert call(back, call(there, raw))[0].to_pylist() == blobs


@EXAMPLES
@given(COLUMN)
def test_url_and_utf8_come_back(texts: list[str | None]) -> None:
    for there, back in (("url_encode", "url_decode"), ("encode", "decode")):
        assert call(back, call(there, column(texts)))[0].to_pylist() == texts


@EXAMPLES
@given(TEXT, TEXT)
def test_distances(a: str, b: str) -> None:
    edits = values("levenshtein", a, b).as_py()
    assert edits == values("levenshtein", [b], a).to_pylist()[0]
    assert abs(len(a.encode()) - len(b.encode())) <= edits <= max(len(a.encode()), len(b.encode()))
    assert (edits == 0) == (a == b)
    assert values("damerau_levenshtein", a, b).as_py() <= edits
    assert 0 <= values("jaro_similarity", a, b).as_py() <= values("jaro_winkler_similarity", a, b).as_py() <= 1


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("substring", ("hello", -10, 7), "he"),
        ("substring", ("hello", 7, -3), "lo"),
        ("reverse", ("é🤦🏼‍♂️ab",), "ba🤦🏼‍♂️é"),
        ("upper", ("straße",), "STRAẞE"),
        ("trim", ("\t a \n",), "\t a \n"),
        ("lpad", ("hi", 1, ""), "h"),
        ("translate", ("12345", "1143", "axy"), "a2y5"),
        ("regexp_replace", ("abc", "b*", "-", "g"), "-a-c-"),
        ("regexp_replace", ("abcb", "(b)", "<\\1>", "g"), "a<b>c<b>"),
        ("regexp_replace", ("aBc", "b", "-", "gi"), "a-c"),
        ("regexp_extract", ("abc", "b(z)?", 1), ""),
        ("regexp_extract_all", ("aab", "a(b)?", 1), [None, "b"]),
        ("regexp_extract_all", ("abc", "b*"), ["", "b", "", ""]),
        ("string_split_regex", ("abc", "b*"), ["a", "", "c"]),
        ("string_split_regex", ("a1b22c", "[0-9]"), ["a", "b", "", "c"]),
        ("levenshtein", ("é", "e"), 2),
        ("damerau_levenshtein", ("ca", "abc"), 2),
        ("format", ("{0} {1} {0}", "a", 7), "a 7 a"),
        ("format", ("{:,}|{:_d}|{:t'}", 1234567, 1234567, 1234567), "1,234,567|1_234_567|1'234'567"),
        ("format", ("{:>5}|{:<5}|{:^5}", "a", "b", "c"), "    a|b    |  c  "),
        ("format", ("{:x} {:b} {:o} {:X} {{}}", 255, 5, 8, 255), "ff 101 10 FF {}"),
        ("format", ("{} {} {}", True, 1e15, 1e16), "true 1000000000000000.0 1e+16"),
        ("printf", ("%05d|%-5d|%+d|%x|%e|%g", 7, 7, 7, 255, 1.5, 1.5), "00007|7    |+7|ff|1.500000e+00|1.5"),
        ("printf", ("%10s|%-10s|%.3s|%%", "a", "b", "abcdef"), "         a|b         |abc|%"),
        ("printf", ("%,d %c", 1234567, 65), "1,234,567 A"),
        ("format_bytes", (1048575,), "1023.9 KiB"),
        ("format_bytes", (9223372036854775807,), "8191.9 PiB"),
        ("format_bytes", (-1,), "-1 byte"),
        ("bar", (5.3, 0, 10, 20), "██████████▌         "),
        ("bar", (float("nan"), 0, 10, 10), " " * 10),
        ("hex", (-1,), "F" * 16),
        ("unbin", ("101010101",), b"\x01U"),
        ("url_decode", ("a%20b+%C3%A9%zz",), "a b+é%zz"),
        ("parse_path", ("/a\\b/c.txt",), ["/", "a", "b", "c.txt"]),
        ("parse_filename", ("/a/c.tar.gz", True), "c.tar"),
        ("parse_dirpath", ("/a/b/c.txt",), "/a/b"),
        ("strip_accents", ("ÀØß中",), "AØß中"),
        ("like_escape", ("a%c", "a$%c", "$"), True),
    ],
)
def test_known_values(name: str, arguments: tuple[Any, ...], expected: Any) -> None:
    floats = DOUBLE if name == "bar" else None
    given_ = [
        (pa.scalar(a), STRING_LITERAL) if isinstance(a, str) else (pa.scalar(float(a)), floats) if floats else a
        for a in arguments
    ]
    assert values(name, *given_).as_py() == expected


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("regexp_matches", ("a", "("), r"'\('"),
        ("regexp_matches", ("a", "a", "z"), "'z' is not an option"),
        ("regexp_matches", ("a", "a", "g"), "'g' is not an option"),
        ("regexp_replace", ("a", "a", "\\2"), "2 matches"),
        ("regexp_extract_all", ("a", "(a)", 3), "no group 3"),
        ("lpad", ("hi", 5, ""), "something to pad with"),
        ("chr", (-1,), "no character"),
        ("chr", (0xD800,), "no character"),
        ("unhex", ("xyz",), "not hexadecimal"),
        ("from_base64", ("YWJ",), "not base64"),
        ("decode", (b"\xc3",), "not UTF-8"),
        ("hamming", ("duck", "du"), "one length"),
        ("to_base", (10, 37), "2 to 36"),
        ("format", ("{}",), "asks for value 1"),
        ("format", ("{:d}", "a"), "does not fit"),
        ("printf", ("%s", 1), "does not fit"),
        ("like_escape", ("a", "a$", "$"), "ends with its escape"),
    ],
)
def test_bad_values_say_what_is_wrong(name: str, arguments: tuple[Any, ...], says: str) -> None:
    given_ = [(pa.scalar(a), VARCHAR) if isinstance(a, str) else a for a in arguments]
    given_ = [(pa.scalar(a, pa.int32()), INTEGER) if isinstance(a, int) else a for a in given_]
    with pytest.raises(ExecutionError, match=says):
        values(name, *given_)


def test_null_options_give_null() -> None:
    nothing = (pa.scalar(None, pa.string()), VARCHAR)
    for name in (
        "contains",
        "starts_with",
        "strpos",
        "regexp_matches",
        "regexp_extract",
        "regexp_extract_all",
        "levenshtein",
    ):
        assert values(name, ["a", None], nothing).null_count == 2
    assert values("string_split", ["a b", None], nothing).to_pylist() == [["a b"], None]
