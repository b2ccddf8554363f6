"""Near misses together: changes that each looked like a gain, but too small a one to be sure of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.merging import Conflict, carry
from autoopt.proposers.patches.carrying import UnfitError, carried, content
from autoopt.protocols import Commits
from autoopt.records import Brief, Edit, Experiment, FileChange, Proposal
from autoopt.think import is_near_miss

SOURCE = "combine"
_MOST = 8  # near misses that are combined, the best ones: 28 pairs and 56 triples
_SIZES = (2, 3)
_WIDTH = 60


class Combine:
    """Finds pairs of near misses, then triples, the largest sum of gains first: a `candidates.Finder`.

    Near misses are discarded experiments whose numbers leave a gain likely, from whichever proposer. Those of
    a parameter search are left to it: it combines values itself, and knows how they depend on each other.
    """

    def __init__(self, commits: Commits) -> None:
        """Read what the experiments changed from `commits`."""
        self._commits = commits
        self._changes: dict[int, tuple[FileChange, ...] | None] = {}

    def __call__(self, brief: Brief) -> Iterator[Proposal]:
        """The combinations that fit the incumbent, lazily."""
        misses = [experiment for experiment in near_misses(brief.history) if self._of(experiment) is not None]
        for size in _SIZES:
            together = combinations(misses[:_MOST], size)
            for chosen in sorted(together, key=lambda some: -sum(map(_effect, some))):
                in_order = sorted(chosen, key=lambda experiment: experiment.number)
                if edits := self._edits(in_order, brief.desk):
                    yield _proposal(in_order, edits)

    def _of(self, experiment: Experiment) -> tuple[FileChange, ...] | None:
        """What the experiment changed; None where no edit can express it, or its commit is gone."""
        if experiment.number not in self._changes:
            try:
                changes = self._commits.changes(experiment.parent, experiment.commit)
            except (OutOfScopeError, RepositoryError):
                changes = None
            self._changes[experiment.number] = changes
        return self._changes[experiment.number]

    def _edits(self, chosen: list[Experiment], desk: Path) -> tuple[Edit, ...]:
        """All the changes on top of the incumbent; none when one does not fit, or is not needed any more."""
        made: dict[str, bytes | None] = {}
        try:
            for experiment in chosen:
                changes = self._of(experiment) or ()
                if not carried(changes, desk):
                    return ()  # the incumbent has it already, so this is a smaller combination
                found = carry(changes, lambda path: made[path] if path in made else content(desk, path))
                if isinstance(found, Conflict) or not found:
                    return ()
                made.update({edit.path: edit.content for edit in found})
        except UnfitError:
            return ()
        return tuple(Edit(path=path, content=made[path]) for path in sorted(made))


def near_misses(history: tuple[Experiment, ...]) -> list[Experiment]:
    """The discarded code changes that are likely gains all the same, the largest first."""
    found = [experiment for experiment in history if is_near_miss(experiment)]
    return sorted(found, key=lambda experiment: (-_effect(experiment), experiment.number))


def _effect(experiment: Experiment) -> float:
    return experiment.verdict.effect if experiment.verdict else 0.0


def _proposal(chosen: list[Experiment], edits: tuple[Edit, ...]) -> Proposal:
    names = [_short(experiment.description) for experiment in chosen]
    numbers = " with ".join(f"#{experiment.number}" for experiment in chosen)
    sure = _listed([f"{experiment.verdict.probability:.0%}" for experiment in chosen if experiment.verdict])
    areas = dict.fromkeys(experiment.area for experiment in chosen)
    return Proposal(
        description=f"{' + '.join(names)} ({numbers})",
        hypothesis=(
            f"{_listed(names)} should improve the metric together because each alone was probably a gain "
            f"({sure} sure), only too small a one to be confirmed"
        ),
        area=", ".join(areas),
        source=SOURCE,
        edits=edits,
    )


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
