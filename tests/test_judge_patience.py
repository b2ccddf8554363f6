"""What `verdict.patience: auto` stands for, and what caps the pairs."""

import pytest

from autoopt.errors import UsageError
from autoopt.judge import Judge, patience_of
from autoopt.records import Experiment, Measurement, Sample, Status
from autoopt.schema import Direction, Patience, VerdictConfig


def experiment(number, thinking, measuring, pairs=4):
    sample = Sample(value=1.0, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=1)
    return Experiment(
        number=number,
        status=Status.discard,
        commit="c",
        parent="p",
        description="",
        hypothesis="",
        area="",
        source="",
        measurement=Measurement(commit="c", samples=(sample,) * pairs) if pairs else None,
        seconds={"ask": thinking / 2, "edit": thinking / 2, "measure": measuring},
    )


@pytest.mark.parametrize(
    ("thinking", "patience"), [(1.0, Patience.quick), (10.0, Patience.default), (100.0, Patience.patient)]
)
def test_the_dearer_an_idea_is_against_a_pair_the_more_patience_it_gets(thinking, patience):
    history = [experiment(number, thinking, measuring=8.0) for number in range(1, 6)]

    assert patience_of(history) is patience


def test_before_anything_is_known_patience_is_the_default():
    assert patience_of([]) is Patience.default
    assert patience_of([experiment(0, 0.0, 100.0)]) is Patience.default
    assert patience_of([experiment(1, 500.0, 0.0, pairs=0)]) is Patience.default


def test_patience_follows_what_ideas_cost_of_late():
    cheap = [experiment(number, 0.1, 8.0) for number in range(1, 41)]
    dear = [experiment(number, 100.0, 8.0) for number in range(41, 61)]

    assert patience_of(cheap + dear) is Patience.patient


def comparison(patience=None, most=None, **config):
    judge = Judge(VerdictConfig(**config), Direction.lower, "s")
    judge.start([10, 10.2, 9.9, 10.1, 9.8])
    return judge.comparison(patience=patience, most=most)


def test_auto_takes_what_the_run_found_and_a_configured_patience_does_not():
    assert comparison(Patience.patient).max_pairs == 24
    assert comparison(Patience.patient).current().patience == "patient"
    configured = Judge(VerdictConfig(patience=Patience.quick), Direction.lower, "s")
    configured.start([10, 10.2, 9.9])
    assert configured.comparison(patience=Patience.patient).max_pairs == 8


def test_max_pairs_and_the_seeds_there_are_cap_the_pairs():
    assert comparison(max_pairs=5).max_pairs == 5
    assert comparison(max_pairs=40).max_pairs == 40
    assert comparison(most=6).max_pairs == 6
    assert comparison(most=100).max_pairs == 16


def test_fewer_pairs_confirm_only_larger_gains():
    def smallest(**config):
        judge = Judge(VerdictConfig(**config), Direction.lower, "s")
        judge.start([10, 10.2, 9.9, 10.1, 9.8])
        return judge.smallest_gain()

    assert smallest(max_pairs=4) == pytest.approx(2 * smallest())


def test_the_smallest_gain_of_another_patience_can_be_asked_for():
    judge = Judge(VerdictConfig(patience=Patience.quick), Direction.lower, "s")
    judge.start([10, 10.2, 9.9, 10.1, 9.8])

    gains = [judge.smallest_gain(one) for one in (Patience.quick, Patience.default, Patience.careful)]
    assert gains == sorted(gains, reverse=True)
    assert judge.smallest_gain() == gains[0]


def test_a_cap_under_what_a_keep_needs_is_refused_by_its_name():
    with pytest.raises(UsageError, match=r"verdict\.max_pairs is 1"):
        Judge(VerdictConfig(max_pairs=1), Direction.lower)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused_by_its_name(share):
    with pytest.raises(UsageError, match=r"metric\.test_share"):
        Judge(VerdictConfig(), Direction.lower, share=share)
