"""What every proposer must do; inherit `ProposerSuite` in a test module and say how to make yours."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from autoopt.protocols import Proposer
from autoopt.records import (
    Brief,
    Experiment,
    Failure,
    Measurement,
    Outcome,
    Proposal,
    Sample,
    Status,
    Task,
    Verdict,
)


def brief(desk: Path, history: tuple[Experiment, ...] = ()) -> Brief:
    """A brief for the experiment after this history, on the desk's files."""
    files = sorted(path.relative_to(desk).as_posix() for path in desk.rglob("*") if path.is_file())
    return Brief(
        number=history[-1].number + 1 if history else 1,
        incumbent="0" * 40,
        desk=desk,
        scope=tuple(files),
        task=Task(goal="less time"),
        history=history,
        advice="",
    )


def judged(proposal: Proposal, number: int, effect: float, status: Status = Status.discard) -> Experiment:
    """The proposal as an experiment that was measured and judged to have this effect."""
    sample = Sample(value=1.0, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=0)
    commit = f"{number:040x}"
    verdict = Verdict(
        outcome=Outcome.better if status is Status.keep else Outcome.unclear,
        effect=effect,
        low=effect - 0.01,
        high=effect + 0.01,
        probability=0.5,
        pairs=2,
        is_ratio=True,
        sentence="",
    )
    return Experiment(
        number=number,
        status=status,
        commit=commit,
        parent="0" * 40,
        description=proposal.description,
        hypothesis=proposal.hypothesis,
        area=proposal.area,
        source=proposal.source,
        parameters=proposal.parameters,
        measurement=Measurement(commit=commit, samples=(sample,)),
        verdict=verdict,
    )


def crashed(proposal: Proposal, number: int) -> Experiment:
    """The proposal as an experiment that gave no number."""
    return Experiment(
        number=number,
        status=Status.crash,
        commit=f"{number:040x}",
        parent="0" * 40,
        description=proposal.description,
        hypothesis=proposal.hypothesis,
        area=proposal.area,
        source=proposal.source,
        parameters=proposal.parameters,
        failure=Failure(reason="exit code 1"),
    )


def apply(proposal: Proposal, desk: Path) -> None:
    """Do the proposal's edits, as a workspace does when a change is kept."""
    for edit in proposal.edits:
        path = desk / edit.path
        if edit.content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(edit.content)


class ProposerSuite:
    """Inherit, override `proposer` and `fill`, and run with pytest.

    The proposer made must have at least two ideas for the desk that `fill` sets up.
    """

    def proposer(self, state: Path) -> Proposer:
        """A proposer that keeps what it must remember below this directory; called again to resume."""
        raise NotImplementedError

    def fill(self, desk: Path) -> None:
        """Write the files the proposer works on."""
        raise NotImplementedError

    def _set_up(self, tmp_path: Path) -> tuple[Proposer, Path, Path]:
        state, desk = tmp_path / "state", tmp_path / "desk"
        state.mkdir()
        desk.mkdir()
        self.fill(desk)
        return self.proposer(state), state, desk

    def _first(self, proposer: Proposer, desk: Path) -> Proposal:
        proposal = proposer.ask(brief(desk))
        assert proposal is not None, "the suite needs a proposer with ideas"
        return proposal

    def test_an_idea_says_what_why_where_and_from_whom(self, tmp_path: Path) -> None:
        """Every text of a proposal is there and on one line."""
        proposer, _, desk = self._set_up(tmp_path)
        proposal = self._first(proposer, desk)

        for text in (proposal.description, proposal.hypothesis, proposal.area, proposal.source):
            assert text.strip()
            assert "\n" not in text

    def test_edits_change_files_inside_the_desk(self, tmp_path: Path) -> None:
        """Paths are relative and normal, each occurs once, and at least one content is new."""
        proposer, _, desk = self._set_up(tmp_path)
        edits = self._first(proposer, desk).edits
        paths = [PurePosixPath(edit.path) for edit in edits]

        assert len(set(paths)) == len(paths)
        assert not any(path.is_absolute() or ".." in path.parts for path in paths)
        assert any(
            not (desk / edit.path).exists() or (desk / edit.path).read_bytes() != edit.content
            for edit in edits
        )

    def test_asking_leaves_the_desk_alone(self, tmp_path: Path) -> None:
        """Edits are returned, not made: only an attempt writes."""
        proposer, _, desk = self._set_up(tmp_path)
        before = {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()}
        self._first(proposer, desk)

        assert {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()} == before

    def test_an_idea_that_was_tried_is_not_had_again_at_once(self, tmp_path: Path) -> None:
        """The proposal after a discard differs from the discarded one."""
        proposer, _, desk = self._set_up(tmp_path)
        first = self._first(proposer, desk)
        experiment = judged(first, 1, -0.1)
        proposer.tell(experiment)
        second = proposer.ask(brief(desk, (experiment,)))

        assert second is not None
        assert second.edits != first.edits

    def test_being_told_twice_is_being_told_once(self, tmp_path: Path) -> None:
        """A resume tells the whole history again."""
        proposer, _, desk = self._set_up(tmp_path)
        experiment = judged(self._first(proposer, desk), 1, -0.1)
        proposer.tell(experiment)
        proposer.tell(experiment)

        assert proposer.ask(brief(desk, (experiment,))) is not None

    def test_other_proposers_experiments_and_the_baseline_can_be_told(self, tmp_path: Path) -> None:
        """A journal may be shared."""
        proposer, _, desk = self._set_up(tmp_path)
        other = Proposal(description="inline f", hypothesis="h", area="f", source="somebody else")
        baseline = judged(other, 0, 0.0, Status.baseline)
        experiment = judged(other, 1, 0.2, Status.keep)
        proposer.tell(baseline)
        proposer.tell(experiment)

        assert proposer.ask(brief(desk, (baseline, experiment))) is not None

    def test_a_crash_is_repaired_or_given_up_and_can_be_told(self, tmp_path: Path) -> None:
        """`repair` gives a proposal of the same source or None, and life goes on after a crash."""
        proposer, _, desk = self._set_up(tmp_path)
        proposal = self._first(proposer, desk)
        repaired = proposer.repair(proposal, Failure(reason="exit code 1", tail="Traceback"))
        experiment = crashed(repaired or proposal, 1)
        proposer.tell(experiment)

        assert repaired is None or (repaired.edits and repaired.source == proposal.source)
        assert proposer.ask(brief(desk, (experiment,))) is not None

    def test_a_resumed_proposer_goes_on_from_the_history(self, tmp_path: Path) -> None:
        """A new object on the same state, told everything, does not begin with what was tried."""
        proposer, state, desk = self._set_up(tmp_path)
        first = self._first(proposer, desk)
        experiment = judged(first, 1, -0.1)
        resumed = self.proposer(state)
        resumed.tell(experiment)
        second = resumed.ask(brief(desk, (experiment,)))

        assert second is not None
        assert second.edits != first.edits
