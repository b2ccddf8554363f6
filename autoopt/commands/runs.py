"""`autoopt runs [--fetch] [--follow] [--json]`: every run of this repository: its state, gain and place.

  --fetch   first bring what other machines have sent to the repository's remote
  --follow  watch all that are at work on one screen, until none is
  --json    print one JSON object

A run is running, waiting (for the next try), interrupted (autoopt resume goes on with it), finished, merged
(finished, and another branch has its result), away (on another machine, as it was last sent) or damaged. Its
place is its worktree, or its branch where that is gone. Outside any repository, the runs of
all of them are listed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autoopt.commands import facts, fetching
from autoopt.commands.lookup import Found, cut_short, damaged, partners, runs, settings, state_of
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import DamagedStateError, UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.processes import turns
from autoopt.reporters import account
from autoopt.reporters.account import Account
from autoopt.reporters.tables import RunRow, runs_table
from autoopt.workspaces.cleaning import Remains
from autoopt.workspaces.peers import Group

_MERGED = "merged"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """List the runs of the repository here; outside any, those of all repositories."""
    if wrong := [word for word in argv if word not in ("--json", "--fetch", "--follow")]:
        raise UsageError(
            f"{wrong[0]}: runs takes --json, --fetch and --follow; `autoopt show RUN` shows one run."
        )
    if "--fetch" in argv:
        fetching.fetch(environ, Path.cwd())
    if "--follow" in argv:
        from autoopt.commands import watching  # what watches draws, which a list does not need

        watching.follow_all(environ)
    begun = cut_short(environ, Path.cwd())
    known = [found for found in runs(environ, Path.cwd()) if found.files not in begun]
    unmade, lost = [_unmade(files) for files in begun], damaged(environ)
    if "--json" in argv:
        listed = [_facts(found) for found in known]
        listed += [{"run": row.run_id, "state": row.state, "result": row.result} for row in unmade]
        facts.put({"runs": [*listed, *(_complaint(*one) for one in lost)]})
        return 0
    standing = {one.run: one for one in turns.line(environ)}
    rows = [_at_work(row(found), standing) for found in known]
    terminal(environ).print(runs_table([*rows, *unmade, *(_damaged(*one) for one in lost)]))
    return 0


def row(found: Found) -> RunRow:
    """The run as a line of the list; what cannot be read is said to be damaged."""
    try:
        record = Journal(found.files.journal)
        config = settings(found)
    except DamagedStateError as error:
        return _damaged(found.layout.run_id, str(error), _place(found))
    told = account_of(config, record, found.layout)
    state, _ = _state(found, record, config.search)
    return RunRow(
        run_id=found.layout.run_id,
        state=state,
        started=str(record.header["started"])[:16].replace("T", " "),
        experiments=len(told.tried),
        kept=len(told.kept),
        result=_result(told, config.search, _confirmer(found, config.search)),
        goal=config.goal,
        place=_place(found),
    )


def _at_work(listed: RunRow, standing: Mapping[str, turns.Standing]) -> RunRow:
    """The line with what the run does now, where commands of it run or are about to; otherwise it thinks."""
    now = standing.get(listed.run_id)
    if listed.state != "running" or now is None:
        return listed
    doing = "waits for its turn" if now.waits else "measures" if now.alone else "runs commands"
    return replace(listed, state=f"running, {doing}")


def _result(told: Account, search: str, confirmer: str) -> str:
    """The headline, where a list has room for it, and the suspects that wait for somebody.

    Args:
        confirmer: The run that tells what its search gained; empty where none does yet.
    """
    headline = "not confirmed" if told.kept and told.confirmation is None else account.headline(told)
    if search:
        by = f", whose gain {confirmer} tells" if confirmer not in ("", told.run_id) else ""
        headline = (
            f"search {search}{by}" if told.confirmation is None or by else f"search {search}: {headline}"
        )
    suspects = account.suspects(told)
    return f"{headline.rstrip('.')}; {suspects}" if suspects else headline


def _confirmer(found: Found, search: str) -> str:
    """The run that has measured last what its search gained; empty where none has."""
    if not search:
        return ""
    group = Group(folder=found.files.searches(search), run=found.layout.run_id)
    return next(iter(group.confirmed()[2:]), "")


def _state(found: Found, record: Journal, search: str) -> tuple[str, str | None]:
    """Where the run stands, and where its result has been merged; that others follow it is no merge."""
    state = state_of(found, record)
    if state == "running" or not any(past.status.advances for past in record.history):
        return state, None
    others = [one.layout.branch for one in partners(found, search)] if search else []
    merged = Remains(found.layout, found.files.state).merged(record.incumbent.commit, others)
    return (_MERGED if merged and state == "finished" else state), merged


def _place(found: Found) -> str:
    """The worktree as it is reached from here, where that is shorter; the branch where there is none."""
    desk = found.layout.desk
    if not Path(desk).is_dir():
        return fetching.told(found) or found.layout.branch
    return min(desk, os.path.relpath(desk), key=len)


def _facts(found: Found) -> facts.Facts:
    layout = found.layout
    try:
        record = Journal(found.files.journal)
        config = settings(found)
    except DamagedStateError as error:
        return {**_complaint(layout.run_id, str(error)), "branch": layout.branch, "repository": layout.root}
    told = account_of(config, record, layout)
    state, merged = _state(found, record, config.search)
    return {
        "run": layout.run_id,
        "state": state,
        "merged_into": merged,
        "goal": config.goal,
        "started": record.header["started"],
        "experiments": len(told.tried),
        "kept": len(told.kept),
        "result": account.headline(told),
        "suspects": [one.number for one in account.waiting(told.history)],
        "reason": record.stopped,
        "desk": told.desk,
        "away": fetching.told(found),
        "branch": layout.branch,
        "base": layout.base,
        "repository": layout.root,
    }


def _complaint(run_id: str, complaint: str) -> facts.Facts:
    return {"run": run_id, "state": "damaged", "result": complaint}


def _damaged(run_id: str, complaint: str, place: str = "") -> RunRow:
    return RunRow(
        run_id=run_id,
        state="damaged",
        started="",
        experiments=0,
        kept=0,
        result=complaint,
        goal="",
        place=place,
    )


def _unmade(files: RunFiles) -> RunRow:
    """A run that a kill kept from being made."""
    run_id = files.state.name
    return RunRow(
        run_id=run_id,
        state="interrupted",
        started="",
        experiments=0,
        kept=0,
        result=f"was cut short before its baseline; autoopt resume {run_id} begins it",
        goal="",
    )
