"""`autoopt runs`: every run of this repository, with its state and gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.commands.lookup import Found, damaged, runs, settings, state_of
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import DamagedStateError, UsageError
from autoopt.journal import Journal
from autoopt.reporters import account
from autoopt.reporters.tables import RunRow, runs_table


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """List the runs of the repository here; outside any, those of all repositories."""
    if argv:
        raise UsageError(f"{argv[0]}: runs takes no words; `autoopt show RUN` shows one run.")
    rows = [row(found) for found in runs(environ, Path.cwd())]
    terminal(environ).print(runs_table([*rows, *(_damaged(*found) for found in damaged(environ))]))
    return 0


def row(found: Found) -> RunRow:
    """The run as a line of the list; what cannot be read is said to be damaged."""
    try:
        record = Journal(found.files.journal)
        config = settings(found)
    except DamagedStateError as error:
        return _damaged(found.layout.run_id, str(error))
    told = account_of(config, record, found.layout)
    return RunRow(
        run_id=found.layout.run_id,
        state=state_of(found, record),
        started=str(record.header["started"])[:16].replace("T", " "),
        experiments=len(told.tried),
        kept=len(told.kept),
        result=account.headline(told),
        goal=config.goal,
    )


def _damaged(run_id: str, complaint: str) -> RunRow:
    return RunRow(
        run_id=run_id, state="damaged", started="", experiments=0, kept=0, result=complaint, goal=""
    )
