"""Where things live on this machine, worked out from the environment that is passed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoopt.errors import ResourceError

KEPT, TMP = "kept", "tmp"
"""In a checkout's scratch directory: what is prepared for its commands, and what stands for /tmp for each."""


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - knows the password database
    if not home.startswith("/"):
        raise ResourceError("HOME is not set, so run state has no place; set HOME or XDG_STATE_HOME.")
    return Path(home)


def state_root(environ: Mapping[str, str]) -> Path:
    """Where all runs keep their state: `$XDG_STATE_HOME/autoopt`, else `~/.local/state/autoopt`."""
    given = environ.get("XDG_STATE_HOME", "")
    return (Path(given) if given.startswith("/") else _home(environ) / ".local" / "state") / "autoopt"


def repository_id(control_dir: Path) -> str:
    """A name for a repository that two clones with one basename do not share."""
    import hashlib  # takes a while, and `--help` needs the places only

    resolved = control_dir.resolve()
    name = resolved.parent.name if resolved.name == ".git" else resolved.name
    return f"{name}-{hashlib.sha256(os.fsencode(resolved)).hexdigest()[:8]}"


def user_recipes(environ: Mapping[str, str]) -> Path:
    """The user's own recipes: `$XDG_CONFIG_HOME/autoopt/recipes`, else `~/.config/autoopt/recipes`."""
    given = environ.get("XDG_CONFIG_HOME", "")
    return (Path(given) if given.startswith("/") else _home(environ) / ".config") / "autoopt" / "recipes"


def data_dir(name: str) -> Path:
    """`conf` or `recipes` as shipped: inside an installed package, else beside a checkout's package."""
    here = Path(__file__).resolve().parent
    packed = here / "_data" / name
    return packed if packed.is_dir() else here.parent / name


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What one run keeps in its state directory."""

    state: Path

    @property
    def journal(self) -> Path:
        """The truth: one line per event."""
        return self.state / "journal.jsonl"

    @property
    def making(self) -> Path:
        """There until the run is made: tells a start that was killed from a run that lost its journal."""
        return self.state / "making"

    @property
    def config(self) -> Path:
        """The resolved configuration the run started with."""
        return self.state / "config.yaml"

    @property
    def now(self) -> Path:
        """What the process that works on the run is doing."""
        return self.state / "now.json"

    @property
    def parameters(self) -> Path:
        """The parameters that `propose.discover` printed at the base commit."""
        return self.state / "parameters.json"

    @property
    def study(self) -> Path:
        """Optuna's journal storage."""
        return self.state / "study.log"

    def searches(self, name: str) -> Path:
        """What the runs of one search in this repository share."""
        return self.state.parent / ".searches" / name

    @property
    def profile(self) -> Path:
        """The incumbent's profile."""
        return self.state / "profile.json"

    @property
    def rewrites(self) -> Path:
        """The edits that `propose.rewrites` printed for the incumbent."""
        return self.state / "rewrites.json"

    @property
    def ideas(self) -> Path:
        """What an agent has thought of and not tried."""
        return self.state / "ideas.json"

    @property
    def known(self) -> Path:
        """What others say was tried before the run, as it was when the run started."""
        return self.state / "known.jsonl"

    @property
    def scratch(self) -> Path:
        """Where proposers work on copies of files."""
        return self.state / "scratch"

    @property
    def compiled(self) -> Path:
        """Compiled Python files that commands share."""
        return self.state / "compiled"

    @property
    def prompts(self) -> Path:
        """What agents were asked and what they answered."""
        return self.state / "prompts"

    @property
    def logs(self) -> Path:
        """Output of the latest commands and of those that failed."""
        return self.state / "logs"

    @property
    def running(self) -> tuple[Path, ...]:
        """What says of the commands that run now, or ran when the run was killed, which they are."""
        return (*self.logs.rglob("running"), *self.scratch.glob("*/logs/running"))

    @property
    def report(self) -> Path:
        """The report for a reviewer."""
        return self.state / "report.md"

    @property
    def page(self) -> Path:
        """The same report with pictures, for a browser."""
        return self.state / "report.html"
