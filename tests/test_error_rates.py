"""How often verdicts are wrong, and what they cost: small simulations of whole runs, always the same.

`python -m tests.simulation` prints the large ones, `python -m tests.torture.aa` tries it on real commands.
"""

from __future__ import annotations

import pytest
from simulation import claims, quality
from simulation.noises import NOISES, RECORDED
from simulation.rules import RULES
from simulation.tallies import Tally, play, rate, row
from simulation.worlds import GAINS
from torture import aa

CLOCKS = [name for name in NOISES if name not in ("exact", "flaky count", "whole ticks")]


def nulls(rule: str, noise: str, runs: int = 8, length: int = 40) -> tuple[int, int]:
    return play(RULES[rule], noise, "null", runs, length, seed=100).null


@pytest.mark.parametrize("noise", CLOCKS)
def test_a_change_that_does_nothing_is_kept_at_most_once_in_a_hundred(noise: str) -> None:
    assert rate(nulls("autoopt", noise)) <= 0.01


@pytest.mark.parametrize("noise", ["whole ticks", "flaky count"])
def test_a_number_that_only_seems_exact_at_the_baseline_keeps_nothing_either(noise: str) -> None:
    short = play(RULES["autoopt"], noise, "null", runs=60, length=8, seed=100)

    assert rate(short.null) <= 0.01


@pytest.mark.parametrize("patience", ["quick", "patient", "careful"])
def test_no_patience_keeps_more_of_nothing(patience: str) -> None:
    assert rate(nulls(f"autoopt {patience}", "2 %")) <= 0.01


@pytest.mark.parametrize("rule", ["single run", "mean of 5", "MAD score"])
def test_what_people_do_keeps_much_more_of_nothing(rule: str) -> None:
    """Else these simulations would prove little."""
    # In runs that go on for ever a lucky best ends even that; people see the first experiments.
    assert rate(play(RULES[rule], "2 %", "usual", runs=30, length=20, seed=100).null) > 0.05


def test_changes_that_harm_are_kept_even_less_often() -> None:
    for noise in ("2 %", "noisy ideas"):
        assert rate(play(RULES["autoopt"], noise, "usual", runs=8, length=40, seed=200).harm) <= 0.01


@pytest.fixture(scope="module")
def gains() -> dict[str, list[Tally]]:
    """The judge and the reference among changes that all help, in three noises."""
    return {
        rule: [play(RULES[rule], noise, "gains", 8, 30, seed=300) for noise in ("0.5 %", "2 %", "5 %")]
        for rule in ("autoopt", "reference")
    }


def test_gains_are_seen_as_often_as_by_the_reference_rule(gains: dict[str, list[Tally]]) -> None:
    def seen(rule: str) -> float:
        return sum(tally.wins[0] for tally in gains[rule]) / sum(tally.wins[1] for tally in gains[rule])

    assert seen("autoopt") >= seen("reference") - 0.03


def test_a_gain_of_two_and_a_half_noises_of_a_run_is_seen_nine_times_in_ten(
    gains: dict[str, list[Tally]],
) -> None:
    _, middle, _ = gains["autoopt"]

    assert rate(middle.power(0.05)) >= 0.85
    assert rate(middle.power(0.10)) == 1


def test_the_gains_that_are_claimed_are_those_there_are(gains: dict[str, list[Tally]]) -> None:
    for tally in gains["autoopt"]:
        assert tally.claimed == pytest.approx(tally.true, rel=0.1)


@pytest.mark.parametrize("noise", ["2 %", "drift 2 %", "work, cpu"])
def test_an_experiment_costs_no_more_runs_than_by_the_reference_rule(noise: str) -> None:
    ours, theirs = (
        play(RULES[rule], noise, "usual", 10, 40, seed=400).runs for rule in ("autoopt", "reference")
    )

    assert ours <= 1.1 * theirs


def test_posterior_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Where changes are as the prior has them, for all changes and for the kept ones people read about."""
    tallies = [
        play(RULES["autoopt"], noise, "believed", 10, 40, seed=500) for noise in ("2 %", "5 %", "heavy tails")
    ]

    def share(*, kept: bool | None) -> float:
        counted = [tally.covered(kept=kept) for tally in tallies]
        return sum(held for held, _ in counted) / sum(told for _, told in counted)

    assert 0.93 <= share(kept=None) <= 0.98
    assert 0.93 <= share(kept=True) <= 0.995


@pytest.mark.parametrize("noise", ["2 %", "heavy tails", "drift 2 %", "work, wall"])
def test_the_final_claim_holds_the_truth_as_often_as_it_says(noise: str) -> None:
    assert rate(claims.covered(noise, runs=400, seed=0)) >= 0.93


def test_scores_that_vary_by_seed_keep_nothing_that_does_nothing_and_cost_few_runs() -> None:
    found = quality.seeded(runs=10, length=40, seed=700)

    assert rate(found.null) <= 0.01
    assert rate(found.wins) >= 0.4
    assert found.runs <= 3.5


def test_folds_that_share_their_data_would_be_believed_too_much_if_nobody_said_so() -> None:
    assert rate(quality.folded(10, share=0.2, told=0.2, seed=800)) <= 0.01
    assert rate(quality.folded(10, share=0.2, told=0.0, seed=800)) > 0.02


def test_the_table_has_a_cell_for_every_gain() -> None:
    line = row("autoopt", "exact", play(RULES["autoopt"], "exact", "usual", runs=10, length=60))

    assert line.startswith("| exact | autoopt | 0.00 | 0.00 | ")
    assert line.count(" | 100") == len(GAINS)


def test_the_recordings_are_whole() -> None:
    assert set(RECORDED) <= set(NOISES)
    for noise in RECORDED:
        assert play(RULES["single run"], noise, "null", runs=1, length=5).runs == 1


def test_comments_alone_are_never_kept_by_the_real_program(tmp_path) -> None:
    result = aa.run(tmp_path, aa.PROGRAMS["imports"], 4)

    assert result.measured == 4
    assert result.kept == 0
    assert result.pairs >= 4
