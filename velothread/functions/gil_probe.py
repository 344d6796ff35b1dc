"""Which imports of a file of Python functions turn the GIL on: found out in an interpreter of its own.

CPython turns the GIL on for good when an extension module is loaded that doesn't say it can do without. So every load
of an extension is watched, and the first after which the GIL is on is the culprit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from velothread.functions.library import place_of

# Seconds that a file may take to be imported.
_PATIENCE_S = 120

# Runs in the other interpreter. Without warnings: CPython warns when a module turns the GIL on.
_PROBE = """
import importlib.machinery, importlib, json, os, sys

enabled = getattr(sys, "_is_gil_enabled", lambda: True)
found = {"before": enabled(), "culprits": [], "extensions": 0, "problem": None}

def watched(load):
    def call(self, module_or_spec):
        before = enabled()
        try:
            return load(self, module_or_spec)
        finally:
            if enabled() and not before:
                found["culprits"].append(self.name)
    return call

loader = importlib.machinery.ExtensionFileLoader
create = loader.create_module
def counted(self, spec):
    found["extensions"] += 1
    return create(self, spec)
loader.create_module = watched(counted)
loader.exec_module = watched(loader.exec_module)

place, kind, *folders = sys.argv[1:]
sys.argv[1:] = []
sys.path.extend(folders)
out, sys.stdout = sys.stdout, sys.stderr
try:
    if kind == "module":
        importlib.import_module(place)
    else:
        sys.path.append(os.path.dirname(os.path.abspath(place)))
        import types
        module = types.ModuleType(os.path.splitext(os.path.basename(place))[0])
        module.__file__ = place
        with open(place, "rb") as file:
            exec(compile(file.read(), place, "exec"), module.__dict__)
except BaseException as error:
    found["problem"] = type(error).__name__ + (": " + str(error) if str(error) else "")
found["after"] = enabled()
print(json.dumps(found), file=out, flush=True)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class GilProbe:
    """What an import did to the GIL.

    before, after: was it on? culprits: the extension modules whose load turned it on, by full name (the first one is
    enough for CPython). extensions: how many were loaded. problem: why the import failed; None: it didn't.
    """

    before: bool
    after: bool
    culprits: tuple[str, ...] = ()
    extensions: int = 0
    problem: str | None = None

    @property
    def turned_on(self) -> bool:
        """Was the GIL off before, and on after?"""
        return self.after and not self.before

    def said(self) -> str:
        """In words: what it did to the GIL."""
        if self.problem is not None:
            return f"can't be imported: {self.problem}"
        if self.turned_on:
            which = self.culprits[0] if self.culprits else "something that it imports"
            return f"on: importing {which} turns it on; get a release that is built for free threading"
        return "on, before anything is imported" if self.after else "stays off"


def probe(spec: str) -> GilProbe:
    """Import what `--udf SPEC` names, a file or a module, in another interpreter, and look.

    Its code runs once more by that, in a process that ends at once.
    """
    place = place_of(spec)
    return _probed(place, "file" if place.endswith(".py") or Path(place).exists() else "module")


def probe_module(name: str, folder: str) -> GilProbe:
    """Import a module in another interpreter, which looks for it in `folder`, too, and look."""
    return _probed(name, "module", folder)


def _probed(place: str, kind: str, *folders: str) -> GilProbe:
    command = [sys.executable, "-W", "ignore", "-c", _PROBE, place, kind, *folders]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return GilProbe(False, False, problem=f"its import takes more than {_PATIENCE_S} s")
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = done.stderr.strip().splitlines()[-1:] or [f"the interpreter ended with {done.returncode}"]
        return GilProbe(False, False, problem=last[0])
    return GilProbe(
        bool(found["before"]), bool(found["after"]), tuple(found["culprits"]), found["extensions"], found["problem"]
    )


__all__ = ["GilProbe", "probe", "probe_module"]
