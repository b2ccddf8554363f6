"""The command line through `hydra.main`: one run, many with `-m`, or a look at the configuration."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoopt import files, places, schema, shortage, trust
from autoopt.compose import (
    Plan,
    Planned,
    agents,
    complaints,
    completion,
    overrides,
    resolvers,
    shape,
    source,
    surroundings,
    vetting,
)
from autoopt.compose import library as shelves
from autoopt.compose.finish import finish
from autoopt.errors import AutooptError, UsageError

Job = Callable[[schema.Config], None]
_FAILURE = "failure.txt"


class SweepError(AutooptError):
    """Some runs of a multirun failed; carries the exit code of the first."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    job: Job,
    plan: Plan | None = None,
    vet: trust.Vet | None = None,
) -> None:
    """Compose what the command line asks for and call `job` with it, once, or once for each run of a sweep.

    Args:
        vet: Asks whether what is from elsewhere is trusted; by default nobody is asked.
        plan: Called with all runs of a sweep before the first one starts. A sweeper that chooses runs by how
            others went knows none beforehand; then it is not called.

    Raises:
        UsageError: the command line or a recipe is wrong; nothing was run.
        NotTrustedError: what it chooses is from elsewhere, and nobody has agreed to it; nothing was run.
        SweepError: some of several runs failed; each has said why.
    """
    given, flags = overrides.sort(argv)
    with surroundings.mended_argparse():
        if completion.is_asked(flags):
            _complete(given, flags, environ, _Task(job=job, environ=environ, vet=vetting.nobody))
        else:
            _run(given, flags, environ, job, plan, vet or partial(trust.require, environ=environ))


def _run(
    given: list[str],
    flags: list[str],
    environ: Mapping[str, str],
    job: Job,
    plan: Plan | None,
    vet: trust.Vet,
) -> None:
    with complaints.on_one_line():
        arguments = _arguments(given, flags)
        multirun = bool(arguments.multirun) or "hydra.mode=MULTIRUN" in given
        words = overrides.prepare(given, multirun=multirun)
        library = shelves.visible(environ, _start(given))
        agent_library = agents.visible(environ, _start(given))
        forgotten = check(words, library, agent_library)
        looks = bool(arguments.cfg or arguments.info or arguments.hydra_help)
        if not looks:
            vetting.before(words, library, agent_library, _start(given), vet)
        chosen = words.chosen()
        source.register_all(library, agent_library, chosen[0] if len(chosen) == 1 else None, environ)
        files.make_directory(places.state_root(environ))  # synced, unlike what Hydra makes
        directory = places.state_root(environ) / "hydra" / _unique()
        planned = plan is not None and multirun and not looks
        task = _Task(job=job, environ=environ, vet=vet, confirmed=planned)
        everything = [*_directories(directory), *forgotten, *words.words]
    try:
        if plan is not None and planned:
            plan(_planned(everything, flags, environ, vet))
        _hydra([*everything, *flags], task)
        failures = _failures(directory)
    finally:
        _remove_empty(directory)
    if failures:
        raise SweepError(_summary(failures), failures[0][1])
    for composed, chosen_there in task.composed:  # outside Hydra, which catches and prints what a run raises
        vetting.composed(chosen_there, composed, environ, vet)
        job(finish(composed, chosen_there.get("recipe")))


def _planned(words: list[str], flags: list[str], environ: Mapping[str, str], vet: trust.Vet) -> list[Planned]:
    """The runs that a sweep would make: all of it but its launcher, with nothing started.

    Raises:
        UsageError: one of them is wrong.
    """
    if any(word.startswith("hydra/sweeper=") for word in words):
        return []
    found: list[Planned] = []
    wrong: list[AutooptError] = []  # Hydra would print more than one line of what is raised inside

    def note(composed: DictConfig) -> None:
        hydra_config = HydraConfig.get()
        own = tuple(hydra_config.overrides.task)
        try:
            choices = _choices(hydra_config)
            vetting.composed(choices, composed, environ, vet)
            config = finish(composed, choices.get("recipe"))
        except AutooptError as error:
            wrong.append(type(error)(f"{_label(own)}: {error}"))
        else:
            found.append(Planned(words=own, config=config))

    here = [word for word in words if not word.startswith(("hydra/launcher=", "hydra.launcher."))]
    _hydra([*here, *flags], note)
    if wrong:
        raise wrong[0]
    return found


def _complete(given: list[str], flags: list[str], environ: Mapping[str, str], task: _Task) -> None:
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
    with contextlib.suppress(UsageError):
        _hydra([*given, *flags], task, line)


def _hydra(words: list[str], task: Callable[[DictConfig], None], completion_line: str | None = None) -> None:
    main = hydra.main(version_base="1.3", config_path=str(places.data_dir("conf")), config_name="config")
    with surroundings.hydras_view(["autoopt", *words], completion_line):
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


@dataclass
class _Task:
    """What Hydra calls. A single run is only noted; the runs of a sweep are done here, and never raise.

    Attributes:
        confirmed: Whether the sweep was agreed to as a whole, so that its runs need not ask again.
    """

    job: Job
    environ: Mapping[str, str]
    vet: trust.Vet
    confirmed: bool = False
    composed: list[tuple[DictConfig, Mapping[str, Any]]] = field(default_factory=list)

    def __call__(self, composed: DictConfig) -> None:
        resolvers.register(self.environ)  # a launcher may have started another process
        hydra_config = HydraConfig.get()
        choices = _choices(hydra_config)
        if hydra_config.mode != RunMode.MULTIRUN:
            self.composed.append((composed, choices))
            return
        with surroundings.without_full_errors():
            trouble = self._attempt(composed, choices)
        if trouble:
            output = Path(hydra_config.runtime.output_dir)
            label = _label(hydra_config.overrides.task)
            code, line, details = trouble
            print(f"autoopt: {label}: {line}", file=sys.stderr)
            (output / _FAILURE).write_text(f"{code}\n{line}\n{details}", encoding="utf-8")

    def _attempt(self, composed: DictConfig, choices: Mapping[str, Any]) -> tuple[int, str, str] | None:
        try:
            vetting.composed(choices, composed, self.environ, self.vet)
            config = finish(composed, choices.get("recipe"))
            config.confirm = config.confirm and not self.confirmed
            self.job(config)
        except AutooptError as error:
            return error.exit_code, str(error), ""
        except (OSError, MemoryError) as error:
            if (told := shortage.explained(error)) is None:
                return _defect(error)
            return told.exit_code, str(told), ""
        except SystemExit as leaving:
            return (int(leaving.code or 0), f"ended with {leaving.code}", "") if leaving.code else None
        except Exception as error:  # noqa: BLE001 - one run's defect must not end the other runs
            return _defect(error)
        return None


def _choices(hydra_config: HydraConf) -> dict[str, Any]:
    """What was taken from each config group."""
    found = OmegaConf.to_container(hydra_config.runtime.choices)
    assert isinstance(found, dict)
    return {str(group): chosen for group, chosen in found.items()}


def _defect(error: Exception) -> tuple[int, str, str]:
    return 1, f"{type(error).__name__}: {error}", traceback.format_exc()


def _label(words: Sequence[str]) -> str:
    """Which run of a sweep it is, by its own words; names added below guards and the like say little."""
    shown = " ".join(" ".join(word for word in words if not word.startswith("++")).split())
    return shown if len(shown) <= 120 else shown[:119] + "…"


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


def _start(given: Sequence[str]) -> Path | None:
    """The directory whose repository's recipes count: `repo=`, when it is given."""
    places_given = [word.removeprefix("repo=") for word in given if word.startswith("repo=")]
    return Path(places_given[-1]).expanduser().absolute() if places_given else None


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


def _unique() -> str:
    return f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _directories(directory: Path) -> list[str]:
    """Overrides that keep Hydra's own files out of the repository; the user's come later and win."""
    place = overrides.quoted(overrides.escaped(str(directory)))
    return [f"hydra.run.dir={place}", f"hydra.sweep.dir={place}"]


def _failures(directory: Path) -> list[tuple[Path, int]]:
    """Exit codes that runs of a sweep left behind, in the order of the runs."""
    files = sorted(
        directory.glob(f"*/{_FAILURE}"), key=lambda file: (len(file.parent.name), file.parent.name)
    )
    found = []
    for file in files:
        code, _, details = file.read_text(encoding="utf-8").partition("\n")
        found.append((file, int(code)))
        if not details.partition("\n")[2]:
            file.unlink()
    return found


def _summary(failures: list[tuple[Path, int]]) -> str:
    """One line for the end of a sweep; where a run hit a defect, its traceback was kept."""
    kept = [str(file) for file, _ in failures if file.exists()]
    codes = ", ".join(str(code) for _, code in failures)
    where = f"; details in {', '.join(kept)}" if kept else ""
    return f"{len(failures)} of the runs failed (exit codes {codes}){where}."


def _remove_empty(directory: Path) -> None:
    """Remove what Hydra made and nobody used."""
    (directory / "multirun.yaml").unlink(missing_ok=True)
    for path in (*sorted(directory.glob("*/"), reverse=True), directory, *directory.parents[:2]):
        with contextlib.suppress(OSError):  # a launcher's own files are kept, and so are runs
            path.rmdir()
