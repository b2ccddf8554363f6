import json
import os
import subprocess
import sys

import pytest

from autoopt.errors import UsageError
from autoopt.instruments.training.tracking import TAG, Store

pytest.importorskip("mlflow", reason="needs mlflow-skinny")

TRAIN = """
import mlflow, os, subprocess, sys

mlflow.set_experiment("shared")
with mlflow.start_run():
    for step, value in enumerate((0.5, 0.75, 0.625)):
        mlflow.log_metric("val_f1", value, step=step)
    other = {name: value for name, value in os.environ.items() if name != "MLFLOW_RUN_CONTEXT"}
    subprocess.run([sys.executable, "other.py"], env=other, check=True)
"""
OTHER = """
import mlflow

mlflow.set_experiment("shared")
with mlflow.start_run():
    mlflow.log_metric("val_f1", 0.99)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with tables, and a client of it."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("store")
    made = Store.at("", {"AUTOOPT_SCRATCH": str(folder)}, folder)
    made.make()
    return made, MlflowClient(tracking_uri=made.uri)


def logged(client, tag, parent=None, **metrics):
    tags = {TAG: tag, **({"mlflow.parentRunId": parent} if parent else {})}
    run = client.create_run("0", tags=tags, run_name=f"run of {tag}")
    for name, values in metrics.items():
        for step, value in enumerate(values if isinstance(values, tuple) else (values,)):
            client.log_metric(run.info.run_id, name, value, step=step)
    return run.info.run_id


def test_a_better_run_that_somebody_else_logs_meanwhile_is_not_taken(store, tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "other.py").write_text(OTHER)
    words = ["--uri", store[0].uri, "--metric", "f1", "--command", f"{sys.executable} train.py"]
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-X",
            "pycache_prefix=",
            "-m",
            "autoopt.instruments.training",
            "mlflow",
            *words,
        ],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_RUN_CONTEXT": json.dumps({"team": "vision"})},
        capture_output=True,
        text=True,
        check=True,
    )
    experiment = store[1].get_experiment_by_name("shared")
    runs = {
        run.data.metrics["val_f1"]: run.data.tags for run in store[1].search_runs([experiment.experiment_id])
    }

    assert {"METRIC val_f1=0.625", "METRIC score=0.625"} < set(done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 3  # with train_s
    assert set(runs) == {0.625, 0.99}
    assert runs[0.625]["team"] == "vision"
    assert TAG not in runs[0.99]


def test_the_last_step_counts_or_the_best(store):
    made, client = store
    logged(client, "steps", val_loss=(0.5, 0.25, 0.75), other=3.0)

    assert made.values("steps", "val_loss", "last", "lower") == {
        "val_loss": 0.75,
        "other": 3.0,
        "score": 0.75,
    }
    assert made.values("steps", "val_loss", "best", "lower")["score"] == 0.25
    assert made.values("steps", "val_loss", "best", "higher")["score"] == 0.75


def test_of_nested_runs_the_outer_one_counts(store):
    made, client = store
    parent = logged(client, "nested", f1=0.5)
    logged(client, "nested", parent, f1=0.9)

    assert made.values("nested", "f1", "last", "higher") == {"f1": 0.5, "score": 0.5}


def test_a_nested_run_counts_where_no_other_has_the_metric(store):
    made, client = store
    parent = logged(client, "inner", seconds=3.0)
    logged(client, "inner", parent, f1=0.9)

    assert made.values("inner", "f1", "last", "higher")["score"] == 0.9


def test_several_runs_or_none_are_one_line_that_says_what_to_do(store):
    made, client = store
    logged(client, "twice", f1=0.5)
    logged(client, "twice", f1=0.6)
    logged(client, "unnamed", accuracy=0.5)

    for tag, told in (
        ("twice", "2 MLflow runs with f1 (run of twice, run of twice)"),
        ("nobody", "made no MLflow run in sqlite:///"),
        ("unnamed", "options.metric: the training says no f1; it says accuracy"),
    ):
        with pytest.raises(UsageError) as caught:
            made.values(tag, "f1", "last", "higher")
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_password_in_the_stores_address_is_not_told(store):
    with pytest.raises(UsageError) as caught:
        Store(uri="nonsense://me:secret@host/db").make()

    assert "nonsense://host/db" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_training_never_resumes_a_run_that_the_environment_names(store):
    environ, tag = store[0].environment({"MLFLOW_RUN_ID": "0123", "HOME": "/home/me"})

    assert "MLFLOW_RUN_ID" not in environ
    assert json.loads(environ["MLFLOW_RUN_CONTEXT"]) == {TAG: tag}
    assert environ["MLFLOW_TRACKING_URI"] == store[0].uri
