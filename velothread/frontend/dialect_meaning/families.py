"""The dialects that are read, and whose meaning each has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from types import MappingProxyType

from velothread.frontend.dialect_meaning.meaning import Meaning

# dialect -> the module with its meaning: near relatives share one
FAMILIES: Mapping[str, str] = MappingProxyType({
    "postgres": "postgres", "redshift": "postgres", "materialize": "postgres", "risingwave": "postgres",
    "mysql": "mysql", "doris": "mysql", "starrocks": "mysql", "singlestore": "mysql",
    "sqlite": "sqlite", "spark": "spark", "spark2": "spark", "hive": "spark", "databricks": "databricks",
    "snowflake": "snowflake", "bigquery": "bigquery", "clickhouse": "clickhouse", "tsql": "tsql", "fabric": "tsql",
    "trino": "trino", "presto": "trino", "athena": "trino",
})  # fmt: skip


def family_of(dialect: str, known: Iterable[str]) -> str | None:
    """Whose meaning a dialect has; "generic" for one that sqlglot reads and nobody described; None: unknown."""
    if dialect in FAMILIES:
        return FAMILIES[dialect]
    return "generic" if dialect in known and dialect not in ("", "prql", "dax", "velothread", "duckdb") else None


@cache
def meaning_of(family: str) -> Meaning:
    """The rules of a family: `MEANING` of its module."""
    if family == "databricks":  # Spark with ANSI rules: a division by zero is an error
        spark: Meaning = meaning_of("spark")
        return replace(
            spark,
            name="databricks",
            divide="divide, exact error",
            div="div, error",
            mod="mod, error",
            whole="cut",
            strict_text=True,
        )
    found: Meaning = import_module(f"velothread.frontend.dialect_meaning.{family}").MEANING
    return found
