"""Which study a run's parameter search asks: its own, or one that it shares with other workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autoopt.places import RunFiles
from autoopt.proposers.search import addresses
from autoopt.proposers.search.addresses import Address
from autoopt.schema import Config


def address(config: Config, files: RunFiles, environ: Mapping[str, str]) -> Address | None:
    """Where the shared study is kept; None where the run has one to itself, in its state directory.

    Raises:
        UsageError: `propose.optuna.storage` is no address.
    """
    if config.propose.optuna.storage:
        return _named(config, environ)
    return addresses.of_file(files.searches(config.search) / "study.log") if config.search else None


def check(config: Config, environ: Mapping[str, str]) -> None:
    """Refuse a storage that does not answer, before anything of the run is written.

    Raises:
        UsageError: naming `propose.optuna.storage`.
    """
    if config.propose.optuna.storage and "optuna" in config.propose.use:
        from autoopt.proposers.search import storages  # brings Optuna, which other runs do without

        storages.reach(_named(config, environ))


def _named(config: Config, environ: Mapping[str, str]) -> Address:
    return addresses.read(config.propose.optuna.storage, Path(config.repo).resolve(), environ)
