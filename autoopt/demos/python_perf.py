"""A nightly report over a web shop's access log, with the constants its author left in it."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from autoopt.demos import Demo, files

ROWS = 15_000
_SEED = 7
_ZONES = (UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-5)))
_ZONE_WEIGHTS = (90, 7, 3)
_ROUTES = (
    "/",
    "/search",
    "/product/{}",
    "/product/{}/reviews",
    "/cart/{}",
    "/checkout",
    "/account/orders/{}",
)
_ROUTE_WEIGHTS = (14, 22, 34, 8, 12, 4, 6)
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64)",
    "Mozilla/5.0 (iPhone, like Mac OS X)",
    "curl/8.5.0",
    "Googlebot/2.1",
)

_REPORT = '''\
"""The nightly report: requests, errors and slow routes of one day's access log, which it also archives."""

import argparse
import csv
import functools
import gc
import gzip
import heapq
import io
import re
from collections import defaultdict
from datetime import datetime, timezone

PARSER = "dict"  # how a line becomes fields: dict (by name) or reader (by position)
CLOCK = "strptime"  # how a time is read: strptime, iso, or hour (takes the digits as they are)
READ_BUFFER = 512  # bytes read from the log at a time
ROUTE_CACHE = 0  # paths whose route is remembered; 0 remembers none
ARCHIVE_LEVEL = 9  # gzip level of the archive, 1 to 9
ARCHIVE_BATCH = 1  # lines handed to gzip at a time
GC_THRESHOLD = 700  # allocations between two garbage collections
TOP = "sort"  # how the slowest routes are found: sort or heap

FIELDS = ("time", "user", "agent", "method", "path", "status", "ms")


def read(path):
    """The log's rows as tuples in the order of FIELDS."""
    with open(path, newline="", buffering=READ_BUFFER) as file:
        if PARSER == "dict":
            for row in csv.DictReader(file):
                yield tuple(row[name] for name in FIELDS)
        else:
            rows = csv.reader(file)
            next(rows)
            yield from rows


def hour(text):
    """The hour of the day, in UTC."""
    if CLOCK == "hour":
        return int(text[11:13])
    if CLOCK == "iso":
        moment = datetime.fromisoformat(text)
    else:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    return moment.astimezone(timezone.utc).hour


@functools.lru_cache(maxsize=ROUTE_CACHE)
def route(path):
    """The path without its query and with its numbers replaced: /product/17?x=1 is /product/:id."""
    bare = re.sub(r"[?#].*$", "", path)
    return re.sub(r"/\\d+(?=/|$)", "/:id", bare).rstrip("/") or "/"


def archive(rows, path):
    """Pass the rows on, and write them compressed."""
    with gzip.open(path, "wt", compresslevel=ARCHIVE_LEVEL, newline="") as file:
        batch = io.StringIO()
        write = csv.writer(batch).writerow
        for count, row in enumerate(rows, start=1):
            write(row)
            if count % ARCHIVE_BATCH == 0:
                file.write(batch.getvalue())
                batch.seek(0)
                batch.truncate()
            yield row
        file.write(batch.getvalue())


def summarise(rows):
    """Requests by hour, users, and count, errors and times by route."""
    hours, users = defaultdict(int), set()
    times, errors = defaultdict(list), defaultdict(int)
    for time, user, _agent, _method, path, status, ms in rows:
        name = route(path)
        hours[hour(time)] += 1
        users.add(user)
        times[name].append(float(ms))
        errors[name] += status.startswith("5")
    return hours, users, times, errors


def slowest(times, count):
    """The routes with the largest 95th percentile."""
    ranked = {name: sorted(taken)[int(len(taken) * 0.95)] for name, taken in times.items()}
    if TOP == "heap":
        return heapq.nlargest(count, ranked.items(), key=lambda item: item[1])
    return sorted(ranked.items(), key=lambda item: -item[1])[:count]


def report(log, archive_path):
    """The report's lines."""
    hours, users, times, errors = summarise(archive(read(log), archive_path))
    yield f"users {len(users)}"
    for name in sorted(hours):
        yield f"hour {name:02d} {hours[name]}"
    for name in sorted(times):
        yield f"route {name} {len(times[name])} {errors[name]} {sum(times[name]) / len(times[name]):.3f}"
    for name, taken in slowest(times, 5):
        yield f"slow {name} {taken:.3f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--archive", required=True)
    options = parser.parse_args()
    gc.set_threshold(GC_THRESHOLD)
    print("\\n".join(report(options.log, options.archive)))


if __name__ == "__main__":
    main()
'''

_TEST = '''\
import gzip
import tempfile
import unittest
from pathlib import Path

import report

LOG = """\\
time,user,agent,method,path,status,ms
2024-03-01T23:30:00+00:00,u1,curl/8.5.0,GET,/product/17?ref=mail,200,12.5
2024-03-01T01:10:00+02:00,u2,"Mozilla/5.0 (iPhone, like Mac OS X)",GET,/product/4/reviews,503,80.0
2024-03-01T23:59:59+00:00,u1,curl/8.5.0,POST,/checkout/,200,40.0
"""


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.log, self.archive = self.directory / "log.csv", self.directory / "log.csv.gz"
        self.log.write_text(LOG)
        self.lines = list(report.report(self.log, self.archive))

    def test_hours_are_utc(self):
        self.assertEqual([line for line in self.lines if line.startswith("hour")], ["hour 23 3"])

    def test_numbers_and_queries_do_not_make_new_routes(self):
        self.assertIn("route /product/:id 1 0 12.500", self.lines)
        self.assertIn("route /checkout 1 0 40.000", self.lines)

    def test_errors_and_slow_routes_are_found(self):
        self.assertIn("route /product/:id/reviews 1 1 80.000", self.lines)
        self.assertIn("slow /product/:id/reviews 80.000", self.lines)

    def test_the_archive_holds_every_row(self):
        self.assertEqual(gzip.open(self.archive, "rt").read().splitlines(), LOG.splitlines()[1:])


if __name__ == "__main__":
    unittest.main()
'''

_RECIPE = """\
# The nightly report: which of its constants make it quicker, with the same report at the end?
#
#   autoopt recipe=nightly-report
defaults:
  - python-perf
  - _self_
goal: less time for the nightly report
scope: report.py
metric:
  command: ${python} report.py data/requests.csv --archive "$TMPDIR/requests.csv.gz"
guards:
  tests: # among them that hours are counted in UTC, which CLOCK=hour gets wrong
    command: ${python} -m unittest -q
params:
  PARSER: {file: report.py, python: PARSER, choices: [dict, reader]}
  CLOCK: {file: report.py, python: CLOCK, choices: [strptime, iso, hour], first: [hour, iso]}
  ROUTE_CACHE: {file: report.py, python: ROUTE_CACHE, choices: [0, 128, 65536], first: [65536]}
  ARCHIVE_LEVEL: {file: report.py, python: ARCHIVE_LEVEL, low: 1, high: 9, first: [6]}
  ARCHIVE_BATCH: {file: report.py, python: ARCHIVE_BATCH, choices: [1, 100, 10000]}
  READ_BUFFER: {file: report.py, python: READ_BUFFER, low: 256, high: 1048576, log: true, first: [65536]}
  GC_THRESHOLD: {file: report.py, python: GC_THRESHOLD, choices: [700, 10000, 100000]}
  TOP: {file: report.py, python: TOP, choices: [sort, heap], first: [heap]}
propose:
  use: [optuna] # without this line, codemods and ruff have their turns too
  discover: null # all of the constants are named above
budget:
  experiments: 10
"""

_README = """\
# Nightly report

`python report.py data/requests.csv --archive requests.csv.gz` prints requests by hour, errors and slow
routes of one day's access log, and archives the log. `python -m unittest` tests it.

The constants at the top of `report.py` are what somebody once chose. The recipe
`.autoopt/recipes/nightly-report.yaml` says which of them may change and what must stay the same;
`autoopt recipe=nightly-report` finds out what they cost.
"""


def make(directory: Path) -> None:
    """Write the project: the report, its test, a recipe, and a day of requests that git ignores."""
    files.write(
        directory,
        {
            ".autoopt/recipes/nightly-report.yaml": _RECIPE,
            "report.py": _REPORT,
            "test_report.py": _TEST,
            "README.md": _README,
            ".gitignore": "/data/\n__pycache__/\n",
        },
    )
    (directory / "data").mkdir()
    with (directory / "data" / "requests.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("time", "user", "agent", "method", "path", "status", "ms"))
        writer.writerows(_requests())


def _requests() -> Iterator[tuple[str, ...]]:
    """One day of requests in order of time, the same ones every time."""
    rng = random.Random(_SEED)
    moment = datetime(2024, 3, 1, tzinfo=UTC)
    step = timedelta(days=1) / ROWS
    for _ in range(ROWS):
        moment += step * rng.expovariate(1.0) * 0.99
        zone = rng.choices(_ZONES, _ZONE_WEIGHTS)[0]
        path = rng.choices(_ROUTES, _ROUTE_WEIGHTS)[0].format(int(rng.paretovariate(0.8)) % 4_000)
        path += "?q=" + rng.choice(("red+shoes", "lamp", "tea", "desk")) if path == "/search" else ""
        yield (
            moment.astimezone(zone).isoformat(timespec="seconds"),
            f"u{int(rng.paretovariate(0.6)) % 3_000}",
            rng.choice(_AGENTS),
            "POST" if path == "/checkout" else "GET",
            path,
            rng.choices(("200", "304", "404", "500"), (88, 7, 4, 1))[0],
            f"{rng.lognormvariate(3.2, 0.8):.1f}",
        )


DEMO = Demo(
    name="python-perf",
    summary="a nightly report over an access log: which of its constants make it quicker",
    make=make,
    overrides=("recipe=nightly-report",),
    extra=None,
)
