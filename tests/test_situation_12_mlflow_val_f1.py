"""`val_f1` as logged to MLflow, in at most 15 experiments."""

import json
import os
import subprocess
import sys

import pytest

from autoopt.instruments.training.tracking import Store

pytest.importorskip("mlflow", reason="needs mlflow-skinny")

TRAIN = """
import json

settings = json.load(open("params.json"))  # before the second that MLflow takes

import mlflow

mlflow.set_experiment("churn")
with mlflow.start_run():
    mlflow.log_params(settings)
    mlflow.log_metric("val_f1", 0.7 if settings["class_weight"] is None else 0.8)
"""


def test_the_metric_is_read_from_the_store_and_the_winner_kept(tmp_path):
    root = tmp_path / "churn"
    root.mkdir()
    (root / "train.py").write_text(TRAIN)
    (root / "params.json").write_text(json.dumps({"class_weight": None}))
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "A model"]):
        subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@x", *words], cwd=root, check=True)
    shared = tmp_path / "shared"
    shared.mkdir()
    store = Store(uri=f"sqlite:///{shared}/mlflow.db")
    store.make()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "autoopt", "recipe=ml-mlflow", "scope=params.json", "run_id=churn"),
            *("options.metric=val_f1", f"options.tracking_uri={store.uri}", "budget.experiments=15"),
            *("metric.baseline_samples=2", "metric.timeout_s=300", "confirm=no"),
            f"writable=[{shared}]",
        ],
        cwd=root,
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = subprocess.run(
        ["git", "show", "autoresearch/churn:params.json"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(kept.stdout) == {"class_weight": "balanced"}
    assert "0.700 score → 0.800 score" in done.stdout
