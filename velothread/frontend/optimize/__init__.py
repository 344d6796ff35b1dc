"""The optimizer: an ordered list of rules, each a plain function plan -> plan, each sound on its own."""

from __future__ import annotations

from collections.abc import Callable

from velothread.frontend.optimize.inline_shared import inline_shared
from velothread.frontend.optimize.join_order import order_joins
from velothread.frontend.optimize.late_columns import late_columns
from velothread.frontend.optimize.limits import push_limits
from velothread.frontend.optimize.narrow_shared import narrow_shared
from velothread.frontend.optimize.prune_columns import prune_columns
from velothread.frontend.optimize.push_filters import push_filters
from velothread.frontend.optimize.scan_bounds import bound_scans
from velothread.plan.nodes import Node

Rule = Callable[[Node], Node]

RULES: tuple[Rule, ...] = (
    inline_shared,  # first: a CTE used once is no barrier for what follows
    push_filters,  # before pruning: a filter that moved down needs its columns there
    order_joins,  # after the filters: sizes depend on them
    push_limits,
    bound_scans,  # after the filters have reached the scans
    narrow_shared,  # before pruning, which takes what is shared as it is
    prune_columns,  # only now is it known what each step needs
    late_columns,  # of what is left to be read, some can wait
)


def optimize(plan: Node) -> Node:
    """Apply all rules in order."""
    for rule in RULES:
        plan = rule(plan)
    return plan
