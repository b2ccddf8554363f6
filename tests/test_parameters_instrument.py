import json
import subprocess
import sys

import pytest

from autoopt.instruments.parameters import command, knobs
from autoopt.proposers.search import discovery
from autoopt.proposers.search.sites import site
from autoopt.proposers.search.space import space

TRAIN = '''\
"""Trains."""
import argparse

LR = 1e-3
CHUNK = 4096
TWICE = 1
lr_schedule = "cosine"


class Config:
    hidden_size: int = 64
    seed = 3


def main(dropout=0.5, *, n_estimators=10):
    parser = argparse.ArgumentParser()
    parser.add_argument("-e", "--epochs", type=int, default=3)
    parser.add_argument("--weight-decay", type=float, default=1e-4, help="shrinks")
    parser.add_argument("--seed", type=int, default=1)
    train_test_split(x, y, test_size=0.2, random_state=3)
    settings = {"max_depth": 3, "subsample": 0.8, "num_class": 3, "n_folds": 5}
    LogisticRegression(C=0.01, class_weight=None, n_jobs=4, threshold=0.3)
    RandomForestClassifier(max_depth=None, criterion="gini", min_samples_leaf=1 + 1)
    f1_score(y, y, average="macro")
'''
SETTINGS = """\
features:
  scale: standard # none, standard or minmax
  components: 8
use_idf: true
strength: 0.25
rounds: 10
name: 3
eval: {batch_size: 64}
data: {rows: 100}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "params.yaml").write_text(SETTINGS)
    return tmp_path


def parameters(root, *paths, about="model"):
    found = command.parameters(root, paths or ["."], knobs.About(about))
    return discovery.parameters(json.dumps(found))


def test_values_with_a_telling_name_are_found_wherever_they_stand(project):
    found = parameters(project, "train.py")

    assert {name: one.python for name, one in found.items() if one.python} == {
        "LR": "LR",
        "hidden_size": "Config.hidden_size",
        "dropout": "main(dropout)",
        "n_estimators": "main(n_estimators)",
        "C": "main.LogisticRegression(C=)",
        "class_weight": "main.LogisticRegression(class_weight=)",
        "RandomForestClassifier.max_depth": "main.RandomForestClassifier(max_depth=)",
        "criterion": "main.RandomForestClassifier(criterion=)",
    }
    assert {name for name, one in found.items() if one.regex} == {
        "epochs",
        "weight-decay",
        "max_depth",
        "subsample",
    }


def test_numbers_switches_and_listed_words_of_a_settings_file_are_found(project):
    found = parameters(project, "params.yaml")

    assert {name: one.key for name, one in found.items()} == {
        "scale": "features.scale",
        "components": "features.components",
        "use_idf": "use_idf",
        "strength": "strength",
        "rounds": "rounds",
    }
    assert found["scale"].choices == ["none", "standard", "minmax"]
    assert found["scale"].first == ["none", "minmax"]
    assert (found["strength"].low, found["strength"].high, found["strength"].log) == (0.025, 2.5, True)


@pytest.mark.parametrize("file", ["train.py", "params.yaml"])
def test_every_value_that_is_found_can_be_read_written_and_searched(project, file):
    found = parameters(project, file)
    text = (project / file).read_text()
    start = {}
    for name, options in found.items():
        place = site(name, options, None)
        start[name] = place.read(text)
        for value in options.first:
            assert place.read(place.write(text, value)) == value

    domains = space(found, start).domains
    assert all(start[name] in domain for name, domain in domains.items())


def test_toml_and_json_are_read_too_and_files_of_tools_are_not(tmp_path):
    (tmp_path / "params.toml").write_text("[model]\nalpha = 0.1\n")
    (tmp_path / "config.json").write_text('{"model": {"max_depth": 4}}')
    (tmp_path / "pyproject.toml").write_text("[tool.x]\nalpha = 0.1\n")
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "test_train.py").write_text("LR = 0.1")

    assert {(one.file, one.key) for one in parameters(tmp_path).values()} == {
        ("params.toml", "model.alpha"),
        ("config.json", "model.max_depth"),
    }


def test_only_the_scope_is_looked_at(project):
    assert {one.file for one in parameters(project, "*.yaml").values()} == {"params.yaml"}


def test_a_name_that_stands_twice_is_left_out(tmp_path):
    (tmp_path / "train.py").write_text("a = SVC(C=1)\nb = SVC(C=2)\nLR = 1\nLR = 2\n")

    assert parameters(tmp_path) == {}


def test_for_speed_sizes_and_workers_are_found_and_nothing_else(tmp_path):
    (tmp_path / "etl.py").write_text(
        "CHUNK = 4096\nBUFFER_SIZE = 1_024\nMAX_WORKERS = 2\nLR = 0.1\nPORT = 8080\nUNKNOWN = 3\n"
        "open('x', buffering=8192)\nread_csv('y', chunksize=100)\n"
    )
    found = parameters(tmp_path, about="speed")

    assert set(found) == {"CHUNK", "BUFFER_SIZE", "MAX_WORKERS", "chunksize"}
    assert (found["CHUNK"].low, found["CHUNK"].high, found["CHUNK"].integer) == (256, 262144, True)


def test_the_present_value_is_always_in_the_range():
    for value in (1e-7, 0.0, 5, 50.0):
        found = knobs.options(["lr"], value, knobs.About.model, guess=False)
        assert value == 0.0 or found["low"] <= value <= found["high"]


def test_what_decides_how_a_result_is_judged_is_an_inventory(project):
    words = [sys.executable, "-P", "-m", "autoopt.instruments.parameters", "evaluation", "."]
    done = subprocess.run(words, cwd=project, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["same"] == {
        "params.yaml: eval.batch_size": 64,
        "train.py: Config.seed": 3,
        "train.py: seed": 1,
        "train.py: main.train_test_split(test_size=)": 0.2,
        "train.py: main.train_test_split(random_state=)": 3,
        "train.py: n_folds": 5,
        "train.py: main.LogisticRegression(threshold=)": 0.3,
        "train.py: main.f1_score(average=)": "macro",
    }


def test_a_seed_that_stands_twice_is_held_fixed_twice(tmp_path):
    (tmp_path / "train.py").write_text("split(x, random_state=1)\nsplit(y, random_state=2)\n")
    words = [sys.executable, "-P", "-m", "autoopt.instruments.parameters", "evaluation", "train.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["same"] == {
        "train.py: split(random_state=)": 1,
        "train.py: split(random_state=) #2": 2,
    }


def test_its_mistakes_are_one_line():
    words = [sys.executable, "-P", "-m", "autoopt.instruments.parameters", "find", "../x"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("autoopt: scope: ")
    assert done.stderr.count("\n") == 1
