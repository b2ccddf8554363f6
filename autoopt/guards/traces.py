"""What a change's runs left behind and the incumbent's do not: processes at work, files they rewrote or kept.

Each sample begins alike, so most of what a run leaves does not matter: it is put back before the next one. It
does where work goes on after the number was taken, where a run rewrote files of the commit while it was
measured, and where something stays that could not be put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from autoopt.records import Change, Finding, Proposal, Sample, Trial
from autoopt.records.traces import Traces

GUARD = "traces"
_RUN_UNASKED = (".py", ".pth")
"""Ends of names that Python finds by itself and runs, also instead of what has the same name elsewhere."""


class TracesGuard:
    """Passes a change whose runs leave behind no more than the incumbent's do."""

    def __init__(self, traces: Callable[[str], Traces], content: Callable[[str, str], bytes | None]) -> None:
        """Compare two commits.

        Args:
            traces: What a commit's commands have left since it was checked out.
            content: The content of a file in a commit; None where there is none.
        """
        self._traces = traces
        self._content = content

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Whether nothing is left that the incumbent's runs do not leave as well."""
        if trial.verdict is None:
            return Finding(guard=GUARD, passed=True, message="")
        objections = [*self._objections(change, trial)]
        if not objections:
            return Finding(guard=GUARD, passed=True, message="")
        message, where = objections[0]
        others = ", ".join(place or told for told, place in objections[1:])
        more = f"; and {len(objections) - 1} more ({others})" if others else ""
        return Finding(guard=GUARD, passed=False, message=message + more, where=where, suspect=True)

    def _objections(self, change: Change, trial: Trial) -> Iterator[tuple[str, str]]:
        """Each with the place it is about."""
        mine, theirs = self._traces(change.commit), self._traces(change.parent)
        for path in sorted(mine.undone - theirs.undone):
            if self._content(change.commit, path) is not None:
                yield "its runs rewrite a file of the commit, which could change what is measured", path
        for path in self._prepared(change, mine, theirs):
            yield (
                "its metric.prepare writes it and the incumbent's does not, so what is measured differs",
                path,
            )
        for path in sorted(mine.lasting - theirs.lasting):
            yield "its runs keep something from one to the next, which could not be put back", path
        left = median(one.leftovers for one in _challengers(trial))
        if left and not max((one.leftovers for one in _incumbents(trial)), default=0):
            what = "a process" if left == 1 else f"{left:g} processes"
            yield f"its runs leave {what} at work, which is not in the number", ""

    def _prepared(self, change: Change, mine: Traces, theirs: Traces) -> Iterator[str]:
        """What only the change's preparation wrote of the commit, or where Python looks."""
        if mine.prepared is None or theirs.prepared is None:
            return
        for path in sorted(mine.prepared - theirs.prepared):
            if path.endswith(_RUN_UNASKED) or self._content(change.commit, path) is not None:
                yield path


def _challengers(trial: Trial) -> Sequence[Sample]:
    return [*trial.challengers.samples, *(pair.challenger for pair in trial.further)]


def _incumbents(trial: Trial) -> Sequence[Sample]:
    known = trial.incumbent.samples if trial.incumbent else ()
    return [*trial.incumbents, *known, *(pair.incumbent for pair in trial.further)]
