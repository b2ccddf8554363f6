"""`autoopt clean RUN... [--yes] [--keep-branch] [--force]`: remove what runs left behind.

  --yes          do not ask; needed where there is no terminal (confirm=no is the same)
  --keep-branch  leave the run branches, whatever is on them
  --force        also remove results that were never merged, and edits that no commit holds

Removed are a run's worktree, checkouts, records, table and log, its refs, its lines in .git/info/exclude,
and its branch where nothing was gained or another branch has the result. The branches that autoopt finish
made go when they are merged, and stay while they are not. All else is left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from autoopt.commands.drive import clean_up
from autoopt.commands.holding import hold
from autoopt.commands.lookup import Found, cut_short, find, runs, settings
from autoopt.commands.telling import agreed, terminal
from autoopt.errors import AutooptError, DamagedStateError, RepositoryError, UsageError
from autoopt.journal import Journal
from autoopt.removing import remove_whole
from autoopt.workspaces import returned
from autoopt.workspaces.cleaning import Remains, Result, Standing
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.meeting import FOLDER, LocalMeeting
from autoopt.workspaces.refs import prune

_FLAGS = frozenset({"--yes", "--keep-branch", "--force", "confirm=no", "confirm=false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run that may be removed, with where its result is."""

    found: Found
    remains: Remains
    result: Result
    finals: tuple[Standing, ...]

    @property
    def branch(self) -> str:
        return self.found.layout.branch


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Remove the named runs, all or none of them."""
    flags = {word for word in argv if word.startswith("-") or "=" in word}
    names = [word for word in argv if word not in flags]
    if not names or not flags <= _FLAGS:
        raise UsageError(
            "clean takes the runs to remove; write `autoopt clean RUN ...`, with --yes, --keep-branch or "
            "--force."
        )
    known, console = runs(environ, Path.cwd()), terminal(environ)
    _check_made(names, known, environ)
    chosen = list({found.layout.run_id: found for found in (find(known, name) for name in names)}.values())
    with ExitStack() as held:
        for found in chosen:
            held.enter_context(hold(found.files))
        keeps_branch, forced = "--keep-branch" in flags, "--force" in flags
        going = () if keeps_branch else tuple(found.layout.branch for found in chosen)
        if not forced:
            _check_searches(chosen, known)
        ready = [_checked(found, keeps_branch, forced, going) for found in chosen]
        _agree(ready, keeps_branch, forced, bool(flags & {"--yes", "confirm=no", "confirm=false"}), console)
        for run in ready:
            _clean_up(run.found, environ, console)
            known.remove(run.found)
            search = _search(run.found)
            _remove(run, keeps_branch, forced, known, console)
            _forget(search, run.found, known)
    return 0


def _search(found: Found) -> str:
    """The search that the run is one of here; empty where it is alone, or nobody can tell."""
    if _is_away(found):
        return ""
    try:
        return settings(found).search
    except AutooptError:
        return ""


def _forget(search: str, last: Found, others: Sequence[Found]) -> None:
    """Remove what the runs of a search share, once the last of them here is removed.

    The search of a repository elsewhere goes on there; its ref is not ours to remove.
    """
    control = Path(last.layout.control)
    if not search or any(_search(one) == search for one in others if one.layout.control == str(control)):
        return
    LocalMeeting(control, search).forget()
    prune(control, FOLDER)
    folder = last.files.searches(search)
    remove_whole(folder)
    for above in folder.parents[:2]:
        with suppress(OSError):  # other searches, other runs
            above.rmdir()


def _check_searches(chosen: Sequence[Found], known: Sequence[Found]) -> None:
    """Refuse to remove the last runs of a search while its ref alone has what one of them kept.

    So it is where a run was killed between having the search advance and saying so.

    Raises:
        RepositoryError: naming the run to resume.
    """
    for found in chosen:
        layout, search = found.layout, _search(found)
        staying = (one for one in known if one not in chosen and one.layout.control == layout.control)
        if not search or any(_search(one) == search for one in staying):
            continue
        tip = LocalMeeting(Path(layout.control), search).tip()
        if tip is not None and not Remains(layout, found.files.state).is_held(tip):
            raise RepositoryError(
                f"{layout.run_id}: the search {search} stands at {tip[:12]}, which no branch has; `autoopt "
                f"resume {layout.run_id}` takes it up, --force loses it."
            )


def _is_away(found: Found) -> bool:
    """Whether another machine works on the run: nothing is done here by its settings."""
    return returned.away(found.files.state) is not None


def _check_made(names: Sequence[str], known: Sequence[Found], environ: Mapping[str, str]) -> None:
    """Refuse runs of which nobody knows yet what was made.

    Raises:
        UsageError: a start was cut short so early.
    """
    ids = {found.layout.run_id for found in known}
    for files in cut_short(environ, Path.cwd()):
        if (name := files.state.name) in names and name not in ids:
            raise UsageError(
                f"{name}: its start was cut short; autoopt resume {name} makes it whole, then remove it."
            )


def _clean_up(found: Found, environ: Mapping[str, str], console: Console) -> None:
    """Take away what the recipe's commands made elsewhere, which a run that was killed has not done."""
    if _is_away(found):
        return
    try:
        config = settings(found)
        if config.metric.cleanup is None:
            return
        with TemporaryDirectory(prefix="autoopt-clean-", ignore_cleanup_errors=True) as folder:
            workspace = GitWorkspace.bench_only(found.layout, Path(folder), found.layout.base, None)
            try:
                clean_up(config, found.files, workspace, console, environ)
            finally:
                workspace.close()
    except AutooptError as error:  # what is damaged must go all the same
        console.print(f"metric.cleanup was not run: {error}", markup=False, highlight=False)


def _remove(run: _Run, keeps_branch: bool, forced: bool, others: Sequence[Found], console: Console) -> None:
    layout = run.found.layout
    neighbours = [one.files.state for one in others if one.layout.control == layout.control]
    going = [final for final in run.finals if _goes(final, keeps_branch, forced)]
    note = run.remains.remove(branch=not keeps_branch, others=neighbours, finals=going)
    staying = [layout.branch] if keeps_branch else []
    staying += [final.branch for final in run.finals if final not in going]
    said = f"{layout.run_id} is removed"
    said += f"; {', '.join(staying)} {'stays' if len(staying) == 1 else 'stay'}." if staying else "."
    console.print(f"{said} {note or ''}".rstrip(), markup=False, highlight=False, soft_wrap=True)


def _checked(found: Found, keeps_branch: bool, forced: bool, going: Sequence[str]) -> _Run:
    """The run, when nothing is lost with it and with the branches that go.

    Raises:
        RepositoryError: it holds a result or edits that are nowhere else.
    """
    remains = Remains(found.layout, found.files.state)
    result = remains.result(_recorded(found), going)
    run = _Run(found=found, remains=remains, result=result, finals=remains.standing())
    if forced:
        return run
    run_id = found.layout.run_id
    if result.gained and result.holder is None and not (keeps_branch and result.on_branch):
        raise RepositoryError(
            f"{run_id}: what it kept is on no other branch; take it (autoopt finish {run_id}, or git merge "
            f"{run.branch}), or give --keep-branch, or --force to lose it."
        )
    if objection := remains.objection():
        raise RepositoryError(f"{run_id}: {objection} --force removes it too.")
    return run


def _recorded(found: Found) -> str | None:
    """The best commit by the run's journal, where that can be read."""
    try:
        record = Journal(found.files.journal)
    except DamagedStateError:
        return None
    return record.incumbent.commit if record.history else None


def _agree(ready: Sequence[_Run], keeps_branch: bool, forced: bool, yes: bool, console: Console) -> None:
    """Say what goes and ask once.

    Raises:
        UsageError: a person says no, or nobody is there to say yes.
    """
    if yes:
        return
    lines = [line for run in ready for line in _listed(run, keeps_branch, forced)]
    console.print("\n".join(["This removes:", *lines]), markup=False, highlight=False, soft_wrap=True)
    if not (sys.stdin.isatty() and console.is_terminal):
        raise UsageError("nothing was removed, as nobody is there to agree; add --yes.")
    if not agreed(console, "Remove all of it?", default=False):
        raise UsageError("nothing was removed.")


def _listed(run: _Run, keeps_branch: bool, forced: bool) -> Iterator[str]:
    yield from (f"  {line}" for line in run.remains.listed())
    if keeps_branch:
        return
    result = run.result
    going = {final.branch: final.merged for final in run.finals if _goes(final, keeps_branch, forced)}
    held = result.merged or ", ".join(dict.fromkeys(going.get(name, name) or "" for name in result.finished))
    why = f"its result is in {held}" if held else "its result is LOST"
    yield f"  branch {run.branch}: {why if result.gained else 'nothing was gained'}"
    for branch, merged in going.items():
        yield f"  branch {branch}: {f'it is in {merged}' if merged else 'what it holds is LOST'}"


def _goes(final: Standing, keeps_branch: bool, forced: bool) -> bool:
    """Whether a branch that autoopt finish made goes with its run."""
    return not keeps_branch and not final.stays and (forced or final.merged is not None)
