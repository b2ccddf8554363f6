"""A classifier whose training logs to MLflow, with the nested runs and the steps that real trainings have."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, files

_TRAIN = '''\
"""Train a recogniser of wines as params.yaml says, and log its validation F1 to MLflow, stage by stage."""

from pathlib import Path

import mlflow
import yaml
from sklearn.datasets import load_wine
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

settings = yaml.safe_load(Path("params.yaml").read_text())
scaler = StandardScaler() if settings["scale"] else "passthrough"
model = make_pipeline(scaler, KNeighborsClassifier(settings["neighbors"]))
features, labels = load_wine(return_X_y=True)

mlflow.set_experiment("wine")
with mlflow.start_run():
    mlflow.log_params(settings)
    for step, share in enumerate((0.3, 0.6, 0.95)):
        part, _, names, _ = train_test_split(
            features, labels, train_size=share, stratify=labels, random_state=0
        )
        score = f1_score(names, cross_val_predict(model, part, names), average="macro")
        mlflow.log_metric("val_f1", score, step=step)
    with mlflow.start_run(nested=True, run_name="on what it has learned"):
        learned = model.fit(features, labels).predict(features)
        mlflow.log_metric("train_f1", f1_score(labels, learned, average="macro"))
'''

_PARAMS = """\
# How train.py recognises wines.
scale: false # every measurement to the same spread
neighbors: 40 # that vote
"""

_RECIPE = """\
# Wines: which settings give the better validation F1 in MLflow?
#
#   autoopt recipe=wine
defaults:
  - ml-mlflow
  - _self_
goal: a better F1 score for wines, as logged to MLflow
scope: params.yaml
metric:
  baseline_samples: 2 # the script ignores AUTOOPT_SEED, so that both are the same
  timeout_s: 300 # most of a run is loading MLflow, which a busy machine does slowly
  env: {OMP_NUM_THREADS: "1"}
budget:
  experiments: 3
"""

_README = """\
# Wines

`python train.py` trains a recogniser of scikit-learn's wines as `params.yaml` says; `val_f1` goes to MLflow.

`autoopt recipe=wine` searches the settings. A tag tells its runs from all others in the store.
"""


def make(directory: Path) -> None:
    """Write the project: training script, its settings, and a recipe; the data comes with scikit-learn."""
    files.write(
        directory,
        {
            ".autoopt/recipes/wine.yaml": _RECIPE,
            "train.py": _TRAIN,
            "params.yaml": _PARAMS,
            "README.md": _README,
            ".gitignore": "__pycache__/\nmlflow.db\nmlruns/\n",
        },
    )


DEMO = Demo(
    name="ml-mlflow",
    summary="a classifier that logs to MLflow: which of its settings score better there",
    make=make,
    overrides=("recipe=wine",),
    extra="ml,mlflow",
)
