#!/usr/bin/env bash
# Install the browser that tests of the HTML report look at it with: Chromium, from the distribution's packages.
#
#   tools/browser.sh               what `make browser` runs; nothing is done when there is one
#   tools/browser.sh --optional    exits 0 when it can't be installed: its tests are skipped then
set -euo pipefail

say() { printf '%s\n' "browser: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

optional=0
case ${1:-} in
    "") ;;
    --optional) optional=1 ;;
    *) say "unknown option $1; there is --optional"; exit 2 ;;
esac

# give_up WHY: quiet when nobody needs it.
give_up() {
    if [ "$optional" = 1 ]; then exit 0; fi
    say "$1"
    exit 1
}

if have chromium; then exit 0; fi
have apt-get || give_up "install Chromium so that \`chromium\` is on PATH; here is no apt-get to do it with"
[ "$(id -u)" = 0 ] || give_up "needs root: sudo apt-get install --no-install-recommends chromium"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y --no-install-recommends chromium >"$log" 2>&1; }
say "installing Chromium"
# An old list of packages names files that are gone, and a new machine has none.
if ! install && ! { apt-get update >"$log" 2>&1 && install; }; then
    [ "$optional" = 1 ] || cat "$log" >&2
    give_up "apt-get could not install chromium; what it said is above"
fi
