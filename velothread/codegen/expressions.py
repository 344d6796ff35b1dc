"""Expressions -> lines of Python: one line a kernel call, each expression once.

What may fail stands under a guard where SQL says that it isn't always computed: its input columns are NULL for the rows
that don't want it, so that the kernel has nothing to fail on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from velothread.codegen.writer import SourceWriter
from velothread.errors import UnsupportedError
from velothread.kernels import rows as runtime
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Coalesce,
    Column,
    Expression,
    Field,
    Literal,
    Logical,
    Membership,
    OverItems,
    PythonCall,
    columns_of,
    may_raise,
    show,
    walk,
)


@dataclass(slots=True)
class ExpressionWriter:
    """Writes the expressions of one branch.

    `raw`: field -> variable as the batch brings it (text may be dictionary-encoded). `known`: (guard, expression) ->
    variable that holds its value. A guard is the name of a mask, or "" for none. `staying`: a mask of the rows that are
    not left out, because a function failed; "" while none can be. `in_the_way`: of leaving rows out here; "" for
    nothing. `masked`: (guard, variable) -> variable that holds the same, NULL for the rows that the guard doesn't want.
    """

    writer: SourceWriter
    raw: dict[Field, str]
    maybe_dictionary: frozenset[Field]
    known: dict[tuple[str, Expression], str] = field(default_factory=dict)
    staying: str = ""
    in_the_way: str = ""
    masked: dict[tuple[str, str], str] = field(default_factory=dict)

    def value(self, e: Expression, guard: str = "") -> str:
        """The name of a variable or constant that holds `e` (text decoded)."""
        if isinstance(e, Literal):
            return self._literal(e)
        # What is there for all rows is there for some: its columns may have been left behind with a filter.
        if guard and not isinstance(e, Column) and (("", e) in self.known or not may_raise(e)):
            guard = ""
        key = (guard, e)
        if key in self.known:
            return self.known[key]
        name = self._write(e, guard)
        self.known[key] = name
        return name

    def raw_value(self, e: Expression) -> str:
        """Like `value`, but a text column may stay dictionary-encoded."""
        return self.raw[e.field] if isinstance(e, Column) else self.value(e)

    def _literal(self, e: Literal) -> str:
        hint = "k_" + (e.text if len(e.text) < 16 else e.type.kind)
        return self.writer.constant((e.type, e.text, e.missing), e.value, hint)

    def _assign(self, hint: str, text: str, e: Expression) -> str:
        name = self.writer.fresh(hint)
        self.writer.line(f"{name} = {text}", getattr(e, "position", None))
        return name

    def _use(self, name: str) -> str:
        return self.writer.function(getattr(runtime, name), name)

    def _write(self, e: Expression, guard: str) -> str:
        if isinstance(e, Column):
            return self._column(e, guard)
        # A column that only served a filter may have been left behind with it; what `e` takes of it is known then.
        if not guard and (column := self._by_value_column(e)) is not None and column in self.raw:
            return self._write_by_value(e, column)
        match e:
            case Call():
                return self._call(e, guard)
            case Cast():
                return self._cast(e, guard)
            case Case():
                return self._case(e, guard)
            case Logical():
                return self._logical(e, guard)
            case Coalesce():
                return self._coalesce(e, guard)
            case OverItems():
                return self._over_items(e, guard)
            case PythonCall():
                return self._python_call(e, guard)
            case Membership():
                values = self.writer.constant(("in", e.argument.type, e.text, e.has_null), e.values, "values")
                text = f"{self._use('member')}({self.value(e.argument, guard)}, {values}, {e.has_null})"
                return self._assign("is_in", text, e)
        raise TypeError(f"no code for {type(e).__name__}")

    def _column(self, e: Column, guard: str) -> str:
        raw = self.raw[e.field]
        if guard:
            return self._assign(raw, f"{self._use('only_where')}({guard}, {raw})", e)
        if e.field in self.maybe_dictionary:
            return self._assign(raw + "_text", f"{self._use('plain')}({raw})", e)
        return raw

    def _argument(self, e: Expression, guard: str) -> str:
        """What a kernel that may fail gets: NULL for the rows that the guard doesn't want, even if all have a value."""
        name = self.value(e, guard)
        if not guard or isinstance(e, Column) or not columns_of(e):  # a column is masked already
            return name
        if (guard, name) not in self.masked:
            self.masked[guard, name] = self._assign(name, f"{self._use('only_where')}({guard}, {name})", e)
        return self.masked[guard, name]

    def _call(self, e: Call, guard: str) -> str:
        kernel = self.writer.function(e.function.kernel, _safe_name(e.function.name))
        hint = _safe_name(e.function.name)
        arguments = [self._argument(a, guard) if e.function.raises else self.value(a, guard) for a in e.arguments]
        if e.function.volatile:
            return self._assign(hint, f"{kernel}({', '.join([*arguments, 'rows=rows'])})", e)
        if guard and e.function.raises and not columns_of(e):
            type_ = self.writer.constant(("type", e.type), e.type.arrow, "type")
            return self._assign(hint, f"{self._use('when_any')}({', '.join([guard, kernel, type_, *arguments])})", e)
        return self._assign(hint, f"{kernel}({', '.join(arguments)})", e)

    def _cast(self, e: Cast, guard: str) -> str:
        from velothread.kernels.casts import cast as cast_value

        kernel = self.writer.function(cast_value, "cast")
        source = self.writer.constant(("sql", e.argument.type), e.argument.type, str(e.argument.type.kind))
        target = self.writer.constant(("sql", e.type), e.type, str(e.type.kind))
        text = f"{kernel}({self._argument(e.argument, guard)}, {source}, {target}, safe={e.safe})"
        return self._assign("as_" + e.type.kind, text, e)

    def _case(self, e: Case, guard: str) -> str:
        conditions: list[str] = []
        values: list[str] = []
        guarded = any(may_raise(x) for branch in e.branches for x in branch) or may_raise(e.default)
        if not guarded:
            conditions = [self.value(c) for c, _ in e.branches]
            values = [self.value(v) for _, v in e.branches]
            values.append(self.value(e.default))
        else:
            # `left`: the rows that no earlier branch took; "" while that is all of them
            left = guard
            for condition, value in e.branches:
                c = self._assign("when", f"{self._use('is_true')}({self.value(condition, left)})", condition)
                hit = c if not left else self._assign("hit", f"{self._use('true_and')}({left}, {c})", condition)
                conditions.append(hit)
                values.append(self.value(value, self._column_mask(hit)))
                before = left or "None"
                left = self._assign("left", f"{self._use('but_not')}({before}, {c})", condition)
            values.append(self.value(e.default, self._column_mask(left)))
        text = f"{self._use('choose')}(({', '.join(conditions)},), ({', '.join(values)},), rows)"
        return self._assign("case", text, e)

    def _column_mask(self, mask: str) -> str:
        return mask

    def _logical(self, e: Logical, guard: str) -> str:
        combine = self._use("all_of" if e.operator == "and" else "any_of")
        parts: list[str] = []
        left = guard
        for argument in e.arguments:
            if may_raise(argument) and parts:
                parts.append(self.value(argument, left))
            else:
                parts.append(self.value(argument, guard))
            if any(may_raise(a) for a in e.arguments[len(parts) :]):
                # a later part is computed where this one has not decided
                c = self._assign("known", f"{self._use('is_true')}({parts[-1]})", argument)
                if e.operator == "and":
                    left = c if not left else self._assign("left", f"{self._use('true_and')}({left}, {c})", argument)
                else:
                    left = self._assign("left", f"{self._use('but_not')}({left or 'None'}, {c})", argument)
        return self._assign(e.operator + "_", f"{combine}(({', '.join(parts)},))", e)

    def _coalesce(self, e: Coalesce, guard: str) -> str:
        parts: list[str] = []
        left = guard
        for argument in e.arguments:
            parts.append(self.value(argument, left if may_raise(argument) else guard))
            if any(may_raise(a) for a in e.arguments[len(parts) :]):
                import pyarrow.compute as pc

                missing = self._assign(
                    "missing", f"{self.writer.function(pc.is_null, 'is_null')}({parts[-1]})", argument
                )
                left = (
                    missing
                    if not left
                    else self._assign("left", f"{self._use('true_and')}({left}, {missing})", argument)
                )
        return self._assign("coalesce", f"{self._use('first_valid')}(({', '.join(parts)},), rows)", e)

    def _over_items(self, e: OverItems, guard: str) -> str:
        """The body as a function of its own; under a guard, lists of unwanted rows are NULL and have no items."""
        arguments = [self._argument(a, guard) for a in e.arguments]
        w = self.writer
        compute = w.fresh(e.name + "_item")
        names = {f: w.fresh(f.name) for f in e.parameters}
        w.line(f"def {compute}({', '.join(['rows', *names.values()])}):")
        w.indent()
        inner = ExpressionWriter(w, names, frozenset(), in_the_way="it stands in a lambda, over the items of a list")
        w.line(f"return {inner.value(e.body)}", getattr(e.body, "position", None))
        w.dedent()
        kernel = w.function(e.kernel, e.name)
        return self._assign(e.name, f"{kernel}({', '.join([compute, *arguments])})", e)

    def _python_call(self, e: PythonCall, guard: str) -> str:
        """The guard goes along: for a row that doesn't want it the function must not be called, whatever the values."""
        arguments = [self.raw_value(a) if isinstance(a, Column) else self.value(a, guard) for a in e.arguments]
        name = _safe_name(e.function.name)
        call = self.writer.function(e.function, name + "_call")
        if e.function.on_error != "skip":
            if self.staying:
                guard = self._assign("wanted", f"{self._use('both')}({guard or 'None'}, {self.staying})", e)
            return self._assign(name, f"{call}({', '.join(['rows', guard or 'None', *arguments])})", e)
        if self.in_the_way:
            raise UnsupportedError(
                f"{e.function.name} can't leave a row out here: {self.in_the_way}",
                e.position,
                hint="on_error='null' makes the result NULL instead; TRY(...) does so for one call",
            )
        value, staying = self.writer.fresh(name), self.writer.fresh("staying")
        given = ", ".join(["rows", self.staying or "None", guard or "None", *arguments])
        self.writer.line(f"{value}, {staying} = {call}.leaving_out({given})", e.position)
        self.staying = staying
        return value

    # --- once per distinct value

    def _by_value_column(self, e: Expression) -> Field | None:
        """The one dictionary-encoded column that `e` is a function of, if computing by value is right for `e`."""
        found = columns_of(e)
        if len(found) != 1 or not found <= self.maybe_dictionary:
            return None
        for x in walk(e):
            strict = (
                isinstance(x, (Literal, Column, Membership))
                or (isinstance(x, Call) and x.function.strict and not x.function.raises and not x.function.volatile)
                or (isinstance(x, Cast) and not may_raise(x))
            )
            if not strict:
                return None
        return next(iter(found))

    def _write_by_value(self, e: Expression, column: Field) -> str:
        raw = self.raw[column]
        compute = self.writer.fresh("of_" + column.name)
        w = self.writer
        w.line(f"def {compute}(values):")
        w.indent()
        inner = ExpressionWriter(w, {column: "values"}, frozenset())
        w.line(f"return {inner.value(e)}", getattr(e, "position", None))
        w.dedent()
        return self._assign("by_value", f"{self._use('by_value')}({raw}, {compute})", e)


def _safe_name(name: str) -> str:
    words = {
        "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "divide_whole", "%": "modulo", "**": "power",
        "=": "equal", "<>": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
        "||": "concat", "&": "bit_and", "|": "bit_or", "~": "bit_not", "<<": "shift_left", ">>": "shift_right",
    }  # fmt: skip
    return words.get(name, name)


__all__ = ["AggregateCall", "ExpressionWriter", "show"]
