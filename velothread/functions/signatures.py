"""What a function or class takes and gives, by its kind."""

from __future__ import annotations

from typing import Any

from velothread.functions.annotations import Signature, signature_of
from velothread.functions.declaration import Declaration, kind_of

# What stands for a function in messages: by its kind, what it is and how SQL uses it.
USES = {
    "scalar": "a function of values: SELECT {}(...)",
    "async": "a function of values: SELECT {}(...)",
    "aggregate": "an aggregate: SELECT {}(...)",
    "table": "a function that gives a table: FROM {}(...)",
    "source": "a function that gives a table: FROM {}(...)",
    "sink": "an output: COPY (query) TO {}(...)",
}


def kind_for(defined: Any, declaration: Declaration) -> str:
    """What a function or class is for: a key of `USES`.

    :raises OptionError: when it is neither.
    """
    from velothread.functions.objects import made_by
    from velothread.functions.tables import gives_table

    kind = kind_of(defined)
    if kind in ("table", "async"):
        return kind
    if kind == "scalar" and gives_table(defined, declaration):
        return "table"
    return made_by(defined, declaration) or kind


def shown(kind: str, name: str, signature: Signature) -> str:
    """`score(VARCHAR) -> DOUBLE`, `words(VARCHAR) -> TABLE(word VARCHAR)`, for messages."""
    text = signature.shown(name)
    if kind == "table":
        return text.replace("-> STRUCT(", "-> TABLE(").removesuffix("[]")
    return text.partition(" -> ")[0] if kind in ("source", "sink") else text


def use_of(kind: str, name: str) -> str:
    """`a function of values: SELECT score(...)`, for messages."""
    return USES[kind].format(name)


def signature_for(kind: str, defined: Any, declaration: Declaration) -> Signature:
    """The signature of what is of that kind (`library.Registered.kind`).

    :raises OptionError: when declaration and annotations say too little, or what SQL has not.
    """
    match kind:
        case "aggregate":
            from velothread.functions.aggregates import signature_of_class

            return signature_of_class(defined, declaration)
        case "table":
            from velothread.functions.tables import signature_of_table

            return signature_of_table(defined, declaration)
        case "source" | "sink":
            from velothread.functions.objects import signature_of_maker

            return signature_of_maker(defined, declaration)
    return signature_of(defined, declaration)


__all__ = ["USES", "kind_for", "shown", "signature_for", "use_of"]
