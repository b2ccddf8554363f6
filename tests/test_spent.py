"""Where the wall time went."""

import json
from itertools import pairwise
from pathlib import Path

from autoopt.journal.moments import Moment, moments
from autoopt.records import Experiment, Status
from autoopt.reporters import html, spent
from autoopt.reporters.account import Account
from autoopt.schema import Direction


def experiment(number: int, status: Status = Status.discard, **seconds: float) -> Experiment:
    return Experiment(
        number=number, status=status, commit="c", parent="p", description="d", hypothesis="", area="",
        source="", seconds=seconds,
    )  # fmt: skip


def account(history: tuple[Experiment, ...], *at: tuple[str, float, int | None]) -> Account:
    noted = tuple(Moment(event=event, elapsed_s=when, number=number) for event, when, number in at)
    return Account(
        run_id="r", goal="g", unit="s", direction=Direction.lower, history=history, confirmation=None,
        branch="b", base="0" * 40, reason="", moments=noted,
    )  # fmt: skip


RUN = account(
    (
        experiment(0, Status.baseline, measure=5),
        experiment(1, Status.keep, ask=10, edit=2, measure=6, inspect=2),
        experiment(3, ask=1000, measure=10),
    ),
    ("RUN", 0, None), ("BEGIN", 1, 0), ("DECIDED", 8, 0), ("BEGIN", 19, 1), ("DECIDED", 30, 1),
    ("BEGIN", 31, 2), ("BEGIN", 40, 3), ("DECIDED", 50, 3), ("CONFIRMED", 70, None), ("HELD_OUT", 75, None),
    ("OMITTED", 80, None), ("OMITTED", 85, None), ("STOPPED", 86, None),
)  # fmt: skip


def test_the_run_is_told_without_gaps_or_overlaps_from_its_start_to_its_end() -> None:
    spans = spent.spans(RUN)

    assert spans[0].start == 0 and spans[-1].end == 86
    assert all(one.end == two.start for one, two in pairwise(spans))
    assert [(one.kind, one.start, one.end) for one in spans if one.number == 1] == [
        ("ask", 10, 20),
        ("edit", 20, 22),
        ("measure", 22, 28),
        ("inspect", 28, 30),
    ]


def test_shares_add_up_and_stages_never_take_more_than_there_was() -> None:
    shares = {kind: seconds for kind, seconds, _ in spent.shares(RUN)}

    assert sum(shares.values()) == 86 and round(sum(share for _, _, share in spent.shares(RUN)), 9) == 1
    assert (shares["prepare"], shares["confirm"], shares["holdout"]) == (8, 20, 5)
    assert shares["leave-one-out"] == 10
    assert shares["ask"] < 40  # the 1000 s of an experiment were those of all its processes' clocks


def test_the_page_and_the_markdown_say_it_and_an_unread_journal_says_nothing() -> None:
    page = html.report(RUN)

    assert "Where 1 min 26 s of wall time went" in page and 'class="time measure"' in page
    assert "| final comparison | 20 s | 23.3 % |" in spent.section(RUN)
    assert spent.section(account(())) == "" and "wall time" not in html.report(account(()))


def test_moments_are_read_from_a_journal_whose_last_line_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    events = [
        {"event": "RUN", "elapsed_s": 0.0},
        {"event": "MEASURED", "elapsed_s": 1.0, "number": 0, "challenger": {"details": {'"DECIDED"': 1}}},
        {"event": "DECIDED", "elapsed_s": 2.5, "number": 0},
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events) + '{"event": "STOPPED", "elap')

    assert moments(path) == (
        Moment(event="RUN", elapsed_s=0.0),
        Moment(event="DECIDED", elapsed_s=2.5, number=0),
    )
