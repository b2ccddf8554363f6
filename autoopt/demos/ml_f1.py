"""Handwritten digits and a classifier whose settings nobody has looked at since the first try."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, files

_TRAIN = '''\
"""Train a classifier of handwritten digits as params.yaml says, and print its F1 score on held-out digits.

The score is the mean over a few random splits, which follow from AUTOOPT_SEED.
"""

import os
from pathlib import Path
from statistics import mean

import numpy as np
import yaml
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

SPLITS = 12
TRAINING = 400  # labelled digits are dear; the rest is for scoring


def classifier(settings, seed):
    """The pipeline that the settings describe."""
    features, model = settings["features"], settings["model"]
    scalers = {"none": "passthrough", "standard": StandardScaler(), "minmax": MinMaxScaler()}
    projection = PCA(features["components"], random_state=seed)
    if model["kind"] == "knn":
        last = KNeighborsClassifier(model["knn"]["neighbors"])
    else:
        last = LogisticRegression(C=model["logistic"]["C"], max_iter=300)
    return make_pipeline(scalers[features["scale"]], projection, last)


def score(settings, seed, images, labels):
    """Macro F1 of one random split."""
    order = np.random.default_rng(seed).permutation(len(labels))
    train, test = order[:TRAINING], order[TRAINING:]
    fitted = classifier(settings, seed).fit(images[train], labels[train])
    return f1_score(labels[test], fitted.predict(images[test]), average="macro")


def main():
    settings = yaml.safe_load(Path("params.yaml").read_text())
    seed = int(os.environ.get("AUTOOPT_SEED", "0"))
    digits = load_digits(return_X_y=True)
    scores = [score(settings, SPLITS * seed + split, *digits) for split in range(SPLITS)]
    print(f"f1={mean(scores):.6f}")


if __name__ == "__main__":
    main()
'''

_PARAMS = """\
# How train.py builds its classifier.
features:
  scale: standard # none, standard or minmax
  components: 8 # kept by the projection
model:
  kind: logistic # logistic or knn
  logistic:
    C: 0.01 # smaller is more regularised
  knn:
    neighbors: 15
"""

_RECIPE = """\
# Handwritten digits: which settings of the classifier score better?
#
#   autoopt recipe=digits
#
# The training and the values to search are found; only what a search cannot know is said here.
defaults:
  - ml-f1
  - _self_
goal: a better F1 score for handwritten digits
scope: params.yaml
metric:
  baseline_samples: 3 # importing scikit-learn alone takes a second
  env: {OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1"} # matrices this small are slower with more
params:
  neighbors: {file: params.yaml, key: model.knn.neighbors, low: 1, high: 30, when: {kind: knn}}
constraints:
  train_s: {max: 30}
verdict:
  patience: quick # each pair costs seconds here, so an unclear change is given up early
budget:
  experiments: 5
"""

_README = """\
# Handwritten digits

`python train.py` trains a classifier on 400 of scikit-learn's handwritten digits, as `params.yaml` says, and
prints the F1 score on the others. `AUTOOPT_SEED` chooses which 400.

`autoopt recipe=digits` finds the training and what may change in `params.yaml` (the words of a comment like
`# logistic or knn` are a setting's choices), and searches it; `.autoopt/recipes/digits.yaml` says the rest.
"""


def make(directory: Path) -> None:
    """Write the project: training script, its settings, and a recipe; the digits come with scikit-learn."""
    files.write(
        directory,
        {
            ".autoopt/recipes/digits.yaml": _RECIPE,
            "train.py": _TRAIN,
            "params.yaml": _PARAMS,
            "README.md": _README,
            ".gitignore": "__pycache__/\n",
        },
    )


DEMO = Demo(
    name="ml-f1",
    summary="a classifier of handwritten digits: which of its settings score better",
    make=make,
    overrides=("recipe=digits",),
    extra="ml",
)
