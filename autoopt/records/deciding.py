"""What numbers say, and what is decided."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What was decided about an experiment; the words of the journal and the TSV.

    `follow` is said in runs that share a search: what another of them has kept is the incumbent from here on.
    """

    baseline = "baseline"
    keep = "keep"
    follow = "follow"
    discard = "discard"
    inspector_reject = "inspector-reject"
    crash = "crash"

    @property
    def leads(self) -> bool:
        """Whether the commit is the incumbent from here on."""
        return self is Status.baseline or self.advances

    @property
    def advances(self) -> bool:
        """Whether the run's branch moves on to the commit."""
        return self in (Status.keep, Status.follow)


class Outcome(StrEnum):
    """What the numbers say about a challenger.

    `holds` is said of a simplification only: what it costs, if anything, is less than is worth a commit.
    """

    better = "better"
    holds = "holds"
    same = "same"
    worse = "worse"
    unclear = "unclear"

    @property
    def keeps(self) -> bool:
        """Whether the numbers speak for keeping it."""
        return self in (Outcome.better, Outcome.holds)
