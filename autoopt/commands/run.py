"""`autoopt recipe=NAME scope=PATH`: start a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from autoopt import compose
from autoopt.commands import sweep
from autoopt.commands.trusting import vet

if TYPE_CHECKING:
    from autoopt.schema import Config


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Compose the settings and run them, once or (with `-m`) several times."""
    with sweep.Sweep(environ) as runs:
        compose.run(argv, environ, partial(_start, environ=environ), runs.plan, vet(environ))
    return 0


def _start(config: Config, environ: Mapping[str, str]) -> None:
    from autoopt import assemble  # completion and --cfg need nothing of these
    from autoopt.commands.start import start

    assemble.check_proposers(config, environ)
    start(config, environ)
