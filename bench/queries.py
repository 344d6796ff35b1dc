"""The queries of the comparison with other engines. `{t}` is the table; `order`: does the order of the answer count?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """A query over one of the files of `data.py`. `to_file`: its rows go to a CSV file, and that is timed, too."""

    name: str
    table: str
    sql: str
    to_file: bool = False


QUERIES = (
    Query("billion rows", "measurements",
          "SELECT station, min(temp) AS a, avg(temp) AS b, max(temp) AS c FROM {t} GROUP BY station ORDER BY station"),
    Query("filtered count", "measurements", "SELECT count(*) AS n FROM {t} WHERE temp > 30"),
    Query("expression top 5", "measurements",
          "SELECT station, sum(temp * qty) AS s FROM {t} GROUP BY station ORDER BY s DESC LIMIT 5"),
    Query("million groups", "measurements", "SELECT id, count(*) AS n, sum(qty) AS s FROM {t} GROUP BY id"),
    Query("count distinct", "measurements", "SELECT count(DISTINCT id) AS n FROM {t}"),
    Query("like", "measurements", "SELECT count(*) AS n FROM {t} WHERE station LIKE '%99%'"),
    Query("order by limit", "measurements",
          "SELECT id, temp, station FROM {t} ORDER BY temp DESC, id, qty, station LIMIT 10"),
    Query("3 of 50 columns", "wide", "SELECT c02, sum(c00) AS s, max(c01) AS m FROM {t} GROUP BY c02"),
    Query("sort to file", "measurements", "SELECT * FROM {t} ORDER BY id, temp, qty, station", to_file=True),
)  # fmt: skip
