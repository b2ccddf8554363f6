"""A shop's order database with the queries of its dashboard, as they are before anybody looked at indexes.

The tables follow TPC-H in small. Like many real schemas they have integer primary keys and foreign keys but
no further index, and a foreign key brings no index of its own in SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from autoopt.demos import Demo

CUSTOMERS = 3_000
SUPPLIERS = 200
PARTS = 4_000
ORDERS = 31_000
_SEED = 1
_FIRST_DAY = date(2018, 1, 1)
_DAYS = 2_400

_SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
_MODES = ("AIR", "FOB", "MAIL", "RAIL", "SHIP", "TRUCK", "COURIER")
_MODE_WEIGHTS = (12, 4, 30, 8, 10, 34, 2)
_CONTAINERS = ("BOX", "CASE", "DRUM", "JAR", "PACK")
_LINES = tuple(accumulate((18, 22, 20, 15, 11, 8, 6)))
"""Cumulative weights of orders with one to seven lines."""

_SCHEMA = """
CREATE TABLE customer (
  c_custkey INTEGER PRIMARY KEY, c_name TEXT NOT NULL, c_mktsegment TEXT NOT NULL,
  c_phone TEXT NOT NULL, c_acctbal REAL NOT NULL);
CREATE TABLE supplier (s_suppkey INTEGER PRIMARY KEY, s_name TEXT NOT NULL, s_acctbal REAL NOT NULL);
CREATE TABLE part (
  p_partkey INTEGER PRIMARY KEY, p_name TEXT NOT NULL, p_brand TEXT NOT NULL, p_container TEXT NOT NULL,
  p_retailprice REAL NOT NULL);
CREATE TABLE orders (
  o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER NOT NULL REFERENCES customer,
  o_orderstatus TEXT NOT NULL, o_totalprice REAL NOT NULL, o_orderdate TEXT NOT NULL,
  o_orderpriority TEXT NOT NULL);
CREATE TABLE lineitem (
  l_id INTEGER PRIMARY KEY, l_orderkey INTEGER NOT NULL REFERENCES orders,
  l_partkey INTEGER NOT NULL REFERENCES part, l_suppkey INTEGER NOT NULL REFERENCES supplier,
  l_quantity INTEGER NOT NULL, l_extendedprice REAL NOT NULL, l_discount REAL NOT NULL,
  l_returnflag TEXT NOT NULL, l_shipmode TEXT NOT NULL,
  l_shipdate TEXT NOT NULL, l_commitdate TEXT NOT NULL, l_receiptdate TEXT NOT NULL);
"""

_QUERIES = {
    "unshipped_orders": """\
-- The ten open orders of one segment that are worth most (after TPC-H query 3).
SELECT l.l_orderkey, SUM(l.l_extendedprice * (1 - l.l_discount)) AS revenue, o.o_orderdate
FROM customer AS c
JOIN orders AS o ON o.o_custkey = c.c_custkey
JOIN lineitem AS l ON l.l_orderkey = o.o_orderkey
WHERE c.c_mktsegment = 'MACHINERY' AND o.o_orderdate < '2024-05-01' AND l.l_shipdate > '2024-05-01'
GROUP BY l.l_orderkey, o.o_orderdate
ORDER BY revenue DESC, o.o_orderdate
LIMIT 10;
""",
    "stock_page": """\
-- The parts of one shelf: how many a line asks for, and how often this year (after TPC-H query 17).
SELECT p.p_partkey, p.p_name,
  (SELECT AVG(l.l_quantity) FROM lineitem AS l WHERE l.l_partkey = p.p_partkey) AS usual_quantity,
  (SELECT COUNT(*) FROM lineitem AS l
   WHERE l.l_partkey = p.p_partkey AND l.l_shipdate >= '2024-01-01') AS lines_this_year
FROM part AS p
WHERE p.p_brand = 'Brand#23' AND p.p_container = 'DRUM' AND p.p_retailprice > 1030
ORDER BY p.p_partkey;
""",
    "supplier_quality": """\
-- Suppliers we owe money, with what came back of theirs.
SELECT s.s_suppkey, s.s_name,
  (SELECT COUNT(*) FROM lineitem AS l WHERE l.l_suppkey = s.s_suppkey AND l.l_returnflag = 'R') AS returned
FROM supplier AS s
WHERE s.s_acctbal > 9400
ORDER BY returned DESC, s.s_suppkey;
""",
    "late_by_mode": """\
-- Late deliveries of one year by way of shipping (after TPC-H query 12).
SELECT l.l_shipmode,
  SUM(o.o_orderpriority IN ('1-URGENT', '2-HIGH')) AS high_priority,
  SUM(o.o_orderpriority NOT IN ('1-URGENT', '2-HIGH')) AS low_priority
FROM lineitem AS l
JOIN orders AS o ON o.o_orderkey = l.l_orderkey
WHERE l.l_shipmode IN ('COURIER', 'FOB') AND l.l_commitdate < l.l_receiptdate
  AND l.l_shipdate < l.l_commitdate AND l.l_receiptdate >= '2021-01-01' AND l.l_receiptdate < '2022-01-01'
GROUP BY l.l_shipmode
ORDER BY l.l_shipmode;
""",
    "lapsed_customers": """\
-- Customers with money on their account who have not ordered lately (after TPC-H query 22).
SELECT c.c_mktsegment, COUNT(*) AS customers, SUM(c.c_acctbal) AS balance
FROM customer AS c
WHERE c.c_acctbal > 9600
  AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.o_custkey = c.c_custkey AND o.o_orderdate >= '2023-06-01')
GROUP BY c.c_mktsegment
ORDER BY c.c_mktsegment;
""",
    "order_history": """\
-- The page a customer sees after logging in.
SELECT o.o_orderkey, o.o_orderdate, o.o_totalprice, COUNT(*) AS lines, MAX(l.l_receiptdate) AS complete
FROM orders AS o
JOIN lineitem AS l ON l.l_orderkey = o.o_orderkey
WHERE o.o_custkey = 1207
GROUP BY o.o_orderkey
ORDER BY o.o_orderdate DESC, o.o_orderkey DESC
LIMIT 20;
""",
    "discount_effect": """\
-- What discounts on small quantities cost in one quarter (after TPC-H query 6).
SELECT SUM(l_extendedprice * l_discount) AS revenue
FROM lineitem
WHERE l_shipdate >= '2022-01-01' AND l_shipdate < '2022-04-01'
  AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24;
""",
}

_README = """\
# shop

The queries in `src/queries` are what the shop's dashboard asks; `data/shop.sqlite` is a copy of its database.
`src/queries/setup.sql`, when there is one, is applied to the database before the dashboard starts: indexes
and session settings belong there.
"""


def make(directory: Path) -> None:
    """Write the sample project: queries, a README and a SQLite database of about 100,000 order lines."""
    queries = directory / "src" / "queries"
    queries.mkdir(parents=True)
    for name, text in _QUERIES.items():
        (queries / f"{name}.sql").write_text(text)
    (directory / "README.md").write_text(_README)
    (directory / ".gitignore").write_text("data/\n")
    (directory / "data").mkdir()
    _fill(directory / "data" / "shop.sqlite", Random(_SEED))


def _fill(path: Path, random: Random) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(_SCHEMA)
        prices = [round(900 + random.paretovariate(2.2) * 90, 2) for _ in range(PARTS)]
        _insert(connection, "customer", 5, _customers(random))
        _insert(connection, "supplier", 3, _suppliers(random))
        _insert(connection, "part", 5, _parts(random, prices))
        orders, lines = _sales(random, prices)
        _insert(connection, "orders", 6, orders)
        _insert(connection, "lineitem", 12, lines)
        connection.commit()


def _insert(connection: sqlite3.Connection, table: str, width: int, rows: Any) -> None:
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)


def _customers(random: Random) -> Iterator[tuple[Any, ...]]:
    for key in range(1, CUSTOMERS + 1):
        phone = f"{random.randrange(10, 35)}-{random.randrange(100, 1000)}-{random.randrange(1000, 10000)}"
        balance = round(random.uniform(-999, 9999), 2)
        yield key, f"Customer#{key:06}", random.choice(_SEGMENTS), phone, balance


def _suppliers(random: Random) -> Iterator[tuple[Any, ...]]:
    for key in range(1, SUPPLIERS + 1):
        yield key, f"Supplier#{key:04}", round(random.uniform(-999, 9999), 2)


def _parts(random: Random, prices: list[float]) -> Iterator[tuple[Any, ...]]:
    for key, price in enumerate(prices, 1):
        brand = f"Brand#{random.randrange(1, 6)}{random.randrange(1, 6)}"
        yield key, f"Part {key:05}", brand, random.choice(_CONTAINERS), price


def _sales(random: Random, prices: list[float]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Orders and their lines: a few customers and parts make up most of them, and business grows."""
    days = [(_FIRST_DAY + timedelta(day)).isoformat() for day in range(_DAYS + 200)]
    orders: list[tuple[Any, ...]] = []
    lines: list[tuple[Any, ...]] = []
    for order in range(1, ORDERS + 1):
        day = int(_DAYS * random.random() ** 0.7)
        own = list(_lines(random, len(lines), order, day, days, prices))
        lines += own
        customer = 1 + int(CUSTOMERS * random.random() ** 1.7)
        status = "O" if day > _DAYS - 90 else "F"
        total = round(sum(line[5] * (1 - line[6]) for line in own), 2)
        priority = random.choice(("1-URGENT", "2-HIGH", "3-MEDIUM", "4-LOW", "5-NONE"))
        orders.append((order, customer, status, total, days[day], priority))
    return orders, lines


def _lines(
    random: Random, done: int, order: int, day: int, days: list[str], prices: list[float]
) -> Iterator[tuple[Any, ...]]:
    count = random.choices(range(1, 8), cum_weights=_LINES)[0]
    for number in range(1, count + 1):
        part = int(PARTS * random.random() ** 1.5)
        quantity = 1 + int(50 * random.random())
        shipped = day + 1 + int(random.expovariate(0.06)) % 120
        promised = day + 30 + int(60 * random.random())
        received = shipped + 1 + int(30 * random.random())
        flag = "N" if received > _DAYS - 60 or random.random() > 0.06 else "R"
        mode = random.choices(_MODES, _MODE_WEIGHTS)[0]
        yield (
            *(done + number, order, part + 1, 1 + part % SUPPLIERS, quantity),
            *(round(quantity * prices[part], 2), int(11 * random.random()) / 100, flag, mode),
            *(days[shipped], days[promised], days[received]),
        )


DEMO = Demo(
    name="sql-latency",
    summary="a shop's dashboard queries on SQLite: find the indexes and settings that make them faster",
    make=make,
    overrides=(
        "recipe=sql-latency",
        "scope=src/queries",
        "options.url=sqlite:///data/shop.sqlite",
        "budget.experiments=10",
        "verdict.patience=quick",
    ),
    extra="sql",
)
