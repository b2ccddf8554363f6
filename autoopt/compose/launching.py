"""Where the jobs of a sweep run: our own launcher, and a place for others where Ctrl-C does not reach."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from autoopt import signals
from autoopt.compose import complaints
from autoopt.compose.board import Board
from autoopt.errors import AutooptError, UsageError
from autoopt.processes import siblings

NAME = "processes"
_COMPLAINT = "launcher.txt"
_PAUSE_S = 0.2
_LEAVE_S = 20.0
"""How long a launcher may take to leave when its jobs have ended; joblib's pool has stood there for ever."""


class ProcessesLauncher(Launcher):
    """`hydra/launcher=processes`: every job in a process of its own on this machine."""

    def __init__(self, n_jobs: int | None = None) -> None:
        """Do so many jobs at the same time; all of them by default."""
        if n_jobs is not None and (not isinstance(n_jobs, int) or n_jobs < 1):  # Hydra checks no types
            raise UsageError(
                f"hydra.launcher.n_jobs: {n_jobs} is no number of processes; give 1 or more, or leave it out."
            )
        self._at_once = n_jobs
        self._task: Callable[[int, list[str]], int] | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives a launcher."""
        self._task = partial(_job, hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Do the jobs; what becomes of them they say themselves."""
        assert self._task is not None
        numbered = enumerate(job_overrides, initial_job_idx)
        tasks = [partial(self._task, number, list(overrides)) for number, overrides in numbered]
        siblings.run(tasks, self._at_once)
        return [JobReturn(overrides=overrides, status=JobStatus.COMPLETED) for overrides in job_overrides]


def _job(
    context: HydraContext, task: TaskFunction, config: DictConfig, number: int, overrides: list[str]
) -> int:
    own = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(own):
        own.hydra.job.id = f"{own.hydra.job.name}_{number}"
        own.hydra.job.num = number
    run_job(
        hydra_context=context,
        task_function=task,
        config=own,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    return 0


def register() -> None:
    """Let Hydra know our launcher, by a name as Hydra wants them: it takes none from other packages."""
    target = f"hydra_plugins.autoopt.{ProcessesLauncher.__name__}"
    Plugins.instance().class_name_to_class[target] = ProcessesLauncher
    node = {"_target_": target, "n_jobs": None}
    ConfigStore.instance().store(group="hydra/launcher", name=NAME, node=node, provider="autoopt")


def check(name: str) -> None:
    """Refuse a launcher that no plugin brings, once plugins have been looked for.

    Raises:
        UsageError: there is none of that name.
    """
    known = [one.removesuffix(".yaml") for one in ConfigStore.instance().list("hydra/launcher")]
    if name not in known:
        raise UsageError(complaints.no_choice("hydra/launcher", name, known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Why a launcher gave up.

    Attributes:
        code: An exit code.
    """

    code: int
    line: str


def launch(hydra: Callable[[], None], board: Board) -> Complaint | None:
    """Let a launcher do its jobs, in a process apart; what it says is wrong, when it has given up.

    Launchers know of no order in which to end: Ctrl-C would kill runs in the middle. Apart from the terminal
    they do not hear of it; the runs do, and the launcher goes with the last of them.

    Raises:
        KeyboardInterrupt: this process was asked to end; so were the runs, and those of this machine have.
    """
    try:
        (code,) = siblings.run([partial(_apart, hydra, board)])
    finally:
        with signals.relayed(board.tell):
            _wait(board)  # for what a launcher that was killed has left
    path = board.directory / _COMPLAINT
    with suppress(OSError):
        said, _, line = path.read_text(encoding="utf-8").partition("\n")
        path.unlink()
        return Complaint(code=int(said), line=line)
    return Complaint(code=1, line="the launcher was killed") if code not in (0, -signal.SIGTERM) else None


def _apart(hydra: Callable[[], None], board: Board) -> int:
    relayed = []

    def relay(number: int) -> None:
        relayed.append(number)
        board.tell(number)
        if len(relayed) > 1 and not board.is_busy():  # what is left is on other machines
            os._exit(128 + number)

    with signals.relayed(relay):
        try:
            hydra()
        except AutooptError as error:
            _complain(board, error.exit_code, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a launcher of others raises must not end the runs
            _complain(board, 1, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
        _wait(board)
    threading.Thread(target=_leave, daemon=True).start()
    return 0


def _leave() -> None:
    """End what the launcher has started and this process, if it is still there after a while."""
    time.sleep(_LEAVE_S)
    os.killpg(0, signal.SIGTERM)  # the runs have groups of their own
    time.sleep(1)
    os._exit(0)


def _complain(board: Board, code: int, line: str) -> None:
    board.directory.mkdir(parents=True, exist_ok=True)
    (board.directory / _COMPLAINT).write_text(f"{code}\n{line}", encoding="utf-8")


def _wait(board: Board) -> None:
    while board.is_busy():
        time.sleep(_PAUSE_S)
