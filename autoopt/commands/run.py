"""`autoopt recipe=NAME scope=PATH`: start a run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autoopt import compose
from autoopt.commands import sweep
from autoopt.commands.trusting import vet

if TYPE_CHECKING:
    from autoopt.schema import Config


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Compose the settings and run them, once or (with `-m`) several times."""
    start, again = partial(_start, environ=environ), partial(_again, environ=environ)
    compose.run(argv, environ, start, sweep.Sweep(environ), vet(environ), again)
    return 0


def _start(config: Config, environ: Mapping[str, str]) -> None:
    from autoopt import assemble  # completion and --cfg need nothing of these
    from autoopt.commands.start import start

    assemble.check_proposers(config, environ)
    if config.workers > 1:
        from autoopt.commands import workers

        workers.launch(config, environ)
        return
    start(config, environ)


def _again(config: Config, environ: Mapping[str, str]) -> None:
    """Go on with a run that a launcher begins a second time, or begin it if it came to nothing."""
    from autoopt.commands import lookup, resume

    with contextlib.chdir(config.repo):
        known = [found.layout.run_id for found in lookup.runs(environ, Path.cwd())]
        if config.run_id in known:
            resume.main([config.run_id], environ)
            return
    _start(config, environ)
