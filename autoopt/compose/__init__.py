"""From a command line and recipes to the settings of a run; the only part that knows Hydra.

Importing this package is cheap: Hydra itself is imported by the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autoopt import schema, trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One run of a sweep, before any of them has started.

    Attributes:
        words: Its own `key=value` words, those that all runs share included.
    """

    words: tuple[str, ...]
    config: schema.Config


Plan = Callable[[Sequence[Planned]], None]
"""Looks at all runs of a sweep before any of them starts, and raises what speaks against them."""


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    job: Callable[[schema.Config], None],
    plan: Plan | None = None,
    vet: trust.Vet | None = None,
) -> None:
    """Compose what the command line asks for and call `job` with it, once, or once for each run of a sweep.

    A launcher may call it in several processes at the same time: `job` has to be something they can import.

    Args:
        vet: Asks whether recipes, agents and prompts from elsewhere are trusted; by default nobody is asked,
            and what nobody has agreed to before is refused.

    Raises:
        UsageError: the command line or a recipe is wrong; nothing was run.
        NotTrustedError: what it chooses is from elsewhere, and nobody has agreed to it; nothing was run.
        AutooptError: whatever the plan or the job raised; of a sweep, that some runs failed.
    """
    from autoopt.compose import hydra_run

    hydra_run.run(argv, environ, job, plan, vet)


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
