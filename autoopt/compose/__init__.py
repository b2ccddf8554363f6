"""From a command line and recipes to the settings of a run; the only part that knows Hydra.

Importing this package is cheap: Hydra itself is imported by the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autoopt import schema


def run(argv: Sequence[str], environ: Mapping[str, str], job: Callable[[schema.Config], None]) -> None:
    """Compose what the command line asks for and call `job` with it, once, or once for each run of a sweep.

    Raises:
        UsageError: the command line or a recipe is wrong; nothing was run.
        AutooptError: whatever the job raised; of a sweep, that some runs failed.
    """
    from autoopt.compose import hydra_run

    hydra_run.run(argv, environ, job)


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
