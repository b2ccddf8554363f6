"""The runs of a command line as Hydra's tasks: one, or the jobs of a sweep wherever a launcher puts them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from autoopt import schema, shortage, signals, trust
from autoopt.compose import Planned, labels, resolvers, surroundings, vetting
from autoopt.compose.board import Board
from autoopt.compose.finish import finish
from autoopt.compose.settling import settle
from autoopt.errors import AutooptError, ResourceError, Terminated
from autoopt.processes import siblings

Job = Callable[[schema.Config], None]
_POOLED = "LokyProcess"
"""How joblib calls its processes, which all end when one of them is killed: no run is done in one itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A run as it was composed, with what Hydra took from each config group."""

    composed: DictConfig
    choices: Mapping[str, Any]
    environ: Mapping[str, str]
    vet: trust.Vet

    def config(self) -> schema.Config:
        """Its settings.

        Raises:
            AutooptError: something is wrong, or not trusted.
        """
        settle(self.composed, self.environ)
        vetting.composed(self.choices, self.composed, self.environ, self.vet)
        return finish(self.composed, self.choices.get("recipe"))


@dataclass
class Plans:
    """What Hydra calls to look ahead: notes the runs that a sweep would make."""

    environ: Mapping[str, str]
    vet: trust.Vet
    found: list[Planned] = field(default_factory=list)
    _words: list[Sequence[str]] = field(default_factory=list)
    _wrong: list[tuple[int, AutooptError]] = field(default_factory=list)

    def __call__(self, composed: DictConfig) -> None:
        """Note the run."""
        hydra_config = HydraConfig.get()
        own = tuple(hydra_config.overrides.task)
        self._words.append(own)
        chosen = Chosen(
            composed=composed, choices=choices_of(hydra_config), environ=self.environ, vet=self.vet
        )
        try:
            self.found.append(Planned(words=own, config=chosen.config()))
        except AutooptError as error:
            self._wrong.append((len(self._words) - 1, error))  # Hydra would print more than one line of it

    def check(self) -> None:
        """Refuse the sweep where one of its runs is wrong.

        Raises:
            AutooptError: the first thing that is, with the words that set its run apart.
        """
        if self._wrong:
            number, error = self._wrong[0]
            raise type(error)(f"{labels(self._words)[number]}: {error}") from error


@dataclass
class Task:
    """What Hydra calls. A single run is only noted; the runs of a sweep are done here, and never raise.

    Attributes:
        again: Does a run that a launcher begins a second time.
        board: Where the runs of a sweep say what becomes of them.
        confirmed: Whether the sweep was agreed to as a whole, so that its runs need not ask again.
        launched: Whether they run in other processes than this one.
        here: The working directory, which relative paths are meant from.
        run_ids: The ids of the runs, where they were known beforehand.
        names: What sets each of them apart, in the same order.
    """

    job: Job
    again: Job
    environ: Mapping[str, str]
    vet: trust.Vet
    board: Board
    confirmed: bool = False
    launched: bool = False
    here: Path = field(default_factory=Path.cwd)
    run_ids: Sequence[str] = ()
    names: Sequence[str] = ()
    composed: list[Chosen] = field(default_factory=list)

    def __call__(self, composed: DictConfig) -> None:
        """Note or do the run."""
        resolvers.register(self.environ)  # a launcher may have started another process
        hydra_config = HydraConfig.get()
        chosen = Chosen(
            composed=composed, choices=choices_of(hydra_config), environ=self.environ, vet=self.vet
        )
        if hydra_config.mode != RunMode.MULTIRUN:
            self.composed.append(chosen)
            return
        number = int(hydra_config.job.num or 0)
        name = self.names[number] if self.names else label(hydra_config.overrides.task)
        work = partial(self._told, number, name, chosen)
        with surroundings.without_full_errors():
            if not self.launched:
                work()
            elif multiprocessing.current_process().name.startswith(_POOLED):
                siblings.run([work])
            else:
                with signals.handled():
                    work()

    def _told(self, number: int, name: str, chosen: Chosen) -> int:
        """Do the job and say what became of it."""
        try:
            again = self.board.begin(number)
            if self.launched:
                multiprocessing.current_process().name = f"Job-{number}"  # others write to this output, too
                if self.board.is_closed:
                    raise KeyboardInterrupt
            trouble = self._attempt(number, chosen, self.again if again else self.job)
        except KeyboardInterrupt as error:
            code = error.exit_code if isinstance(error, Terminated) else 128 + signal.SIGINT
            self.board.end(number, code, "was asked to end")
            if not self.launched:
                raise
            return code
        if trouble is None:
            self.board.end(number, 0)
            return 0
        print(f"autoopt: {name}: {trouble[1]}", file=sys.stderr)
        self.board.end(number, *trouble)
        return trouble[0]

    def _attempt(self, number: int, chosen: Chosen, job: Job) -> tuple[int, str, str] | None:
        try:
            if self.launched:
                self._go_where_it_was_started()
            config = chosen.config()
            config.confirm = config.confirm and not self.confirmed
            if self.run_ids:
                config.run_id = self.run_ids[number]
            job(config)
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

    def _go_where_it_was_started(self) -> None:
        try:
            os.chdir(self.here)
        except OSError as error:
            raise ResourceError(
                f"{self.here}: cannot be entered on {socket.gethostname()}; it has to be on storage that all "
                "machines of the sweep share, as the state home has (XDG_STATE_HOME)."
            ) from error


def choices_of(hydra_config: HydraConf) -> dict[str, Any]:
    """What was taken from each config group."""
    found = OmegaConf.to_container(hydra_config.runtime.choices)
    assert isinstance(found, dict)
    return {str(group): chosen for group, chosen in found.items()}


def _defect(error: Exception) -> tuple[int, str, str]:
    return 1, f"{type(error).__name__}: {error}", traceback.format_exc()


def label(words: Sequence[str]) -> str:
    """Which run of a sweep it is, by its own words; names added below guards and the like say little."""
    shown = " ".join(" ".join(word for word in words if not word.startswith("++")).split())
    return shown if len(shown) <= 120 else shown[:119] + "…"
