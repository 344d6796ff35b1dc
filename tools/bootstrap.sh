#!/usr/bin/env bash
# Make .venv/ at the root of the checkout: a free-threaded interpreter, hashed wheels, and velothread itself.
#
#   tools/bootstrap.sh              what `make setup` runs; quick when nothing has changed since the last run
#   tools/bootstrap.sh --force      from scratch
#   tools/bootstrap.sh --which      only find (or build) the interpreter, and print its path
#
# The interpreter is the first of these that works:
#   1. $VELOTHREAD_PYTHON: taken as it is, or the run fails (one with the GIL is allowed, and said)
#   2. python3.14t or python3.13t on PATH (macOS: also Homebrew's python-freethreading)
#   3. one that uv knows
#   4. one that was built here before (see 6)
#   5. uv python install 3.13t
#   6. built from the distribution's source package by tools/build-interpreter.sh, kept outside the checkout
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp=$venv/.velothread-stamp

say() { printf '%s\n' "bootstrap: $*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Settings for another Python would break the one that we start.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV PYTHON_GIL __PYVENV_LAUNCHER__

# Prints "<real path> <version> <t or gil>" of a Python, or nothing if it can't serve. The real path matters: a symlink
# into an interpreter that was moved from where it was built doesn't find its library, and venv then fails.
probe() {
    local path
    path=$(command -v "$1" 2>/dev/null) || return 0
    "$path" -c '
import os, sys, sysconfig
path = os.path.realpath(sys.executable)
import ctypes, ensurepip, ssl, venv, zlib  # what a venv and pip need; Debian splits some of them off
assert sys.version_info >= (3, 13) and sys.implementation.name == "cpython"
if sys.prefix != sys.base_prefix:  # a venv: take what it was made from, as it may be deleted
    path = os.path.realpath(sys._base_executable)
print(path, "%d.%d.%d" % sys.version_info[:3], "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "gil")
' 2>/dev/null || true
}

python= # what was chosen
# choose CANDIDATE WHY: takes it if it is a free-threaded CPython 3.13+ that works.
choose() {
    local found
    found=$(probe "$1")
    case $found in
        *" t")
            python=${found% * *}
            found=${found#"$python "}
            say "interpreter: $python (${found% t}, free-threaded): $2"
            ;;
        *" gil") say "passed over $1: it has the GIL"; return 1 ;;
        *) say "passed over $1: it doesn't run, is older than 3.13, or lacks ssl, ctypes, venv or ensurepip"; return 1 ;;
    esac
}

# uv's own ones are asked for separately: a broken python on PATH (a pyenv shim) stops its search before it gets there.
uv_finds() {
    uv python find --no-project --no-python-downloads --managed-python "$1" 2>/dev/null ||
        uv python find --no-project --no-python-downloads --system "$1" 2>/dev/null
}

with_limit() { # a download that hangs must not hang the set-up
    if have timeout; then timeout "$@"; else shift; "$@"; fi
}

find_interpreter() {
    local name path
    if [ -n "${VELOTHREAD_PYTHON:-}" ]; then
        case $(probe "$VELOTHREAD_PYTHON") in
            *" t") choose "$VELOTHREAD_PYTHON" "\$VELOTHREAD_PYTHON says so" ;;
            *" gil")
                path=$(probe "$VELOTHREAD_PYTHON")
                python=${path% * *}
                say "interpreter: $python: \$VELOTHREAD_PYTHON says so. It has the GIL: the adaptive processor won't scale"
                ;;
            *) die "\$VELOTHREAD_PYTHON is '$VELOTHREAD_PYTHON', which is not a CPython 3.13 or later with ssl, ctypes, venv and ensurepip" ;;
        esac
        return
    fi
    for name in python3.14t python3.13t; do
        if have "$name" && choose "$name" "first free-threaded one on PATH"; then return; fi
    done
    if [ "$(uname -s)" = Darwin ]; then
        for path in {/opt/homebrew,/usr/local}/opt/python-freethreading/bin/python3.*t; do
            if [ -x "$path" ] && choose "$path" "Homebrew's python-freethreading"; then return; fi
        done
    fi
    if have uv; then
        for name in 3.14t 3.13t; do
            if path=$(uv_finds "$name") && choose "$path" "uv knows it"; then return; fi
        done
    fi
    if path=$("$root/tools/build-interpreter.sh" --cached 2>/dev/null) && choose "$path" "built here before"; then return; fi
    if have uv; then
        say "no free-threaded interpreter found; trying 'uv python install 3.13t'"
        # uv's messages are dropped: a refused download is not the end here, and reads like one.
        if UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-30} with_limit 300 uv python install 3.13t >/dev/null 2>&1 &&
            path=$(uv_finds 3.13t) && choose "$path" "installed by uv just now"; then return; fi
        say "uv could not install it"
    fi
    if [ "$(uname -s)" != Linux ]; then
        die "no free-threaded Python found. Install one and run this again:
    brew install python-freethreading        (Homebrew)
    uv python install 3.13t                  (uv)
or name one: VELOTHREAD_PYTHON=/path/to/python3.13t make setup"
    fi
    say "no free-threaded interpreter found; building one from the distribution's source package"
    if path=$("$root/tools/build-interpreter.sh") && choose "$path" "built from source just now"; then return; fi
    die "no free-threaded Python found, and none could be built (see above). What helps:
    uv python install 3.13t                  (uv, where downloads are possible)
    VELOTHREAD_PYTHON=/path/to/python3.13t make setup
    VELOTHREAD_PYTHON=python3.13 make setup  (a build with the GIL works too; only, threads don't run in parallel)"
}

# The state that .venv was made for. A change of the code needs no new set-up (the install is editable), a change of
# what is installed, of how, or of where the checkout lies does.
fingerprint() {
    { cat "$root/constraints.txt" "$root/pyproject.toml" "${BASH_SOURCE[0]}"; printf '%s\n' "$root"; } | cksum
}

up_to_date() {
    local was chosen
    [ -f "$stamp" ] && { read -r was && IFS= read -r chosen; } <"$stamp" || return 1
    # Without $VELOTHREAD_PYTHON the interpreter of an earlier run is as good as any.
    [ "$was" = "$(fingerprint)" ] && [ "${VELOTHREAD_PYTHON:-$chosen}" = "$chosen" ] &&
        "$venv/bin/python" -c '' 2>/dev/null && [ -x "$venv/bin/velothread" ]
}

case ${1:-} in
    --which) find_interpreter; printf '%s\n' "$python"; exit ;;
    --force) rm -f "$stamp" ;;
    "") ;;
    *) die "unknown argument '$1' (there are --force and --which)" ;;
esac

if up_to_date; then exit 0; fi
find_interpreter
rm -rf "$venv"
"$python" -m venv "$venv" || die "'$python -m venv' failed"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }
say "installing the locked packages (wheels only, each checked against its hash)"
pip install -qq --require-hashes --only-binary=:all: -r "$root/constraints.txt" ||
    die "pip could not install constraints.txt (no wheel for this interpreter? '$python' may be too new: \
set VELOTHREAD_PYTHON to a python3.13t)"
# hatchling is among them, locked: without build isolation pip fetches nothing that isn't.
pip install -qq --no-deps --no-build-isolation --editable "$root" || die "pip could not install velothread itself"
"$venv/bin/python" -m pip check >/dev/null || say "warning: 'pip check' finds conflicts; see .venv/bin/python -m pip check"
printf '%s\n%s\n' "$(fingerprint)" "${VELOTHREAD_PYTHON:-}" >"$stamp"
say "ready: .venv/bin/velothread"
