from dataclasses import replace

import pytest

from autoopt import think
from autoopt.records import Experiment, Finding, Outcome, Status, Verdict
from autoopt.think import Step


def experiment(status: Status, area: str = "src/a.py") -> Experiment:
    return Experiment(
        number=0, status=status, commit="a", parent="a", description="", hypothesis="", area=area, source=""
    )


def judged(outcome: Outcome, effect: float, probability: float = 0.8) -> Experiment:
    verdict = Verdict(
        outcome=outcome,
        effect=effect,
        low=effect - 0.1,
        high=effect + 0.1,
        probability=probability,
        pairs=16,
        is_ratio=True,
        sentence="",
    )
    return replace(DISCARD, verdict=verdict)


def steps(history: list[Experiment]) -> list[Step]:
    """What each experiment was for, and the next one."""
    return [think.step(history[:position]) for position in range(1, len(history) + 1)]


BASELINE = experiment(Status.baseline)
KEEP, DISCARD, CRASH = (experiment(s) for s in (Status.keep, Status.discard, Status.crash))
REJECT = experiment(Status.inspector_reject)
REFUSED = replace(DISCARD, findings=(Finding(guard="duplicate", passed=False, message=""),))
NEAR = judged(Outcome.unclear, 0.02)
VERDICT = Verdict(
    outcome=Outcome.same, effect=0, low=0, high=0, probability=0.5, pairs=4, is_ratio=True, sentence=""
)
SIMPLER = replace(DISCARD, simplifies=True)


def test_nothing_is_advised_before_anything_was_tried() -> None:
    assert think.advice([]) == think.advice([BASELINE]) == ""


def test_two_keeps_in_one_area_go_deeper() -> None:
    assert "deeper" in think.advice([BASELINE, KEEP, KEEP])
    assert think.advice([BASELINE, KEEP, experiment(Status.keep, "src/b.py")]) == ""


def test_three_failures_pivot_and_five_change_the_strategy() -> None:
    assert think.advice([BASELINE, KEEP, DISCARD, DISCARD]) == ""
    assert "leave this approach" in think.advice([BASELINE, DISCARD, REJECT, DISCARD])
    assert "another strategy" in think.advice([BASELINE, *[DISCARD] * 5])


def test_what_was_never_measured_hardly_counts_as_a_failure() -> None:
    assert think.advice([BASELINE, DISCARD, CRASH, REFUSED, DISCARD]) == ""
    assert "5 changes in a row brought nothing: leave" in think.advice(
        [BASELINE, DISCARD, CRASH, REFUSED, DISCARD, DISCARD]
    )
    assert "9 changes in a row" in think.advice([BASELINE, *[REFUSED] * 9])  # but not for ever


def test_a_run_that_ends_soon_changes_its_approach_sooner() -> None:
    assert think.advice([BASELINE, DISCARD]) == ""
    assert "leave this approach" in think.advice([BASELINE, DISCARD], limit=3)
    assert "another strategy" in think.advice([BASELINE, DISCARD, DISCARD], limit=3)
    assert think.step([BASELINE, DISCARD], limit=3) is Step.diversify
    assert think.advice([BASELINE, DISCARD, DISCARD], limit=30) == ""


def test_noise_is_told_where_it_may_hide_what_helps() -> None:
    blind = replace(judged(Outcome.same, 0.0, 0.5), verdict=replace(VERDICT, noise=0.2, reach=0.1))

    assert think.advice([BASELINE, *[blind] * 3]) == ""
    assert think.advice([BASELINE, *[blind] * 9]).endswith(
        "leave this approach. Noise hides gains of up to 18 %: look for larger ones."
    )


def test_a_crash_is_about_structure() -> None:
    assert "depend on each other" in think.advice([BASELINE, DISCARD, DISCARD, DISCARD, CRASH])


def test_eight_failures_ask_for_a_bigger_change() -> None:
    assert "bigger" in think.advice([BASELINE, *[DISCARD] * 8])


def test_a_simplification_is_not_part_of_a_streak() -> None:
    assert "3 changes" in think.advice([BASELINE, DISCARD, DISCARD, SIMPLER, DISCARD])
    assert "deeper" in think.advice([BASELINE, KEEP, SIMPLER, KEEP])
    assert think.advice([BASELINE, SIMPLER]) == ""


def test_a_run_begins_with_low_hanging_fruit() -> None:
    assert think.step([]) is think.step([BASELINE]) is think.step([BASELINE, DISCARD]) is Step.low_hanging


def test_what_worked_is_followed_until_three_failures() -> None:
    assert steps([BASELINE, KEEP, DISCARD, DISCARD, REJECT])[1:] == [
        Step.follow,
        Step.follow,
        Step.follow,
        Step.diversify,
    ]


def test_when_increments_run_dry_bigger_changes_are_due_until_something_is_kept() -> None:
    dry = [BASELINE, *[DISCARD] * 8, SIMPLER]

    assert think.step(dry) is think.step([*dry, DISCARD]) is Step.bigger
    assert think.step([*dry, KEEP]) is Step.follow


@pytest.mark.parametrize(
    ("history", "turn"),
    [
        ([BASELINE, *[DISCARD] * 8], True),  # every so often
        ([BASELINE, DISCARD, KEEP, DISCARD, KEEP], True),  # keeps add code
        ([BASELINE, KEEP, KEEP], False),  # not so early: one experiment in five at most
        ([BASELINE, DISCARD, KEEP, DISCARD, KEEP, SIMPLER], False),
        ([BASELINE, *[DISCARD] * 8, DISCARD], False),  # the turn passed, whoever used it
    ],
)
def test_simplification_has_its_turns(history: list[Experiment], turn: bool) -> None:
    assert (think.step(history) is Step.simplify) is turn


def test_simplification_never_takes_more_than_a_fifth_of_the_run() -> None:
    taken = steps([BASELINE, *[KEEP] * 60])

    assert 8 <= taken.count(Step.simplify) <= 12
    assert taken.index(Step.simplify) == 4


def test_two_near_misses_are_combined_and_further_ones_after_a_while() -> None:
    assert think.step([BASELINE, NEAR]) is Step.low_hanging
    assert steps([BASELINE, NEAR, NEAR, NEAR, NEAR, DISCARD, KEEP])[2:] == [
        Step.combine,
        Step.low_hanging,
        Step.low_hanging,
        Step.low_hanging,
        Step.combine,
    ]


@pytest.mark.parametrize(
    "other",
    [
        judged(Outcome.unclear, -0.02),
        judged(Outcome.same, 0.001, probability=0.6),
        replace(NEAR, source="combine"),
        replace(NEAR, parameters={"a": 1}),
        replace(NEAR, status=Status.inspector_reject),
        replace(NEAR, simplifies=True),
        CRASH,
    ],
)
def test_what_did_not_seem_to_help_is_no_near_miss(other: Experiment) -> None:
    assert think.is_near_miss(NEAR)
    assert not think.is_near_miss(other)


def test_advice_and_step_agree_on_streaks() -> None:
    for failures in range(1, 12):
        history = [BASELINE, KEEP, *[DISCARD] * failures]
        approach = think.strategy(history).approach

        assert (approach is Step.follow) is (think.advice(history) == "")
        assert (approach is Step.bigger) is ("bigger" in think.advice(history))
