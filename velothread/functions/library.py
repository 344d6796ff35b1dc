"""The functions that a session knows, and the files that they come from.

A file of functions is a module of which each thread has a copy: its code is compiled once and executed in every thread
that calls a function of it. So its globals (tables, caches, models) belong to that thread alone, and nothing that a
function reads is shared: without the GIL, an object whose reference count several threads change is a cache line that
they fight for. A function `setup` of the file is called once in each copy.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal, Protocol

from velothread.errors import OptionError, did_you_mean
from velothread.functions.annotations import Signature, is_annotated
from velothread.functions.belongings import Belongings, Own
from velothread.functions.declaration import Declaration, declaration_of, name_of
from velothread.functions.own_code import own_code, own_function
from velothread.functions.signatures import kind_for, signature_for

# Called once in each copy of a file, at its begin and at its end; not for SQL. Both may be async.
SETUP, TEARDOWN = "setup", "teardown"
# One copy of a file is made at a time.
_loading = threading.RLock()
# Tell apart what several sessions load of one file.
_numbers = itertools.count(1)


class Origin(Protocol):
    """Where a function comes from.

    Threading: shared by all threads.
    """

    def mine(self) -> Any:
        """The function, or the copy of it that belongs to the calling thread."""
        ...


class OneForAll:
    """A function that all threads call.

    Each thread gets a function object of its own over the same globals and cells (`own_code` says why).

    Threading: immutable.
    """

    __slots__ = ("defined",)

    def __init__(self, defined: Any) -> None:
        self.defined = defined

    def mine(self) -> Any:
        return own_function(self.defined) if type(self.defined) is FunctionType else self.defined


class Copies:
    """A module of functions, with a copy for each thread that asks.

    Threading: `mine` by any thread, which gets its own; the code that copies are made of is immutable.
    """

    def __init__(self, name: str, filename: str, code: CodeType, package: str = "") -> None:
        self.name = name
        self.filename = filename
        self._code = code
        self._package = package
        self._here = threading.local()
        self.belongings = Belongings()

    def mine(self) -> ModuleType:
        """The calling thread's copy, made (and set up) when it first asks.

        :raises OptionError: when the file, or its `setup`, fails.
        """
        module: ModuleType | None = getattr(self._here, "module", None)
        if module is None:
            module = self._here.module = self._made()
        return module

    def _made(self) -> ModuleType:
        module = ModuleType(self.name)
        module.__file__ = self.filename
        module.__package__ = self._package
        # Where the names in annotations of a class are looked up, by it as a dataclass and by us: the first copy does.
        first = sys.modules.setdefault(self.name, module) is module
        try:
            with _loading:
                # `re` would give all copies one and the same compiled pattern, for its threads to fight for.
                re.purge()
                exec(own_code(self._code), module.__dict__)
            _call(module, SETUP, self.belongings)
        except (Exception, SystemExit) as error:
            from velothread.functions.failures import frames_of

            where = "".join(f"\n{line}" for line in frames_of(error))
            raise OptionError(f"{self.filename}: {type(error).__name__}: {error}{where}") from error
        own = self.belongings.mine()
        # On 3.13t its functions live for ever, and what they name would, too: a model for each session and thread.
        own.at_end(f"emptying {self.filename}", module.__dict__.clear)
        if first:
            own.at_end(f"forgetting {self.filename}", lambda: sys.modules.pop(self.name, None))
        if _takes_nothing(module, TEARDOWN):
            own.at_end(f"{TEARDOWN} of {self.filename}", lambda: _call(module, TEARDOWN, own))
        return module


def _call(module: ModuleType, name: str, own: Own | Belongings) -> None:
    """Call a function of a copy that takes nothing, if there is one; an async one in the thread's event loop."""
    if _takes_nothing(module, name):
        found = getattr(module, name)()
        if inspect.iscoroutine(found):
            (own if isinstance(own, Own) else own.mine()).loop.run(found)


def _takes_nothing(module: ModuleType, name: str) -> bool:
    found = module.__dict__.get(name)
    return isinstance(found, FunctionType) and not found.__code__.co_argcount


@dataclass(frozen=True, slots=True)
class InCopies:
    """A function of a module that each thread has a copy of.

    Threading: immutable.
    """

    copies: Copies
    name: str

    def mine(self) -> Any:
        return getattr(self.copies.mine(), self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """A function under the name that SQL calls it by.

    kind: a key of `signatures.USES`. sample: the function as it is in the thread that registered it, to look at.

    Threading: immutable; `origin.mine()` is what a thread calls.
    """

    name: str
    kind: str
    declaration: Declaration
    signature: Signature
    origin: Origin
    sample: Any
    belongings: Belongings = field(default_factory=Belongings)

    @property
    def file(self) -> str:
        """Where it is defined, for messages: '' if that isn't known."""
        code = getattr(self.sample, "__code__", None)
        return code.co_filename if code is not None else ""


@dataclass(slots=True)
class Library:
    """The Python functions of a session, by lower-case name. The last one of a name counts.

    `unfit`: functions of files that were left out, with the reason: what is said when SQL calls one.

    Threading: owned by the session's thread; a query is bound with a copy of `known`.
    """

    known: dict[str, Registered] = field(default_factory=dict)
    belongings: Belongings = field(default_factory=Belongings)
    unfit: dict[str, str] = field(default_factory=dict)

    def register(self, defined: Any, name: str | None = None, **options: Any) -> Registered:
        """Make a function or class known. Options: see `Declaration`; they come before what its `udf` said.

        :raises OptionError: when it can't be called by SQL: types that are not known, keywords without defaults.
        """
        declaration = (declaration_of(defined) or Declaration()).with_changes(**options)
        origin: Origin = OneForAll(defined)
        if declaration.share == "thread":
            copies = _copies_of_module(defined)
            copies.belongings = self.belongings
            origin = InCopies(copies, defined.__name__)
        return self._keep(defined, name, declaration, origin)

    def load(self, spec: str, share: Literal["thread", "process-wide"] | None = None) -> list[Registered]:
        """Make known what `functions.py`, `package.module`, `functions.py:name` or `... as alias` names.

        Of a file: every public function with annotations for all it takes and gives, and everything that has a
        declaration. share: comes before what a declaration says.

        :raises OptionError: when it can't be found or loaded, or has no such function.
        """
        spec, _, alias = spec.partition(" as ")
        place, wanted = _place_and_name(spec.strip())
        copies = _copies(place)
        copies.belongings = self.belongings
        module = copies.mine()
        if wanted is None:
            if alias:
                raise OptionError(
                    f"--udf {spec} as {alias.strip()}: an alias is for one function: {spec}:NAME as ALIAS"
                )
            misfits: list[OptionError] = []
            found = []
            for name, value in self._offered(module):
                try:
                    found.append(self._load(copies, name, value, None, share))
                except OptionError as error:
                    if declaration_of(value) is not None:
                        raise
                    # What nobody declared may be for the file's own use: it is said when SQL calls it.
                    self.unfit[name.lower()] = str(error)
                    misfits.append(error)
            if not found and misfits:
                raise misfits[0]
            if not found:
                raise OptionError(
                    f"{copies.filename} has no function for SQL: none is public and annotated"
                    " (def f(x: int) -> str), or declared with @velothread.udf"
                )
            return found
        if not hasattr(module, wanted):
            public = [n for n in vars(module) if not n.startswith("_")]
            raise OptionError(
                f"{copies.filename} has no {wanted!r}; {did_you_mean(wanted, public) or 'look at its names'}"
            )
        return [self._load(copies, wanted, getattr(module, wanted), alias.strip() or None, share)]

    def _offered(self, module: ModuleType) -> Iterator[tuple[str, Any]]:
        """The names and values of a module that SQL may call."""
        for name, value in list(vars(module).items()):
            declared = declaration_of(value) if callable(value) else None
            if declared is not None or _is_aggregate(name, value, module):
                yield name, value
            elif isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_"):
                if name in (SETUP, TEARDOWN):
                    continue
                if is_annotated(value):
                    yield name, value
                else:
                    self.unfit[name.lower()] = (
                        f"{name} in {module.__file__} lacks annotations: def {name}(x: int) -> str, for instance"
                    )

    def _load(self, copies: Copies, attribute: str, defined: Any, alias: str | None, share: str | None) -> Registered:
        declaration = declaration_of(defined) or Declaration()
        if share is not None:
            declaration = declaration.with_changes(share=share)
        origin: Origin = InCopies(copies, attribute)
        if declaration.share == "process-wide":
            origin = OneForAll(defined)
        name = alias or declaration.name
        if name is None:
            name = attribute
        return self._keep(defined, name, declaration, origin)

    def _keep(self, defined: Any, name: str | None, declaration: Declaration, origin: Origin) -> Registered:
        called = name or declaration.name or name_of(defined)
        if not called.isidentifier():
            raise OptionError(f"{called!r} can't be called in SQL; give it a name: name='...'")
        kind = kind_for(defined, declaration)
        _check_options(called, kind, declaration)
        signature = signature_for(kind, defined, declaration)
        found = Registered(called, kind, declaration, signature, origin, defined, self.belongings)
        self.known[called.lower()] = found
        self.unfit.pop(called.lower(), None)
        return found

    def snapshot(self) -> Mapping[str, Registered]:
        """What is known now."""
        return dict(self.known)


def place_of(spec: str) -> str:
    """The file or module of `functions.py:name as alias`."""
    return _place_and_name(spec.partition(" as ")[0].strip())[0]


def _is_aggregate(name: str, value: Any, module: ModuleType) -> bool:
    """A public class of the module itself, with an aggregate's methods?"""
    if not isinstance(value, type) or value.__module__ != module.__name__ or name.startswith("_"):
        return False
    from velothread.functions.aggregates import is_aggregate

    return is_aggregate(value)


def _check_options(name: str, kind: str, declaration: Declaration) -> None:
    if kind == "async" and declaration.batch is not None:
        raise OptionError(f"{name}: an async function is called row by row, many at once; batch= is for plain ones")
    if kind != "async" and (declaration.timeout is not None or declaration.retries):
        raise OptionError(f"{name}: timeout= and retries= are for async functions (async def {name}(...))")


def _place_and_name(spec: str) -> tuple[str, str | None]:
    if os.path.exists(spec):
        return spec, None
    place, colon, name = spec.rpartition(":")
    if colon and name.isidentifier() and place:
        return place, name
    return spec, None


def _copies(place: str) -> Copies:
    """The module of a path, or of a dotted name."""
    path = Path(place)
    if place.endswith(".py") or path.exists():
        return _copies_of_file(path)
    if not all(part.isidentifier() for part in place.split(".")):
        raise OptionError(f"{place!r} is neither a file of Python functions nor a module's name")
    try:
        found = importlib.util.find_spec(place)
    except (ImportError, ValueError) as error:
        raise OptionError(f"there is no module {place!r}: {error}") from None
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        raise OptionError(f"there is no module {place!r} with a source" if found else f"there is no module {place!r}")
    return _compiled(Path(found.origin), place, place.rpartition(".")[0])


def _copies_of_file(path: Path) -> Copies:
    if not path.is_file():
        raise OptionError(f"{path}: no such file of Python functions")
    folder = str(path.resolve().parent)
    if folder not in sys.path:  # it may import what lies beside it, as a program may
        sys.path.append(folder)
    return _compiled(path, path.stem, "")


def _compiled(path: Path, name: str, package: str) -> Copies:
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise OptionError(f"{path}: can't be read ({error.strerror})") from error
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise OptionError(f"{path}{line}: {error.msg if isinstance(error, SyntaxError) else error}") from error
    there = sys.modules.get(name)
    if there is None or str(getattr(there, "__file__", "")) != str(path):
        name = f"{name} ({path}, {next(_numbers)})"  # one that nobody imports by mistake, and no other session has
    return Copies(name, str(path), code, package)


def _copies_of_module(defined: Callable[..., Any]) -> Copies:
    """Copies of the module in which a function stands, for `share="thread"`.

    :raises OptionError: when there is no copying it.
    """
    name, module = name_of(defined), sys.modules.get(getattr(defined, "__module__", ""))
    file = getattr(module, "__file__", None)
    problem = None
    if getattr(defined, "__qualname__", name) != name or getattr(module, name, None) is not defined:
        problem = "it is not a function of a module, by its own name"
    elif file is None or not str(file).endswith(".py"):
        problem = "its module has no file"
    elif module is sys.modules.get("__main__"):
        problem = "it stands in the program itself, which can't be run again for each thread"
    if problem is not None:
        raise OptionError(f"{name} can't be copied for each thread: {problem}; share='process-wide' has one for all")
    assert module is not None
    return _compiled(Path(str(file)), module.__name__, module.__package__ or "")


__all__ = ["Copies", "InCopies", "Library", "OneForAll", "Origin", "Registered", "place_of"]
