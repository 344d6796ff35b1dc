"""Write constraints.txt and constraints-peers.txt: exact versions and wheel hashes for every interpreter that we serve.

Run it with any CPython 3.13+ that has pip and packaging (the project's own .venv does):

    .venv/bin/python tools/lock.py                   # newest versions that pyproject.toml allows
    .venv/bin/python tools/lock.py --keep            # the versions that are locked now, and what is asked for since;
                                                     # hashes anew

pip does all the looking up, with the index that it is configured for. No address is written: a hash is enough for pip
to refuse a file that is not the one that was locked, from wherever it comes.

A version is chosen per "family" of interpreters (before 3.14, and from 3.14 on), since one family's newest wheels are
not the other's, and it is chosen for the free-threaded member, which has the fewest wheels: so both builds of a version
run the same libraries, and a comparison of them shows the GIL and nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LINUX = tuple(f"manylinux_2_{minor}" for minor in (34, 31, 28, 27, 26, 24, 17, 12, 5)) + ("manylinux2014",)
PLATFORMS = (
    tuple(f"{tag}_x86_64" for tag in LINUX),
    tuple(f"{tag}_aarch64" for tag in LINUX),
    ("macosx_15_0_arm64",),
    ("macosx_15_0_x86_64",),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One interpreter on one platform, as pip names it."""

    version: str  # 3.13
    abis: tuple[str, ...]  # cp313t, none
    platforms: tuple[str, ...]

    def arguments(self) -> list[str]:
        flags = ["--implementation=cp", f"--python-version={self.version}"]
        return [*flags, *(f"--abi={a}" for a in self.abis), *(f"--platform={p}" for p in self.platforms)]

    def __str__(self) -> str:
        return f"{self.abis[0]} {self.platforms[0]}"


@dataclass(frozen=True, slots=True)
class Family:
    """Interpreters that share their pins. `marker` selects them in the constraints file."""

    version: str
    marker: str
    free_threaded: bool = True  # the peers have no wheels for free-threaded builds

    def targets(self) -> Iterator[Target]:
        tag = "cp" + self.version.replace(".", "")
        for platforms in PLATFORMS:
            if self.free_threaded:
                yield Target(self.version, (f"{tag}t", "none"), platforms)
            yield Target(self.version, (tag, "abi3", "none"), platforms)


@dataclass(frozen=True, slots=True)
class Lock:
    """One constraints file: what is asked for, and for whom."""

    path: Path
    requirements: tuple[str, ...]
    families: tuple[Family, ...]


def locks() -> tuple[Lock, ...]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    own = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    # editables: what hatchling needs for `pip install -e .`; pip doesn't fetch it without build isolation.
    build = [*project["build-system"]["requires"], "editables>=0.5"]
    peers = [*project["dependency-groups"]["peers"], *project["project"]["optional-dependencies"]["dev"]]
    both = (Family("3.13", 'python_version < "3.14"'), Family("3.14", 'python_version >= "3.14"'))
    peer = (Family("3.13", 'python_version < "3.14"', free_threaded=False),)
    wanted = [*project["project"]["dependencies"], *peers]
    return (
        Lock(ROOT / "constraints.txt", tuple(own + build), both),
        Lock(ROOT / "constraints-peers.txt", tuple(dict.fromkeys(wanted + build)), peer),
    )


def report(
    requirements: Iterable[str], target: Target, *, dependencies: bool, pins: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """What pip would install for `target`: its report, one entry a package. `pins`: name==version, for what they name.

    :raises subprocess.CalledProcessError: when something has no wheel there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", f"--target={scratch}", f"--report={path}", *target.arguments()]
        command += [] if dependencies else ["--no-deps"]
        if pins:
            constraints = Path(scratch, "constraints.txt")
            constraints.write_text("\n".join(pins))
            command.append(f"--constraint={constraints}")
        subprocess.run([*command, *requirements], check=True, capture_output=True, text=True)
        installed: list[dict[str, Any]] = json.loads(path.read_text())["install"]
        return installed


def applicable(requirements: Iterable[str], version: str) -> list[str]:
    """Those whose marker holds on `version`: pip would evaluate it for the interpreter that runs it."""
    chosen = []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"python_version": version}):
            requirement.marker = None
            chosen.append(str(requirement))
    return chosen


def locked(path: Path) -> dict[str, list[str]]:
    """The pins of a constraints file: marker -> name==version. An entry without a marker is under all of them."""
    pins: dict[str, list[str]] = {}
    if path.exists():
        for pin, marker in re.findall(r"^([\w.-]+==[^\s;]+)(?: ; (.+?))? \\$", path.read_text(), re.MULTILINE):
            pins.setdefault(marker, []).append(pin)
    return pins


def resolve(lock: Lock, family: Family, keep: bool) -> dict[str, str]:
    """name -> version for a family."""
    kept = locked(lock.path) if keep else {}
    pins = [pin for marker in ("", family.marker) for pin in kept.get(marker, [])]
    reference = next(family.targets())  # the free-threaded one, on Linux
    print(f"resolving for {reference}", file=sys.stderr)
    found = report(applicable(lock.requirements, family.version), reference, dependencies=True, pins=pins)
    return {canonicalize_name(entry["metadata"]["name"]): entry["metadata"]["version"] for entry in found}


def hashes(pins: dict[str, str], target: Target) -> Iterator[tuple[str, str]]:
    """(name, sha256) of each pin's wheel for `target`; what has none there is named on stderr and left out."""
    wanted = [f"{name}=={version}" for name, version in sorted(pins.items())]
    try:
        entries = report(wanted, target, dependencies=False)
    except subprocess.CalledProcessError:
        entries = []
        for pin in wanted:  # one by one, to find which
            try:
                entries += report([pin], target, dependencies=False)
            except subprocess.CalledProcessError:
                print(f"no wheel for {target}: {pin}", file=sys.stderr)
    for entry in entries:
        yield canonicalize_name(entry["metadata"]["name"]), entry["download_info"]["archive_info"]["hashes"]["sha256"]


def render(lock: Lock, resolved: dict[Family, dict[str, str]]) -> str:
    """The text of the constraints file."""
    found: dict[tuple[str, str], set[str]] = {}
    for family, pins in resolved.items():
        for target in family.targets():
            print(f"hashes for {target}", file=sys.stderr)
            for name, digest in hashes(pins, target):
                found.setdefault((name, pins[name]), set()).add(digest)
    lines = ["# Written by tools/lock.py: exact versions, and the hashes of their wheels. Don't edit.", ""]
    for (name, version), digests in sorted(found.items()):
        families = [family for family, pins in resolved.items() if pins.get(name) == version]
        everywhere = len(families) == len(resolved)
        marker = "" if everywhere else " ; " + " or ".join(family.marker for family in families)
        lines.append(f"{name}=={version}{marker} \\")
        lines.append(" \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted(digests)))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep the locked versions, add what is missing")
    parser.add_argument("only", nargs="*", help="files to write, by name; all by default")
    options = parser.parse_args()
    for lock in locks():
        if options.only and lock.path.name not in options.only:
            continue
        resolved = {family: resolve(lock, family, options.keep) for family in lock.families}
        lock.path.write_text(render(lock, resolved))
        print(f"wrote {lock.path.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
