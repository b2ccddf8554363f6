"""A search over parameters as the report tells it."""

import math
import re
from itertools import pairwise
from random import Random

from autoopt.proposers.search.importance import importances
from autoopt.records import Experiment, Outcome, Status, Value, Verdict
from autoopt.reporters import html, searched
from autoopt.reporters.account import Account
from autoopt.schema import Direction


def tried(number: int, effect: float, status: Status = Status.discard, **values: Value) -> Experiment:
    verdict = Verdict(
        outcome=Outcome.better, effect=effect, low=effect, high=effect, probability=1, pairs=1, is_ratio=True,
        sentence="",
    )  # fmt: skip
    return Experiment(
        number=number, status=status, commit="c", parent="p", description="d", hypothesis="", area="",
        source="optuna", parameters=values, verdict=None if status is Status.crash else verdict,
    )  # fmt: skip


def account(*history: Experiment, **shares: float) -> Account:
    return Account(
        run_id="r", goal="g", unit="ms", direction=Direction.lower, history=history, confirmation=None,
        branch="b", base="0" * 40, reason="", importances=shares,
    )  # fmt: skip


def test_what_was_kept_counts_for_the_assignments_after_it_and_a_crash_for_none() -> None:
    history = (
        tried(1, 0.1, Status.keep, a=1),
        tried(2, 0.3, Status.crash, a=2),
        tried(3, -0.05, a=3),
        tried(4, 0.2),  # another proposer's change
    )

    assert [(one.number, one.level) for one in searched.results(history)] == [(1, 0.1), (3, 0.1 - 0.05)]


def test_the_parameter_that_decides_has_the_largest_importance() -> None:
    chance = Random(1)
    assignments: list[dict[str, Value]] = [
        {
            "decides": chance.uniform(0, 10),
            "word": chance.choice("abc"),
            "wide": 10.0 ** chance.randrange(5),
            "fixed": 1,
        }
        for _ in range(60)
    ]
    found = importances(assignments, [-abs(float(one["decides"]) - 7) for one in assignments])

    assert max(found, key=lambda name: found[name]) == "decides" and found["decides"] > 0.5
    assert set(found) == {"decides", "word", "wide"} and math.isclose(sum(found.values()), 1)
    assert importances(assignments, [1.0] * 60) == importances([], []) == {}


def test_too_few_assignments_are_said_to_be_so() -> None:
    few = account(*(tried(number, 0.1 * number, a=number, b=True, c=number % 2) for number in range(1, 5)))

    assert (
        "4 assignments measured: too few to say which parameter matters (it takes 20)."
        in searched.section(few)
    )
    assert searched.section(account(tried(1, 0.1))) == ""
    page = html.report(few)
    assert "too few to say" in page and page.count('class="slice"') == 2  # `b` never varied


def test_slices_have_a_mark_for_each_assignment_and_name_values_that_are_no_numbers() -> None:
    history = [
        tried(number, 0.01 * number, mode=mode, size=10.0**number)
        for number, mode in enumerate(["fast", None, True, "<i>slow</i>"], 1)
    ]
    page = html.report(account(*history, mode=0.9, size=0.1))
    slices = page[page.index('class="slices"') : page.index("Every experiment")]

    assert slices.count('class="mark discard"') == 8
    assert all(f">{word}</text>" in slices for word in ("fast", "absent", "true", "&lt;i&gt;slow&lt;…"))
    assert "<i>" not in page
    assert slices.index("<figcaption>mode") < slices.index("<figcaption>size")
    marks = [float(x) for x in re.findall(r'cx="([\d.]+)"', slices)[4:]]
    gaps = [right - left for left, right in pairwise(marks)]
    assert max(gaps) - min(gaps) < 0.2  # decades are equally far apart
