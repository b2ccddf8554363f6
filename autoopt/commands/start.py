"""Starting a run from its settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from autoopt import assemble, budget, compose, processes
from autoopt import files as disk
from autoopt.assemble import confining, keeping, searching
from autoopt.commands import overlap, room
from autoopt.commands.drive import drive
from autoopt.commands.holding import hold
from autoopt.commands.judges import check_judges
from autoopt.commands.lookup import is_cut_short
from autoopt.commands.telling import agreed, in_parallel, terminal
from autoopt.errors import UsageError
from autoopt.interop import known
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.removing import remove_whole
from autoopt.reporters.settings import settings_table
from autoopt.schema import Config, DeskMode
from autoopt.scope import Scope
from autoopt.workspaces.clones import origin_of
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import as_stored, check_scope
from autoopt.workspaces.links import Needs, find
from autoopt.workspaces.repository import Repository, discover
from autoopt.workspaces.startable import check_startable
from autoopt.workspaces.store import Store
from autoopt.workspaces.submodules import missing_submodules
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
    budget.check(config)
    assemble.check(config)
    scope = Scope(config.scope, config.off_limits)
    repository = discover(Path(config.repo))
    check_beforehand(config, repository, scope, environ)
    room.check_start(config, repository, overlap.folder_of(repository, environ))
    with _claimed(config, repository, environ) as files:
        try:
            console = console or terminal(environ, label=files.state.name if in_parallel() else None)
            console.print(settings_table(config, _facts(config, repository, files, environ)))
            if warning := confining.warning(config, environ):
                console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
            if config.confirm and not agreed(console, "Start?"):
                raise UsageError(
                    "not started; change what you do not like with key=value, or set confirm=no."
                )
            with keeping.secrets(config, environ).out_of_errors():
                workspace, record = _create(config, repository, scope, files, environ)
                with closing(workspace):
                    work(config, files, workspace, record, console, environ)
        except BaseException:
            _undo_unless_measured(files)
            raise


def check_beforehand(
    config: Config, repository: Repository, scope: Scope, environ: Mapping[str, str]
) -> None:
    """Refuse what would stop the run after a person has read its settings and agreed to them.

    Raises:
        AutooptError: the scope has no files, or commands cannot be run here.
    """
    processes.shell(environ)
    here = Path(config.repo).resolve().relative_to(repository.root).as_posix()
    store = Store(repository.control)
    try:
        tracked = store.files(store.tree_of(repository.head))
        check_scope(store, tracked, scope, "" if here == "." else here)
        check_judges(config, scope, tracked)
    finally:
        store.close()
    _check_mode(config, repository, scope)


def _check_mode(config: Config, repository: Repository, scope: Scope) -> None:
    if config.workspace.mode is not DeskMode.inplace:
        return
    if config.workspace.desk is not None:
        raise UsageError(
            "workspace.desk: there is none with workspace.mode=inplace, where your checkout is edited; leave "
            "out one of them."
        )
    check_startable(repository, scope)


@contextmanager
def _claimed(config: Config, repository: Repository, environ: Mapping[str, str]) -> Iterator[RunFiles]:
    """A new run's state directory, held by this process; ours to remove when the run comes to nothing.

    Whoever starts next sees the claim: the scopes of live runs are kept apart.

    Raises:
        UsageError: the given id is taken, or files in the scope are in a live run's.
    """
    _check_id(config.run_id)  # the gate makes a directory
    with ExitStack() as held:
        with overlap.gate(overlap.folder_of(repository, environ)):
            searching.agree(config, overlap.folder_of(repository, environ))
            overlap.check_start(config, repository, environ)
            files = place(config, overlap.folder_of(repository, environ))
            disk.make_directory(files.state)
            try:
                held.enter_context(hold(files))
                files.making.touch()
                undo(files.state)  # of a start that was killed
                disk.replace(files.config, compose.dump(config).encode())
            except BaseException:
                _remove_state(files)
                raise
        yield files


def _create(
    config: Config, repository: Repository, scope: Scope, files: RunFiles, environ: Mapping[str, str]
) -> tuple[GitWorkspace, Journal]:
    workspace = GitWorkspace.create(
        repository.root,
        files.state.name,
        files.state,
        scope,
        desk=None if config.workspace.desk is None else Path(config.workspace.desk),
        links=config.workspace.link,
        link_by=config.workspace.link_by,
        commands=assemble.commands(config),
        setup=assemble.setup(config, files, environ),
        in_place=config.workspace.mode is DeskMode.inplace,
        rules=keeping.rules(config, environ),
    )
    goal = keeping.secrets(config, environ).text(config.goal)
    record = Journal.create(files.journal, run_id=files.state.name, base=workspace.base, goal=goal)
    files.making.unlink()
    return workspace, record


def _check_id(run_id: str | None) -> None:
    if run_id is not None and not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"run_id: {run_id!r} cannot name a run; use up to 80 letters, digits, '-', '_' and '.', one of "
            "them a letter, the first a letter or digit."
        )


def place(config: Config, folder: Path, others: Collection[str] = ()) -> RunFiles:
    """The state directory of the run: by its given id, or by the recipe's name and the time.

    Args:
        others: Ids that runs will have which are still to be made.

    Raises:
        UsageError: the given id is taken, or cannot name a run.
    """
    _check_id(config.run_id)
    if config.run_id in others:
        raise UsageError(
            f"run_id: {config.run_id} is given to several runs; leave it out, or give each its own."
        )
    if config.run_id is not None:
        if (folder / config.run_id).exists() and not is_cut_short(RunFiles(folder / config.run_id)):
            raise UsageError(
                f"run_id: {config.run_id} exists; `autoopt resume {config.run_id}` goes on with it, or "
                "choose another."
            )
        return RunFiles(folder / config.run_id)
    free = (name for name in names(config) if name not in others and not (folder / name).exists())
    return RunFiles(folder / next(free))


def names(config: Config) -> Iterator[str]:
    """Names after the recipe and the time, for whatever was given none."""
    stem = f"{(config.recipe or 'run').replace('/', '-')}-{datetime.now():%Y%m%d-%H%M%S}"
    if origin_of(discover(Path(config.repo)).control) is not None:
        stem += f"-{uuid4().hex[:4]}"  # other machines send there, too, and may have started in this second
    return (stem if count == 1 else f"{stem}-{count}" for count in range(1, 1000))


def _facts(
    config: Config, repository: Repository, files: RunFiles, environ: Mapping[str, str]
) -> dict[str, str]:
    changes, needs = repository.changes, needs_of(config, repository, files.state)
    origin = origin_of(repository.control)
    facts = {
        "proposers": assemble.described(config, environ),
        "run": files.state.name,
        "repository": f"{repository.root} at {repository.head[:10]} ({repository.branch or 'detached HEAD'})",
        "state": str(files.state),
        "sandbox": confining.told(config, environ),
    }
    if origin is not None:
        facts["sent to"] = f"{origin.url}: the run's branch and records, after each keep and at the end"
    if config.writable:
        facts["writable"] = ", ".join(config.writable)
    if (before := assemble.told_before(config, repository.root)) is not None:
        facts["tried before"] = f"{known.load(before).told}; claims, which nobody has measured here"
    if copied := needs.copied:
        facts["copies"] = f"{', '.join(copied)}: untracked, so each checkout gets a copy"
    if linked := [name for name in needs.names if name not in needs.copied]:
        facts["links"] = f"{', '.join(linked)}: your own files; what a command writes there is refused"
    if missing := missing_submodules(repository):
        names = ", ".join(missing)
        facts["submodules"] = (
            f"{names}: empty in every checkout; git submodule update --init brings the files"
        )
    if converted := as_stored(repository):
        path, how = min(converted.items())
        others = f" and {len(converted) - 1} more" if len(converted) > 1 else ""
        facts["as stored"] = f"{path} ({how}){others}: checkouts have it as it is committed, unconverted"
    if changes:
        count = f"{len(changes)} uncommitted change" + ("s" if len(changes) > 1 else "")
        facts["left out"] = f"your {count}, first {changes[0]}: a run starts from the commit"
        if changes[0].startswith(".autoopt/recipes/"):
            facts["left out"] += " (recipes are read as they are here)"
    return facts


def needs_of(config: Config, repository: Repository, folder: Path) -> Needs:
    """What checkouts are given beside tracked files; `folder` is where they will be.

    Raises:
        UsageError: something named by the user cannot be given.
    """
    wanted, by = config.workspace.link, config.workspace.link_by
    return find(repository.root, repository.files, wanted, by, assemble.commands(config), folder)


def _undo_unless_measured(files: RunFiles) -> None:
    """A run that never came to its first experiment leaves nothing behind."""
    if files.journal.exists() and Journal(files.journal).history:
        return
    undo(files.state)
    _remove_state(files)


def _remove_state(files: RunFiles) -> None:
    with suppress(OSError):  # what went wrong before is told, not this
        remove_whole(files.state)
    for folder in files.state.parents[:2]:
        with suppress(OSError):  # other runs
            folder.rmdir()
