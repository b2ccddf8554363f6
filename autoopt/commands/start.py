"""Starting a run from its settings."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from rich.console import Console

from autoopt import assemble, budget, compose, journal
from autoopt import files as disk
from autoopt.commands.drive import drive
from autoopt.commands.telling import terminal
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles, repository_id, state_root
from autoopt.reporters.settings import settings_table
from autoopt.schema import Config
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import links
from autoopt.workspaces.repository import Repository, discover
from autoopt.workspaces.undo import undo

# The id becomes a directory (removed again when the run comes to nothing), a branch and a file name; a number
# alone would be taken for an experiment by `autoopt show`.
_RUN_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", re.ASCII)


Work = Callable[[Config, RunFiles, GitWorkspace, Journal, Console, Mapping[str, str]], None]
"""What is done with a run that has just been made, while its lock is held."""


def start(
    config: Config, environ: Mapping[str, str], work: Work = drive, console: Console | None = None
) -> None:
    """Start the run that the settings describe.

    Raises:
        AutooptError: it cannot start; nothing of it is left on disk unless its baseline was measured.
    """
    console = console or terminal(environ)
    budget.check(config)
    assemble.check(config)
    scope = Scope(config.scope, config.off_limits)
    repository = discover(Path(config.repo))
    files = _place(config, repository, environ)
    console.print(settings_table(config, _facts(config, repository, files, environ)))
    if config.confirm and not _agreed(console):
        raise UsageError("not started; change what you do not like with key=value, or set confirm=no.")
    files.state.mkdir(parents=True)  # ours from here on, and ours to remove when the run comes to nothing
    with journal.held(files.state):
        try:
            workspace, record = _create(config, repository, scope, files, environ)
            work(config, files, workspace, record, console, environ)
        except BaseException:
            _undo_unless_measured(files)
            raise


def _create(
    config: Config, repository: Repository, scope: Scope, files: RunFiles, environ: Mapping[str, str]
) -> tuple[GitWorkspace, Journal]:
    disk.replace(files.config, compose.dump(config).encode())
    workspace = GitWorkspace.create(
        repository.root,
        files.state.name,
        files.state,
        scope,
        desk=None if config.workspace.desk is None else Path(config.workspace.desk),
        links=config.workspace.link,
        setup=assemble.setup(config, files, environ),
    )
    record = Journal.create(files.journal, run_id=files.state.name, base=workspace.base, goal=config.goal)
    return workspace, record


def _place(config: Config, repository: Repository, environ: Mapping[str, str]) -> RunFiles:
    """The state directory of the run: by its given id, or by the recipe's name and the time.

    Raises:
        UsageError: the given id is taken.
    """
    folder = state_root(environ) / repository_id(repository.control)
    if config.run_id is not None:
        if not _RUN_ID.fullmatch(config.run_id):
            raise UsageError(
                f"run_id: {config.run_id!r} cannot name a run; use up to 80 letters, digits, '-', '_' and "
                "'.', one of them a letter, the first a letter or digit."
            )
        if (folder / config.run_id).exists():
            raise UsageError(
                f"run_id: {config.run_id} exists; `autoopt resume {config.run_id}` goes on with it, or "
                "choose another."
            )
        return RunFiles(folder / config.run_id)
    stem = f"{(config.recipe or 'run').replace('/', '-')}-{datetime.now():%Y%m%d-%H%M%S}"
    names = (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1000))
    return RunFiles(next(folder / name for name in names if not (folder / name).exists()))


def _facts(
    config: Config, repository: Repository, files: RunFiles, environ: Mapping[str, str]
) -> dict[str, str]:
    changes, linked = repository.changes, links(repository, config.workspace.link)
    facts = {
        "proposers": assemble.described(config, environ),
        "run": files.state.name,
        "repository": f"{repository.root} at {repository.head[:10]} ({repository.branch or 'detached HEAD'})",
        "state": str(files.state),
    }
    if linked:
        facts["links"] = f"{', '.join(linked)}: your own files, which the commands can also write"
    if changes:
        count = f"{len(changes)} uncommitted change" + ("s" if len(changes) > 1 else "")
        facts["left out"] = f"your {count}, first {changes[0]}: a run starts from the commit"
    return facts


def _agreed(console: Console) -> bool:
    if not (sys.stdin.isatty() and console.is_terminal):
        return True
    try:
        return console.input("Start? \\[Y/n] ").strip().lower() in ("", "y", "yes")
    except EOFError:  # Ctrl-D
        return False


def _undo_unless_measured(files: RunFiles) -> None:
    """A run that never came to its first experiment leaves nothing behind."""
    if files.journal.exists() and Journal(files.journal).history:
        return
    undo(files.state)
    shutil.rmtree(files.state, ignore_errors=True)
