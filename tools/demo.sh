#!/usr/bin/env bash
# `make demo`: SQL over the files in data/, on one thread and on several, with what the user would type above each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

run() { # run SQL [OPTION...]
    local sql=$1
    shift
    printf '\n%s$ velothread query "%s"%s%s\n' "$bold" "$sql" "${*:+ $*}" "$plain"
    .venv/bin/velothread query "$sql" --format table "$@" 2>&1
}

summary="SELECT symbol, count(*) AS trades, sum(qty) AS volume, round(sum(price * qty) / sum(qty), 2) AS vwap
  FROM 'data/trades-*.csv' WHERE side = 'buy' GROUP BY symbol ORDER BY volume DESC"

run "$summary" --processor simple --stats
run "$summary" --processor adaptive --partitions 2 --stats
run "SELECT station, min(low) AS coldest, max(high) AS hottest, round(sum(rain_mm)) AS rain
  FROM 'data/stations.parquet' GROUP BY station HAVING sum(rain_mm) > 500 ORDER BY hottest DESC LIMIT 5"
run "SELECT type, count(*) AS events, count(DISTINCT user) AS users, median(duration_ms) AS median_ms
  FROM 'data/events.jsonl' GROUP BY ALL ORDER BY events DESC"

# One answer, whatever runs it: the same bytes from both.
one=$(.venv/bin/velothread query "$summary" --processor simple --format csv)
several=$(.venv/bin/velothread query "$summary" --processor adaptive --partitions 2 --format csv)
if [ "$one" != "$several" ]; then
    printf 'demo: simple and adaptive disagree:\n%s\n\n%s\n' "$one" "$several" >&2
    exit 1
fi
printf '\nsimple and adaptive gave the same bytes.\n'
