"""`autoopt report RUN`: the report for a reviewer, as Markdown on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.commands.lookup import find, runs, settings
from autoopt.commands.telling import account_of
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.reporters import markdown


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the report of a run, `last` by default."""
    if len(argv) > 1:
        raise UsageError("report takes one run; write `autoopt report RUN > report.md`.")
    found = find(runs(environ, Path.cwd()), argv[0] if argv else "last")
    config = settings(found)
    record = Journal(found.files.journal)
    sys.stdout.write(markdown.report(account_of(config, record, found.layout, diffs=True)))
    return 0
