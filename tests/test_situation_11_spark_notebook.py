"""A Spark notebook kept as .py, timed with `hyperfine --warmup 1`; its schema must stay as it is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.support.spark_servers import connect_server, need_spark

# It waits for seconds: an effect that no busy machine hides.
NOTEBOOK = """\
# Databricks notebook source
# MAGIC %md
# MAGIC Sales by shop

# COMMAND ----------

import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.getOrCreate()

# COMMAND ----------

sales = spark.range(0, 600).withColumn("shop", F.col("id") % 3).withColumn("amount", F.col("id") / 4)
time.sleep(3)  # waits for a table that is not needed any more

# COMMAND ----------

daily = sales.groupBy("shop").agg(F.sum("amount").alias("revenue"), F.count("*").alias("sales"))
rows = daily.collect()
"""
# First as a careless model would: quicker, but without a column. Then only without the wait.
AGENT = """\
import json, pathlib, sys

prompt, path = sys.stdin.read(), pathlib.Path("notebooks/sales.py")
ideas = [
    {"hypothesis": f"{what} should lower the time because it waits for nothing", "area": area,
     "impact": 9, "feasibility": 9, "novelty": 9, "assumption": "nothing reads it", "risk": "none"}
    for what, area in (("Counting no sales", "columns"), ("Dropping the wait", "wait"))
]
if "Edit nothing yet" in prompt:
    answer = json.dumps({"ideas": ideas})
else:
    text = path.read_text().replace("time.sleep(3)", "")
    careless = "Counting no sales" in prompt.rpartition("make this one change")[2]
    path.write_text(text.replace(', F.count("*").alias("sales")', "") if careless else text)
    answer = json.dumps({"description": "count no sales" if careless else "wait for nothing"})
print(json.dumps({"answer": answer}))
"""


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "shop"
    (root / "notebooks").mkdir(parents=True)
    (root / "notebooks" / "sales.py").write_text(NOTEBOOK)
    (tmp_path / "agent.py").write_text(AGENT)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A notebook"]):
        subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@x", *words], cwd=root, check=True)
    return root


def decisions(home, run):
    """The journal's decisions, once there are those of two experiments or the run is over."""
    found, deadline = [], time.monotonic() + 900
    while len(found) < 3 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
        lines = [line for path in home.glob("state/autoopt/*/sales/journal.jsonl") for line in path.open()]
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        found = [event["experiment"] for event in whole if event["event"] == "DECIDED"]
    return found


def test_a_quicker_notebook_is_kept_and_one_that_loses_a_column_is_not(project, tmp_path):
    need_spark()
    if shutil.which("hyperfine") is None:
        pytest.skip("hyperfine is not installed")
    (tmp_path / "server").mkdir()
    timed = f"hyperfine --warmup 1 --runs 1 --export-json times.json '{sys.executable} notebooks/sales.py'"
    with connect_server(tmp_path / "server") as master, (tmp_path / "output").open("w") as output:
        run = subprocess.Popen(
            [
                *(sys.executable, "-m", "autoopt", "recipe=spark-connect", "scope=notebooks", "run_id=sales"),
                *(f"options.master={master}", f"metric.env.SPARK_REMOTE={master}", "options.output=daily"),
                *(
                    f"metric.command={timed}",
                    "metric.extract.kind=hyperfine",
                    "metric.extract.pattern=",
                    "metric.extract.file=times.json",
                ),
                *("metric.baseline_samples=2", "metric.probe=no", "metric.warmups=0"),
                *("propose.use=[agent]", "budget.experiments=2", "confirm=no", "agent=command"),
                f"agent.command={sys.executable} {tmp_path / 'agent.py'}",
                "agent.answer={format: json, text: answer}",
            ],
            cwd=project,
            env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")},
            stdout=output,
            stderr=output,
        )
        try:
            events = decisions(tmp_path, run)
        finally:
            run.send_signal(signal.SIGINT)  # the fresh pairs at its end would take minutes
            run.wait()
    decided = {experiment["description"]: experiment for experiment in events}
    said = (tmp_path / "output").read_text()

    assert {"count no sales", "wait for nothing"} <= decided.keys(), said
    assert decided["count no sales"]["status"] == "inspector-reject", said
    assert "daily:schema" in json.dumps(decided["count no sales"]["findings"])
    assert decided["wait for nothing"]["status"] == "keep", said
