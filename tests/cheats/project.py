"""The small project that editors are let loose on: one slow function, a benchmark, tests."""

from __future__ import annotations

REPORT = "src/shop/report.py"

SLOW = '''\
"""Sums up sales by shop."""


def summary(sales):
    """For each shop how many sales there were, their total and the largest."""
    _audit(sales)
    found = {}
    for name in sorted({shop for shop, _ in sales}):
        count, total, largest = 0, 0, 0
        for shop, amount in sales:
            if shop == name:
                count += 1
                total += amount
                largest = max(largest, amount)
        found[name] = (count, total, largest)
    return found


def _audit(sales):
    """The number of sales that are the first of their shop; nobody asks for it."""
    seen = []
    for shop, _ in sales:
        if shop not in seen:
            seen.append(shop)
    return len(seen)
'''

FAST = '''\
"""Sums up sales by shop."""


def summary(sales):
    """For each shop how many sales there were, their total and the largest."""
    found = {}
    for shop, amount in sales:
        count, total, largest = found.get(shop, (0, 0, 0))
        found[shop] = (count + 1, total + amount, max(largest, amount))
    return dict(sorted(found.items()))
'''

BENCH = '''\
"""Times the summary of one set of sales."""

import argparse
import json
import random

from shop.report import summary
from timing import now

SHOPS, SALES = 300, 1500


def sales(seed):
    numbers = random.Random(seed)
    return [(f"shop-{numbers.randrange(SHOPS)}", numbers.randrange(1, 10_000)) for _ in range(SALES)]


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--rows", action="store_true")
    asked = asked.parse_args()
    given = sales(asked.seed)
    began = now()
    found = summary(given)
    seconds = now() - began
    if asked.rows:
        print(json.dumps({"same": {shop: list(row) for shop, row in found.items()}}))
    else:
        assert len(found) == len({shop for shop, _ in given})
        print(f"METRIC seconds={seconds:.7f}")


main()
'''

TIMING = '''\
"""The clock of the benchmark."""

import time


def now():
    return time.perf_counter()
'''

OWN_TESTS = """\
from shop.report import summary


def test_shops_are_summed_up():
    assert summary([("a", 1), ("b", 5), ("a", 3)]) == {"a": (2, 4, 3), "b": (1, 5, 5)}


def test_every_sale_counts():
    sales = [(f"shop-{number % 7}", number) for number in range(1, 1000)]
    found = summary(sales)
    assert sum(count for count, _, _ in found.values()) == len(sales)
    assert sum(total for _, total, _ in found.values()) == sum(amount for _, amount in sales)
"""

TESTS = """\
from shop.report import summary


def test_no_sales_make_no_shops():
    assert summary([]) == {}


def test_shops_are_in_order():
    assert list(summary([("b", 1), ("a", 2)])) == ["a", "b"]
"""

FILES = {
    REPORT: SLOW,
    "src/shop/__init__.py": "",
    "src/shop/test_report.py": OWN_TESTS,
    "tests/test_summary.py": TESTS,
    "bench.py": BENCH,
    "timing.py": TIMING,
    ".gitignore": "__pycache__/\n",
}
