"""The optimizer: an ordered list of rules, each a plain function plan -> plan, each sound on its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from velothread.plan.nodes import Filter, Join, Limit, Node, Shared, Sort, inputs


class Rule(NamedTuple):
    """A function plan -> plan of this module. It leaves plans alone that have none of the nodes that it is `about`, so
    it is imported for the first that has; (): it is about all."""

    module: str
    name: str
    about: tuple[type[Node], ...] = ()

    def __call__(self, plan: Node) -> Node:
        """The plan that the rule makes of `plan`."""
        if self.about and not _has(plan, self.about):
            return plan
        rule: Callable[[Node], Node] = getattr(import_module(f"{__name__}.{self.module}"), self.name)
        return rule(plan)


def _has(plan: Node, kinds: tuple[type[Node], ...]) -> bool:
    return isinstance(plan, kinds) or any(_has(n, kinds) for n in inputs(plan))


RULES: tuple[Rule, ...] = (
    Rule("inline_shared", "inline_shared", (Shared,)),  # first: a CTE used once is no barrier for what follows
    Rule("simplify", "simplify", (Filter, Join)),  # before the filters move: what says more goes further
    # before pruning: a filter that moved down needs its columns there
    Rule("push_filters", "push_filters", (Filter, Join)),
    # before the joins are ordered, which goes by what is left of their sides
    Rule("sink_semi_joins", "sink_semi_joins", (Join,)),
    Rule("join_order", "order_joins", (Join,)),  # after the filters: sizes depend on them
    # after the joins are in order, and before the sides of those that this makes are chosen
    Rule("restrict_groups", "restrict_groups", (Join,)),
    Rule("turn_joins", "turn_joins", (Join,)),  # sides go by the order of the joins below them
    Rule("limits", "push_limits", (Limit,)),
    Rule("late_functions", "late_functions", (Limit, Sort)),  # when limits are where they stay
    Rule("scan_bounds", "bound_scans", (Filter,)),  # after the filters have reached the scans
    Rule("narrow_shared", "narrow_shared", (Shared,)),  # before pruning, which takes what is shared as it is
    Rule("prune_columns", "prune_columns"),  # only now is it known what each step needs
    Rule("late_columns", "late_columns", (Sort,)),  # of what is left to be read, some can wait
)


def optimize(plan: Node) -> Node:
    """Apply all rules in order."""
    for rule in RULES:
        plan = rule(plan)
    return plan
