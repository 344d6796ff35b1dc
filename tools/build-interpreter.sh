#!/usr/bin/env bash
# Build free-threaded CPython from the source package of the machine's own Debian or Ubuntu archive.
#
#   tools/build-interpreter.sh        prints the path of the interpreter on stdout, all else on stderr
#
# The archive's address and its keys are the machine's own: nothing here names a host, and apt checks the signatures.
# The result is kept in ${XDG_CACHE_HOME:-~/.cache}/velothread/interpreters, outside the checkout; a second run finds
# it there. Exit status: 0 built or found, 1 failed (stderr says why).
#
#   VELOTHREAD_BUILD_OPTIMIZED=1      with PGO and LTO: for benchmarks (15 to 25 minutes on 2 cores, not 3 to 5)
#   VELOTHREAD_BUILD_CLEAN=1          build again even if the cache has one
set -euo pipefail

say() { printf '%s\n' "build-interpreter: $*" >&2; }
die() { say "$*"; exit 1; }

optimized=${VELOTHREAD_BUILD_OPTIMIZED:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/velothread
flavour=plain
[ -z "$optimized" ] || flavour=optimized
prefix=$cache/interpreters/cpython-t-$flavour-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
stamp=$prefix/.velothread-complete # written last: without it the prefix is the rest of a build that was cut off

found() {
    local python
    [ -f "$stamp" ] || return 1
    python=$(cat "$stamp")
    [ -x "$python" ] && "$python" -c '' 2>/dev/null || return 1
    printf '%s\n' "$python"
}

if [ -z "${VELOTHREAD_BUILD_CLEAN:-}" ] && found; then exit 0; fi
[ "${1:-}" != --cached ] || exit 1 # the caller only asked what the cache has

command -v apt-get >/dev/null || die "no apt-get here, so there is no source package to build from"

mkdir -p "$cache/interpreters"
if command -v flock >/dev/null; then # two checkouts that bootstrap at once share one build
    exec 9>"$cache/interpreters/.lock"
    flock -n 9 || { say "another build is under way; waiting for it"; flock 9; }
    if [ -z "${VELOTHREAD_BUILD_CLEAN:-}" ] && found; then exit 0; fi
fi

work=$(mktemp -d "$cache/build.XXXXXX")
finish() {
    local status=$?
    if [ "$status" -ne 0 ]; then
        say "failed; the last lines of its logs:"
        tail -n 15 "$work"/*.log >&2 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

root=()
if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null && sudo -n true 2>/dev/null; then root=(sudo -n); fi
can_install() { [ "$(id -u)" -eq 0 ] || [ "${#root[@]}" -gt 0 ]; }

# --- what the build needs. A missing optional library would give a Python without that module: all are required here.
needed=(gcc make xz-utils libssl-dev zlib1g-dev libffi-dev libsqlite3-dev libbz2-dev liblzma-dev libreadline-dev)
missing=()
for package in "${needed[@]}"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
        *" installed") ;;
        *) missing+=("$package") ;;
    esac
done
if [ "${#missing[@]}" -gt 0 ]; then
    can_install || die "to build CPython, install first: apt-get install ${missing[*]}   (this needs root)"
    say "installing build dependencies: ${missing[*]}"
    "${root[@]}" apt-get update >"$work/apt-update.log" 2>&1 || say "apt-get update had errors; going on"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
        >"$work/apt-install.log" 2>&1 || die "apt-get install ${missing[*]} failed"
fi

# --- the source package. A temporary configuration of apt beside the machine's own, which stays as it is.
. /etc/os-release
archives() { apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '$1 == "main" { print $2 }' | grep -v -- '-security' | sort -u; }
if [ -z "$(archives)" ] && can_install; then # a fresh image has no lists yet, and says nothing without them
    "${root[@]}" apt-get update >"$work/apt-update.log" 2>&1 || true
fi
archive=$(archives | head -n 1)
[ -n "$archive" ] || die "apt knows no archive with a 'main' component; run 'apt-get update' and try again"

case ${ID:-} in
    ubuntu) suites=("$VERSION_CODENAME" noble plucky questing resolute) ;;
    *) suites=("${VERSION_CODENAME:-stable}" trixie forky sid) ;;
esac
signed_by=
for keyring in /usr/share/keyrings/"${ID:-debian}"-archive-keyring.{gpg,pgp}; do
    [ ! -f "$keyring" ] || { signed_by="signed-by=$keyring"; break; }
done

mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
private_apt() {
    apt-get -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root \
        -o Acquire::Retries=2 "$@"
}
tried=' '
tarball=
for suite in "${suites[@]}"; do
    case $tried in *" $suite "*) continue ;; esac
    tried="$tried$suite "
    printf 'deb-src [%s] %s %s main\n' "$signed_by" "$archive" "$suite" >"$work/sources.list"
    private_apt update >"$work/apt-source-update.log" 2>&1 || { say "suite $suite: can't be read"; continue; }
    for package in python3.13 python3.14; do
        # --download-only: no dpkg-dev needed, and the upstream tarball is what we want, without Debian's patches.
        if (cd "$work/source" && private_apt source --download-only "$package" >"$work/apt-source.log" 2>&1); then
            tarball=$(find "$work/source" -name "${package}_*.orig.tar.*" ! -name '*.asc' | head -n 1)
            [ -z "$tarball" ] || break 2
        fi
    done
    say "suite $suite: no source package of python3.13 or later"
done
[ -n "$tarball" ] || die "no suite of this archive has a source package of Python 3.13 or later"
say "source: $(basename "$tarball") from suite $suite"

# --- configure, build, install.
mkdir "$work/tree"
tar -xf "$tarball" -C "$work/tree" --strip-components=1
cd "$work/tree"
options=(--disable-gil --prefix="$prefix" --disable-test-modules --with-ensurepip=install CFLAGS=-g0)
if [ -n "$optimized" ]; then
    options+=(--enable-optimizations --with-lto)
    say "building with PGO and LTO: 15 to 25 minutes on 2 cores"
else
    say "building: 3 to 5 minutes on 2 cores (VELOTHREAD_BUILD_OPTIMIZED=1 gives a faster interpreter, in 15 to 25)"
fi
began=$SECONDS
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# An environment that is meant for other programs must not leak into the build.
unset PYTHONHOME PYTHONPATH
./configure "${options[@]}" >"$work/configure.log" 2>&1 || die "configure failed"
nice make -j"$jobs" >"$work/make.log" 2>&1 || die "make failed"
rm -rf "$prefix"
# pip that ships with CPython is enough; the index is not asked for a newer one.
nice make install >"$work/install.log" 2>&1 || die "make install failed"

python=$(find "$prefix/bin" -name 'python3.*t' -type f | head -n 1)
[ -n "$python" ] || die "make install left no python3.*t in $prefix/bin"
"$python" - <<'PYTHON' >&2 || die "the interpreter that was built doesn't work"
import bz2, ctypes, ensurepip, lzma, sqlite3, ssl, sys, sysconfig, venv, zlib  # each needs a C library
assert sysconfig.get_config_var("Py_GIL_DISABLED") == 1 and not sys._is_gil_enabled()
PYTHON
printf '%s\n' "$python" >"$stamp"
say "built $("$python" -V) in $((SECONDS - began)) s: $python"
printf '%s\n' "$python"
