"""The other end of `builds.Build`: runs set-ups in this build of Python. A request is a line of JSON, so is an answer.

python -m velothread.lab.build_worker
"""

from __future__ import annotations

import json
import sys
from typing import Any

from velothread.lab.builds import from_json
from velothread.lab.figures import SetUp
from velothread.lab.machine import machine
from velothread.lab.trials import Bench


def main() -> None:
    """Answer until there are no more requests."""
    # What the user's functions print must not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    bench: Bench | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if bench is None:
                bench = Bench(from_json(request["workload"]))
                told: dict[str, Any] = {"machine": machine()}
            else:
                trial, _ = bench.trial(SetUp(**request["setup"]), answer=request["answer"])
                told = {n: getattr(trial, n) for n in ("records", "wall_ns", "cpu_ns", "answer")}
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
