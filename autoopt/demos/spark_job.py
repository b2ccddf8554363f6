"""A shop's nightly Spark job, with the settings that somebody copied from an older and larger cluster."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from autoopt.demos import Demo, files

ORDERS = 20_000
CUSTOMERS = 1_500
_SEED = 1
_REGIONS = ("north", "east", "south", "west")
_CHANNELS = ("web", "app", "shop", "phone")

_JOB = '''\
"""Revenue and orders by region, channel and day, from the shop's exports."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

ORDERS = "id INT, customer INT, day DATE, channel STRING, note STRING, amount DOUBLE"
CUSTOMERS = "customer INT, region STRING, name STRING"

spark = SparkSession.builder.appName("daily").getOrCreate()
orders = spark.read.csv("data/orders.csv", schema=ORDERS, header=True)
customers = spark.read.csv("data/customers.csv", schema=CUSTOMERS, header=True)
daily = (
    orders.join(customers, "customer")
    .groupBy("region", "channel", "day")
    .agg(F.sum("amount").alias("revenue"), F.count("*").alias("orders"), F.max("note").alias("last_note"))
)
daily.write.mode("overwrite").parquet("out/daily")
'''
_CONF = """\
# From the old cluster, whose driver had little memory.
spark.sql.autoBroadcastJoinThreshold -1
spark.sql.adaptive.enabled false
spark.sql.shuffle.partitions 24

# Nightly, for a minute: starting quickly counts for more than the last bit of compiled speed.
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
"""
_README = """\
# daily

`jobs/daily.py` sums up the exports in `data` every night; `jobs/spark-defaults.conf` has its settings.
"""


def make(directory: Path) -> None:
    """Write the sample project: a job, its settings, and some 20,000 orders as CSV."""
    random = Random(_SEED)
    files.write(
        directory,
        {
            "jobs/daily.py": _JOB,
            "jobs/spark-defaults.conf": _CONF,
            "README.md": _README,
            ".gitignore": "/out/\n",
        },
    )
    (directory / "data").mkdir()
    _write(
        directory / "data" / "orders.csv",
        ("id", "customer", "day", "channel", "note", "amount"),
        _orders(random),
    )
    _write(directory / "data" / "customers.csv", ("customer", "region", "name"), _customers(random))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _orders(random: Random) -> Iterable[Sequence[object]]:
    for number in range(ORDERS):
        customer = int(CUSTOMERS * random.random() ** 1.7)
        day = f"2024-0{random.randrange(1, 4)}-{random.randrange(1, 29):02}"
        note = f"order {number:07} of {random.randrange(10**8):08}"
        yield number, customer, day, random.choice(_CHANNELS), note, f"{random.uniform(3, 300):.2f}"


def _customers(random: Random) -> Iterable[Sequence[object]]:
    for number in range(CUSTOMERS):
        yield number, random.choice(_REGIONS), f"Customer {number:05}"


DEMO = Demo(
    name="spark-job",
    summary="a nightly Spark job: find the settings that keep its data from being shuffled",
    make=make,
    overrides=(
        "recipe=spark-job",
        "scope=jobs",
        "options.master=local[2]",
        "options.measure=shuffle_write_bytes",
        "metric.warmups=0",  # bytes are exact: the first run counts as much as any
        "metric.baseline_samples=2",
        "budget.experiments=2",
        "propose.use=[optuna]",
    ),
    extra="spark",
)
