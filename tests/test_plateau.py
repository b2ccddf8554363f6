"""How failures add up, and what a run is told of them."""

from dataclasses import replace

import pytest

from autoopt import plateau
from autoopt.plateau import Level
from autoopt.records import Experiment, Finding, Outcome, Status, Verdict

VERDICT = Verdict(
    outcome=Outcome.same,
    effect=0.0,
    low=-0.01,
    high=0.01,
    probability=0.5,
    pairs=4,
    is_ratio=True,
    sentence="",
    noise=0.004,
    reach=0.005,
)
BASELINE = Experiment(
    number=0,
    status=Status.baseline,
    commit="",
    parent="",
    description="",
    hypothesis="",
    area="",
    source="",
)
DISCARD = replace(BASELINE, status=Status.discard, verdict=VERDICT)
KEEP = replace(BASELINE, status=Status.keep, verdict=replace(VERDICT, outcome=Outcome.better))
CRASH = replace(BASELINE, status=Status.crash)
REFUSED = replace(
    BASELINE, status=Status.discard, findings=(Finding(guard="duplicate", passed=False, message=""),)
)
SIMPLER = replace(KEEP, simplifies=True, verdict=replace(VERDICT, outcome=Outcome.holds))


def failed(outcome: Outcome, *, noise: float, reach: float, probability: float = 0.5) -> Experiment:
    verdict = replace(VERDICT, outcome=outcome, noise=noise, reach=reach, probability=probability)
    return replace(DISCARD, verdict=verdict)


BLIND = failed(Outcome.same, noise=0.2, reach=0.1)


@pytest.mark.parametrize(
    ("failure", "weight"),
    [
        (DISCARD, 1.0),
        (failed(Outcome.same, noise=0.0, reach=0.0), 1.0),  # exact
        (failed(Outcome.same, noise=0.02, reach=0.01), 0.81),
        (failed(Outcome.same, noise=0.1, reach=0.05), 0.33),
        (failed(Outcome.worse, noise=0.1, reach=0.05), 1.0),  # it did harm: no gain was hidden
        (failed(Outcome.unclear, noise=0.0, reach=0.005, probability=0.9), 0.1),
        (replace(KEEP, status=Status.inspector_reject), 1.0),  # a gain would have been seen: it was
        (CRASH, 0.0),
        (REFUSED, 0.0),
        (replace(DISCARD, simplifies=True), 0.0),
    ],
)
def test_a_failure_counts_by_the_chance_that_it_would_have_shown_a_gain(
    failure: Experiment, weight: float
) -> None:
    assert plateau.weight(failure) == pytest.approx(weight, abs=0.01)


def test_differences_count_like_ratios_of_the_same_size() -> None:
    ratio = failed(Outcome.same, noise=0.1, reach=0.05)
    assert ratio.verdict is not None
    near_zero = replace(ratio, verdict=replace(ratio.verdict, is_ratio=False, noise=3.0, reach=1.5))

    assert 0.3 < plateau.weight(near_zero) < 1.0


def test_the_ladder_warns_at_a_third_changes_at_two_thirds_and_stops() -> None:
    levels = [plateau.ladder([BASELINE, *[DISCARD] * failures], 9).level for failures in range(10)]

    assert levels == [Level.none] * 3 + [Level.warn] * 3 + [Level.change] * 3 + [Level.stop]


def test_without_a_limit_the_ladder_warns_and_changes_but_never_stops() -> None:
    levels = [plateau.ladder([BASELINE, *[DISCARD] * failures]).level for failures in (2, 3, 5, 100)]

    assert levels == [Level.none, Level.warn, Level.change, Level.change]


def test_a_keep_ends_the_streak_and_code_taken_away_does_not() -> None:
    history = [BASELINE, DISCARD, DISCARD, SIMPLER, DISCARD]

    assert plateau.ladder(history, 3).level is Level.stop
    assert plateau.ladder([*history, KEEP], 3).level is Level.none
    gained = replace(KEEP, simplifies=True)  # simpler, and faster too
    assert plateau.ladder([*history, gained], 3).level is Level.none


def test_a_noisy_run_goes_on_longer_and_is_told_why() -> None:
    assert plateau.ladder([BASELINE, *[BLIND] * 3], 3).level is not Level.stop
    rung = plateau.ladder([BASELINE, *[BLIND] * 9], 3)

    assert rung.level is Level.stop
    assert rung.sentence == (
        "9 experiments in a row brought nothing; as the noise hides gains, or they were not measured, "
        "they count as 3 of budget.plateau=3"
    )
    assert "a gain of 18 % is missed about every other time; verdict.patience=patient" in rung.reason
    assert plateau.ladder([BASELINE, *[DISCARD] * 9], 3).reason == ""


def test_crashes_alone_do_not_go_on_for_ever() -> None:
    assert plateau.ladder([BASELINE, *[CRASH] * 8], 3).level is not Level.stop
    assert plateau.ladder([BASELINE, *[CRASH] * 9], 3).level is Level.stop


def test_each_rung_is_told_once_and_the_last_one_by_the_end_itself() -> None:
    history = [BASELINE, *[DISCARD] * 6]
    told = [plateau.news(history[:length], 6) for length in range(1, len(history) + 1)]

    assert told == [
        "",
        "",
        "2 experiments in a row brought nothing; the run ends at budget.plateau=6",
        "",
        "4 experiments in a row brought nothing; time for another strategy",
        "",
        "",
    ]


def test_going_back_down_tells_nothing() -> None:
    assert plateau.news([BASELINE, *[DISCARD] * 5, KEEP], 6) == ""
