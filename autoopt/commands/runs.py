"""`autoopt runs [--json]`: every run of this repository, with its state, its gain and its place.

  --json  print one JSON object

A run is running, waiting (for the next try), interrupted (autoopt resume goes on with it), finished, merged
(finished, and another branch has its result) or damaged. Its place is its worktree, or its branch where that
is gone. Outside any repository, the runs of all of them are listed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.commands import facts
from autoopt.commands.lookup import Found, cut_short, damaged, runs, settings, state_of
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import DamagedStateError, UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.records import Status
from autoopt.reporters import account
from autoopt.reporters.account import Account
from autoopt.reporters.tables import RunRow, runs_table
from autoopt.workspaces.cleaning import Remains

_MERGED = "merged"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """List the runs of the repository here; outside any, those of all repositories."""
    if wrong := [word for word in argv if word != "--json"]:
        raise UsageError(f"{wrong[0]}: runs takes --json or nothing; `autoopt show RUN` shows one run.")
    begun = cut_short(environ, Path.cwd())
    known = [found for found in runs(environ, Path.cwd()) if found.files not in begun]
    unmade, lost = [_unmade(files) for files in begun], damaged(environ)
    if argv:
        listed = [_facts(found) for found in known]
        listed += [{"run": row.run_id, "state": row.state, "result": row.result} for row in unmade]
        facts.put({"runs": [*listed, *(_complaint(*one) for one in lost)]})
        return 0
    rows = [row(found) for found in known]
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
    state, _ = _state(found, record)
    return RunRow(
        run_id=found.layout.run_id,
        state=state,
        started=str(record.header["started"])[:16].replace("T", " "),
        experiments=len(told.tried),
        kept=len(told.kept),
        result=_result(told),
        goal=config.goal,
        place=_place(found),
    )


def _result(told: Account) -> str:
    """The headline, where a list has room for it, and the suspects that wait for somebody."""
    headline = "not confirmed" if told.kept and told.confirmation is None else account.headline(told)
    suspects = account.suspects(told)
    return f"{headline.rstrip('.')}; {suspects}" if suspects else headline


def _state(found: Found, record: Journal) -> tuple[str, str | None]:
    """Where the run stands, and where its result has been merged."""
    state = state_of(found, record)
    if state == "running" or not any(past.status is Status.keep for past in record.history):
        return state, None
    merged = Remains(found.layout, found.files.state).merged(record.incumbent.commit)
    return (_MERGED if merged and state == "finished" else state), merged


def _place(found: Found) -> str:
    """The worktree as it is reached from here, where that is shorter; the branch where there is none."""
    desk = found.layout.desk
    if not Path(desk).is_dir():
        return found.layout.branch
    return min(desk, os.path.relpath(desk), key=len)


def _facts(found: Found) -> facts.Facts:
    layout = found.layout
    try:
        record = Journal(found.files.journal)
        config = settings(found)
    except DamagedStateError as error:
        return {**_complaint(layout.run_id, str(error)), "branch": layout.branch, "repository": layout.root}
    told = account_of(config, record, layout)
    state, merged = _state(found, record)
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
