"""Making the branches of a run's result, with what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoopt import files
from autoopt.commands.lookup import Found
from autoopt.errors import RepositoryError, UsageError
from autoopt.merging import Conflict
from autoopt.records import Experiment, Omission, Status
from autoopt.reporters import pull_request
from autoopt.reporters.account import Account
from autoopt.reporters.pull_request import Part
from autoopt.workspaces import finals
from autoopt.workspaces.finals import Final
from autoopt.workspaces.finishing import Finishing, Target
from autoopt.workspaces.repository import discover

HOW = ("one", "each", "groups")
"""What `--commits` takes."""
_SHOWN = 20


@dataclass(slots=True, kw_only=True)
class Wanted:
    """What was asked for on the command line."""

    run: str = "last"
    commits: str = "one"
    onto: str | None = None
    name: str | None = None
    drop: list[str] = field(default_factory=list)
    confirms: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A branch, with what is in it.

    Attributes:
        target: The branch it is for; None where none is known.
        commits: How many commits it has of its own.
        conflicts: What a merge into that would stumble over.
        text: The file with the text of its pull request.
    """

    branch: str
    commit: str
    part: Part
    commits: int
    target: Target | None
    conflicts: tuple[Conflict, ...]
    text: Path


class Finish:
    """Everything that is made of one run; its lock is held."""

    def __init__(self, finishing: Finishing, found: Found, account: Account, wanted: Wanted) -> None:
        self._finishing = finishing
        self._found = found
        self._account = account
        self._wanted = wanted
        self._base = finishing.tree(account.base)
        self._tip = account.steps[-1].commit
        followed = {step.commit for step in account.steps if step.status is Status.follow}
        finishing.check([step.commit for step in account.steps], followed)
        if account.follows and (wanted.commits != "one" or wanted.drop):
            raise UsageError(
                f"{account.run_id}: several runs of a search kept what is on its branch, and only together "
                "was it confirmed; leave out --commits and --drop."
            )
        self._left_out = tuple(_dropped(account, wanted.drop))
        self._changes = tuple(step for step in account.steps if step not in self._left_out)
        self._tree = self._whole()
        self._onto = finishing.branch(wanted.onto) if wanted.onto else None
        self._start = self._onto.tip if self._onto else account.base
        times = (finishing.time(commit) for commit in (self._tip, self._start))
        self._when = max(times)  # no clock, so that the same again gives the same commits

    def made(self) -> tuple[Made, ...]:
        """The branches with their texts; all of them or none."""
        target = self._onto or self._finishing.target(current_branch(self._found))
        made = [self._made(part, name, target) for part, name in self._parts()]
        self._check_union(made)
        branches = {one.branch: one.commit for one in made}
        self._finishing.check_names(branches)
        known = [final.branch for final in finals.recorded(self._found.files.state)]
        self._finishing.recover([*known, *branches])
        finals.remember(
            self._found.files.state,
            [
                Final(branch=name, commit=commit, start=self._start, tip=self._tip)
                for name, commit in branches.items()
            ],
        )
        for one in made:
            files.make_directory(one.text.parent)
            text = pull_request.description(self._account, one.part, trial(one, self._account))
            files.replace(one.text, text.encode("utf-8", "replace"), mark="text")
        self._finishing.publish(branches)
        return tuple(made)

    def _whole(self) -> str:
        """The tree of the result.

        Raises:
            RepositoryError: other changes stand on one that is to be left out.
        """
        tree = self._finishing.without([one.commit for one in self._left_out], self._tip)
        if tree is None:
            numbers = ", ".join(str(one.number) for one in self._left_out)
            raise RepositoryError(
                f"--drop {numbers}: later changes stand on the same lines; drop those too, or take it all "
                "and change it by hand."
            )
        return tree

    def _parts(self) -> Iterator[tuple[Part, str]]:
        """What goes onto which branch."""
        name = self._wanted.name or f"{self._account.branch}-final"
        groups = [self._changes]
        if self._wanted.commits == "groups":
            found = self._finishing.groups([one.commit for one in self._changes])
            groups = [tuple(one for one in self._changes if one.commit in commits) for commits in found]
        for place, changes in enumerate(groups, start=1):
            part = Part(
                changes=changes,
                place=place,
                of=len(groups),
                left_out=self._left_out,
                without=self._measured_without(),
                onto=f"{self._onto.name} at {self._onto.tip[:12]}" if self._moves_on() and self._onto else "",
            )
            yield part, f"{name}-{place}" if self._wanted.commits == "groups" else name

    def _moves_on(self) -> bool:
        return self._finishing.tree(self._start) != self._base

    def _measured_without(self) -> Omission | None:
        """The measurement of exactly what is made, where the end of the run took one."""
        known = (omission for omission in self._account.omissions if omission.commit and omission.verdict)
        return next((one for one in known if self._finishing.tree(one.commit) == self._tree), None)

    def _made(self, part: Part, name: str, target: Target | None) -> Made:
        split = self._wanted.commits == "each"
        commit = self._each(part) if split else self._one(part)
        text = self._found.files.state / "pull-requests" / f"{name.replace('/', '-')}.md"
        conflicts: tuple[Conflict, ...] = ()
        if target is not None and target is not self._onto:
            tried = self._finishing.onto(
                target.tip, self._finishing.tree(self._start), self._finishing.tree(commit)
            )
            conflicts = () if isinstance(tried, str) else tried
        return Made(
            branch=name,
            commit=commit,
            part=part,
            commits=len(part.changes) if split else 1,
            target=target,
            conflicts=conflicts,
            text=text,
        )

    def _one(self, part: Part) -> str:
        tree = (
            self._tree
            if part.of == 1
            else self._finishing.share([one.commit for one in part.changes], self._tree)
        )
        placed = self._carried(self._finishing.onto(self._start, self._base, tree))
        return self._finishing.commit(
            placed, self._start, pull_request.message(self._account, part), self._when
        )

    def _each(self, part: Part) -> str:
        messages = [
            (one.commit, pull_request.change_message(self._account, part, one)) for one in part.changes
        ]
        return self._carried(self._finishing.replay(self._start, messages, self._when))

    def _carried(self, found: str | tuple[Conflict, ...]) -> str:
        """What was made of it.

        Raises:
            RepositoryError: naming every conflict.
        """
        if isinstance(found, str):
            return found
        where = f"--onto {self._wanted.onto}" if self._onto else "--drop"
        listed = "; ".join(map(str, found[:_SHOWN]))
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise RepositoryError(f"{where}: {listed}{more}. Nothing was made; without it, merge by hand.")

    def _check_union(self, made: Sequence[Made]) -> None:
        """Make sure that all branches together are the whole result, and that no two have a file in common.

        Raises:
            RepositoryError: they are not.
        """
        whole = self._tree  # as it was measured
        if self._moves_on():
            whole = self._carried(self._finishing.onto(self._start, self._base, self._tree))
        start = self._finishing.tree(self._start)
        if self._finishing.union(start, [self._finishing.tree(one.commit) for one in made]) != whole:
            raise RepositoryError(
                f"{self._account.run_id}: the commits do not add up to what was kept; nothing was made. "
                "Try --commits one."
            )


def _dropped(account: Account, words_given: Sequence[str]) -> Iterator[Experiment]:
    """The kept experiments to leave out, in order.

    Raises:
        UsageError: there is no such one, or nothing is left.
    """
    idle = [str(one.number) for one in account.idle]
    numbers = {number for word in words_given for number in (idle if word == "idle" else [word])}
    kept = {str(one.number): one for one in account.kept}
    if unknown := sorted(numbers - kept.keys()):
        raise UsageError(f"--drop {unknown[0]}: not a kept experiment; those are {', '.join(kept)}, or idle.")
    if numbers and len(numbers) == len(kept):  # a worker may have kept none itself
        raise UsageError(
            f"--drop: nothing would be left of {', '.join(kept)}; autoopt clean drops a whole run."
        )
    yield from (one for number, one in kept.items() if number in numbers)


def current_branch(found: Found) -> str | None:
    """The branch that the user has checked out."""
    try:
        return discover(Path(found.layout.root)).branch
    except RepositoryError:
        return None  # the checkout is gone; the branches are still there


def trial(made: Made, account: Account) -> str:
    """What the trial merge said, in one line; empty where there was none."""
    target = made.target
    if target is None:
        return ""
    if made.conflicts:
        listed = "; ".join(map(str, made.conflicts[:_SHOWN]))
        return f"Conflicts with {target.name} ({target.tip[:12]}): {listed}"
    if not target.holds_base and not made.part.onto:
        return f"{target.name} ({target.tip[:12]}) does not have {account.base[:12]}, where the run started."
    return f"Merges cleanly into {target.name} ({target.tip[:12]})."
