"""Several runs of one search side by side on this machine: `workers=N`."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from autoopt import assemble, secrets
from autoopt.commands import overlap
from autoopt.commands.lookup import Found
from autoopt.commands.runs import row
from autoopt.commands.start import names, start
from autoopt.commands.telling import agreed, terminal
from autoopt.errors import AutooptError, UsageError
from autoopt.places import RunFiles
from autoopt.processes import siblings
from autoopt.reporters.tables import runs_table
from autoopt.schema import BudgetConfig, Config
from autoopt.workspaces.layout import FILE_NAME, Layout
from autoopt.workspaces.repository import discover

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


def launch(config: Config, environ: Mapping[str, str]) -> None:
    """Start the workers and wait for them; what each did is listed at the end.

    Raises:
        AutooptError: they cannot start, or some of them failed.
        KeyboardInterrupt: somebody has ended them.
    """
    _check(config)
    folder = overlap.folder_of(discover(Path(config.repo)), environ)
    shared = _shared(config, folder)
    console = terminal(environ)
    console.print(
        f"{shared[0].search}: {len(shared)} workers, {_told(shared)}", highlight=False, soft_wrap=True
    )
    if config.confirm and not agreed(console, f"Start {len(shared)} workers?"):
        raise UsageError("not started; change what you do not like with key=value, or set confirm=no.")
    for one in shared:
        one.confirm = False
    try:
        codes = siblings.run([partial(_work, one, environ) for one in shared])
    finally:
        made = [RunFiles(folder / str(one.run_id)) for one in shared]
        rows = [
            row(Found(files, Layout.load(files.state)))
            for files in made
            if (files.state / FILE_NAME).exists()
        ]
        if rows:
            console.print(runs_table(rows))
    _judge(shared, codes)


def _check(config: Config) -> None:
    """Refuse workers that cannot be meant.

    Raises:
        UsageError: naming the option.
    """
    assemble.check(config)
    if config.budget.experiments is not None and config.budget.experiments < config.workers:
        raise UsageError(
            f"workers={config.workers}: they cannot share budget.experiments={config.budget.experiments}; "
            "give each at least one."
        )


def _shared(config: Config, folder: Path) -> list[Config]:
    """The settings of each worker."""
    search = config.search or _name(config, folder)
    found: list[Config] = []
    for place in range(config.workers):
        one = copy.deepcopy(config)
        one.search, one.workers, one.seed = search, 1, config.seed + place
        one.run_id = next(
            name
            for count in range(place + 1, 10_000)
            if not (folder / (name := f"{search}-w{count}")).exists()
            and name not in [other.run_id for other in found]
        )
        _share(one.budget, place, config.workers)
        found.append(one)
    return found


def _name(config: Config, folder: Path) -> str:
    """A name for the search: the run's, where one is given, as far as a search can have it."""
    if config.run_id is not None:
        return _NOT_IN_A_NAME.sub("-", config.run_id)[:60]
    plain = (_NOT_IN_A_NAME.sub("-", name) for name in names(config))
    return next(name for name in plain if not RunFiles(folder / "any").searches(name).exists())


def _share(budget: BudgetConfig, place: int, workers: int) -> None:
    """Leave the budget an equal part; what cannot be divided goes to the first ones."""
    for name in ("experiments", "tokens"):
        if (total := getattr(budget, name)) is not None:
            setattr(budget, name, total // workers + (place < total % workers))
    if budget.cost_usd is not None:
        budget.cost_usd /= workers


def _told(shared: Sequence[Config]) -> str:
    """What each of them may spend, as in "with 7, 7 and 6 experiments, $1.00 each"."""
    parts = []
    counts = [str(one.budget.experiments) for one in shared]
    budget = shared[0].budget
    if budget.experiments is not None:
        parts.append(f"{', '.join(counts[:-1])} and {counts[-1]} experiments")
    if budget.cost_usd is not None:
        parts.append(f"${budget.cost_usd:.2f} each")
    if budget.tokens is not None:
        parts.append(f"{budget.tokens} tokens each")
    if budget.wall is not None:
        parts.append(f"{budget.wall} at once")
    return "with " + ", ".join(parts) if parts else "with no limit"


def _work(config: Config, environ: Mapping[str, str]) -> int:
    try:
        start(config, environ)
    except AutooptError as error:
        said = secrets.gather(environ).text(str(error))
        print(f"autoopt: {config.run_id}: {said}", file=sys.stderr)
        return error.exit_code
    return 0


def _judge(shared: Sequence[Config], codes: Sequence[int | None]) -> None:
    """Tell which workers did not come to their end.

    Raises:
        AutooptError: there are such.
    """
    failed = [(one.run_id, code) for one, code in zip(shared, codes, strict=True) if code]
    if not failed:
        return
    listed = ", ".join(
        f"{run} (killed by signal {-code})" if code < 0 else f"{run} (exit code {code})"
        for run, code in failed
    )
    error = AutooptError(
        f"{len(failed)} of {len(shared)} workers failed: {listed}; autoopt resume RUN goes on with one."
    )
    error.exit_code = max(1, next(code for _, code in failed))
    raise error
