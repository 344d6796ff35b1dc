"""velothread alone on the free-threaded build: the parts `--forms` and `--shared` of bench/udf.py.

Forms: a function is lifted (its body becomes SQL expressions), inlined (its body is in the generated loop), or called.
Beside the ratio of whole queries is that of what is left without reading: a query over the same columns that calls
no Python is timed in the same rounds and taken off both sides.
Shared: the functions of udf_shared.py read a global table for every row. share="thread" gives each partition a copy of
the function's globals; with share="process-wide" all partitions read the same objects, made by the main thread.
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from typing import Any

import udf_data
from turns import Peer, Taken, take_turns
from udf_cases import FORMS, SHARED, Case

ENGINES = {1: "velothread-1", 2: "velothread"}
WAYS: dict[str, dict[str, Any]] = {
    "called": {"lift": False, "inline": False},
    "inlined": {"lift": False, "inline": True},
    "lifted": {"lift": True},
    "reading": {"reading": True},
}
GAINS = ("inlined", "lifted")
SHARES: dict[str, dict[str, Any]] = {"thread": {"share": "thread"}, "process-wide": {"share": "process-wide"}}
WANTED = {"lifted": 20.0, "inlined": 1.2}


def run(args: argparse.Namespace) -> dict[str, Any]:
    peers = {n: Peer(engine, args.velothread_python, "udf_peer.py") for n, engine in ENGINES.items()}
    print(f"velothread, {args.rows:,} rows, medians of {args.rounds} rounds after a warm-up, in turns; rows/s\n")
    results: dict[str, Any] = {}
    if args.forms:
        results["forms"] = forms(peers, args)
    if args.shared:
        results["shared"] = shared(peers, args)
    for peer in peers.values():
        peer.close()
    return results


def measure(peers: dict[int, Peer], case: Case, ways: dict[str, dict[str, Any]], args: argparse.Namespace) -> Any:
    """(way, partitions) -> what it took; all in the same rounds."""
    path = str(udf_data.ensure(args.rows))
    asks = {
        (way, n): partial(peer.request, {"case": case.name, "path": path, "options": options})
        for way, options in ways.items()
        for n, peer in peers.items()
    }
    named = take_turns({f"{way} {n}": ask for (way, n), ask in asks.items()}, args.rounds)
    return {key: named[f"{key[0]} {key[1]}"] for key in asks}


def forms(peers: dict[int, Peer], args: argparse.Namespace) -> dict[str, Any]:
    titles = "".join(f"{way:>14}" for way in WAYS) + "".join(
        f"{f'{way}/called':>16}{'w/o reading':>13}" for way in GAINS
    )
    print(f"{'':10}{'partitions':>12}{titles}")
    kept: dict[str, Any] = {}
    for case in FORMS:
        taken = measure(peers, case, WAYS, args)
        for n in peers:
            seconds = {way: taken[way, n].median for way in WAYS}
            whole = {way: seconds["called"] / seconds[way] for way in GAINS}
            alone = {way: without_reading(seconds, way) for way in GAINS}
            kept[f"{case.name} {n}"] = {"seconds": seconds, "gains": whole, "gains without reading": alone}
            speeds = "".join(f"{known(args.rows / s, ',.0f'):>14}" for s in seconds.values())
            gains = "".join(f"{known(whole[way], '.2f'):>16}{known(alone[way], '.2f'):>13}" for way in GAINS)
            print(f"{case.name:10}{n:>12}{speeds}{gains}", flush=True)
        said(taken)
    for way, wanted in WANTED.items():
        for what in ("gains", "gains without reading"):
            gains = {name: k[what][way] for name, k in kept.items() if not math.isnan(k[what][way])}
            reached = [name for name, gain in gains.items() if gain >= wanted]
            rest = len(gains) - len(reached)
            print(f"{way} at least {wanted} times called ({what}): {', '.join(reached) or 'none'}; not: {rest}")
    return kept


def without_reading(seconds: dict[str, float], way: str) -> float:
    """How many times as fast as called, less what reading takes; NaN where nothing that can be measured is left."""
    called, other = (seconds[w] - seconds["reading"] for w in ("called", way))
    return called / other if called > 0 and other > 0 else math.nan


def known(value: float, format: str) -> str:
    return "-" if math.isnan(value) else f"{value:{format}}"


def said(taken: dict[Any, Taken]) -> None:
    """What was refused, a line each."""
    for way, error in dict.fromkeys((key[0], one.error) for key, one in taken.items() if one.error):
        print(f"  {way}: {error.splitlines()[0]}", flush=True)


def shared(peers: dict[int, Peer], args: argparse.Namespace) -> dict[str, Any]:
    print(f"{'':20}{'share':14}" + "".join(f"{f'{n} partitions':>16}" for n in peers) + f"{'2 over 1':>12}")
    kept = {}
    for case in SHARED:
        taken = measure(peers, case, SHARES, args)
        for way in SHARES:
            medians = {n: taken[way, n].median for n in peers}
            gain = medians[1] / medians[2]
            kept[f"{case.name}, {way}"] = {"seconds": medians, "2 over 1": gain}
            speeds = "".join(f"{args.rows / s:16,.0f}" for s in medians.values())
            print(f"{case.name:20}{way:14}{speeds}{gain:12.2f}", flush=True)
        said(taken)
    return kept
