"""What a file of Python functions imports, and whether that turns the GIL on."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from velothread.errors import OptionError


@dataclass(frozen=True, slots=True)
class Import:
    """A module that a file imports in `line`. gil: is it on after that? None: it can't be imported (`problem`)."""

    name: str
    line: int
    gil: bool | None
    problem: str | None = None


def imports_of(source: str) -> dict[str, int]:
    """The modules that a text imports, anywhere in it, each with its first line; relative ones are left out."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and node.module != "__future__":
            found.setdefault(node.module, node.lineno)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def examine_imports(path: str) -> list[Import]:
    """Import each in an interpreter of its own, and look at the GIL after that.

    :raises OptionError: when the file can't be read, or isn't Python.
    """
    file = Path(path.partition(":")[0] if not Path(path).exists() else path)
    try:
        names = imports_of(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{file}: can't be read ({error.strerror})") from error
    except (SyntaxError, ValueError) as error:
        raise OptionError(f"{file}: is not Python: {error}") from error
    return [_examined(name, line, str(file.resolve().parent)) for name, line in names.items()]


def _examined(name: str, line: int, folder: str) -> Import:
    from velothread.functions.gil_probe import probe_module

    found = probe_module(name, folder)
    return Import(name, line, None if found.problem is not None else found.after, found.problem)


def table_of(path: str, imports: list[Import]) -> list[str]:
    """For people: a line for each."""
    width = max([12, *(len(i.name) for i in imports)])
    lines = ["", f"{'import':<{width}} line   GIL after import, of {path}"]
    for i in imports:
        lines.append(f"{i.name:<{width}} {i.line:<6} {i.problem or ('on' if i.gil else 'off')}")
    return lines if imports else ["", f"{path} imports nothing"]


def problems_of(path: str, imports: list[Import], *, free_threaded: bool) -> list[str]:
    """What is wrong with them: a line each."""
    found = [f"{path}, line {i.line}: {i.name} can't be imported: {i.problem}" for i in imports if i.gil is None]
    if free_threaded:
        found += [
            f"{path}, line {i.line}: importing {i.name} turns the GIL on, and partitions take turns; get a release that"
            " is built for free threading, or do without it"
            for i in imports
            if i.gil
        ]
    return found


__all__ = ["Import", "examine_imports", "imports_of", "problems_of", "table_of"]
