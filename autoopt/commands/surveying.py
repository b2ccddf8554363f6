"""The repository as a conversation about it needs it: what is there, and how settings are tried."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from autoopt import assemble, budget, compose, schema
from autoopt.assemble import confining
from autoopt.commands.rehearsal import rehearse
from autoopt.commands.start import check_beforehand
from autoopt.commands.trusting import vet
from autoopt.compose import agents, writing
from autoopt.compose import library as shelves
from autoopt.detect import interpreters
from autoopt.errors import AutooptError, UsageError
from autoopt.init import setups
from autoopt.init.draft import World
from autoopt.schema import Config
from autoopt.scope import Scope
from autoopt.trust import Vet
from autoopt.workspaces.repository import Repository

_DRAFT = "autoopt-init-draft"


def survey(
    repository: Repository, environ: Mapping[str, str], place: Path, say: Callable[[str], None]
) -> World:
    """What is in the repository, and what can be done there.

    Args:
        place: A directory that is removed afterwards.
        say: Told for whose turn a command waits.
    """
    library = shelves.visible(environ)
    composed = cache(lambda words: _compose(words, environ, place, vet(environ)))
    plain = Config(metric=schema.MetricConfig(command=""))
    return World(
        root=repository.root,
        tracked=repository.tracked,
        setups=setups.found(repository.root, repository.tracked, environ),
        goals={one.name: one.goal for one in library.listing() if not (one.problem or one.shadowed_by)},
        agents=_agents(environ),
        taken=[name for name, _ in shelves.entries(folder(repository))],
        interpreter=_certain(repository, environ),
        walls=confining.told(plain, environ),
        raw=lambda name: shelves.merged(library.lineage(name)),
        compose=lambda words: composed(tuple(words)),
        run=lambda config: rehearse(config, environ, lambda text: say(text) if text else None),
        check=lambda config: _check(config, repository, environ),
    )


def folder(repository: Repository) -> Path:
    """Where the repository keeps its recipes."""
    return repository.root / ".autoopt" / "recipes"


def interpreter(repository: Repository, environ: Mapping[str, str]) -> str:
    """The project's Python, as a shell word."""
    return interpreters.of_project(repository.root, environ)


def agrees(written: writing.Written, config: Config, environ: Mapping[str, str], place: Path) -> None:
    """See that the recipe, read from a file as a run reads it, comes to the very same settings.

    Raises:
        UsageError: it does not, or it is refused.
    """
    shelf = place / "recipes"
    shelf.mkdir(exist_ok=True)
    (shelf / f"{_DRAFT}.yaml").write_text(written.text, encoding="utf-8")
    others = environ.get("AUTOOPT_RECIPES", "")
    here = {**environ, "AUTOOPT_RECIPES": f"{shelf}:{others}"}
    words = (f"recipe={_DRAFT}", *written.words)
    found = _compose(words, here, place, lambda materials, repository: None)
    if replace(found, recipe=None, detected=[]) != replace(config, recipe=None, detected=[]):
        raise UsageError(
            "the recipe would not come to the settings that were agreed to; --print shows it, and the same "
            "words start a run without it."
        )


def _compose(words: Sequence[str], environ: Mapping[str, str], place: Path, asks: Vet) -> Config:
    """The settings that words come to; Hydra's own directories go to `place`."""
    found: list[Config] = []
    compose.run(list(words), environ, found.append, vet=asks, scratch=place / "compose")
    return found[0]


def _check(config: Config, repository: Repository, environ: Mapping[str, str]) -> None:
    budget.check(config)
    assemble.check(config)
    check_beforehand(config, repository, Scope(config.scope, config.off_limits), environ)


def _agents(environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The coding agents whose program is installed, and all that there are."""
    library = agents.visible(environ)
    known = [name for name in library.names() if name != "none"]
    return [name for name in known if _is_installed(name, library, environ)], known


def _is_installed(name: str, library: shelves.Library, environ: Mapping[str, str]) -> bool:
    found = library.find(name)
    try:
        program = agents.read(found[1], name)[1].get("program") if found else None
    except AutooptError:  # which is told to whoever chooses it
        return False
    return bool(program) and shutil.which(str(program), path=environ.get("PATH")) is not None


def _certain(repository: Repository, environ: Mapping[str, str]) -> str:
    """The project's own Python; empty where a bare `python` may well be another one, with other packages."""
    found = interpreter(repository, environ)
    bare = shutil.which("python3", path=environ.get("PATH"))
    is_ours = found == shlex.quote(sys.executable)
    return "" if is_ours and bare and Path(bare).parent != Path(sys.executable).parent else found
