"""Write the small files of data/ that the README, `make demo` and the tests query. Same bytes on every run.

    .venv/bin/python tools/make_demo_data.py [DIRECTORY]

- trades-2024-01.csv, trades-2024-02.csv: time, symbol, side, price, qty, venue; some venues are empty (NULL).
- stations.parquet: station, country, day, low, high, rain_mm; one row a station and day, several row groups.
- access.log: lines of a web server's log, a few of them cut short, as happens.
- events.jsonl: time, user, type, page, duration_ms, device {os, app}; durations are sometimes null, pages absent.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import random
import sys
from pathlib import Path
from typing import Any

SYMBOLS = {"ACME": 182.5, "BOLT": 41.2, "CRUX": 310.0, "DYNE": 12.75, "EMBR": 96.4, "FLUX": 58.3, "GALE": 7.9}
VENUES = ("north", "south", "harbor", "")
STATIONS = (
    ("Abéché", "TD", 29.4, 1.0),
    ("Bergen", "NO", 7.7, 6.2),
    ("Cusco", "PE", 12.5, 2.1),
    ("Darwin", "AU", 27.6, 4.8),
    ("Esperanza", "AR", -5.5, 1.9),
    ("Fès", "MA", 17.8, 1.6),
    ("Görlitz", "DE", 9.1, 2.0),
    ("Hamilton", "NZ", 13.9, 3.3),
    ("Irkutsk", "RU", 0.9, 1.4),
    ("Jaipur", "IN", 25.8, 1.8),
    ("København", "DK", 8.9, 1.9),
    ("Lusaka", "ZM", 20.3, 2.5),
    ("Montréal", "CA", 6.8, 2.9),
    ("Niigata", "JP", 13.9, 5.0),
    ("Oaxaca", "MX", 21.1, 1.9),
    ("Porto", "PT", 15.2, 3.4),
)
PAGES = ("/", "/pricing", "/docs", "/docs/sql", "/docs/streams", "/blog", "/signup")
DEVICES = (("linux", "cli"), ("macos", "browser"), ("windows", "browser"), ("ios", "app"), ("android", "app"))


def trades(month: int, rows: int, rng: random.Random) -> list[tuple[object, ...]]:
    """One month of trades, in the order of time; prices walk at random around a level per symbol."""
    start = dt.datetime(2024, month, 1, 9)
    level = dict(SYMBOLS)
    names, weights = list(SYMBOLS), [9, 5, 4, 3, 2, 2, 1]
    seconds = sorted(rng.randrange(28 * 24 * 3600) for _ in range(rows))
    out: list[tuple[object, ...]] = []
    for second in seconds:
        symbol = rng.choices(names, weights)[0]
        level[symbol] *= math.exp(rng.gauss(0, 0.004))
        side = rng.choice(("buy", "sell"))
        venue = rng.choices(VENUES, (8, 5, 3, 1))[0]
        time = start + dt.timedelta(seconds=second)
        out.append((time, symbol, side, f"{level[symbol]:.2f}", rng.randrange(1, 100) * 5, venue))
    return out


def measurements(rng: random.Random) -> dict[str, list[object]]:
    """The columns of stations.parquet: a year of days at each station."""
    columns: dict[str, list[object]] = {n: [] for n in ("station", "country", "day", "low", "high", "rain_mm")}
    first = dt.date(2024, 1, 1)
    for number in range(366):
        day = first + dt.timedelta(days=number)
        for station, country, mean, wet in STATIONS:
            south = country in ("PE", "AU", "AR", "NZ", "ZM")
            season = math.cos((number - 200) / 366 * 2 * math.pi) * (-9 if south else 9)
            middle = mean + season * (abs(mean - 30) / 24) + rng.gauss(0, 2.5)
            spread = abs(rng.gauss(4, 1.2)) + 0.5
            rain = round(rng.expovariate(1 / (wet * 2.5)), 1) if rng.random() < 0.4 else 0.0
            row = (station, country, day, round(middle - spread, 1), round(middle + spread, 1), rain)
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    return columns


def events(rows: int, rng: random.Random) -> list[dict[str, Any]]:
    """Visits of a site, in the order of time."""
    time = dt.datetime(2024, 3, 1)
    out = []
    for _ in range(rows):
        time += dt.timedelta(milliseconds=rng.randrange(500, 90_000))
        kind = rng.choices(("view", "click", "signup", "error"), (70, 25, 3, 2))[0]
        os, app = rng.choice(DEVICES)
        event: dict[str, Any] = {
            "time": time.isoformat(sep=" ", timespec="milliseconds"),
            "user": f"u{int(rng.paretovariate(1.1)) % 400:03d}",
            "type": kind,
            "page": rng.choice(PAGES),
            "duration_ms": None if rng.random() < 0.05 else int(rng.lognormvariate(6, 1)),
            "device": {"os": os, "app": app},
        }
        if kind == "error":
            del event["page"]
        out.append(event)
    return out


def log_lines(rows: int, rng: random.Random) -> list[str]:
    """A web server's log, in the order of time."""
    time = dt.datetime(2024, 3, 1)
    agents = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Windows NT 10.0)", "curl/8.5.0", "ExampleBot/2.1")
    out = []
    for _ in range(rows):
        time += dt.timedelta(milliseconds=rng.randrange(100, 60_000))
        host = f"10.{rng.randrange(4)}.{rng.randrange(8)}.{rng.randrange(1, 255)}"
        method, page = rng.choices(("GET", "POST"), (9, 1))[0], rng.choice(PAGES)
        query = f"?id={rng.randrange(1000)}" if rng.random() < 0.3 else ""
        status = rng.choices((200, 301, 404, 500), (88, 4, 6, 2))[0]
        size = int(rng.lognormvariate(8, 1)) if status == 200 else 512
        line = f'{host} - - [{time:%d/%b/%Y:%H:%M:%S} +0000] "{method} {page}{query} HTTP/1.1" {status} {size}'
        line += f' "-" "{rng.choice(agents)}" {rng.lognormvariate(-3.5, 1.1):.3f}'
        out.append(line[: rng.randrange(30, 60)] if rng.random() < 0.005 else line)
    return out


def write(directory: Path) -> None:
    """Write all files into `directory`, which is made if it isn't there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    directory.mkdir(parents=True, exist_ok=True)
    for month in (1, 2):
        with (directory / f"trades-2024-{month:02d}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("time", "symbol", "side", "price", "qty", "venue"))
            writer.writerows(trades(month, 2_000, random.Random(20_240_000 + month)))
    table = pa.table(measurements(random.Random(17)))
    pq.write_table(table, directory / "stations.parquet", row_group_size=1_000, compression="zstd")
    with (directory / "access.log").open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in log_lines(2_000, random.Random(31)))
    with (directory / "events.jsonl").open("w", encoding="utf-8") as file:
        for event in events(1_500, random.Random(23)):
            file.write(json.dumps(event, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "data")
