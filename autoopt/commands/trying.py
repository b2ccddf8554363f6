"""`autoopt try [RUN] --hypothesis "..."`: measure and judge what is edited in the desk, as one experiment.

  --hypothesis TEXT   what should improve and why, as in "X should improve Y because Z"; needed
  --description TEXT  what the diff does, one line; by default the hypothesis
  --area TEXT         the part of the code it touches; by default the files
  --simplify          it is meant to hold the metric with less code
  --json              print one JSON object
  budget.experiments=N and other budgets and thresholds may be given anew

What is kept advances the run branch; everything else is put back and stays reachable (`autoopt show RUN N`).
An edit that cannot be tried is refused and stays in the desk as it is. RUN is the latest run by default.
"""

from __future__ import annotations

import argparse
import os.path
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from autoopt import journal, loop
from autoopt.commands import facts
from autoopt.commands.drive import write_report
from autoopt.commands.lookup import WAITING, find, runs
from autoopt.commands.opening import Opened, opened, take_back
from autoopt.commands.posting import send
from autoopt.commands.telling import terminal
from autoopt.errors import (
    AutooptError,
    BudgetSpentError,
    NothingChangedError,
    OutOfScopeError,
    UsageError,
)
from autoopt.measure import Stages
from autoopt.records import Experiment, Failure, Proposal
from autoopt.reporters import words
from autoopt.reporters.tables import experiment_line

SOURCE = "try"
_LONGEST = 100  # characters of a description that is made from a hypothesis


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The words of the command line."""

    run: str
    overrides: list[str]
    hypothesis: str
    description: str
    area: str
    simplify: bool
    as_json: bool


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Try what is in the desk; the exit code is 0 whether it is kept or not."""
    asked = _parse(argv)
    console = terminal(environ, aside=asked.as_json)
    found = find(runs(environ, Path.cwd()), asked.run)
    if found.layout.in_place:
        raise UsageError(
            f"{found.layout.run_id} works in your own checkout (workspace.mode=inplace) with its own ideas; "
            "start a run with `autoopt start` to try yours."
        )
    with opened(found, environ, console, asked.overrides) as run:
        proposal = _proposal(run, asked)
        experiment = _tried(run, proposal)
        write_report(run.config, found.files, run.record, found.layout)
        send(run.config, found.files, found.layout, run.record, console, environ)
        still = _still_edited(run)
        if asked.as_json:
            facts.put(_facts(run, experiment, still))
        else:
            _tell(run, experiment, still, console)
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"try: {message}; see autoopt try --help.")


def _parse(argv: Sequence[str]) -> _Asked:
    parser = _Parser(prog="autoopt try", add_help=False, allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    for name in ("--hypothesis", "--description", "--area"):
        parser.add_argument(name, default="")
    for name in ("--simplify", "--json"):
        parser.add_argument(name, action="store_true")
    given = parser.parse_intermixed_args(list(argv))
    names = [word for word in given.words if "=" not in word] or ["last"]
    if len(names) > 1:
        raise UsageError(f"try takes one run, not {len(names)}; quote the hypothesis.")
    hypothesis = words.one_line(given.hypothesis)
    if not hypothesis:
        raise UsageError(
            "--hypothesis: there is none; say what should improve and why, as in "
            '"X should improve Y because Z". Nothing was tried, the desk is as it was.'
        )
    return _Asked(
        run=names[0],
        overrides=[word for word in given.words if "=" in word],
        hypothesis=hypothesis,
        description=words.one_line(given.description),
        area=words.one_line(given.area),
        simplify=given.simplify,
        as_json=given.json,
    )


def _proposal(run: Opened, asked: _Asked) -> Proposal:
    """What is in the desk as a proposal, once the run is where its journal is.

    Raises:
        AutooptError: it cannot be tried; whatever is in the desk stays.
    """
    take_back(run)
    loop.prepare(run.config, run.parts, run.record)
    loop.check_branch(run.parts, run.record)
    if reason := facts.spent(run.config, run.record):
        raise UsageError(
            f"{reason}, so nothing was tried; give more with budget.experiments=N (or the budget that is "
            f"spent), or finish with `autoopt report {run.run_id} --confirm`. The desk is as it was."
        )
    try:
        paths = run.workspace.edited()
    except OutOfScopeError as error:
        raise OutOfScopeError(f"{error} Nothing was tried, the desk is as it was.") from error
    if not paths:
        raise NothingChangedError(
            f"{run.workspace.desk}: nothing is edited there, so there is nothing to try; edit files in scope."
        )
    return Proposal(
        description=asked.description or _clipped(asked.hypothesis),
        hypothesis=asked.hypothesis,
        area=asked.area or _area(paths),
        source=SOURCE,
        simplifies=asked.simplify,
    )


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def _area(paths: Sequence[str]) -> str:
    """The file, or the directory that all of them are in."""
    return paths[0] if len(paths) == 1 else os.path.commonpath(paths) or ", ".join(paths[:3])


def _tried(run: Opened, proposal: Proposal) -> Experiment:
    record = run.record
    try:
        experiment = loop.attempt(
            run.config, run.parts, record, proposal, Stages(run.parts.reporter, record.next_number)
        )
    except (KeyboardInterrupt, AutooptError) as error:
        record.stop(journal.INTERRUPTED)
        print(f"autoopt: nothing was decided; the edits are still in {run.workspace.desk}.", file=sys.stderr)
        if isinstance(error, BudgetSpentError):  # an orderly end of a run, but here somebody wants a verdict
            raise UsageError(f"{error}; give more, and try again.") from error
        raise
    record.stop(WAITING)
    return experiment


def _still_edited(run: Opened) -> list[str]:
    """What was edited while the experiment was measured, or what stands where nothing may be edited."""
    try:
        return list(run.workspace.edited())
    except OutOfScopeError as error:
        return [str(error)]


def _facts(run: Opened, experiment: Experiment, still: list[str]) -> facts.Facts:
    return {
        "run": run.run_id,
        **facts.of_experiment(experiment),
        "incumbent": facts.of_incumbent(run.record),
        "baseline": run.record.history[0].value,
        "unit": run.config.metric.unit,
        "desk": str(run.workspace.desk),
        "still_edited": still,
        "experiments_left": facts.left(run.config, run.record),
        "spent": facts.spent(run.config, run.record),
    }


def _tell(run: Opened, experiment: Experiment, still: list[str], console: Console) -> None:
    unit, best, first = run.config.metric.unit, run.record.incumbent, run.record.history[0]
    lines = [experiment_line(experiment, unit).plain]
    lines += [f"  {one.guard}: {words.lines(one.message)}" for one in experiment.findings if not one.passed]
    lines += _failure(experiment.failure)
    if best.value is not None and first.value is not None:
        known = words.number(best.value, unit), words.number(first.value, unit)
        lines.append(f"incumbent {known[0]} (#{best.number}), baseline {known[1]}")
    lines.append(f"the diff, every sample:  autoopt show {run.run_id} {experiment.number}")
    if still:
        lines.append(f"still edited in {run.workspace.desk}: {', '.join(still)}")
    else:
        lines.append(f"{run.workspace.desk} is at the incumbent again")
    if reason := facts.spent(run.config, run.record):
        lines.append(f"{reason}; finish with  autoopt report {run.run_id} --confirm")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _failure(failure: Failure | None) -> list[str]:
    if failure is None:
        return []
    return [f"  {line}" for line in words.lines(facts.last_lines(failure.tail)).splitlines()]
