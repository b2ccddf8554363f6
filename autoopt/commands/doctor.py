"""`autoopt doctor recipe=NAME scope=PATH [key=value ...] [--pairs N] [--json]`: what to know before a run.

Takes what a run takes and measures the commit it would start from against itself (A/A pairs), so that
whatever differs is noise. Says how noisy the number is, by wall clock and CPU time, in turns and both at
once; the smallest gain each patience confirms, and what an experiment and the budget come to; whether the
metric notices the scope and the guards pass; how busy the machine is; and which settings are better, as a
line to paste.

  --pairs N   pairs of each way; by default 6 to 12, as many as a minute holds
  --json      print one JSON object

Everything happens in a temporary directory that is removed: the repository and the state of runs stay as they
are. The exit code is 2 where a run would not start, and else 0.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from autoopt import assemble, budget, compose, doctor
from autoopt.assemble import confining
from autoopt.commands import facts
from autoopt.commands.drive import clean_up
from autoopt.commands.progress import Progress
from autoopt.commands.start import check_beforehand, needs_of
from autoopt.commands.telling import terminal
from autoopt.commands.trusting import vet
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.measure import Parts
from autoopt.places import RunFiles
from autoopt.schema import AgentConfig, Config
from autoopt.scope import Scope
from autoopt.workspaces.bench import twin
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import plan
from autoopt.workspaces.repository import Repository, discover

_SEVERAL = ("-m", "--multirun", "hydra.mode=MULTIRUN")
_PREFIX = "autoopt-doctor-"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The words of the command line."""

    words: tuple[str, ...]
    pairs: int | None
    as_json: bool


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Examine what the words ask for; returns the exit code."""
    asked = _parse(argv)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as place:
        here = Path(place).resolve()
        found: list[Config] = []
        compose.run(asked.words, environ, found.append, vet=vet(environ), scratch=here / "compose")
        return max((_examine(config, asked, here, environ) for config in found), default=0)


def _parse(argv: Sequence[str]) -> _Asked:
    words = [word for word in argv if word != "--json"]
    if several := next((word for word in words if word in _SEVERAL), None):
        raise UsageError(f"{several}: doctor examines one run at a time; leave it out and name one recipe.")
    pairs = _pairs(words)
    return _Asked(words=tuple(words), pairs=pairs, as_json="--json" in argv)


def _pairs(words: list[str]) -> int | None:
    """The pairs that are wanted, taken out of the words.

    Raises:
        UsageError: it is no number of pairs.
    """
    position = next((at for at, word in enumerate(words) if word.partition("=")[0] == "--pairs"), None)
    if position is None:
        return None
    name, joined, given = words.pop(position).partition("=")
    if not joined:
        given = words.pop(position) if position < len(words) else ""
    if not (given.isascii() and given.isdigit() and 2 <= int(given) <= 1000):
        raise UsageError(f"{name}: {given!r} is no number of pairs; give 2 to 1000, as in --pairs 12.")
    return int(given)


def _examine(config: Config, asked: _Asked, here: Path, environ: Mapping[str, str]) -> int:
    """Measure and tell; the exit code."""
    repository, progress = discover(Path(config.repo)), Progress("doctor:")
    with _opened(config, repository, here, environ, progress) as (parts, other):
        found = doctor.examine(config, parts, other, asked.pairs, partial(progress.on_stage, 0))
    subject = _subject(config, asked, repository, environ)
    advice = doctor.advise(config, found)
    if asked.as_json:
        facts.put(doctor.facts(subject, found, advice))
    else:
        console = terminal(environ)
        for line in doctor.lines(subject, found, advice):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    return UsageError.exit_code if found.complaints else 0


@contextmanager
def _opened(
    config: Config, repository: Repository, here: Path, environ: Mapping[str, str], progress: Progress
) -> Iterator[tuple[Parts, str]]:
    """The run's meter and guards on a bench below `here`, and the name of its second checkout.

    Raises:
        AutooptError: the run could not be started.
    """
    budget.check(config)
    assemble.check(config)
    scope = Scope(config.scope, config.off_limits)
    check_beforehand(config, repository, scope, environ)
    files = RunFiles(here / here.name.removeprefix("autoopt-"))  # commands know the run by this name
    files.state.mkdir()
    needs = needs_of(config, repository, files.state)
    layout = plan(repository, files.state.name, files.state, files.state / "desk", needs)
    setup = assemble.setup(config, files, environ)
    record = Journal.create(files.journal, run_id=layout.run_id, base=layout.base, goal=config.goal)
    workspace = GitWorkspace.bench_only(layout, files.state, layout.base, setup, scope)
    quiet = replace(config, inspector=AgentConfig())  # no agent is asked about a change that is none
    try:
        parts = assemble.parts(
            quiet, files, workspace, record, progress, lambda history: None, environ, proposes=False
        )
        yield parts, twin(layout.base)
    finally:
        clean_up(config, files, workspace, terminal(environ, aside=True), environ)
        workspace.close()


def _subject(
    config: Config, asked: _Asked, repository: Repository, environ: Mapping[str, str]
) -> doctor.Subject:
    """What was examined, and who would have ideas."""
    asks = config.agent.command is not None and "agent" in config.propose.use
    try:
        assemble.check_proposers(config, environ)
        proposers = assemble.described(config, environ)
    except UsageError as error:  # agents are often chosen last
        proposers = f"nobody yet: {error}"
    return doctor.Subject(
        config=config,
        words=asked.words,
        place=f"{repository.root} at {repository.head[:10]} ({repository.branch or 'detached HEAD'})",
        changes=len(repository.changes),
        sandbox=confining.told(config, environ),
        proposers=proposers,
        asks=asks,
    )
