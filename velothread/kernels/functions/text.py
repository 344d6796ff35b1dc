"""The table of text functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from velothread.coercion import STRING_LITERAL
from velothread.kernels import encodings, formatting, graphemes, patterns, similarity, text
from velothread.kernels import paths as path_kernels
from velothread.kernels.function import Function
from velothread.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    NULL,
    UBIGINT,
    VARCHAR,
    SqlType,
    list_of,
)

Types = tuple[SqlType, ...]
TEXTS = list_of(VARCHAR)
_line = partial(Function, group="text")


def _all_text(fixed: int) -> Callable[[Types], tuple[Types, SqlType] | None]:
    """All arguments as text, whatever they are: concat(1, 'a'). Lists have their own concat."""

    def resolve(arguments: Types) -> tuple[Types, SqlType] | None:
        if len(arguments) < fixed or any(a.kind == "LIST" for a in arguments):
            return None
        return (VARCHAR,) * len(arguments), VARCHAR

    return resolve


_SHOWN = ("BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR")


def _format_values(arguments: Types) -> tuple[Types, SqlType] | None:
    """A format and its values: numbers, booleans and text stay, all else is put in as text."""
    if not arguments or arguments[0] not in (VARCHAR, STRING_LITERAL, NULL):
        return None
    # Decimals are put in as floats, as in DuckDB.
    values = tuple(
        DOUBLE if a.kind == "DECIMAL" else a if a.is_integer or a.kind in _SHOWN else VARCHAR for a in arguments[1:]
    )
    return (VARCHAR, *values), VARCHAR


_CASE_AND_LENGTH = (
    _line("upper", (VARCHAR,), VARCHAR, text.upper, "Text in upper case", "upper('ab')", "AB", aliases=("ucase",)),
    _line("lower", (VARCHAR,), VARCHAR, text.lower, "Text in lower case", "lower('AB')", "ab", aliases=("lcase",)),
    _line(
        "length", (VARCHAR,), BIGINT, text.length, "Number of characters (code points)", "length('déjà')", "4",
        aliases=("len", "char_length", "character_length"),
    ),
    _line(
        "length_grapheme", (VARCHAR,), BIGINT, graphemes.length, "Number of characters as a reader counts them",
        "length_grapheme('🤦🏼‍♂️🤦🏽‍♀️')", "2",
    ),
    _line("strlen", (VARCHAR,), BIGINT, text.byte_length, "Number of bytes", "strlen('déjà')", "6"),
    _line("octet_length", (BLOB,), BIGINT, text.byte_length, "Number of bytes", "octet_length('ab'::BLOB)", "2"),
    _line("bit_length", (VARCHAR,), BIGINT, text.bit_length, "Number of bits", "bit_length('ab')", "16"),
    _line("reverse", (VARCHAR,), VARCHAR, graphemes.reverse, "Text backwards", "reverse('hello')", "olleh"),
    _line(
        "strip_accents", (VARCHAR,), VARCHAR, text.strip_accents, "Letters without accents",
        "strip_accents('mühle')", "muhle",
    ),
    _line(
        "nfc_normalize", (VARCHAR,), VARCHAR, text.nfc_normalize, "Text in Unicode normal form C",
        "nfc_normalize('ardèch')", "ardèch",
    ),
    _line(
        "ascii", (VARCHAR,), INTEGER, text.code_point(0), "Number of the first character; 0 for none",
        "ascii('Ω')", "937",
    ),
    _line(
        "unicode", (VARCHAR,), INTEGER, text.code_point(-1), "Number of the first character; -1 for none",
        "unicode('Ω')", "937", aliases=("ord",),
    ),
    _line("chr", (INTEGER,), VARCHAR, text.chr_, "The character with a number", "chr(937)", "Ω", raises=True),
)  # fmt: skip

_PIECES = (
    _line(
        "substring", (VARCHAR, BIGINT), VARCHAR, text.substring,
        "From a position (1-based; negative: from the end) to the end", "substring('hello', -3)", "llo",
        raises=True, aliases=("substr",),
    ),
    _line(
        "substring", (VARCHAR, BIGINT, BIGINT), VARCHAR, text.substring, "So many characters from a position",
        "substring('hello', 2, 3)", "ell", raises=True, aliases=("substr",),
    ),
    _line(
        "substring_grapheme", (VARCHAR, BIGINT), VARCHAR, graphemes.substring,
        "Like substring, counting as a reader does", "substring_grapheme('🦆🤦🏼‍♂️🦆', 3)", "🦆",
    ),
    _line(
        "substring_grapheme", (VARCHAR, BIGINT, BIGINT), VARCHAR, graphemes.substring,
        "Like substring, counting as a reader does", "substring_grapheme('🦆🤦🏼‍♂️🦆', 3, 1)", "🦆",
    ),
    _line(
        "left", (VARCHAR, BIGINT), VARCHAR, text.left, "The first characters; negative: all but the last",
        "left('hello', 2)", "he",
    ),
    _line(
        "right", (VARCHAR, BIGINT), VARCHAR, text.right, "The last characters; negative: all but the first",
        "right('hello', 2)", "lo",
    ),
    _line(
        "left_grapheme", (VARCHAR, BIGINT), VARCHAR, graphemes.left, "Like left, counting as a reader does",
        "left_grapheme('🤦🏼‍♂️🦆', 1)", "🤦🏼‍♂️",
    ),
    _line(
        "right_grapheme", (VARCHAR, BIGINT), VARCHAR, graphemes.right, "Like right, counting as a reader does",
        "right_grapheme('🤦🏼‍♂️🦆', 1)", "🦆",
    ),
    _line(
        "array_extract", (VARCHAR, BIGINT), VARCHAR, text.character, "One character; empty when there is none",
        "array_extract('hello', 2)", "e", aliases=("list_extract", "list_element"),
    ),
    _line(
        "array_slice", (VARCHAR, BIGINT, BIGINT), VARCHAR, text.slice_inclusive,
        "From one position to another, both included", "array_slice('hello', 2, 3)", "el", aliases=("list_slice",),
    ),
    _line("trim", (VARCHAR,), VARCHAR, text.trim, "Without spaces at both ends", "trim('  ab ')", "ab"),
    _line(
        "trim", (VARCHAR, VARCHAR), VARCHAR, text.trim, "Without these characters at both ends", "trim('>>a<', '><')",
        "a",
    ),
    _line("ltrim", (VARCHAR,), VARCHAR, text.ltrim, "Without spaces at the left", "ltrim('  ab')", "ab"),
    _line(
        "ltrim", (VARCHAR, VARCHAR), VARCHAR, text.ltrim, "Without these characters at the left", "ltrim('>>a', '>')",
        "a",
    ),
    _line("rtrim", (VARCHAR,), VARCHAR, text.rtrim, "Without spaces at the right", "rtrim('ab  ')", "ab"),
    _line(
        "rtrim", (VARCHAR, VARCHAR), VARCHAR, text.rtrim, "Without these characters at the right",
        "rtrim('a<<', '<')", "a",
    ),
    _line(
        "split_part", (VARCHAR, VARCHAR, BIGINT), VARCHAR, patterns.split_part,
        "One part between separators (1-based; negative: from the end)", "split_part('a;b;c', ';', 2)", "b",
    ),
    _line(
        "string_split", (VARCHAR, VARCHAR), TEXTS, patterns.string_split, "The parts between separators",
        "string_split('a;b;c', ';')", "[a, b, c]", strict=False, aliases=("split", "str_split", "string_to_array"),
    ),
    _line(
        "string_split_regex", (VARCHAR, VARCHAR), TEXTS, patterns.string_split_regex,
        "The parts between matches of a pattern", "string_split_regex('a1b22c', '[0-9]+')", "[a, b, c]",
        strict=False, raises=True, aliases=("str_split_regex", "regexp_split_to_array"),
    ),
    _line(
        "string_split_regex", (VARCHAR, VARCHAR, VARCHAR), TEXTS, patterns.string_split_regex,
        "The parts between matches of a pattern, with options", "string_split_regex('aXbxc', 'x', 'i')", "[a, b, c]",
        strict=False, raises=True, aliases=("str_split_regex", "regexp_split_to_array"),
    ),
)  # fmt: skip

_PUT_TOGETHER = (
    _line(
        "concat", (), VARCHAR, text.concat, "All values as one text, without the NULL ones", "concat('a', NULL, 1)",
        "a1", variadic="any", strict=False, resolve=_all_text(1),
    ),
    _line(
        "concat_ws", (), VARCHAR, text.concat_ws, "All values with a separator between them, without the NULL ones",
        "concat_ws('-', 'a', NULL, 1)", "a-1", variadic="any", strict=False, resolve=_all_text(2),
    ),
    _line("repeat", (BLOB, BIGINT), BLOB, text.repeat, "Bytes several times", "repeat('a'::BLOB, 2)", "aa"),
    _line("repeat", (VARCHAR, BIGINT), VARCHAR, text.repeat, "Text several times", "repeat('ab', 3)", "ababab"),
    _line(
        "lpad", (VARCHAR, INTEGER, VARCHAR), VARCHAR, text.lpad, "Filled up at the left, or cut, to a width",
        "lpad('hi', 5, '>')", ">>>hi", raises=True,
    ),
    _line(
        "rpad", (VARCHAR, INTEGER, VARCHAR), VARCHAR, text.rpad, "Filled up at the right, or cut, to a width",
        "rpad('hi', 5, '<')", "hi<<<", raises=True,
    ),
    _line(
        "replace", (VARCHAR, VARCHAR, VARCHAR), VARCHAR, text.replace, "Every occurrence replaced",
        "replace('hello', 'l', '-')", "he--o",
    ),
    _line(
        "overlay", (VARCHAR, VARCHAR, BIGINT), VARCHAR, text.overlay, "Text put over another from a position on",
        "overlay('hello', 'XX', 2)", "hXXlo",
    ),
    _line(
        "overlay", (VARCHAR, VARCHAR, BIGINT, BIGINT), VARCHAR, text.overlay,
        "So many characters from a position on replaced", "overlay('hello', 'XX', 2, 3)", "hXXo",
    ),
    _line(
        "translate", (VARCHAR, VARCHAR, VARCHAR), VARCHAR, text.translate,
        "Characters replaced one by one; those without a partner go", "translate('12345', '143', 'ax')", "a2x5",
    ),
    _line(
        "format", (), VARCHAR, formatting.format_, "Values put into {} places", "format('{}: {:.2f}', 'pi', 3.14159)",
        "pi: 3.14", variadic="any", raises=True, resolve=_format_values,
    ),
    _line(
        "printf", (), VARCHAR, formatting.printf, "Values put into % places", "printf('%s: %05d', 'id', 42)",
        "id: 00042", variadic="any", raises=True, resolve=_format_values,
    ),
    _line(
        "bar", (DOUBLE, DOUBLE, DOUBLE), VARCHAR, formatting.bar, "A bar from a lowest to a highest value, 80 wide",
        "rtrim(bar(1, 0, 80))", "█", raises=True,
    ),
    _line(
        "bar", (DOUBLE, DOUBLE, DOUBLE, DOUBLE), VARCHAR, formatting.bar, "A bar of a width", "bar(5, 0, 10, 10)",
        "█████     ", raises=True,
    ),
    _line(
        "format_bytes", (BIGINT,), VARCHAR, formatting.format_bytes, "A number of bytes for people (KiB, MiB)",
        "format_bytes(16384)", "16.0 KiB", aliases=("formatreadablesize",),
    ),
    _line(
        "parse_formatted_bytes", (VARCHAR,), UBIGINT, formatting.parse_bytes, "The number that format_bytes shows",
        "parse_formatted_bytes('16 KiB')", "16384", raises=True,
    ),
    _line(
        "formatreadabledecimalsize", (BIGINT,), VARCHAR, formatting.format_decimal_bytes,
        "A number of bytes for people (kB, MB)", "formatReadableDecimalSize(16000)", "16.0 kB",
    ),
)  # fmt: skip

_SEARCH = (
    _line(
        "strpos", (VARCHAR, VARCHAR), BIGINT, text.position, "Where a text begins in another (1-based); 0: nowhere",
        "strpos('hello', 'l')", "3", aliases=("position", "instr"),
    ),
    _line(
        "contains", (VARCHAR, VARCHAR), BOOLEAN, text.contains, "Is a text in another?", "contains('hello', 'ell')",
        "true",
    ),
    _line(
        "starts_with", (VARCHAR, VARCHAR), BOOLEAN, text.starts_with, "Does a text begin with another?",
        "starts_with('hello', 'he')", "true", aliases=("prefix", "^@"),
    ),
    _line(
        "ends_with", (VARCHAR, VARCHAR), BOOLEAN, text.ends_with, "Does a text end with another?",
        "ends_with('hello', 'lo')", "true", aliases=("suffix",),
    ),
    _line(
        "regexp_matches", (VARCHAR, VARCHAR), BOOLEAN, patterns.regexp_matches, "Does a pattern match somewhere?",
        "regexp_matches('anabanana', '(an)+')", "true", raises=True,
    ),
    _line(
        "regexp_matches", (VARCHAR, VARCHAR, VARCHAR), BOOLEAN, patterns.regexp_matches,
        "Does a pattern match somewhere, with options?", "regexp_matches('ABC', 'b', 'i')", "true", raises=True,
    ),
    _line(
        "regexp_full_match", (VARCHAR, VARCHAR), BOOLEAN, patterns.regexp_full_match, "Does a pattern match all of it?",
        "regexp_full_match('anabanana', '(an)+')", "false", raises=True,
    ),
    _line(
        "regexp_full_match", (VARCHAR, VARCHAR, VARCHAR), BOOLEAN, patterns.regexp_full_match,
        "Does a pattern match all of it, with options?", "regexp_full_match('ABC', 'abc', 'i')", "true", raises=True,
    ),
    _line(
        "regexp_replace", (VARCHAR, VARCHAR, VARCHAR), VARCHAR, patterns.regexp_replace, "The first match replaced",
        "regexp_replace('hello', '[lo]', '-')", "he-lo", raises=True,
    ),
    _line(
        "regexp_replace", (VARCHAR, VARCHAR, VARCHAR, VARCHAR), VARCHAR, patterns.regexp_replace,
        "Matches replaced; 'g' for all of them", "regexp_replace('hello', '[lo]', '-', 'g')", "he---", raises=True,
    ),
    _line(
        "regexp_extract", (VARCHAR, VARCHAR), VARCHAR, patterns.regexp_extract, "The first match; empty for none",
        "regexp_extract('abc', '.b.')", "abc", raises=True,
    ),
    _line(
        "regexp_extract", (VARCHAR, VARCHAR, INTEGER), VARCHAR, patterns.regexp_extract,
        "A group of the first match; empty for none", "regexp_extract('abc', '([a-z])(b)', 1)", "a", raises=True,
    ),
    _line(
        "regexp_extract", (VARCHAR, VARCHAR, INTEGER, VARCHAR), VARCHAR, patterns.regexp_extract,
        "A group of the first match, with options", "regexp_extract('ABC', '([a-z])(b)', 1, 'i')", "A", raises=True,
    ),
    _line(
        "regexp_extract_all", (VARCHAR, VARCHAR), TEXTS, patterns.regexp_extract_all, "All matches",
        "regexp_extract_all('a1b22', '[0-9]+')", "[1, 22]", strict=False, raises=True,
    ),
    _line(
        "regexp_extract_all", (VARCHAR, VARCHAR, INTEGER), TEXTS, patterns.regexp_extract_all, "A group of all matches",
        "regexp_extract_all('a1b22', '([a-z])([0-9]+)', 2)", "[1, 22]", strict=False, raises=True,
    ),
    _line(
        "regexp_extract_all", (VARCHAR, VARCHAR, INTEGER, VARCHAR), TEXTS, patterns.regexp_extract_all,
        "A group of all matches, with options", "regexp_extract_all('aBAb', 'b', 0, 'i')", "[B, b]",
        strict=False, raises=True,
    ),
    _line(
        "regexp_escape", (VARCHAR,), VARCHAR, patterns.regexp_escape, "Text as a pattern that matches just it",
        "regexp_escape('a.b')", "a\\.b",
    ),
    _line(
        "like_escape", (VARCHAR,) * 3, BOOLEAN, patterns.like_escape, "LIKE with an escape character",
        "like_escape('a%c', 'a$%c', '$')", "true", raises=True,
    ),
    _line(
        "ilike_escape", (VARCHAR,) * 3, BOOLEAN, patterns.ilike_escape, "ILIKE with an escape character",
        "ilike_escape('A%c', 'a$%C', '$')", "true", raises=True,
    ),
    _line(
        "not_like_escape", (VARCHAR,) * 3, BOOLEAN, patterns.not_like_escape, "NOT LIKE with an escape character",
        "not_like_escape('a%c', 'a$%c', '$')", "false", raises=True,
    ),
    _line(
        "not_ilike_escape", (VARCHAR,) * 3, BOOLEAN, patterns.not_ilike_escape, "NOT ILIKE with an escape character",
        "not_ilike_escape('A%c', 'a$%c', '$')", "false", raises=True,
    ),
)  # fmt: skip

_SIMILARITY = (
    _line(
        "levenshtein", (VARCHAR, VARCHAR), BIGINT, similarity.levenshtein, "Edits that turn one text into another",
        "levenshtein('duck', 'db')", "3", aliases=("editdist3",),
    ),
    _line(
        "damerau_levenshtein", (VARCHAR, VARCHAR), BIGINT, similarity.damerau_levenshtein,
        "Edits and swaps of neighbours", "damerau_levenshtein('duckdb', 'udckbd')", "2",
    ),
    _line(
        "hamming", (VARCHAR, VARCHAR), BIGINT, similarity.hamming, "Positions that differ", "hamming('duck', 'luck')",
        "1", raises=True, aliases=("mismatches",),
    ),
    _line(
        "jaccard", (VARCHAR, VARCHAR), DOUBLE, similarity.jaccard, "Share of characters in common",
        "jaccard('duck', 'luck')", "0.6", raises=True,
    ),
    _line(
        "jaro_similarity", (VARCHAR, VARCHAR), DOUBLE, similarity.jaro_similarity, "Jaro similarity, 0 to 1",
        "jaro_similarity('duck', 'duckdb')", "0.8888888888888888",
    ),
    _line(
        "jaro_similarity", (VARCHAR, VARCHAR, DOUBLE), DOUBLE, similarity.jaro_similarity,
        "Jaro similarity; 0 below a limit", "jaro_similarity('duck', 'duckdb', 0.95)", "0.0",
    ),
    _line(
        "jaro_winkler_similarity", (VARCHAR, VARCHAR), DOUBLE, similarity.jaro_winkler_similarity,
        "Jaro-Winkler similarity, 0 to 1", "jaro_winkler_similarity('duck', 'duckdb')", "0.9333333333333333",
    ),
    _line(
        "jaro_winkler_similarity", (VARCHAR, VARCHAR, DOUBLE), DOUBLE, similarity.jaro_winkler_similarity,
        "Jaro-Winkler similarity; 0 below a limit", "jaro_winkler_similarity('duck', 'duckdb', 0.95)", "0.0",
    ),
)  # fmt: skip


def _both(
    name: str, kernel: Callable[..., object], doc: str, example: str, result: str, *aliases: str
) -> tuple[Function, ...]:
    """A function of VARCHAR and of BLOB."""
    return (
        _line(name, (VARCHAR,), VARCHAR, kernel, doc, example, result, aliases=aliases),
        _line(name, (BLOB,), VARCHAR, kernel, doc, aliases=aliases),
    )


_ENCODINGS = (
    *_both("md5", encodings.md5, "MD5 digest in hex", "md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    *_both("sha1", encodings.sha1, "SHA-1 digest in hex", "sha1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    *_both(
        "sha256", encodings.sha256, "SHA-256 digest in hex", "sha256('a')",
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    ),
    *_both("hex", encodings.hex_text, "Bytes in hex", "hex('aé')", "61C3A9", "to_hex"),
    _line("hex", ("integer",), VARCHAR, encodings.hex_integer, "A number in hex", "hex(42)", "2A", aliases=("to_hex",)),
    _line("hex", (HUGEINT,), VARCHAR, encodings.hex_hugeint, "A number in hex", aliases=("to_hex",)),
    _line(
        "unhex", (VARCHAR,), BLOB, encodings.unhex, "Bytes from hex", "unhex('4142')", "AB", raises=True,
        aliases=("from_hex",),
    ),
    _line(
        "bin", (VARCHAR,), VARCHAR, encodings.bin_text, "Bytes in binary", "bin('Aa')", "0100000101100001",
        aliases=("to_binary",),
    ),
    _line(
        "bin", ("integer",), VARCHAR, encodings.bin_integer, "A number in binary", "bin(42)", "101010",
        aliases=("to_binary",),
    ),
    _line("bin", (HUGEINT,), VARCHAR, encodings.bin_hugeint, "A number in binary", aliases=("to_binary",)),
    _line(
        "unbin", (VARCHAR,), BLOB, encodings.unbin, "Bytes from binary", "unbin('01000001')", "A", raises=True,
        aliases=("from_binary",),
    ),
    _line(
        "to_base", (BIGINT, INTEGER), VARCHAR, encodings.to_base, "A number in a base from 2 to 36",
        "to_base(42, 16)", "2A", raises=True,
    ),
    _line(
        "to_base", (BIGINT, INTEGER, INTEGER), VARCHAR, encodings.to_base, "A number in a base, at least so wide",
        "to_base(42, 2, 10)", "0000101010", raises=True,
    ),
    *_both("to_base64", encodings.to_base64, "Bytes in base64", "to_base64('abc'::BLOB)", "YWJj", "base64"),
    _line(
        "from_base64", (VARCHAR,), BLOB, encodings.from_base64, "Bytes from base64", "from_base64('YWJj')", "abc",
        raises=True,
    ),
    _line("encode", (VARCHAR,), BLOB, encodings.encode, "The UTF-8 bytes of a text", "encode('ab')", "ab"),
    _line(
        "decode", (BLOB,), VARCHAR, encodings.decode, "The text of UTF-8 bytes", "decode('ab'::BLOB)", "ab",
        raises=True,
    ),
    _line(
        "url_encode", (VARCHAR,), VARCHAR, encodings.url_encode, "Text for a URL", "url_encode('a b/é')",
        "a%20b%2F%C3%A9",
    ),
    _line(
        "url_decode", (VARCHAR,), VARCHAR, encodings.url_decode, "Text from a URL", "url_decode('a%20b')", "a b",
        raises=True,
    ),
)  # fmt: skip


def _path(name: str, kernel: Callable[..., object], returns: SqlType, doc: str, result: str) -> tuple[Function, ...]:
    """A function of a path, and of a path and the name of its separator."""
    example = f"{name}('a/b/c.txt')"
    return (
        _line(name, (VARCHAR,), returns, kernel, doc, example, result),
        _line(
            name, (VARCHAR, VARCHAR), returns, kernel, doc, f"{name}('a/b/c.txt', 'forward_slash')", result, raises=True
        ),
    )


_PATHS = (
    *_path("parse_path", path_kernels.parse_path, TEXTS, "The parts of a path", "[a, b, c.txt]"),
    *_path("parse_dirname", path_kernels.parse_dirname, VARCHAR, "The top folder of a path", "a"),
    *_path("parse_dirpath", path_kernels.parse_dirpath, VARCHAR, "The folder of a path", "a/b"),
    _line(
        "parse_filename", (VARCHAR,), VARCHAR, path_kernels.parse_filename, "The file name of a path",
        "parse_filename('a/b.csv')", "b.csv",
    ),
    _line(
        "parse_filename", (VARCHAR, BOOLEAN), VARCHAR, path_kernels.parse_filename,
        "The file name of a path, without suffix if so wished", "parse_filename('a/b.csv', true)", "b",
    ),
    _line(
        "parse_filename", (VARCHAR, VARCHAR), VARCHAR, path_kernels.parse_filename_in, "The file name of a path",
        "parse_filename('a/b.csv', 'system')", "b.csv", raises=True,
    ),
    _line(
        "parse_filename", (VARCHAR, BOOLEAN, VARCHAR), VARCHAR, path_kernels.parse_filename,
        "The file name of a path", "parse_filename('a/b.csv', true, 'system')", "b", raises=True, strict=False,
    ),
)  # fmt: skip

TEXT: tuple[Function, ...] = (
    *_CASE_AND_LENGTH,
    *_PIECES,
    *_PUT_TOGETHER,
    *_SEARCH,
    *_SIMILARITY,
    *_ENCODINGS,
    *_PATHS,
)
