"""Calls over structs, whose result type depends on names and constants: no table of types can say it.

Each becomes an expression of fields taken out and packed again, so there are no kernels of their own.

    struct_insert(s, b := 2)   ->   struct_pack(a := s.a, b := 2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import common_type
from velothread.errors import BindError, Position, did_you_mean
from velothread.frontend.folding import fold_here
from velothread.frontend.lambdas import over_list
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import Case, Expression, Literal, literal
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

Named = tuple[str, Expression]


def bind_struct_call(binder: ExpressionBinder, name: str, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    """A call of one of `STRUCT_CALLS`: arguments may have names (`b := 2`)."""
    place = position(node)
    arguments: list[Named] = []
    for item in nodes:
        if isinstance(item, (exp.PropertyEQ, exp.Alias)):
            inner = item.expression if isinstance(item, exp.PropertyEQ) else item.this
            label = item.this.name if isinstance(item, exp.PropertyEQ) else item.alias
            arguments.append((label, binder.bind_value(inner, scope)))
        else:
            arguments.append((item.alias_or_name, binder.bind_value(item, scope)))
    return STRUCT_CALLS[name](binder, name, arguments, place)


def _struct(binder: ExpressionBinder, name: str, arguments: Sequence[Named], place: Position | None) -> Expression:
    if not arguments or arguments[0][1].type.kind not in ("STRUCT", "NULL"):
        given = str(arguments[0][1].type) if arguments else "nothing"
        raise BindError(f"{name} takes a struct first, not {given}", place, sql=binder.sql)
    return arguments[0][1]


def _fields(binder: ExpressionBinder, base: Expression, place: Position | None) -> list[Named]:
    return [(n, binder.calls.struct_field(base, n, place)) for n, _ in base.type.fields]


def _packed(binder: ExpressionBinder, fields: Sequence[Named], name: str, place: Position | None) -> Expression:
    seen: set[str] = set()
    for field, _ in fields:
        if field.lower() in seen:
            raise BindError(f"{name} would give the struct two fields {field!r}", place, sql=binder.sql)
        seen.add(field.lower())
    return binder.calls.struct_pack([n for n, _ in fields], [e for _, e in fields], place)


def _unless_null(binder: ExpressionBinder, tested: Expression, e: Expression, place: Position | None) -> Expression:
    missing = binder.calls.call("is_null", [tested], place)
    return fold_here(Case(((missing, literal(None, e.type)),), e, e.type, place))


def _pack(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    return _packed(binder, arguments, name, place)


def _insert(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    base = _struct(binder, name, arguments, place)
    return _packed(binder, [*_fields(binder, base, place), *arguments[1:]], name, place)


def _update(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    base = _struct(binder, name, arguments, place)
    new = {n.lower(): (n, e) for n, e in arguments[1:]}
    fields = [(n, new.pop(n.lower(), (n, e))[1]) for n, e in _fields(binder, base, place)]
    return _packed(binder, [*fields, *new.values()], name, place)


def _concat(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    if not arguments:
        raise BindError(f"{name} takes at least one struct", place, sql=binder.sql)
    fields: list[Named] = []
    for i in range(len(arguments)):
        base = _struct(binder, name, arguments[i:], place)
        if base.type == t.NULL:
            continue
        fields += _fields(binder, base, place)
    tuples = [a.type.is_tuple for _, a in arguments if a.type != t.NULL]
    if any(tuples) and not all(tuples):
        raise BindError(f"{name} can't mix structs with and without names", place, sql=binder.sql)
    if any(tuples):
        fields = [(f"element_{i}", e) for i, (_, e) in enumerate(fields, 1)]
    return _packed(binder, fields, name, place)


def _keys(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    base = _struct(binder, name, arguments, place)
    if base.type == t.NULL:
        return literal(None, t.list_of(t.VARCHAR), place)
    if base.type.is_tuple:
        raise BindError(f"the fields of this struct have no names for {name} to give", place, sql=binder.sql)
    names = literal([n for n, _ in base.type.fields], t.list_of(t.VARCHAR), place)
    return _unless_null(binder, base, names, place)


def _values(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    base = _struct(binder, name, arguments, place)
    if base.type == t.NULL:
        return literal(None, t.NULL, place)
    row = binder.calls.call_special("row", [e for _, e in _fields(binder, base, place)], place)
    return _unless_null(binder, base, row, place)


def _extract_at(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    if len(arguments) != 2 or not arguments[1][1].type.is_integer:
        raise BindError(f"{name} takes a struct and the number of a field", place, sql=binder.sql)
    return binder.calls.call_special("struct_extract", [e for _, e in arguments], place)


def _matches(
    binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None
) -> tuple[Expression, list[Expression]]:
    """The value looked for, and for each field whether it is the value (NULL being NULL's equal)."""
    if len(arguments) != 2:
        raise BindError(f"{name} takes a struct and a value", place, sql=binder.sql)
    base, wanted = _struct(binder, name, arguments, place), arguments[1][1]
    if base.type.kind == "STRUCT" and not base.type.is_tuple:
        raise BindError(
            f"{name} looks into structs without names, such as row(1, 2); this one has names", place, sql=binder.sql
        )
    tests: list[Expression] = []
    for _, field in _fields(binder, base, place):
        if common_type(field.type, wanted.type) is None:
            tests.append(literal(False, t.BOOLEAN))
        else:
            tests.append(binder.compare("is_not_distinct_from", field, wanted, place))
    if base.type.fields and wanted.type != t.VARCHAR and not _comparable(base.type, wanted.type):
        raise BindError(f"no field of {base.type} can be compared with {wanted.type}", place, sql=binder.sql)
    return wanted, tests


def _comparable(base: SqlType, wanted: SqlType) -> bool:
    return any(common_type(f, wanted) is not None for _, f in base.fields)


def _position(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    _, tests = _matches(binder, name, arguments, place)
    numbers = [literal(i, t.INTEGER) for i in range(1, len(tests) + 1)]
    found = binder.case(tests, [*numbers, literal(None, t.INTEGER)], place) if tests else literal(None, t.INTEGER)
    return _unless_null(binder, arguments[0][1], found, place)


def _contains(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    wanted, tests = _matches(binder, name, arguments, place)
    hits = [literal(True, t.BOOLEAN)] * len(tests)
    found = binder.case(tests, [*hits, literal(False, t.BOOLEAN)], place) if tests else literal(None, t.BOOLEAN)
    return _unless_null(binder, arguments[0][1], _unless_null(binder, wanted, found, place), place)


# --- types as arguments: NULL::TYPE stands for TYPE


def _replace_type(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    if len(arguments) != 3:
        raise BindError("replace_type takes a value, NULL::TYPE and NULL::TYPE", place, sql=binder.sql)
    value, old, new = (e for _, e in arguments)
    target = _with_type(value.type, old.type, new.type)
    binder.calls.check_cast(value.type, target, place)
    return binder.coerce(value, target)


def _with_type(type_: SqlType, old: SqlType, new: SqlType) -> SqlType:
    if type_ == old:
        return new
    if type_.kind == "LIST" and type_.element is not None:
        return t.list_of(_with_type(type_.element, old, new))
    if type_.kind == "MAP" and type_.element is not None and type_.key is not None:
        return t.map_of(_with_type(type_.key, old, new), _with_type(type_.element, old, new))
    if type_.kind == "STRUCT":
        return t.struct_of(tuple((n, _with_type(f, old, new)) for n, f in type_.fields))
    return type_


def _remap(binder: ExpressionBinder, name: str, arguments: list[Named], place: Position | None) -> Expression:
    if len(arguments) != 4:
        raise BindError("remap_struct takes a value, NULL::TYPE, a mapping and defaults", place, sql=binder.sql)
    value, target, mapping, defaults = (e for _, e in arguments)
    if not value.type.is_nested or value.type.kind != target.type.kind:
        raise BindError(f"remap_struct can't make {target.type} of {value.type}", place, sql=binder.sql)
    if not isinstance(mapping, Literal) or mapping.type.kind not in ("STRUCT", "NULL"):
        raise BindError("the mapping of remap_struct must be a constant struct", place, sql=binder.sql)
    if not isinstance(defaults, Literal) or defaults.type.kind not in ("STRUCT", "NULL"):
        raise BindError("the defaults of remap_struct must be a constant struct", place, sql=binder.sql)
    tree = mapping.value.as_py() or {}
    return _Remap(binder, place).value(value, target.type, tree, defaults if defaults.type.fields else None)


class _Remap:
    """One remap_struct call.

    Threading: owned by the thread that binds.
    """

    def __init__(self, binder: ExpressionBinder, place: Position | None) -> None:
        self.binder = binder
        self.place = place

    def value(self, e: Expression, target: SqlType, tree: Any, defaults: Expression | None) -> Expression:
        """`e` as `target`; `tree`: field -> name, or (name, tree below); defaults: a struct literal or None."""
        if e.type.kind != target.kind:
            raise self._bad(f"can't remap {e.type} to {target}")
        if target.kind == "STRUCT":
            return self._struct(e, target, tree, defaults)
        if not isinstance(tree, dict):
            raise self._bad(f"the mapping of {target} must be a struct")
        if target.kind == "LIST":
            return self._items(e, target.element or t.NULL, tree, defaults)
        call = self.binder.calls.call
        entries = call("map_entries", [e], self.place)
        entry = t.struct_of((("key", target.key or t.NULL), ("value", target.element or t.NULL)))
        inner = over_list(entries, lambda item: self._struct(item, entry, tree, defaults), self.place)
        return call("map_from_entries", [inner], self.place)

    def _items(self, e: Expression, item: SqlType, tree: dict[str, Any], defaults: Expression | None) -> Expression:
        below = self._below(tree.get("list"))[1]
        inner = self._default(defaults, "list")

        def remap(x: Expression) -> Expression:
            return self.value(x, item, below, inner) if item.is_nested else self.binder.coerce(x, item)

        return over_list(e, remap, self.place)

    def _struct(self, e: Expression, target: SqlType, tree: Any, defaults: Expression | None) -> Expression:
        if not isinstance(tree, dict):
            raise self._bad(f"the mapping of {target} must be a struct")
        wanted = {n.lower() for n, _ in target.fields}
        unknown = [n for n in tree if n.lower() not in wanted]
        if unknown:
            raise self._bad(f"{target} has no field {unknown[0]!r}", did_you_mean(unknown[0], [*wanted]))
        lowered = {n.lower(): v for n, v in tree.items()}
        fields: list[Named] = []
        for name, type_ in target.fields:
            default = self._default(defaults, name)
            if name.lower() not in lowered:
                fields.append((name, self._missing(type_, default, name)))
                continue
            if defaults is not None and default is not None and not type_.is_nested:
                raise self._bad(f"field {name!r} has both a source and a default")
            source, below = self._below(lowered[name.lower()])
            field = self.binder.calls.struct_field(e, source, self.place)
            if below is not None:
                fields.append((name, self.value(field, type_, below, default)))
            else:
                self.binder.calls.check_cast(field.type, type_, self.place)
                fields.append((name, self.binder.coerce(field, type_)))
        packed = self.binder.calls.struct_pack([n for n, _ in fields], [x for _, x in fields], self.place)
        return _unless_null(self.binder, e, packed, self.place)

    def _missing(self, type_: SqlType, default: Expression | None, name: str) -> Expression:
        if default is None:
            raise self._bad(f"field {name!r} has neither a source nor a default")
        if type_.kind == "STRUCT" and default.type.kind == "STRUCT" and default.type != type_:
            parts = [(n, self._missing(f, self._default(default, n), n)) for n, f in type_.fields]
            return self.binder.calls.struct_pack([n for n, _ in parts], [x for _, x in parts], self.place)
        self.binder.calls.check_cast(default.type, type_, self.place)
        return self.binder.coerce(default, type_)

    def _default(self, defaults: Expression | None, name: str) -> Expression | None:
        if defaults is None or not any(n.lower() == name.lower() for n, _ in defaults.type.fields):
            return None
        return self.binder.calls.struct_field(defaults, name, self.place)

    def _below(self, entry: Any) -> tuple[str, Any]:
        """'name' or ('name', {...})."""
        if isinstance(entry, str):
            return entry, None
        if isinstance(entry, dict) and len(entry) == 2:
            name, below = entry.values()
            if isinstance(name, str) and isinstance(below, dict):
                return name, below
        raise self._bad("a mapping is the name of a field, or row(name, mapping of what is below it)")

    def _bad(self, message: str, hint: str | None = None) -> BindError:
        return BindError(f"remap_struct: {message}", self.place, hint=hint, sql=self.binder.sql)


_Bind = Callable[["ExpressionBinder", str, list[Named], Position | None], Expression]
STRUCT_CALLS: MappingProxyType[str, _Bind] = MappingProxyType(
    {
        "struct_pack": _pack, "struct_insert": _insert, "struct_update": _update, "struct_concat": _concat,
        "struct_keys": _keys, "struct_values": _values, "struct_extract_at": _extract_at, "struct_position": _position,
        "struct_indexof": _position, "struct_contains": _contains, "struct_has": _contains,
        "replace_type": _replace_type, "remap_struct": _remap,
    }
)  # fmt: skip
