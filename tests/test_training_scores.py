import math

import pytest

from autoopt.errors import UsageError
from autoopt.instruments.training import scores
from autoopt.instruments.training.running import Training


def heard(*lines):
    training = Training()
    for line in lines:
        training.hear(line)
    return training.series


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("f1=0.912", "f1", 0.912),
        ("METRIC f1=0.912", "f1", 0.912),
        ("F1 score: 0.91", "F1_score", 0.91),
        ('{"loss": 0.3, "f1": 0.71}', "f1", 0.71),
        ("{'f1': np.float64(0.71)}", "f1", 0.71),
        ("2024-01-01 12:30:44,123 INFO train: val/f1 = 7.1e-1", "val/f1", 0.71),
        ("Epoch 3 val f1: 0.71, val loss: 0.4", "val_f1", 0.71),
        ("100%|███| 10/10 [00:01<00:00, 9.9it/s, f1=0.71]", "f1", 0.71),
        ("log likelihood: -12.5.", "log_likelihood", -12.5),
    ],
)
def test_a_number_is_heard_in_the_words_people_print_it_with(line, name, value):
    assert dict(scores.said(line))[name] == value


@pytest.mark.parametrize(
    "line", ["at 12:30:44", "version: 1.2.3", "f1: 0,53", "seen: 12abc", "f1 0.9", "path=/tmp/1"]
)
def test_what_is_no_number_is_not_heard(line):
    assert list(scores.said(line)) == []


def test_a_line_of_a_megabyte_is_no_trouble():
    assert list(scores.said("a" * 1_000_000)) == []


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["f1", "val_f1"], "f1"),
        (["train_f1", "val_f1", "loss"], "val_f1"),
        (["train F1", "F1_score"], "F1_score"),
        (["test_f1", "train_f1", "valid_f1"], "valid_f1"),
        (["valF1"], "valF1"),
    ],
)
def test_the_score_is_the_one_on_data_held_out(names, chosen):
    assert scores.choose(names, "f1") == chosen


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["f1_macro", "f1_micro"], "f1 may be f1_macro or f1_micro"),
        (["accuracy"], "it says accuracy"),
        ([], "no number with a name"),
    ],
)
def test_where_it_is_open_which_score_is_meant_the_option_is_named(names, told):
    with pytest.raises(UsageError, match=r"options\.metric") as caught:
        scores.choose(names, "f1")

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_last_value_counts_or_the_best_in_the_metrics_direction():
    series = heard("val_loss: 0.5", "val_loss: 0.2", "val_loss: nan", "val_loss: 0.4", "lr: 0.1")

    assert scores.values(series, "loss", "last", "lower") == {"val_loss": 0.4, "lr": 0.1, "score": 0.4}
    assert scores.values(series, "loss", "best", "lower")["score"] == 0.2
    assert scores.values(series, "loss", "best", "higher")["score"] == 0.5


def test_a_training_that_ends_as_nan_has_no_score():
    with pytest.raises(UsageError, match="diverged"):
        scores.values(heard("loss: 0.5", "loss: nan"), "loss", "last", "lower")


def test_other_numbers_may_be_infinite_and_are_left_out():
    found = scores.values(heard("f1: 0.5", "ratio: inf"), "f1", "last", "higher")

    assert found == {"f1": 0.5, "score": 0.5}
    assert math.isfinite(found["score"])
