"""Going through what a finder finds, once each, whatever the run has seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoopt.proposers.candidates import Candidates, Finder, mark_of
from autoopt.records import Brief, Edit, Experiment, Failure, Proposal, Status
from autoopt.testing.proposer_suite import ProposerSuite, apply, brief, judged


def idea(line: str, path: str = "a.txt", content: bytes | None = None) -> Proposal:
    return Proposal(
        description=f"write {line}",
        hypothesis="h",
        area=path,
        source="lines",
        edits=(Edit(path=path, content=content if content is not None else f"{line}\n".encode()),),
    )


def finding(*lines: str) -> Finder:
    def find(brief: Brief) -> Iterator[Proposal]:
        for line in lines:
            yield idea(line)

    return find


def tried(proposal: Proposal, desk: Path, number: int, status: Status = Status.discard) -> Experiment:
    return replace(judged(proposal, number, -0.1, status), fingerprint=mark_of(proposal, desk))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("old\n")
    return tmp_path


def asked(proposer: Candidates, desk: Path, *history: Experiment) -> str:
    proposal = proposer.ask(brief(desk, history))
    return proposal.description if proposal else ""


def test_ideas_come_in_the_finders_order_each_once_until_there_are_none(desk: Path) -> None:
    proposer, history, said = Candidates(finding("one", "two", "three")), [], []
    while proposal := proposer.ask(brief(desk, tuple(history))):
        said.append(proposal.description)
        history.append(tried(proposal, desk, len(history) + 1))

    assert said == ["write one", "write two", "write three"]


def test_what_another_has_tried_is_not_tried_again(desk: Path) -> None:
    same = replace(idea("one"), source="somebody else", description="other words")

    assert asked(Candidates(finding("one", "two")), desk, tried(same, desk, 1)) == "write two"


def test_an_idea_that_changes_nothing_is_none(desk: Path) -> None:
    assert asked(Candidates(finding("old", "new")), desk) == "write new"


def test_asked_again_for_a_number_the_idea_given_is_declined(desk: Path) -> None:
    proposer = Candidates(finding("one", "two"))

    assert [asked(proposer, desk) for _ in range(3)] == ["write one", "write two", ""]


def test_an_idea_refused_before_it_was_committed_is_known_by_its_words(desk: Path) -> None:
    refused = replace(judged(idea("one"), 1, 0.0), commit="", fingerprint="")

    assert asked(Candidates(finding("one", "two")), desk, refused) == "write two"


def test_the_words_of_another_proposer_refuse_nothing_here(desk: Path) -> None:
    refused = replace(judged(idea("one"), 1, 0.0), commit="", fingerprint="", source="somebody else")

    assert asked(Candidates(finding("one", "two")), desk, refused) == "write one"


def test_after_a_keep_the_finder_sees_the_new_files(desk: Path) -> None:
    def find(brief: Brief) -> Iterator[Proposal]:
        yield idea((brief.desk / "a.txt").read_text().strip() + "+")

    proposer = Candidates(find)
    first = idea("old+")
    kept = tried(first, desk, 1, Status.keep)
    apply(first, desk)

    assert asked(proposer, desk, kept) == "write old++"


def test_a_finder_is_read_no_further_than_needed(desk: Path) -> None:
    def find(brief: Brief) -> Iterator[Proposal]:
        yield idea("one")
        raise AssertionError("the second idea was not asked for")

    assert asked(Candidates(find), desk) == "write one"


def test_an_idea_for_a_file_that_is_gone_or_new_counts(desk: Path) -> None:
    def find(brief: Brief) -> Iterator[Proposal]:
        yield idea("made", path="new/b.txt")

    assert asked(Candidates(find), desk) == "write made"


def test_a_mark_is_of_the_files_as_they_are_now(desk: Path) -> None:
    """The same content proposed on other ground is another change."""
    proposer = Candidates(finding("one"))
    first = tried(idea("one"), desk, 1)
    before = asked(proposer, desk, first)
    (desk / "a.txt").write_text("something else\n")

    assert (before, asked(proposer, desk, first)) == ("", "write one")


def test_going_past_many_tried_ideas_for_long_files_is_quick(desk: Path) -> None:
    """Fingerprints of long files are worked out once: the second time around costs a hundredth."""
    import time

    old = b"".join(b"%d\n" % (n * 7919 % 1000) for n in range(3000))
    (desk / "a.txt").write_bytes(old)
    ideas = [
        idea(f"{n}", content=b"".join(b"%d\n" % (m * (n + 3) % 1000) for m in range(3000))) for n in range(2)
    ]
    proposer = Candidates(lambda brief: iter(ideas))
    started = time.perf_counter()
    proposer.ask(brief(desk))
    first = time.perf_counter() - started
    history = (tried(ideas[0], desk, 1),)
    proposer.ask(brief(desk, history))
    started = time.perf_counter()
    proposer.ask(brief(desk, history))

    assert time.perf_counter() - started < first / 4


def test_a_crash_is_given_up(desk: Path) -> None:
    assert Candidates(finding("one")).repair(idea("one"), Failure(reason="exit code 1")) is None


class TestCandidates(ProposerSuite):
    """The promises of every proposer."""

    def proposer(self, state: Path) -> Candidates:
        return Candidates(finding("one", "two"))

    def fill(self, desk: Path) -> None:
        (desk / "a.txt").write_text("old\n")
