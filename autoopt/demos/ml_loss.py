"""A regression by gradient descent whose settings stand in the training script, scored fold by fold."""

from __future__ import annotations

from pathlib import Path

from autoopt.demos import Demo, files

_TRAIN = '''\
"""Learn what sensors say of a machine's wear by gradient descent, and print the loss of one fold.

AUTOOPT_FOLD says which of AUTOOPT_FOLDS folds is held out, AUTOOPT_SEED how the machines are split.
"""

import os

import numpy as np

LEARNING_RATE = 0.00002
MOMENTUM = 0.5
WEIGHT_DECAY = 0.3
BATCH_SIZE = 256
EPOCHS = 10
SENSORS = 30

folds = int(os.environ.get("AUTOOPT_FOLDS", "5"))
fold = int(os.environ.get("AUTOOPT_FOLD", "0"))
split = np.random.default_rng(int(os.environ.get("AUTOOPT_SEED", "0")))

world = np.random.default_rng(12)
readings = world.normal(size=(6000, SENSORS))
wear = readings @ world.normal(size=SENSORS) + world.normal(scale=2.0, size=6000)

order = split.permutation(len(wear))
held_out = np.arange(len(wear)) % folds == fold
train, test = order[~held_out], order[held_out]

weights, speed = np.zeros(SENSORS), np.zeros(SENSORS)
for epoch in range(EPOCHS):
    for start in range(0, len(train), BATCH_SIZE):
        batch = train[start : start + BATCH_SIZE]
        error = readings[batch] @ weights - wear[batch]
        slope = readings[batch].T @ error / len(batch) + WEIGHT_DECAY * weights
        speed = MOMENTUM * speed - LEARNING_RATE * slope
        weights = weights + speed
    print(f"epoch {epoch}: val loss: {np.mean((readings[test] @ weights - wear[test]) ** 2):.5f}")
'''

_RECIPE = """\
# Wear of machines: which settings of the training lower the loss?
#
#   autoopt recipe=wear
defaults:
  - ml-loss
  - _self_
goal: a lower loss of the predicted wear
scope: train.py
options:
  folds: 5
metric:
  env: {OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1"}
constraints:
  wall_s: {max_regression: 20} # most of a fifth of a second is Python's start
verdict:
  patience: quick
budget:
  experiments: 8
"""

_README = """\
# Wear of machines

`python train.py` learns what the readings of sensors say of a machine's wear, without one fold of the
machines, and prints the loss on that fold after each epoch. The settings are constants in the script.

`autoopt recipe=wear` finds them and searches them; each pair of runs is one fold, of ever new splits.
"""


def make(directory: Path) -> None:
    """Write the project: training script and recipe; the script makes its data."""
    files.write(
        directory,
        {
            ".autoopt/recipes/wear.yaml": _RECIPE,
            "train.py": _TRAIN,
            "README.md": _README,
            ".gitignore": "__pycache__/\n",
        },
    )


DEMO = Demo(
    name="ml-loss",
    summary="a regression with settings in the script, scored fold by fold: which of them lower the loss",
    make=make,
    overrides=("recipe=wear",),
    extra=None,
)
