import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.trusting import everything

from autoopt import compose
from autoopt.demos import ml_f1, ml_loss
from autoopt.errors import UsageError
from autoopt.meters import extract
from autoopt.proposers.search import discovery


@pytest.fixture
def composed(tmp_path, monkeypatch):
    """Composes a recipe in a directory that is left when the test ends."""
    environ = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path.with_name("state"))}

    def compose_in(directory, *words):
        monkeypatch.chdir(directory)
        (directory / ".git").mkdir(exist_ok=True)
        configs = []
        compose.run(words, environ, configs.append, vet=everything)
        return configs[0]

    return compose_in


def shell(command, directory, **environ):
    env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", **environ}
    done = subprocess.run(
        ["bash", "-c", command], cwd=directory, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def number(config, stdout):
    output = extract.Output(stdout=stdout, stderr="", file=None, code=0, wall_s=1.0, cpu_s=1.0, peak_bytes=1)
    return extract.extract(config.metric.extract, output), extract.details(output)


@pytest.mark.parametrize("name", ["ml-f1", "ml-accuracy", "ml-loss", "ml-mlflow"])
def test_a_scope_is_all_they_need_where_there_is_a_training_script(composed, tmp_path, name):
    (tmp_path / "train.py").write_text('import mlflow\nmlflow.log_metric("val_f1", 0.5)')
    config = composed(tmp_path, f"recipe={name}", "scope=train.py")

    assert "train.py" in config.metric.command
    assert config.metric.direction.value == ("lower" if name == "ml-loss" else "higher")
    assert config.metric.direction.value in config.metric.command
    assert len(config.vocabulary) >= 4
    assert set(config.options) <= set(config.option_help)


def test_folds_say_how_much_of_the_data_each_run_scores(composed, tmp_path):
    (tmp_path / "train.py").write_text("print('f1: 0.5')")

    assert composed(tmp_path, "recipe=ml-f1", "scope=train.py").metric.test_share == 0
    assert composed(tmp_path, "recipe=ml-f1", "scope=train.py", "options.folds=5").metric.test_share == 0.2
    own = composed(tmp_path, "recipe=ml-loss", "scope=train.py", "metric.test_share=0.25")
    assert own.metric.test_share == 0.25


def test_without_a_training_script_one_line_names_the_option(composed, tmp_path):
    with pytest.raises(UsageError) as caught:
        composed(tmp_path, "recipe=ml-f1", "scope=.")

    assert "no training script was found" in str(caught.value)
    assert "options.command='python path/to/train.py'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_name_in_the_script_the_metric_has_to_be_named(composed, tmp_path):
    (tmp_path / "train.py").write_text("import mlflow\nmlflow.autolog()")
    with pytest.raises(UsageError, match=r"options\.metric=val_f1"):
        composed(tmp_path, "recipe=ml-mlflow", "scope=train.py")

    config = composed(tmp_path, "recipe=ml-mlflow", "scope=train.py", "options.metric=val_f1")
    assert "--metric val_f1" in config.metric.command


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("ml-f1", "f1=0.5", 0.5),
        ("ml-f1", "METRIC f1=0.5\nMETRIC score=0.5", 0.5),
        ("ml-loss", "loss: -12.5", -12.5),
        ("ml-accuracy", "METRIC accuracy=0.5", 0.5),
    ],
)
def test_a_metric_command_of_ones_own_prints_the_score_plainly(composed, tmp_path, name, said, value):
    config = composed(tmp_path, f"recipe={name}", "scope=.", "metric.command=./score")

    assert number(config, said)[0] == value


def test_the_digits_are_scored_and_their_settings_found(composed, tmp_path):
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    ml_f1.DEMO.make(tmp_path)
    config = composed(tmp_path, *ml_f1.DEMO.overrides)
    score, details = number(config, shell(config.metric.command, tmp_path, AUTOOPT_SEED="1"))
    found = discovery.parameters(shell(config.propose.discover, tmp_path))

    assert 0.7 < score < 0.8
    assert details["f1"] == score
    assert details["train_s"] > 0
    assert set(found) == {"scale", "components", "kind", "C", "neighbors"}
    assert found["kind"].choices == ["logistic", "knn"]
    assert set(config.constraints) == {"wall_s", "train_s"}


def test_the_loss_of_a_fold_is_the_last_one_and_settings_in_the_script_are_found(composed, tmp_path):
    ml_loss.DEMO.make(tmp_path)
    config = composed(tmp_path, *ml_loss.DEMO.overrides)
    command = config.metric.command
    score, details = number(config, shell(command, tmp_path, AUTOOPT_SEED="7"))
    other, _ = number(config, shell(command, tmp_path, AUTOOPT_SEED="8"))
    found = discovery.parameters(shell(config.propose.discover, tmp_path))

    assert score == details["val_loss"] != other
    assert set(found) == {"LEARNING_RATE", "MOMENTUM", "WEIGHT_DECAY", "BATCH_SIZE", "EPOCHS"}


def test_a_mistake_in_an_option_is_told_by_its_name(composed, tmp_path):
    Path(tmp_path, "train.py").write_text("print('f1=1')")
    config = composed(
        tmp_path, "recipe=ml-f1", "scope=train.py", "options.folds=1", f"python={sys.executable}"
    )
    with pytest.raises(subprocess.CalledProcessError) as caught:
        shell(config.metric.command, tmp_path)

    assert "options.folds" in caught.value.stderr
    assert caught.value.stderr.count("\n") == 1
