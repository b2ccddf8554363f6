"""What there is to tell about a merge, from its result and the repository."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from pathlib import Path

from autoopt.commands.lookup import Found
from autoopt.commands.merging import Result, Whole
from autoopt.commands.remeasuring import Candidate
from autoopt.errors import RepositoryError
from autoopt.reporters import words
from autoopt.reporters.merged import Account, Metric, Row, Total
from autoopt.workspaces.merges import Merges
from autoopt.workspaces.remotes import remote_of
from autoopt.workspaces.repository import Repository, discover

_SHOWN = 5  # conflicts


def account_of(result: Result, branch: str | None, chosen: Sequence[Found], merges: Merges) -> Account:
    """All there is to tell, but for the commands that take the merge."""
    rows = [replace(_row(one.candidate), here=one.claim) for one in result.merged]
    for left in result.left_out:
        row = _row(left.candidate) if left.candidate else Row(run_id=left.run_id)
        rows.append(replace(row, reasons=left.reasons, is_contained=left.is_contained))
    totals = [_total(one) for one in result.combined]
    totals += [replace(_total(one), holdout_of=one.candidate.run_id) for one in result.held_out]
    return Account(
        branch=branch,
        commit=result.commit,
        start=result.start,
        rows=tuple(rows),
        totals=tuple(totals),
        fit=_fit(result, _user(chosen[0]), merges) if branch else "",
    )


def _row(candidate: Candidate) -> Row:
    return Row(
        run_id=candidate.run_id,
        goal=words.one_line(candidate.config.goal),
        metric=_metric(candidate),
        alone=candidate.claim,
    )


def _metric(candidate: Candidate) -> Metric:
    metric = candidate.config.metric
    return Metric(name=candidate.config.goal or metric.command, direction=metric.direction, unit=metric.unit)


def _total(one: Whole) -> Total:
    return Total(metric=_metric(one.candidate), claim=one.claim, excuse=one.excuse)


def _user(found: Found) -> Repository | None:
    """The checkout that the run started from; None where that is gone."""
    with suppress(RepositoryError):
        return discover(Path(found.layout.root))
    return None


def _fit(result: Result, user: Repository | None, merges: Merges) -> str:
    """Whether the merge fits what the user has checked out; empty where it stands on that."""
    if user is None or merges.holds(result.commit, user.head):
        return ""
    runs = " ".join(shlex.quote(one.candidate.run_id) for one in result.merged)
    name = user.branch or "HEAD"
    there = f"{name} is at {user.head[:12]}"
    again = (
        f"; autoopt merge {runs} --onto {shlex.quote(user.branch)} measures it there" if user.branch else ""
    )
    if merges.holds(user.head, result.commit):
        return f"{there} and has all of it already."
    if found := merges.obstacles(user.head, result.start, result.commit):
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return f"{there}, where it conflicts: {'; '.join(map(str, found[:_SHOWN]))}{more}."
    return f"{there}: it merges cleanly there, but was not measured there{again}."


def with_steps(account: Account, report: Path, found: Found) -> Account:
    """The account with the commands that take the merge; `report` can be a pull request's text."""
    return replace(account, steps=tuple(_steps(account, report, found)) if account.branch else ())


def _steps(account: Account, report: Path, found: Found) -> Iterator[str]:
    user = _user(found)
    branch, runs = str(account.branch), [row.run_id for row in account.rows if row.is_in]
    yield f"git log --stat {account.start[:12]}..{branch}"
    yield f"git merge {'' if account.fit or user is None else '--ff-only '}{branch}"
    into = user.branch if user else None
    if (remote := remote_of(Path(found.layout.control), into)) is not None:
        yield f"git push -u {shlex.quote(remote.name)} {branch}"
        title, text = shlex.quote(f"Merge {', '.join(runs)}"), shlex.quote(str(report))
        if into and remote.forge == "gh":
            base = shlex.quote(into)
            yield f"gh pr create --base {base} --head {branch} --title {title} --body-file {text}"
        if into and remote.forge == "glab":
            yield (
                f"glab mr create --target-branch {shlex.quote(into)} --source-branch {branch} "
                f'--title {title} --description "$(cat {text})"'
            )
    yield f"git branch -D {branch}    # to drop it"
    yield f"autoopt clean {' '.join(map(shlex.quote, runs))}"


def redactor(redactions: Sequence[Callable[[str], str]]) -> Callable[[str], str]:
    """All of them, one after the other."""
    return lambda text: reduce(lambda said, redact: redact(said), redactions, text)
