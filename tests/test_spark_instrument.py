import json
import os
import subprocess
import sys

import pytest

from autoopt.errors import UsageError
from autoopt.instruments.spark import candidates, conf, engine, eventlog, notebook
from autoopt.instruments.spark.command import main

NOTEBOOK = """\
# Databricks notebook source
# MAGIC %md
# MAGIC # Sales
# COMMAND ----------
dbutils.widgets.text("day", "2024-01-01")
rows = [dbutils.widgets.get("day")]
# COMMAND ----------
# MAGIC %sql
# MAGIC -- one; two
# MAGIC SELECT ';' AS a;
# MAGIC SELECT 2
# COMMAND ----------
display(rows)
dbutils.notebook.exit("done")
rows.append("never")
"""


class Recorder:
    """Stands for a session: notes the queries."""

    def __init__(self):
        self.queries = []

    def sql(self, text):
        self.queries.append(text)


def test_a_notebook_runs_cell_by_cell_with_its_sql_and_without_its_prose(tmp_path):
    path, spark = tmp_path / "sales.py", Recorder()
    path.write_text(NOTEBOOK)
    known = notebook.names(spark)
    with pytest.raises(notebook.NotebookExitError):
        exec(notebook.compiled(path), known)

    assert known["rows"] == ["2024-01-01"]
    assert spark.queries == ["SELECT ';' AS a", "SELECT 2"]


def test_a_notebooks_error_is_at_the_line_that_its_author_sees(tmp_path):
    path = tmp_path / "sales.py"
    path.write_text(NOTEBOOK.replace("display(rows)", "1 / 0"))
    with pytest.raises(ZeroDivisionError) as raised:
        exec(notebook.compiled(path), notebook.names(Recorder()))

    assert raised.traceback[-1].lineno + 1 == path.read_text().splitlines().index("1 / 0") + 1


def test_a_cell_in_another_language_is_refused_with_its_line(tmp_path):
    path = tmp_path / "sales.py"
    path.write_text("# Databricks notebook source\n# MAGIC %scala\n# MAGIC val x = 1\n")

    with pytest.raises(UsageError, match=r"sales\.py, line 2: cells with %scala cannot run here"):
        notebook.compiled(path)


def test_a_settings_file_is_read_as_spark_reads_it_and_a_line_it_would_skip_is_refused(tmp_path):
    path = tmp_path / "spark-defaults.conf"
    path.write_text("# a\n! b\n\nspark.a 1\nspark.b=2 # x\nspark.c : 3 \\\n   4\n")

    assert conf.load(path) == {"spark.a": "1", "spark.b": "2 # x", "spark.c": "3 4"}
    assert conf.load(tmp_path / "none.conf") == {}
    path.write_text("spark.a 1\ngarbage here\n")
    with pytest.raises(UsageError, match=r"line 2: 'garbage here' is no setting of Spark"):
        conf.load(path)


@pytest.mark.parametrize(
    ("master", "kind", "addresses"),
    [
        ("local[2]", engine.Kind.local, []),
        ("spark://a:7077,b:7078", engine.Kind.cluster, [("a", 7077), ("b", 7078)]),
        ("sc://h/;token=x", engine.Kind.connect, [("h", 15002)]),
    ],
)
def test_a_master_names_an_engine(master, kind, addresses):
    found = engine.parse(master, {})

    assert (found.kind, found.addresses) == (kind, addresses)


def test_candidates_are_the_files_own_settings_first_and_what_the_job_sets_itself_is_searched_there(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text('spark.conf.set("spark.sql.shuffle.partitions", "200")\n')
    settings = {"spark.sql.adaptive.enabled": "false", "spark.sql.session.timeZone": "UTC"}
    local = engine.parse("local[2]", {})
    found = candidates.find(local, settings, conf="s.conf", job="job.py", scope=("job.py", "s.conf"))
    remote = candidates.find(engine.parse("sc://h:1", {}), {}, conf="s.conf", job="job.py", scope=("s.conf",))

    assert next(iter(found)) == "adaptive_enabled"
    assert found["adaptive_enabled"]["first"] == [None, True]
    assert found["shuffle_partitions"]["file"] == "job.py" and 200 in found["shuffle_partitions"]["choices"]
    assert not any("timeZone" in name for name in found)
    assert "io_compression_codec" in found and "io_compression_codec" not in remote
    assert "shuffle_partitions" not in remote  # the job sets it, and is not in scope


def test_the_event_log_gives_sums_of_one_window_and_one_session_only(tmp_path):
    def task(stage, launched, written):
        return {
            "Event": "SparkListenerTaskEnd",
            "Stage ID": stage,
            "Stage Attempt ID": 0,
            "Task Info": {"Launch Time": launched},
            "Task Metrics": {
                "Executor CPU Time": 2_000_000_000,
                "Shuffle Write Metrics": {"Shuffle Bytes Written": written},
                "Shuffle Read Metrics": {"Local Bytes Read": 3, "Remote Bytes Read": 4},
            },
        }

    def job(stage, tags):
        event = {"Event": "SparkListenerJobStart", "Job ID": stage, "Stage IDs": [stage]}
        return {**event, "Properties": {"spark.job.tags": tags}}

    rolled = tmp_path / "eventlog_v2_app-1"
    rolled.mkdir()
    events = [
        job(1, "Session_me"),
        task(1, 100, 10),
        task(1, 900, 20),
        job(2, "Session_other"),
        task(2, 100, 40),
    ]
    for number, event in enumerate(events, 8):  # the tenth file comes after the ninth
        text = json.dumps(event, separators=(",", ":"))
        (rolled / f"events_{number}_app-1.inprogress").write_text(f"{text}\n{text[:20]}")
    numbers = eventlog.read(tmp_path, session="Session_me").numbers(eventlog.Window(begin=50, end=200))

    assert numbers["shuffle_write_bytes"] == 10
    assert numbers["shuffle_read_bytes"] == 7
    assert (numbers["executor_cpu_s"], numbers["tasks"], numbers["stages"]) == (2.0, 1, 1)


def test_an_event_log_in_a_codec_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "app-1.lz4").write_bytes(b"x")

    with pytest.raises(UsageError, match=r"codec=zstd or spark\.eventLog\.compress=false"):
        eventlog.read(tmp_path)


def complaint(capfd, *words, **environ):
    code = main([*words], {**os.environ, **environ})
    return code, capfd.readouterr().err.strip()


def test_what_is_missing_is_one_line_at_once(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text("")
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    run = ("run", "--job", "job.py")
    empty = {"PATH": str(tmp_path), "JAVA_HOME": ""}

    assert "options.job: none.py is not there" in complaint(capfd, "run", "--job", "none.py")[1]
    assert complaint(capfd, *run, "--python", f"{bare}/bin/python")[1].startswith(
        "autoopt: PySpark is not installed"
    )
    code, line = complaint(
        capfd, *run, "--master", "databricks", DATABRICKS_CLUSTER_ID="", DATABRICKS_PROFILE=""
    )
    assert "set DATABRICKS_CLUSTER_ID" in line and code == 2 and "\n" not in line
    line = complaint(
        capfd, *run, "--master", "databricks", "--python", f"{bare}/bin/python", DATABRICKS_PROFILE="x"
    )[1]
    assert "pip install databricks-connect" in line
    pytest.importorskip("pyspark")
    assert "Spark needs Java 17" in complaint(capfd, *run, **empty)[1]
    line = complaint(capfd, *run, "--master", "sc://127.0.0.1:9")[1]
    assert "nothing answers at 127.0.0.1:9" in line and "\n" not in line
