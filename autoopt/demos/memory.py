"""A month of mobile data, billed: a program that holds more of its input than it has to."""

from __future__ import annotations

import random
from pathlib import Path

from autoopt.demos import Demo, files

RECORDS = 80_000
_SEED = 11

_BILLING = '''\
"""The month's bills: data used by plan, and how many records were written to the archive."""

import argparse
import gzip
from itertools import islice

BATCH = 100_000  # records that are sorted and archived at a time


def records(path):
    """Customer, day, plan and megabytes of each record."""
    with open(path) as file:
        for line in file.readlines():
            customer, day, plan, megabytes = line.rstrip("\\n").split(",")
            yield customer, int(day), plan, float(megabytes)


def archive(rows, target):
    """Write the records compressed, in the order of days within each batch; how many there were."""
    count = 0
    with gzip.open(target, "wt", compresslevel=1) as file:
        while batch := list(islice(rows, BATCH)):
            batch.sort(key=lambda row: row[1])
            file.write("".join([f"{row[1]},{row[0]},{row[3]}\\n" for row in batch]))
            count += len(batch)
    return count


def bills(path):
    """Megabytes by plan."""
    used = {}
    for _customer, _day, plan, megabytes in records(path):
        used[plan] = used.get(plan, 0.0) + megabytes
    return used


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("records")
    parser.add_argument("--archive", required=True)
    options = parser.parse_args()
    print("archived", archive(records(options.records), options.archive))
    print("largest", max([row[3] for row in records(options.records)]))
    for plan, megabytes in sorted(bills(options.records).items()):
        print("plan", plan, round(megabytes, 1))


if __name__ == "__main__":
    main()
'''

_TEST = """\
import gzip
import tempfile
import unittest
from pathlib import Path

import billing

RECORDS = "c1,3,gold,10.5\\nc2,1,basic,2.25\\nc1,2,gold,1.0\\n"


class BillingTest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = self.directory / "records.csv"
        self.path.write_text(RECORDS)

    def test_megabytes_add_up_by_plan(self):
        self.assertEqual(billing.bills(self.path), {"gold": 11.5, "basic": 2.25})

    def test_every_record_is_archived(self):
        target = self.directory / "archive.gz"
        self.assertEqual(billing.archive(billing.records(self.path), target), 3)
        lines = gzip.open(target, "rt").read().splitlines()
        self.assertEqual(sorted(lines), ["1,c2,2.25", "2,c1,1.0", "3,c1,10.5"])


if __name__ == "__main__":
    unittest.main()
"""

_RECIPE = """\
# The month's bills: what of them need not be in memory all at once, with the same bills at the end?
#
#   autoopt recipe=billing-memory
defaults:
  - memory
  - _self_
goal: less memory for the month's bills
scope: billing.py
metric:
  command: ${python} billing.py data/records.csv --archive "$TMPDIR/records.gz"
guards:
  tests:
    command: ${python} -m unittest -q
params:
  BATCH: {file: billing.py, python: BATCH, low: 100, high: 100000, log: true, first: [1000]}
propose:
  use: [optuna, ruff, codemods]
  discover: null
budget:
  experiments: 6
"""

_README = """\
# Bills

`python billing.py data/records.csv --archive records.gz` prints the data used by plan in one month, and
archives the records. `python -m unittest` tests it.

It reads more than it needs at one time. `autoopt recipe=billing-memory` finds out what of that can go:
the recipe is `.autoopt/recipes/billing-memory.yaml`.
"""


def make(directory: Path) -> None:
    """Write the project: the program, its test, a recipe, and a month of records that git ignores."""
    files.write(
        directory,
        {
            ".autoopt/recipes/billing-memory.yaml": _RECIPE,
            "billing.py": _BILLING,
            "test_billing.py": _TEST,
            "README.md": _README,
            ".gitignore": "/data/\n__pycache__/\n",
        },
    )
    (directory / "data").mkdir()
    rng = random.Random(_SEED)
    with (directory / "data" / "records.csv").open("w", newline="") as file:
        for _ in range(RECORDS):
            plan = rng.choices(("basic", "silver", "gold"), (60, 30, 10))[0]
            customer, day = rng.randrange(40_000), rng.randrange(1, 31)
            file.write(f"customer-{customer:06d},{day},{plan},{rng.lognormvariate(3.0, 1.0):.2f}\n")


DEMO = Demo(
    name="memory",
    summary="a month of mobile data, billed: what of it need not be in memory at once",
    make=make,
    overrides=("recipe=billing-memory", "verdict.patience=quick"),
    extra=None,
)
