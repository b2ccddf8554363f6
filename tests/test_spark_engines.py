"""The job instrument on real engines: a local Spark, a standalone cluster, a Spark Connect server."""

import json
import os
import subprocess
import sys

import pytest

from autoopt.detect.spark import UNITS
from tests.support.spark_servers import QUICK, cluster, connect_server, need_spark

JOB = """\
from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.appName("daily").getOrCreate()
orders = spark.range(0, 4000, 1, 2).selectExpr("id", "id % 50 AS k", "id / 7 AS v")
names = spark.range(0, 50, 1, 1).select(F.col("id").alias("k"), F.concat(F.lit("n"), "id").alias("name"))
out = orders.join(names, "k").groupBy("name").agg(F.sum("v").alias("total"), F.count("*").alias("n"))
rows = out.collect()
print("METRIC shuffle_write_bytes=1")
"""
CONF = """\
# copied from another cluster
spark.sql.autoBroadcastJoinThreshold -1
spark.sql.shuffle.partitions=4
spark.sql.adaptive.enabled false
spark.executor.memory 512m
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "spark-defaults.conf").write_text(CONF)
    return tmp_path


def instrument(act, master, *words, code=0, **environ):
    command = [sys.executable, "-P", "-m", "autoopt.instruments.spark", act, "--job", "job.py"]
    done = subprocess.run(
        [*command, "--conf", "spark-defaults.conf", "--master", master, *words],
        env={**os.environ, **QUICK, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def numbers(done):
    lines = [line.removeprefix("METRIC ").split("=") for line in done.stdout.splitlines()]
    return {name: float(value) for name, value in lines}


def test_a_cluster_gives_every_number_of_its_tasks(project, tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster")) as master:
        found = numbers(instrument("run", master))

    assert set(found) == set(UNITS)
    assert found["shuffle_write_bytes"] == found["shuffle_read_bytes"] > 20_000
    assert found["job_s"] > 0 and found["executor_cpu_s"] > 0
    assert found["tasks"] > found["stages"] > 1


def test_a_connect_server_gives_its_time_its_event_log_all_numbers_and_failures_a_line(
    project, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("connect")
    with connect_server(folder) as master:
        refused = instrument("run", master, "--measure", "shuffle_write_bytes", code=2).stderr
        timed = numbers(instrument("run", master))
        logged = numbers(instrument("run", master, "--event-log", str(folder / "events")))
        profile = instrument("profile", master).stdout
        compared = json.loads(instrument("inventory", master, "--output=out").stdout)["same"]
        (project / "job.py").write_text(JOB + "raise ValueError('no such day')\n")
        failed = instrument("run", master, code=1)

    assert "give options.event_log=DIR" in refused
    assert set(timed) == {"job_s"}
    assert set(logged) == set(UNITS)
    assert logged["shuffle_write_bytes"] > 20_000 and logged["tasks"] > 0
    assert "DataFrame out\n  == Physical Plan ==" in profile and "SortMergeJoin" in profile
    assert compared["out:rows"] == 50
    assert compared["out:schema"] == "struct<name:string,total:double,n:bigint>"
    assert failed.stdout == ""
    assert "autoopt: job.py failed: ValueError: no such day" in failed.stderr.splitlines()


def test_fewer_bytes_without_the_bad_setting_and_the_same_ones_each_time(project):
    need_spark()
    before = numbers(instrument("run", "local[1]", "--repeats", "2"))
    again = numbers(instrument("run", "local[1]"))
    (project / "spark-defaults.conf").write_text(
        CONF.replace("spark.sql.autoBroadcastJoinThreshold -1\n", "")
    )
    after = numbers(instrument("run", "local[1]"))

    assert (
        before["shuffle_write_bytes"] == again["shuffle_write_bytes"] > 2 * after["shuffle_write_bytes"] > 0
    )
    assert before["tasks"] == again["tasks"] > after["tasks"]


def test_a_local_profile_has_stages_and_the_plan_with_what_was_shuffled(project):
    need_spark()
    (project / "job.py").write_text(JOB + "spark.stop()\n")
    lines = instrument("profile", "local[2]").stdout.splitlines()

    assert lines[0].startswith("executor_run_s ")
    assert any(line.startswith("stage 0: ") and " B: collect at " in line for line in lines)
    assert any("SortMergeJoin" in line for line in lines)


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    need_spark()
    from pyspark.sql import SparkSession

    settings = {
        "spark.sql.warehouse.dir": tmp_path_factory.mktemp("warehouse").as_uri(),  # not where pytest runs
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.ansi.enabled": "true",
    }
    builder = SparkSession.builder.master("local[1]").config(map=settings)
    with pytest.MonkeyPatch.context() as environ:
        for name, value in {**QUICK, "SPARK_LOCAL_IP": "127.0.0.1"}.items():
            environ.setenv(name, value)
        session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.parametrize(
    ("schema", "base", "changed", "equal"),
    [
        ("a int, v double", [(1, 0.1), (2, 0.7)], [(2, 0.7000000000000001), (1, 0.1)], True),
        ("a int, v double", [(1, 0.1), (2, 0.7)], [(1, 0.7), (2, 0.1)], False),
        ("a int, v double", [(1, 0.1), (2, 0.7)], [(1, 0.1), (2, 0.70001)], False),
        ("a int, v double", [(1, float("nan")), (2, None)], [(2, None), (1, float("nan"))], True),
        ("a int, v double", [(1, float("nan")), (2, None)], [(1, None), (2, float("nan"))], False),
        ("a int, v float", [(1, float("inf"))], [(1, float("-inf"))], False),
        ("a int", [(1,), (1,), (2,)], [(1,), (2,), (2,)], False),
        ("a int, b string", [(1, None)], [(None, "1")], False),
        ("a int, b string", [(1, "x")], [(1, "x "),], False),
        ("m map<string,int>", [({"a": 1},)], [({"a": 2},)], False),
        ("m map<string,int>", [({"a": 1},)], [({"a": 1},)], True),
        ("`a b` double, s struct<x:int>", [(1e9, (1,)), (-1e9, (2,))], [(-1e9, (2,)), (1e9, (1,))], True),
        ("a int", [], [], True),
    ],
)  # fmt: skip
def test_a_hash_is_equal_exactly_when_the_rows_are_in_any_order(spark, schema, base, changed, equal):
    from autoopt.instruments.spark import fingerprint

    first, second = (
        fingerprint.of(spark, "out", {"out": spark.createDataFrame(rows, schema)}) for rows in (base, changed)
    )

    assert first["out:rows"] == len(base)
    assert (first == second) is equal


def test_files_views_and_missing_outputs_are_told_apart(spark, tmp_path, monkeypatch):
    from autoopt.errors import UsageError
    from autoopt.instruments.spark import fingerprint

    monkeypatch.chdir(tmp_path)
    frame = spark.range(3)
    frame.write.json(f"{tmp_path}/day")
    frame.createOrReplaceTempView("daily")

    assert fingerprint.of(spark, f"{tmp_path}/day", {})[f"{tmp_path}/day:rows"] == 3
    assert fingerprint.of(spark, "daily", {})["daily:schema"] == "struct<id:bigint>"
    with pytest.raises(UsageError, match="the job left no table, view or DataFrame nightly"):
        fingerprint.of(spark, "nightly", {})
