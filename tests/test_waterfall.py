"""How the gain came together: steps, their sum, and what was confirmed."""

import math
from itertools import pairwise

from autoopt.records import Confirmation, Experiment, Outcome, Status, Verdict
from autoopt.reporters import html, waterfall
from autoopt.reporters.account import Account
from autoopt.schema import Direction


def kept(number: int, effect: float, *, is_ratio: bool = True, spread: float = 0.01) -> Experiment:
    verdict = Verdict(
        outcome=Outcome.better, effect=effect, low=effect - spread, high=effect + spread, probability=0.99,
        pairs=4, is_ratio=is_ratio, sentence="KEEP",
    )  # fmt: skip
    return Experiment(
        number=number, status=Status.keep, commit=f"c{number}", parent="p", description=f"<b>{number}</b>",
        hypothesis="", area="", source="", verdict=verdict,
    )  # fmt: skip


def account(*history: Experiment, confirmed: float | None = None) -> Account:
    claim = None
    if confirmed is not None:
        claim = Confirmation(
            baseline=100, final=80, effect=confirmed, low=confirmed - 0.02, high=confirmed + 0.02, pairs=8,
            is_ratio=True,
        )  # fmt: skip
    return Account(
        run_id="r", goal="g", unit="ms", direction=Direction.lower, history=history, confirmation=claim,
        branch="b", base="0" * 40, reason="",
    )  # fmt: skip


def test_each_step_begins_where_the_one_before_it_ended_and_the_sums_begin_at_zero() -> None:
    steps = waterfall.steps(account(kept(1, 0.1), kept(4, 0.2), confirmed=0.25))

    assert [(step.kind, round(step.start, 9), round(step.end, 9)) for step in steps] == [
        ("keep", 0, 0.1),
        ("keep", 0.1, 0.3),
        ("claimed", 0, 0.3),
        ("confirmed", 0, 0.25),
    ]
    assert (steps[1].low, steps[1].high) == (0.1 + 0.19, 0.1 + 0.21000000000000002)


def test_steps_that_cannot_be_added_up_make_no_waterfall() -> None:
    mixed = account(kept(1, 0.1), kept(2, 3.0, is_ratio=False), confirmed=0.1)

    assert waterfall.steps(mixed) == () == waterfall.steps(account())
    assert waterfall.section(mixed) == ""
    assert "How the gain came together" not in html.report(mixed)


def test_a_long_waterfall_has_its_middle_as_one_step_that_adds_up() -> None:
    steps = waterfall.steps(account(*(kept(number, 0.01) for number in range(1, 101))))

    assert len(steps) == 42
    assert steps[20].label == "60 further keeps, #21 to #80"
    assert all(math.isclose(one.end, two.start) for one, two in pairwise(steps[:41]))
    assert math.isclose(steps[-1].end, 1.0)


def test_a_sum_of_another_unit_is_not_held_against_the_steps() -> None:
    differing = account(kept(1, 2.0, is_ratio=False), confirmed=0.1)

    assert [step.kind for step in waterfall.steps(differing)] == ["keep", "claimed"]


def test_bars_are_as_long_as_the_metric_moved_and_names_are_escaped() -> None:
    told = account(kept(1, -math.log1p(-0.4)), kept(2, -math.log1p(-0.5)), confirmed=-math.log1p(-0.7))
    page = html.report(told)
    bars = page[page.index('class="bars"') :]
    widths = [float(part.partition('"')[0]) for part in bars.split('width="')[1:4]]

    assert "#1 &lt;b&gt;1&lt;/b&gt;" in bars
    assert math.isclose(widths[0] / widths[1], 40 / 30, rel_tol=0.01)  # 100 → 60 → 30: 40, then 30 of it
    assert math.isclose(widths[2], widths[0] + widths[1], rel_tol=0.01)
    assert "| claimed together | 70.0 % faster |  |" in waterfall.section(told)
