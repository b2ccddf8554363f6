"""`autoopt brief [RUN] [--json]`: what is known before the next experiment, as a proposer is told it.

Goal, metric, constraints, scope, where the time goes, every experiment with its verdict, and what the streaks
suggest. Reads only: whatever is edited in the desk stays. RUN is the latest run by default. With --json the
facts come as one JSON object, without the content of files.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt import assemble, loop
from autoopt.commands import facts
from autoopt.commands.lookup import find, runs
from autoopt.commands.opening import Opened, opened
from autoopt.commands.telling import terminal
from autoopt.errors import OutOfScopeError, UsageError
from autoopt.records import Brief, Claim


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the brief; returns the exit code."""
    names = [word for word in argv if word != "--json"]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        raise UsageError(
            f"brief {' '.join(names)}: not understood; write `autoopt brief RUN`, with --json or not."
        )
    found = find(runs(environ, Path.cwd()), names[0] if names else "last")
    with opened(found, environ, terminal(environ, aside=True)) as run:
        if not run.record.history:
            raise UsageError(
                f"{run.run_id}: its baseline was never measured; `autoopt resume {run.run_id}` does."
            )
        if run.record.pending is None:  # else a decision may be on record whose branch has yet to move
            loop.check_branch(run.parts, run.record)
        brief = loop.brief(run.config, run.parts, run.record)
        if "--json" in argv:
            facts.put(_facts(run, brief))
        else:
            prompts = assemble.prompts(run.config, environ)
            sys.stdout.write(prompts.question(brief, run.config.propose.agent.context_tokens))
            sys.stdout.write(_next(run))
    return 0


def _next(run: Opened) -> str:
    """What whoever is not in the desk has to know."""
    if run.found.layout.in_place:
        return (
            f"\n## What to do\n\nThe run edits in your own checkout, `{run.workspace.desk}`, and has ideas "
            f"of its own:\n`autoopt resume {run.run_id}` goes on with it. To try edits by hand, make a "
            "run with `autoopt start`.\n"
        )
    return (
        f"\n## What to do\n\nThe current directory spoken of above is the desk: `{run.workspace.desk}`.\n"
        f"Edit files there, without committing, then measure them with\n"
        f"`autoopt try {run.run_id} --hypothesis 'X should improve Y because Z'`.\n"
    )


def _facts(run: Opened, brief: Brief) -> facts.Facts:
    return {
        **facts.of_run(run.found, run.config, run.record, held=True),
        "number": brief.number,
        "files": list(brief.scope),
        "constraints": list(brief.task.constraints),
        "vocabulary": list(brief.task.vocabulary),
        "simplicity": brief.task.simplicity,
        "web_search": brief.task.web_search,
        "step": brief.step,
        "advice": brief.advice,
        "profile": brief.profile,
        "tried_before": [_claim(claim) for claim in brief.claims],
        **_edited(run),
    }


def _claim(claim: Claim) -> facts.Facts:
    """What somebody else says was tried; not measured here."""
    said = {name: getattr(claim, name) for name in ("number", "value", "description", "hypothesis", "note")}
    return {**said, "status": claim.status.value}


def _edited(run: Opened) -> facts.Facts:
    """What is edited in the desk at the moment, and what of it could not be tried."""
    try:
        return {"edited": list(run.workspace.edited()), "not_allowed": None}
    except OutOfScopeError as error:
        return {"edited": [], "not_allowed": str(error)}
