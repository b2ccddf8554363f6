"""From a command line and recipes to the settings of a run; the only part that knows Hydra.

Importing this package is cheap: Hydra itself is imported by the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from autoopt import schema, trust

if TYPE_CHECKING:
    from autoopt.compose.board import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One run of a sweep, before any of them has started.

    Attributes:
        words: Its own `key=value` words, those that all runs share included.
    """

    words: tuple[str, ...]
    config: schema.Config


def labels(runs: Sequence[Sequence[str]]) -> list[str]:
    """What sets each run of a sweep apart: of its words those that not all of them have."""
    shared = set.intersection(*map(set, runs)) if len(runs) > 1 else set()
    own = [" ".join(word.lstrip("+") for word in words if word not in shared) for words in runs]
    counted = [f"run {number}" for number in range(1, len(own) + 1)]
    return own if len(set(own)) == len(own) and all(own) else counted


class Sweeping(Protocol):
    """Whoever answers for several runs of one command line."""

    def plan(self, planned: Sequence[Planned]) -> Sequence[str]:
        """Look at all runs before any of them starts, and return the ids they will have.

        Raises:
            AutooptError: what speaks against them.
        """
        ...

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Hear what became of them, in the same order; also where the whole was cut short."""
        ...


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    job: Callable[[schema.Config], None],
    sweep: Sweeping | None = None,
    vet: trust.Vet | None = None,
    again: Callable[[schema.Config], None] | None = None,
    scratch: Path | None = None,
) -> None:
    """Compose what the command line asks for and call `job` with it, once, or once for each run of a sweep.

    A launcher may call it in several processes at the same time: `job` has to be something they can import.

    Args:
        vet: Asks whether recipes, agents and prompts from elsewhere are trusted; by default nobody is asked,
            and what nobody has agreed to before is refused.
        again: Called instead for a run that a launcher begins a second time, as it was killed or put off.
        scratch: Where Hydra makes its directories; by default where runs keep their state.

    Raises:
        UsageError: the command line or a recipe is wrong; nothing was run.
        NotTrustedError: what it chooses is from elsewhere, and nobody has agreed to it; nothing was run.
        AutooptError: whatever the plan or the job raised; of a sweep, that some runs failed.
    """
    from autoopt.compose import hydra_run

    hydra_run.run(argv, environ, job, sweep, vet, again, scratch)


def dump(config: schema.Config) -> str:
    """The settings as YAML for the state directory; `load` gives an equal object back."""
    from autoopt.compose import store

    return store.dump(config)


def load(text: str, words: Sequence[str] = ()) -> schema.Config:
    """The settings that `dump` wrote, changed by `key=value` words.

    Raises:
        DamagedStateError: the text is not a run's settings.
        UsageError: a word is no option and value of a run.
    """
    from autoopt.compose import store

    return store.load(text, words)
