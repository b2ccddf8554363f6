from pathlib import Path

from autoopt import think
from autoopt.records import Experiment, Status


def experiment(status: Status, area: str = "src/a.py") -> Experiment:
    return Experiment(
        number=0, status=status, commit="a", parent="a", description="", hypothesis="", area=area, source=""
    )


BASELINE = experiment(Status.baseline)
KEEP, DISCARD, CRASH = (experiment(s) for s in (Status.keep, Status.discard, Status.crash))
REJECT = experiment(Status.inspector_reject)


def test_nothing_is_advised_before_anything_was_tried() -> None:
    assert think.advice([]) == think.advice([BASELINE]) == ""


def test_two_keeps_in_one_area_go_deeper() -> None:
    assert "deeper" in think.advice([BASELINE, KEEP, KEEP])
    assert think.advice([BASELINE, KEEP, experiment(Status.keep, "src/b.py")]) == ""


def test_three_failures_pivot_and_five_change_the_strategy() -> None:
    assert think.advice([BASELINE, KEEP, DISCARD, DISCARD]) == ""
    assert "leave this approach" in think.advice([BASELINE, DISCARD, REJECT, DISCARD])
    assert "another strategy" in think.advice([BASELINE, DISCARD, CRASH, DISCARD, DISCARD, DISCARD])


def test_a_crash_is_about_structure() -> None:
    assert "depend on each other" in think.advice([BASELINE, DISCARD, DISCARD, DISCARD, CRASH])


def test_the_brief_carries_the_history_in_order() -> None:
    brief = think.question(
        [BASELINE, KEEP], number=2, incumbent="c", desk=Path("desk"), scope=("a.py",), goal="faster"
    )

    assert brief.history == (BASELINE, KEEP)
    assert (brief.number, brief.incumbent, brief.scope) == (2, "c", ("a.py",))
