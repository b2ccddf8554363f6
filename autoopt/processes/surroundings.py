"""What the commands of a run find around their checkout: an environment, directories of their own, walls."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autoopt.places import KEPT, TMP
from autoopt.processes import Completed, Order, run_together
from autoopt.processes.compiled import Compiled
from autoopt.processes.environment import clean_environment, named, read_assignments, read_regular
from autoopt.processes.interpreters import Interpreters
from autoopt.processes.turns import WITHIN, Turns
from autoopt.processes.walls import Walls
from autoopt.removing import remove_whole
from autoopt.schema import MetricConfig
from autoopt.secrets import gather

_LEARNED = "compiled files"
_TOKEN_BYTES = 64
_PAIR = 2
"""Orders that may be made before the first of them is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """The directories that belong to one checkout's commands, below the one that a bench gives.

    Attributes:
        folder: That one. Whoever empties it takes away all that was said of the checkout.
        said: What was said of it; see `Arm.note`.
    """

    folder: Path
    said: set[str]

    @property
    def kept(self) -> Path:
        """What `prepare` fills and every command finds."""
        return self.folder / KEPT

    @property
    def own(self) -> Path:
        """The home and the temporary directory of one command."""
        return self.folder / "own"

    @property
    def tmp(self) -> Path:
        """What stands for /tmp, for one command."""
        return self.folder / TMP

    def renew(self) -> None:
        """Have empty ones for the next command; what is kept stays."""
        self.kept.mkdir(exist_ok=True)
        remove_whole(self.own)
        self.own.mkdir(mode=0o700)
        self.tmp.mkdir(mode=0o700, exist_ok=True)  # emptied when walls are put up


class Surroundings:
    """What the commands of a run see beside their checkout, and what they may write."""

    def __init__(
        self,
        config: MetricConfig,
        environ: Mapping[str, str],
        run_id: str,
        env_names: Collection[str] = (),
        *,
        compiled: Path,
        walls: Walls | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Take from `environ` what commands may see, and of `metric.env_file` what `env_names` has.

        Args:
            compiled: Directory for compiled Python files, beside or above all that commands write.
            walls: What holds for every command; each may write its own directories besides.
            turns: Those of the run; None for commands that wait for no other run's.
        """
        self.turns = Turns() if turns is None else turns
        self._file = config.env_file
        self._environ = environ
        self._env_names = env_names
        self._given = {**named(environ, config.pass_env), WITHIN: run_id, **config.env}
        self._walls = walls
        self.secrets = gather(environ, config.pass_env, config.env)
        """What no log may show."""
        written = () if walls is None else walls.writable
        ours = (compiled.parent, *written)
        self._compiled = Compiled(compiled, ours)
        self._interpreters = Interpreters(compiled.with_name("compiling"), environ, ours, walls)
        self._unsettled = _PAIR  # an earlier process may have been killed while a command could write there
        self._said: dict[Path, tuple[bytes, set[str]]] = {}

    def private(self, folder: Path) -> Private:
        """The directories of a checkout, and what is known of it since they were last emptied.

        A command may have written anything there, so that only which time it is can be read from it.
        """
        token = folder / "since"
        known, said = self._said.get(folder, (b"", set[str]()))
        if not known or read_regular(token, _TOKEN_BYTES) != known:
            known, said = secrets.token_hex(16).encode(), set()
            remove_whole(token)
            token.write_bytes(known)
            self._said[folder] = known, said  # in place of what was said before it was emptied
        return Private(folder=folder, said=said)

    def order(
        self,
        command: str,
        tree: Path,
        private: Private,
        *,
        timeout_s: float | None,
        logs: Path,
        measured: bool = False,
    ) -> Order:
        """The command in the checkout `tree`, with a home and a temporary directory that nobody has used.

        Args:
            measured: Whether it is to find compiled files as they are, as all that are compared do.
        """
        private.renew()
        learns = not measured or _LEARNED not in private.said
        if _LEARNED not in private.said:
            self._compiled.forget(tree)
            private.said.add(_LEARNED)
        if self._unsettled:
            self._settle(tree)
        if learns or self._walls is None or not self._walls.mechanism.holds:
            self._unsettled = _PAIR
        return Order(
            command=command,
            cwd=tree,
            env=self.environment(tree, private),
            timeout_s=timeout_s,
            logs=logs,
            walls=self._around(tree, private, learns),
        )

    def run(self, command: str, tree: Path, folder: Path, *, timeout_s: float, logs: Path) -> Completed:
        """Run a command in a checkout whose directories are below `folder`; no secret stays in its output."""
        order = self.order(command, tree, self.private(folder), timeout_s=timeout_s, logs=logs)
        with self.turns.beside():
            done = run_together([order])[0]
        self.secrets.below(logs)
        return done

    def _settle(self, tree: Path) -> None:
        self._compiled.settle()
        for wanted, content in self._interpreters.compile(self._compiled.others, tree):
            self._compiled.put(wanted.target, content)
        self._unsettled -= 1

    def environment(self, tree: Path, private: Private) -> dict[str, str]:
        """The whole environment of commands in the checkout `tree`."""
        given = {
            "AUTOOPT_SCRATCH": str(private.kept),
            "XDG_CACHE_HOME": str(private.kept / "cache"),
            "PYTHONPYCACHEPREFIX": str(self._compiled.folder),
            **self._given,
        }
        if self._file is not None:
            given |= read_assignments(tree / self._file, self._env_names)
        return clean_environment(self._environ, private.own, given)

    def _around(self, tree: Path, private: Private, learns: bool) -> Walls | None:
        if self._walls is None:
            return None
        own = (tree, private.kept, private.own, *([self._compiled.folder] if learns else []))
        return replace(self._walls, writable=(*self._walls.writable, *own), tmp=private.tmp)
