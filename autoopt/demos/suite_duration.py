"""A shop's report with tests that make the same data again and again, and code that searches lists."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, suite_project

_REPORT = '''\
"""A report of a shop's orders."""


def known(orders, customers):
    """The orders of customers that are known, in order."""
    names = [customer.lower() for customer in customers]
    return [order for order in orders if order["customer"] in names]


def totals(orders):
    """What each customer has spent."""
    spent = {}
    for order in orders:
        spent[order["customer"]] = spent.get(order["customer"], 0) + order["cents"]
    return spent


def largest(orders):
    """The largest order."""
    return sorted(orders, key=lambda order: order["cents"])[-1]
'''
_TESTS = '''\
import hashlib

import pytest

from shop.report import known, largest, totals

CUSTOMERS = [f"Customer{number}" for number in range(700)]


@pytest.fixture
def orders():
    """Orders that are random and the same every time."""
    made = []
    for number in range(9_000):
        digest = hashlib.pbkdf2_hmac("sha256", b"order", str(number).encode(), 30)
        customer = int.from_bytes(digest[:4], "big") % 1000
        made.append({"customer": f"customer{customer}", "cents": int.from_bytes(digest[4:8], "big") % 10_000})
    return made


def test_orders_of_others_are_left_out(orders):
    assert len(known(orders, CUSTOMERS)) == 6325


def test_the_first_known_order(orders):
    assert known(orders, CUSTOMERS)[0] in orders


def test_nobody_is_known_without_customers(orders):
    assert known(orders, []) == []


def test_totals_add_up(orders):
    assert sum(totals(orders).values()) == sum(order["cents"] for order in orders)


def test_every_customer_has_a_total(orders):
    assert len(totals(orders)) == 999


def test_no_order_is_larger_than_the_largest(orders):
    assert all(order["cents"] <= largest(orders[:50])["cents"] for order in orders[:50])


@pytest.mark.parametrize("count", [1, 10, 100, 1000])
def test_the_largest_of_a_few(orders, count):
    assert largest(orders[:count]) in orders[:count]
'''

_RECIPE = """\
# What makes the tests of the report quicker, and leaves them the tests they are?
#
#   autoopt recipe=quick-tests
defaults:
  - test-duration
  - _self_
goal: less time for the tests of the report
scope: [src, tests]
metric:
  extract:
    kind: cpu # other work on the machine does not count
  baseline_samples: 3
  env:
    PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1" # plugins that happen to be installed take longer than the tests
verdict:
  patience: quick # an experiment costs seconds, so an unclear change is given up early
budget:
  experiments: 5
"""


def make(directory: Path) -> None:
    """Write the report, its tests, and a recipe."""
    suite_project.write(
        directory,
        {
            ".autoopt/recipes/quick-tests.yaml": _RECIPE,
            "src/shop/__init__.py": "",
            "src/shop/report.py": _REPORT,
            "tests/test_report.py": _TESTS,
        },
    )


DEMO = Demo(
    name="test-duration",
    summary="slow tests of a shop's report: what makes them quicker and the same tests",
    make=make,
    overrides=("recipe=quick-tests",),
    extra="testing",
)
