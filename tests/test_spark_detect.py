import shlex
from pathlib import Path

import pytest

from autoopt import compose
from autoopt.demos import spark_job
from autoopt.detect import DETECTORS, Place, spark
from autoopt.errors import UsageError
from autoopt.instruments.spark import eventlog
from autoopt.scope import Scope

JOB = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "daily.py").write_text(JOB + 'DAY = "out/day"\nspark.range(3).write.parquet(DAY)\n')
    return tmp_path


def found(name, root, **options):
    return DETECTORS[name].find(Place(root=root, scope=("jobs",), options=options))


def composed(*words, **environ):
    configs = []
    home = {"HOME": str(Path.cwd() / "home"), "XDG_STATE_HOME": str(Path.cwd() / "home")}
    compose.run(list(words), {**home, **environ}, configs.append)
    return configs[0]


def test_the_one_job_its_output_and_its_settings_are_found(project):
    assert found("spark_job", project) == "jobs/daily.py"
    assert found("spark_output", project) == "out/day"
    assert found("spark_conf", project) == "jobs/spark-defaults.conf"  # not there yet, but this is its place
    (project / "spark.properties").write_text("spark.sql.ansi.enabled=true\n")
    assert found("spark_conf", project) == "spark.properties"


def test_of_two_jobs_none_is_chosen_and_one_that_is_given_is(project):
    (project / "jobs" / "hourly.py").write_text(JOB)

    assert found("spark_job", project) is None
    assert found("spark_job", project, job="jobs/hourly.py") == "jobs/hourly.py"
    assert "options.job=" in DETECTORS["spark_job"].missing


@pytest.mark.parametrize(
    ("code", "outputs"),
    [
        ('df.write.format("csv").mode("overwrite").save("out/a b")', ["csv:out/a b"]),
        ('df.write.saveAsTable("shop.daily")', ["shop.daily"]),
        ('df.createOrReplaceTempView("daily")', ["daily"]),
        ('spark.read.parquet("in")', None),
        ("df.write.json(path())", None),
    ],
)
def test_what_a_job_writes_is_found_where_it_says_so_plainly(project, code, outputs):
    (project / "jobs" / "daily.py").write_text(JOB + code)
    words = found("spark_output", project)

    assert (None if words is None else shlex.split(words)) == outputs


def test_given_outputs_reach_the_command_word_by_word(project):
    config = composed("recipe=spark-job", "scope=jobs", "options.output=[out/a b,result]")

    assert "out/a b" in " ".join(shlex.split(config.guards["rows"].command))
    assert "result" in config.metric.command


def test_the_measure_decides_pattern_and_unit_and_a_wrong_one_is_refused(project):
    config = composed("recipe=spark-job", "scope=jobs", "options.measure=shuffle_write_bytes")

    assert (config.metric.extract.pattern, config.metric.unit) == ("shuffle_write_bytes", "bytes")
    with pytest.raises(UsageError, match=r"^options\.measure: 'speed' is not possible; give job_s, "):
        composed("recipe=spark-job", "scope=jobs", "options.measure=speed")


def test_every_number_that_may_be_measured_is_one_the_event_log_gives():
    window = eventlog.Window(begin=0, end=1)

    assert {"job_s", *eventlog.Log().numbers(window)} == set(spark.UNITS)


def test_databricks_without_compute_is_refused_while_composing(project):
    with pytest.raises(UsageError, match="set DATABRICKS_CLUSTER_ID"):
        composed("recipe=spark-databricks", "scope=jobs")

    config = composed("recipe=spark-databricks", "scope=jobs", DATABRICKS_PROFILE="work")
    assert "--master databricks " in config.metric.command


def test_the_demo_is_found_as_it_is(tmp_path):
    spark_job.make(tmp_path)

    assert found("spark_job", tmp_path) == "jobs/daily.py"
    assert found("spark_conf", tmp_path) == "jobs/spark-defaults.conf"
    assert found("spark_output", tmp_path) == "out/daily"
    assert Scope(("jobs",)).contains("jobs/spark-defaults.conf")
