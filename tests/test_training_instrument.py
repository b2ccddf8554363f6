import os
import subprocess
import sys

import pytest

from autoopt.instruments.training import seeds

TRAINING = [sys.executable, "-P", "-X", "pycache_prefix=", "-m", "autoopt.instruments.training"]


def trained(tmp_path, script, *words, **environ):
    (tmp_path / "train.py").write_text(script)
    command = [*TRAINING, "run", "--command", f"{sys.executable} train.py", *(words or ("--metric", "f1"))]
    return subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def numbers(done):
    assert done.returncode == 0, done.stderr
    return {
        name: float(value)
        for name, value in (line.removeprefix("METRIC ").split("=") for line in done.stdout.splitlines())
    }


def test_the_score_all_other_numbers_and_the_seconds_are_printed(tmp_path):
    done = trained(
        tmp_path, "import logging\nlogging.warning('f1=0.5 loss: 2')\nprint('METRIC precision=0.25')"
    )
    found = numbers(done)

    assert 0 < found.pop("train_s") < 60
    assert found == {"f1": 0.5, "loss": 2.0, "precision": 0.25, "score": 0.5}
    assert "WARNING:root:f1=0.5" in done.stderr
    assert "\nMETRIC" not in f"\n{done.stderr}"


def test_seconds_that_the_training_counts_itself_are_those_that_count(tmp_path):
    assert numbers(trained(tmp_path, "print('f1: 0.5, train_s: 240')"))["train_s"] == 240


def test_folds_are_gone_through_one_seed_after_the_other(tmp_path):
    script = """
import os
print("f1=1", *(f"{name}: {os.environ['AUTOOPT_' + name.upper()]}" for name in ("seed", "fold", "folds")))
"""
    found = [
        numbers(trained(tmp_path, script, "--metric", "f1", "--folds", "5", AUTOOPT_SEED=seed))
        for seed in ("4", "5", "103")
    ]

    assert [(one["seed"], one["fold"], one["folds"]) for one in found] == [(0, 4, 5), (1, 0, 5), (20, 3, 5)]


def test_a_module_of_the_checkout_is_never_taken_from_a_cache(tmp_path):
    script = "import settings\nprint(f'f1={settings.C}')"
    for value in (0.25, 0.75):  # of one size, and within one second
        (tmp_path / "settings.py").write_text(f"C = {value}")
        assert numbers(trained(tmp_path, script))["f1"] == value

    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("script", "words", "told"),
    [
        ("raise ValueError('no data')", (), "the training ended with exit code 1: ValueError: no data"),
        ("print('f1: nan')", (), "f1 ended as nan: the training has diverged"),
        ("print('accuracy: 1')", (), "options.metric: the training says no f1; it says accuracy"),
        ("print('f1: 1')", ("--metric", "f1", "--folds", "1"), "options.folds"),
    ],
)
def test_what_goes_wrong_is_one_line(tmp_path, script, words, told):
    done = trained(tmp_path, script, *words)

    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("autoopt: ")


def test_a_report_shows_the_end_of_what_the_training_says(tmp_path):
    (tmp_path / "train.py").write_text("print(*range(200), 'f1=0.5', sep='\\n')")
    command = [*TRAINING, "report", "--command", f"{sys.executable} train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("The training takes ")
    assert done.stdout.splitlines()[-2:] == ["199", "f1=0.5"]
    assert len(done.stdout.splitlines()) == 81


FIXED = """
import os
from sklearn.model_selection import train_test_split
from lib import model
import numpy as np

SEED = 3
np.random.seed(SEED)
rng = np.random.default_rng(7)
train_test_split([1], random_state=42)
"""


def test_seeds_that_are_numbers_are_found_where_they_stand():
    assert seeds.fixed(FIXED) == [
        (7, "sets SEED = 3"),
        (9, "calls np.random.default_rng(7)"),
        (10, "passes random_state=42"),
    ]
    assert seeds.fixed("torch.manual_seed(1); split(seed=0); f(n_seeds=3, depth=4); random.random()") == [
        (1, "calls torch.manual_seed(1)"),
        (1, "passes seed=0"),
    ]
    assert seeds.fixed("def broken(:") == []


def test_the_files_that_the_training_imports_are_looked_at_and_no_others(tmp_path):
    (tmp_path / "train.py").write_text("from lib import model\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text("")
    (tmp_path / "lib" / "model.py").write_text("Forest(random_state=42)")
    (tmp_path / "other.py").write_text("Forest(random_state=1)")
    for command in ("python train.py", "bash -c 'cd . && python train.py'", "python -m train --fast"):
        assert seeds.advice(command, tmp_path).startswith(
            "lib/model.py:1 passes random_state=42: the score is"
        )
    assert seeds.advice("python missing.py 'open", tmp_path) == ""


def test_a_training_that_asks_for_its_seed_needs_no_advice(tmp_path):
    (tmp_path / "train.py").write_text(
        "import os\nsplit(seed=int(os.environ['AUTOOPT_SEED']))\nForest(random_state=42)"
    )

    assert seeds.advice("python train.py", tmp_path) == ""


def test_a_report_names_the_line_that_fixes_the_seed(tmp_path):
    (tmp_path / "train.py").write_text("import random\nrandom.seed(42)\nprint('f1: 0.5')")
    inner = f"{' '.join(TRAINING)} run --metric f1 --command '{sys.executable} train.py'"
    done = subprocess.run(
        [*TRAINING, "report", "--command", inner], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("train.py:2 calls random.seed(42): the score is that of one split")
    assert 'int(os.environ.get("AUTOOPT_SEED", "0"))' in done.stdout.splitlines()[0]
