"""`autoopt demo [NAME|list] [DIRECTORY]`: a bundled sample project, and a real run in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from rich.console import Console

from autoopt.commands import run, trusting
from autoopt.compose import foreign
from autoopt.compose import library as shelves
from autoopt.compose.library import Library, repository_shelves
from autoopt.demos import Demo, demos
from autoopt.errors import UsageError
from autoopt.workspaces.seed import init_repository

DEFAULT = "sql-latency"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Make the sample project (in `./autoopt-demo-NAME`) and optimize it; `key=value` words go to the run."""
    words = [word for word in argv if "=" not in word]
    known, console = demos(), Console(highlight=False, soft_wrap=True)
    if words[:1] == ["list"]:
        for demo in known.values():
            console.print(f"{demo.name}: {demo.summary}")
        return 0
    name = words[0] if words else DEFAULT
    if name not in known or len(words) > 2:
        raise UsageError(
            f"demo {' '.join(words)}: there are {', '.join(known)}; write `autoopt demo NAME [DIRECTORY]`."
        )
    demo = known[name]
    _check_extra(demo)
    directory = _directory(Path(words[1]) if len(words) > 1 else Path(f"autoopt-demo-{name}"))
    console.print(f"Making a sample project in {directory} ...")
    demo.make(directory)
    init_repository(directory, "A sample project")
    _trust(directory, environ)
    overrides = [*demo.overrides, *(word for word in argv if "=" in word)]
    console.print(f"$ cd {directory} && autoopt {' '.join(overrides)}")
    os.chdir(directory)
    return run.main([*overrides, "confirm=no"], environ)


def _trust(directory: Path, environ: Mapping[str, str]) -> None:
    """Trust the project's own recipes: this very program has just written them."""
    library = Library(tuple(repository_shelves(directory, "recipes")))
    known = shelves.visible(environ, directory)
    for name in library.names():
        found = foreign.materials(foreign.Choice(recipes=[name]), known, Library(()), directory)
        trusting.accept(found, directory, environ)


def _directory(wanted: Path) -> Path:
    """A new directory of that name, with a number behind it when the name is taken."""
    names = (wanted if count == 1 else wanted.with_name(f"{wanted.name}-{count}") for count in range(1, 1000))
    directory = next(name for name in names if not name.exists())
    directory.mkdir(parents=True)
    return directory.resolve()


def _check_extra(demo: Demo) -> None:
    """See that the optional packages are here, before anything is made.

    Raises:
        UsageError: one is missing.
    """
    wanted = [Requirement(text) for text in requires("autoopt") or [] if demo.extra]
    for requirement in wanted:
        marker, extras = requirement.marker, (demo.extra or "").split(",")
        if marker is None or not any(marker.evaluate({"extra": one}) for one in extras):
            continue
        try:
            version(requirement.name)
        except PackageNotFoundError:
            raise UsageError(
                f"demo {demo.name} needs {requirement.name}: pip install 'autoopt[{demo.extra}]'."
            ) from None
