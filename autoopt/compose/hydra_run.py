"""The command line through `hydra.main`: one run, many with `-m`, or a look at the configuration."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from autoopt import files, places, trust
from autoopt.compose import (
    Planned,
    Sweeping,
    agents,
    complaints,
    completion,
    labels,
    launching,
    overrides,
    shape,
    source,
    surroundings,
    vetting,
)
from autoopt.compose import library as shelves
from autoopt.compose.board import Board, Outcome
from autoopt.compose.jobs import Job, Plans, Task
from autoopt.compose.launching import Complaint
from autoopt.compose.settling import settled
from autoopt.errors import AutooptError, UsageError

_JOBS = "jobs"
_LAUNCHER = "hydra/launcher="
_HERE = "basic"
"""The launcher of Hydra that does one job after the other in this process."""


class SweepError(AutooptError):
    """Some runs of a multirun failed; carries the exit code of the first."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    job: Job,
    sweep: Sweeping | None = None,
    vet: trust.Vet | None = None,
    again: Job | None = None,
    scratch: Path | None = None,
) -> None:
    """Compose what the command line asks for and call `job` with it, once, or once for each run of a sweep.

    Args:
        vet: Asks whether what is from elsewhere is trusted; by default nobody is asked.
        sweep: Looks at all runs of a sweep before the first one starts, and hears what became of them. A
            sweeper that chooses runs by how others went knows none beforehand.
        again: Called instead of `job` for a run that a launcher begins a second time.
        scratch: Where Hydra makes its directories; by default where runs keep their state.

    Raises:
        UsageError: the command line or a recipe is wrong; nothing was run.
        NotTrustedError: what it chooses is from elsewhere, and nobody has agreed to it; nothing was run.
        SweepError: some of several runs failed; each has said why.
    """
    given, flags = overrides.sort(argv)
    with surroundings.mended_argparse():
        if completion.is_asked(flags):
            _complete(
                given,
                flags,
                environ,
                Task(job=job, again=job, environ=environ, vet=vetting.nobody, board=Board(Path())),
            )
        else:
            vet = vet or partial(trust.require, environ=environ)
            _run(given, flags, environ, job, sweep, vet, again, scratch or places.state_root(environ))


def _run(
    given: list[str],
    flags: list[str],
    environ: Mapping[str, str],
    job: Job,
    sweep: Sweeping | None,
    vet: trust.Vet,
    again: Job | None,
    place: Path,
) -> None:
    with complaints.on_one_line():
        arguments = _arguments(given, flags)
        multirun = bool(arguments.multirun) or "hydra.mode=MULTIRUN" in given
        words = overrides.prepare(given, multirun=multirun)
        start = _start(words, environ)
        library, agent_library = shelves.visible(environ, start), agents.visible(environ, start)
        forgotten = check(words, library, agent_library)
        looks = bool(arguments.cfg or arguments.info or arguments.hydra_help)
        if not looks:
            vetting.before(words, library, agent_library, start, vet)
        chosen = words.chosen()
        source.register_all(library, agent_library, chosen[0] if len(chosen) == 1 else None, environ)
        files.make_directory(place)  # synced, unlike what Hydra makes
        directory = place / "hydra" / _unique()
        planned = sweep is not None and multirun and not looks
        task = Task(
            job=job,
            again=again or job,
            environ=environ,
            vet=vet,
            board=Board(directory / _JOBS),
            confirmed=planned,
            launched=multirun and not looks and _is_launched(given),
        )
        everything = [*_directories(directory), *forgotten, *words.words]
    try:
        runs = _planned(everything, flags, environ, vet) if planned else []
        _make([*everything, *flags], task, runs, sweep if planned else None)
    finally:
        task.board.clear()
        _remove_empty(directory)
    for chosen_there in task.composed:  # outside Hydra, which catches and prints what a run raises
        job(chosen_there.config())


def _make(words: list[str], task: Task, runs: Sequence[Planned], sweep: Sweeping | None) -> None:
    """Have the runs made, and tell whoever answers for all of them before and afterwards.

    Raises:
        AutooptError: one of them has failed.
    """
    if sweep is not None:
        task.run_ids = sweep.plan(runs)
        task.names = labels([one.words for one in runs])
    try:
        complaint = _launch(words, task)
    finally:
        outcomes = [task.board.outcome(number) for number in range(len(runs)) or task.board.numbers()]
        if sweep is not None:
            sweep.ended(outcomes)
    _refuse_failures(task.board, complaint, outcomes)


def _planned(words: list[str], flags: list[str], environ: Mapping[str, str], vet: trust.Vet) -> list[Planned]:
    """The runs that a sweep would make: all of it but its launcher, with nothing started.

    Raises:
        UsageError: one of them is wrong, or the launcher is not installed.
    """
    if any(word.startswith("hydra/sweeper=") for word in words):
        return []
    plans = Plans(environ=environ, vet=vet)
    here = [word for word in words if not word.lstrip("+~").startswith((_LAUNCHER, "hydra.launcher."))]
    _hydra([*here, *flags], plans)
    plans.check()
    if not any("searchpath" in word or word.startswith("--config-") for word in (*words, *flags)):
        launching.check(_launcher(words))  # Hydra looks for it only when the runs were announced
    return plans.found


def _complete(given: list[str], flags: list[str], environ: Mapping[str, str], task: Task) -> None:
    """Hydra's own completion: its script for the shell, or the shell's question answered.

    A question is asked in the middle of typing: what is wrong with the line is not said there.
    """
    if given == ["install=bash"]:
        print(completion.SCRIPT, end="")
        return
    agent_library = agents.visible(environ)
    source.register_all(shelves.visible(environ), agent_library, None, environ)
    if not completion.is_question(given):
        _hydra([*given, *flags], task)
        return
    line = completion.reduced(environ)
    if found := completion.choices(line, agent_library.names()):
        print(*found)
        return
    with contextlib.suppress(UsageError), contextlib.redirect_stdout(io.StringIO()) as said:
        _hydra([*given, *flags], task, line)
    print(*completion.harmless(said.getvalue()))


def _hydra(words: list[str], task: Callable[[DictConfig], None], completion_line: str | None = None) -> None:
    main = hydra.main(version_base="1.3", config_path=str(places.data_dir("conf")), config_name="config")
    with surroundings.hydras_view(["autoopt", *words], completion_line), surroundings.mode_unasked(words):
        try:
            main(task)()
        except (HydraException, OmegaConfBaseException, ValueError, ImportError, RecursionError) as error:
            raise complaints.translate(error) from error
        except (AttributeError, AssertionError, TypeError) as error:
            given = [word for word in words if word.lstrip("+").startswith("hydra.")]
            if len(given) == len(_directories(Path())):  # they are all ours: a mistake in here
                raise
            reason = complaints.first_line(error)
            raise UsageError(f"{given[-1]}: Hydra cannot use this ({reason}).") from error


def _arguments(given: list[str], flags: list[str]) -> argparse.Namespace:
    """The command line as Hydra's own parser reads it.

    Raises:
        UsageError: a flag is unknown or lacks its value, or a word is neither flag nor override.
    """
    parser = get_args_parser()

    def refuse(message: str) -> None:
        raise UsageError(f"{message}; options are written key=value, see autoopt --help.")

    parser.error = refuse  # type: ignore[method-assign, assignment]
    arguments = parser.parse_args([*given, *flags])
    for word in arguments.overrides:
        if not overrides.is_override(word):
            refuse(f"{word}: is not an option")
    return arguments


def _start(words: overrides.Overrides, environ: Mapping[str, str]) -> Path | None:
    """The directory whose repository's recipes count, when `repo=` names one; several have none in common."""
    named = words.repositories()
    return Path(settled(named[0], environ)).expanduser().absolute() if len(named) == 1 else None


def check(words: overrides.Overrides, library: shelves.Library, agent_library: shelves.Library) -> list[str]:
    """Refuse recipes and agents that nobody has, that are broken, or that have no such options.

    Returns:
        Overrides that belong before the words.
    """
    _check_recipes(words, library)
    return _check_agents(words, library, agent_library)


def _check_recipes(words: overrides.Overrides, library: shelves.Library) -> None:
    """Refuse unknown and broken recipes, and options that a chosen one does not declare."""
    choices = [one for name in words.choices() for one in library.lineage(name)]
    names = [path[1] for path in words.paths() if path[0] == "options" and len(path) > 1]
    for recipe in words.chosen() or [""]:
        lineage = library.lineage(recipe) if recipe else []
        declared = {key for one in (*lineage, *choices) for key in one.data.get("options") or {}}
        for name in names:
            if name not in declared:
                raise UsageError(_undeclared(name, recipe, sorted(declared)))


def _check_agents(
    words: overrides.Overrides, library: shelves.Library, agent_library: shelves.Library
) -> list[str]:
    """Refuse unknown and broken agents, and options of an agent where none is chosen.

    Returns:
        Overrides that undo the model a recipe has chosen for another agent than is chosen now.
    """
    forgotten = []
    lineage = [one for name in (*words.chosen(), *words.choices()) for one in library.lineage(name)]
    for option in agents.OPTIONS:
        bases = [(one, base) for one in lineage for base in one.bases if base.group == option]
        for recipe, base in bases:
            agents.check(option, base.names[0], agent_library, f"{recipe.document.path}:{base.line}: ")
        for name in words.agents(option):
            agents.check(option, name, agent_library)
        if bases and set(words.agents(option)) - {base.names[0] for _, base in bases}:
            forgotten.append(f"{option}.model=null")
        given = [path for path in words.paths() if path[0] == option and len(path) > 1]
        if given and not (bases or words.agents(option) or (option, "command") in given):
            raise UsageError(
                f"{'.'.join(given[0])}: no agent was chosen; add {option}=NAME, with one of "
                f"{', '.join(agent_library.names())}."
            )
    return forgotten


def _undeclared(name: str, recipe: str, declared: list[str]) -> str:
    if declared:
        return shape.no_such(("options", name), tuple(declared))
    who = f"the recipe {recipe}" if recipe else "a run without a recipe"
    return f"options.{name}: no such option; {who} has no options of its own."


def _is_launched(given: Sequence[str]) -> bool:
    """Whether the runs of a sweep are somewhere else than in this process."""
    return _launcher(given) != _HERE


def _launcher(given: Sequence[str]) -> str:
    return [_HERE, *(word.removeprefix(_LAUNCHER) for word in given if word.startswith(_LAUNCHER))][-1]


def _unique() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _directories(directory: Path) -> list[str]:
    """Overrides that keep Hydra's own files out of the repository; the user's come later and win."""
    place = overrides.quoted(overrides.escaped(str(directory)))
    return [f"hydra.run.dir={place}", f"hydra.sweep.dir={place}"]


def _launch(words: list[str], task: Task) -> Complaint | None:
    """Do the jobs of a sweep; what a launcher says is wrong when it gives up before their end."""
    if not task.launched:
        _hydra(words, task)
        return None
    return launching.launch(partial(_hydra, words, task), task.board)


def _refuse_failures(board: Board, complaint: Complaint | None, outcomes: Sequence[Outcome]) -> None:
    """Raise an error when not all jobs were done; where one hit a defect, its traceback was kept."""
    if complaint and not any(one.begun for one in outcomes):
        raise SweepError(complaint.line, complaint.code)
    failures = [one for one in outcomes if one.code != 0]
    if not failures:
        return
    codes = ", ".join("none" if one.code is None else str(one.code) for one in failures)
    kept = [str(path) for path in board.kept()]
    where = f"; details in {', '.join(kept)}" if kept else ""
    why = f"; the launcher gave up: {complaint.line}" if complaint else ""
    code = next((one.code for one in failures if one.code), 1)
    raise SweepError(f"{len(failures)} of the runs failed (exit codes {codes}){where}{why}.", code)


def _remove_empty(directory: Path) -> None:
    """Remove what Hydra made and nobody used."""
    (directory / "multirun.yaml").unlink(missing_ok=True)
    for path in (*sorted(directory.glob("*/"), reverse=True), directory, *directory.parents[:2]):
        with contextlib.suppress(OSError):  # a launcher's own files are kept, and so are runs
            path.rmdir()
