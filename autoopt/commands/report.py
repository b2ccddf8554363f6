"""`autoopt report RUN [--confirm] [--html]`: the report for a reviewer, as Markdown on standard output.

With --confirm, fresh pairs of the baseline against what was kept are measured first, where that was not done
since the last experiment: the only gain a report claims. So are the holdout, and the result without each kept
change. `autoopt resume` does so by itself at a run's end.
With --html, the page with pictures is written again instead, and its path is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt import loop, measure
from autoopt.assemble import keeping
from autoopt.commands.drive import write_report
from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.opening import opened, take_back
from autoopt.commands.reporting import full_account
from autoopt.commands.telling import terminal
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.reporters import markdown


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the report of a run, `last` by default."""
    names = [word for word in argv if word not in ("--confirm", "--html")]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        raise UsageError(
            "report takes one run; write `autoopt report RUN > report.md`, with --confirm and --html or not."
        )
    found = find(runs(environ, Path.cwd()), names[0] if names else "last")
    if "--confirm" in argv:
        confirm(found, environ)
    config = settings(found)
    record = Journal(found.files.journal)
    record.redact = keeping.secrets(config, environ).text
    if "--html" in argv:
        write_report(config, found.files, record, found.layout)
        sys.stdout.write(f"{found.files.page}\n")
        return 0
    account = full_account(config, found.files, record, found.layout)
    sys.stdout.write(record.redact(markdown.report(account)))
    return 0


def confirm(found: Found, environ: Mapping[str, str], *, further: bool = True) -> None:
    """Measure the final claim where that was not done; whatever is edited in the desk stays.

    Args:
        further: Whether the holdout and each kept change are measured too.

    Raises:
        UsageError: there is not even a baseline.
    """
    with opened(found, environ, terminal(environ, aside=True)) as run:
        if not run.record.history:
            raise UsageError(
                f"{run.run_id}: its baseline was never measured, so there is nothing to confirm."
            )
        take_back(run)
        loop.prepare(run.config, run.parts, run.record)
        loop.check_branch(run.parts, run.record)
        measure.confirm(run.config, run.parts, run.record, further=further)
        write_report(run.config, found.files, run.record, found.layout)
