"""AT TIME ZONE: local times of a zone and instants, both ways.

Arrow knows the zones (from the system's database). A local time that a change of clocks skips is read with the offset
from before it, one that comes twice with the offset from after it, as DuckDB does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.civil import MICROS_PER_DAY
from velothread.kernels.function import Value
from velothread.kernels.shaping import rows_of, spread
from velothread.kernels.vectors import Numbers, column, valid_rows, view

_UTC = pa.timestamp("us", "UTC")
_LOCAL = pa.timestamp("us")


def _zone(name: str) -> str:
    """The zone's name as the database has it."""
    if name.upper() in ("UTC", "Z", "GMT"):
        return "UTC"
    from zoneinfo import available_timezones

    known = {z.lower(): z for z in available_timezones()}
    found = known.get(name.lower())
    if found is None:
        from velothread.errors import did_you_mean

        raise ExecutionError(f"unknown time zone {name!r}", hint=did_you_mean(name, known.values()))
    return found


def _local(instants: Numbers, zone: str) -> Numbers:
    """Microseconds on the zone's clocks at UTC instants."""
    if zone == "UTC":
        return instants
    moments = column(instants, _UTC).cast(pa.timestamp("us", zone))
    return view(pc.local_timestamp(moments))


def to_local(instants: pa.Array, zone: str) -> pa.Array:
    """TIMESTAMPTZ -> TIMESTAMP: what the zone's clocks show."""
    return column(_local(view(instants), zone), _LOCAL, valid_rows(instants))


def to_instants(local: pa.Array, zone: str) -> pa.Array:
    """TIMESTAMP -> TIMESTAMPTZ: when the zone's clocks show it."""
    clock = view(local)
    if zone == "UTC":
        return column(clock, _UTC, valid_rows(local))
    # The offsets a day before and after: they differ only around a change of clocks.
    before = clock - (_local(clock - MICROS_PER_DAY, zone) - (clock - MICROS_PER_DAY))
    after = clock - (_local(clock + MICROS_PER_DAY, zone) - (clock + MICROS_PER_DAY))
    chosen = np.where(_local(after, zone) == clock, after, before)
    return column(chosen, _UTC, valid_rows(local))


def _kernel(convert: Callable[[pa.Array, str], pa.Array], t: pa.DataType) -> Callable[[Value, Value], Value]:
    def kernel(zone: Value, moment: Value) -> Value:
        rows = rows_of((zone, moment))
        moments = spread(moment, rows)
        if isinstance(zone, pa.Scalar):
            found = pa.nulls(rows, t) if not zone.is_valid else convert(moments, _zone(zone.as_py()))
            return found if isinstance(moment, pa.Array) else found[0]
        # A column of zones: computed for the rows of each.
        out = pa.nulls(rows, t)
        for name in zone.unique().drop_null().to_pylist():
            mask = pc.fill_null(pc.equal(zone, name), False)
            out = pc.replace_with_mask(out, mask, convert(moments.filter(mask), _zone(name)))
        return out

    return kernel


timestamp_in_zone = _kernel(to_instants, _UTC)
clock_of_zone = _kernel(to_local, _LOCAL)
