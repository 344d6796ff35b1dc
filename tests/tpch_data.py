"""Small TPC-H tables made by NumPy: not dbgen's, but with its names, so that the 22 queries have something to find."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

_NATIONS = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0),
    ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2),
    ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
_REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
_SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
_PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
_MODES = ("AIR", "AIR REG", "FOB", "MAIL", "RAIL", "SHIP", "TRUCK")
_INSTRUCTIONS = ("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
_TYPES = ("ECONOMY ANODIZED STEEL", "PROMO BRUSHED BRASS", "MEDIUM POLISHED TIN", "LARGE PLATED BRASS",
          "SMALL BURNISHED COPPER")  # fmt: skip
_CONTAINERS = ("SM CASE", "SM BOX", "MED BAG", "MED BOX", "LG CASE", "LG BOX")
_COLOURS = ("forest", "green", "almond", "blue", "ivory")
_COMMENTS = ("quickly", "the special deposit requests sleep", "Customer heard some Complaints", "fluffy")
_START = dt.date(1992, 1, 1)


@cache
def tables(orders: int = 600, seed: int = 1) -> dict[str, pa.Table]:
    """All eight tables; money is DECIMAL(15,2), as in the specification."""
    random = np.random.default_rng(seed)
    customers, parts, suppliers = orders // 6, 60, 20

    def pick(values: Sequence[Any], n: int) -> list[Any]:
        return [values[i] for i in random.integers(0, len(values), n)]

    def money(low: int, high: int, n: int) -> pa.Array:
        return cents(random.integers(low * 100, high * 100, n))

    def days(n: int, first: int = 0, last: int = 2400) -> np.ndarray[Any, Any]:
        return np.datetime64(_START) + random.integers(first, last, n).astype("timedelta64[D]")

    def phones(nations: Any) -> list[str]:
        return [f"{n + 10}-{random.integers(100, 999)}-{random.integers(1000, 9999)}" for n in nations]

    region = pa.table({"r_regionkey": range(5), "r_name": list(_REGIONS), "r_comment": pick(_COMMENTS, 5)})
    nation = pa.table({
        "n_nationkey": range(25), "n_name": [n for n, _ in _NATIONS], "n_regionkey": [r for _, r in _NATIONS],
        "n_comment": pick(_COMMENTS, 25),
    })  # fmt: skip
    homes = random.choice([2, 3, 6, 7, 8, 9, 20, 23], suppliers)
    supplier = pa.table({
        "s_suppkey": range(1, suppliers + 1), "s_name": [f"Supplier#{i:09}" for i in range(1, suppliers + 1)],
        "s_address": [f"street {i}" for i in range(suppliers)], "s_nationkey": homes, "s_phone": phones(homes),
        "s_acctbal": money(-900, 9000, suppliers), "s_comment": pick(_COMMENTS, suppliers),
    })  # fmt: skip
    names = [f"{a} {b}" for a, b in zip(pick(_COLOURS, parts), pick(_COLOURS, parts), strict=True)]
    part = pa.table({
        "p_partkey": range(1, parts + 1), "p_name": names, "p_mfgr": [f"Manufacturer#{i % 5}" for i in range(parts)],
        "p_brand": pick(("Brand#12", "Brand#23", "Brand#34", "Brand#45"), parts),
        "p_type": pick(_TYPES, parts), "p_size": pick((1, 3, 5, 9, 14, 15, 49), parts),
        "p_container": pick(_CONTAINERS, parts),
        "p_retailprice": money(900, 2000, parts), "p_comment": pick(_COMMENTS, parts),
    })  # fmt: skip
    offered = np.repeat(np.arange(1, parts + 1), 4)
    offering = (offered * 3 + np.tile(np.arange(4), parts) * 5) % suppliers + 1
    partsupp = pa.table({
        "ps_partkey": offered, "ps_suppkey": offering, "ps_availqty": random.integers(1, 9999, len(offered)),
        "ps_supplycost": money(1, 1000, len(offered)), "ps_comment": pick(_COMMENTS, len(offered)),
    })  # fmt: skip
    living = random.choice([2, 3, 6, 7, 8, 9, 13, 20], customers)
    customer = pa.table({
        "c_custkey": range(1, customers + 1), "c_name": [f"Customer#{i:09}" for i in range(1, customers + 1)],
        "c_address": [f"road {i}" for i in range(customers)], "c_nationkey": living, "c_phone": phones(living),
        "c_acctbal": money(-900, 9000, customers), "c_mktsegment": pick(_SEGMENTS, customers),
        "c_comment": pick(_COMMENTS, customers),
    })  # fmt: skip
    ordered = days(orders)
    order = pa.table({
        "o_orderkey": range(1, orders + 1), "o_custkey": random.integers(1, customers // 2, orders),
        "o_orderstatus": pick(("F", "O", "P"), orders), "o_totalprice": money(1000, 400000, orders),
        "o_orderdate": ordered,
        "o_orderpriority": pick(_PRIORITIES, orders), "o_clerk": [f"Clerk#{i % 7}" for i in range(orders)],
        "o_shippriority": [0] * orders, "o_comment": pick(_COMMENTS, orders),
    })  # fmt: skip
    lines = random.integers(1, 8, orders)
    lines[:3] = 7
    key = np.repeat(np.arange(1, orders + 1), lines)
    n = len(key)
    which = random.integers(0, len(offered), n)
    quantity = random.integers(1, 51, n)
    quantity[:21] = 50  # some orders have over 300 pieces
    shipped = ordered[key - 1] + random.integers(1, 122, n).astype("timedelta64[D]")
    lineitem = pa.table({
        "l_orderkey": key, "l_partkey": offered[which], "l_suppkey": offering[which],
        "l_linenumber": np.concatenate([np.arange(1, c + 1) for c in lines]),
        "l_quantity": cents(quantity * 100), "l_extendedprice": money(900, 90000, n),
        "l_discount": cents(random.integers(0, 11, n)), "l_tax": cents(random.integers(0, 9, n)),
        "l_returnflag": pick(("A", "N", "R"), n),
        "l_linestatus": pick(("F", "O"), n), "l_shipdate": shipped,
        "l_commitdate": ordered[key - 1] + random.integers(30, 91, n).astype("timedelta64[D]"),
        "l_receiptdate": shipped + random.integers(1, 31, n).astype("timedelta64[D]"),
        "l_shipinstruct": pick(_INSTRUCTIONS, n), "l_shipmode": pick(_MODES, n), "l_comment": pick(_COMMENTS, n),
    })  # fmt: skip
    made = {
        "region": region, "nation": nation, "supplier": supplier, "part": part, "partsupp": partsupp,
        "customer": customer, "orders": order, "lineitem": lineitem,
    }  # fmt: skip
    return made


def cents(values: Any) -> pa.Array:
    """Whole cents as DECIMAL(15,2)."""
    return pa.array([Decimal(int(v)).scaleb(-2) for v in values], pa.decimal128(15, 2))
