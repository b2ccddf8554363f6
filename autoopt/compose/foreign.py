"""What of a choice of recipes and agents was not written on this machine, as it is now. Runs nothing.

Such a recipe, agent or prompt does nothing before a person has agreed to its exact content. Only files are
read for that: nothing is resolved, detected or asked of a program. Files in the scope are left out, as a run
changes and runs those by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autoopt.compose import agents, beside, named, shape
from autoopt.compose.library import PACK, Library, Recipe, Shelf, merged, visible
from autoopt.errors import RepositoryError, UsageError
from autoopt.scope import Scope
from autoopt.trust import COMMITTED, Material, digest
from autoopt.walking import walk

COMMANDS = ("command", "prepare", "discover", "setup", "cleanup", "rewrites", "python")
"""Options, by the last part of their path, that are shell commands or begin one."""
PROSE = ("goal", "vocabulary", "option_help", "option_choices", "simplicity")
"""Options, by the first part of their path, that are for people."""
_NOBODY = "none"
_COMPILED = "__pycache__"
_LONGEST = 100_000  # characters of a command whose options are put in, however they refer to each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a command line has chosen.

    Attributes:
        recipes: The recipes, several in a sweep.
        parts: What is chosen below the recipe folder, as in `measure/psql`.
        agents: The agents named, by `agent` and `inspector`.
        asks: Whether some agent is asked, whoever names it, so that prompts are needed.
        scope: The files that may be edited, where the command line says so.
        any_scope: Whether it is for runs of whatever scope, so that nothing is left out.
        directory: Where to look from; the current directory by default.
    """

    recipes: Sequence[str] = ()
    parts: Sequence[str] = ()
    agents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asks: bool = False
    scope: Sequence[str] = ()
    any_scope: bool = False
    directory: str | None = None


def materials(choice: Choice, library: Library, agent_library: Library, root: Path) -> list[Material]:
    """What the choice would use that is from elsewhere.

    Args:
        root: The top of the repository.

    Raises:
        UsageError: a recipe is unknown or broken, or a file of somebody else's is a link out of its folder.
    """
    words = () if choice.directory is None else (f"repo={choice.directory}",)
    ground = _Ground(root, words, [shelf.path for shelf in library.shelves if shelf.is_foreign])
    found: list[Material] = []
    wanted = {option: list(names) for option, names in choice.agents.items()}
    for name in choice.recipes or ([""] if choice.parts else []):
        lineage = [one for each in filter(None, (name, *choice.parts)) for one in library.lineage(each)]
        found += _recipe(name, lineage, choice, library, ground)
        for option in agents.OPTIONS.keys() - choice.agents.keys():
            named_here = [base.names[0] for one in lineage for base in one.bases if base.group == option]
            wanted.setdefault(option, []).extend(named_here)
    for option, names in sorted(wanted.items()):
        for name in dict.fromkeys(names):
            found += _agent(option, name, agent_library, ground)
    if choice.asks or any(name != _NOBODY for names in wanted.values() for name in names):
        found += prompts(root, library, ground.words)
    return found


class _Ground:
    """The repository that commands run in, and the folders of recipes that somebody else has written."""

    def __init__(self, root: Path, words: tuple[str, ...], folders: Sequence[Path]) -> None:
        self.root = root
        self.words = words
        self.folders = folders

    @cached_property
    def _committed(self) -> Mapping[str, Any]:
        """The regular files of the commit that would be measured; none where there is none."""
        from autoopt.workspaces.repository import discover  # brings what reads git, and is rarely needed

        try:
            repository = discover(self.root)
        except RepositoryError:  # which is told when a run is started
            return {}
        if repository.root != self.root:
            return {}
        found, regular = repository.files, repository.tracked
        return {path: (repository.control, found[path]) for path in regular}

    def files(
        self, commands: Iterable[str], others: Sequence[Path], scope: Scope | None, library: Library
    ) -> dict[str, str]:
        """The SHA-256 of what commands name, on disk and, where it differs, in the commit."""
        found: dict[str, str] = {}
        for path in named.candidates(commands, self.root, others):
            name = label(path, library, self.root)
            if scope is not None and path.is_relative_to(self.root) and scope.contains(name):
                continue
            found |= self.digests(path, name)
        return found

    def digests(self, path: Path, name: str) -> dict[str, str]:
        """The SHA-256 of a file on disk and, where it differs, in the commit; nothing where it is neither."""
        found = {name: digest(path)} if named.is_meant(path, self.root, self.folders) else {}
        if name in self._committed and (sha := self._in_commit(name)) != found.get(name):
            found[name + COMMITTED] = sha
        return found

    def _in_commit(self, path: str) -> str:
        from autoopt.workspaces.store import Store

        control, entry = self._committed[path]
        store = Store(control)
        try:
            return hashlib.sha256(store.blob(entry.sha)).hexdigest()
        finally:
            store.close()


def _recipe(
    name: str, lineage: Sequence[Recipe], choice: Choice, library: Library, ground: _Ground
) -> Iterator[Material]:
    shelves = {one.name: _shelf(library, one.name) for one in lineage}
    if not any(shelf.is_foreign for shelf in shelves.values()):
        return
    files = {}
    for one in lineage:
        if shelves[one.name].label != "built-in":
            _refuse_link(one.document.path, shelves[one.name])
            files[label(one.document.path, library, ground.root)] = digest(one.document.path)
        if shelves[one.name].is_foreign and any(beside.names(one.data)):
            for path in scripts(shelves[one.name]):
                files |= ground.digests(path, label(path, library, ground.root))
    content = merged(lineage)
    others = [path for one in lineage for path in (shelves[one.name].path, one.document.path.parent)]
    commands = dict(commands_of(content))
    env = content.get("metric", {}).get("env") or {}
    told = filter(None, [_env_file(content), _known(content)])
    texts = [*commands.values(), *map(str, env.values()), *told]
    changes = tuple(choice.scope) or _listed(content.get("scope"))
    scope = None if choice.any_scope else _scope(changes, content)
    files |= ground.files(texts, list(dict.fromkeys(others)), scope, library)
    yield Material(
        name=f"recipe {name or lineage[-1].name}",
        place=lineage[-1].document.path,
        files=files,
        commands=tuple(commands.items()),
        changes=changes,
        variables=tuple(map(str, content.get("metric", {}).get("pass_env") or ())),
        notes=(
            *dict.fromkeys(f"It came from {one.origin}." for one in shelves.values() if one.origin),
            *(f"metric.env.{key} is {value}" for key, value in env.items()),
            *_outside(commands),
        ),
        words=(*filter(None, [name]), *(_part(part) for part in choice.parts), *ground.words),
    )


def _outside(commands: Mapping[str, str]) -> Iterator[str]:
    if "notify.command" in commands:
        yield "notify.command runs as you, outside the sandbox."


def label(path: Path, library: Library, root: Path) -> str:
    """What a person calls the file; one of a pack by the pack's name, wherever that lies on this machine."""
    for shelf in library.shelves:
        if shelf.label.startswith(PACK) and path.is_relative_to(shelf.path):
            return f"{shelf.label}: {path.relative_to(shelf.path)}"
    return named.label(path, root)


def scripts(shelf: Shelf) -> Iterator[Path]:
    """The files in a folder of recipes that one of them may use besides what it names, as far as it may.

    Of a pack that is all of them. Elsewhere those beside each other are recipes, which people write and
    change one by one, and what an interpreter has compiled comes and goes.
    """
    is_pack = shelf.label.startswith(PACK)
    for place, folders, names in walk(shelf.path):
        if not shelf.origin:
            folders[:] = sorted(name for name in folders if name != _COMPILED)
        for path in (Path(place, name) for name in sorted(names)):
            if is_pack or path.suffix != ".yaml" or path.parent != shelf.path:
                yield path


def _part(part: str) -> str:
    group, _, name = part.rpartition("/")
    return f"recipe/{group}={name}"


def _agent(option: str, name: str, library: Library, ground: _Ground) -> Iterator[Material]:
    found = library.find(name)
    if found is None or not found[0].is_foreign:
        return
    shelf, path = found
    _refuse_link(path, shelf)
    _, content = agents.read(path, name)
    env = content.get("env") or {}
    files = ground.files([str(content.get("command")), *map(str, env.values())], [shelf.path], None, library)
    notes = [f"{option}.env.{key} is {value}" for key, value in env.items()]
    notes += ["It sees your home directory."] if content.get("home") == "real" else []
    kept = (*(content.get("writable") or ()), *(content.get("keeps") or ()))
    notes += [f"It may write {folder}." for folder in kept]
    flags = content.get("flags") or {}
    yield Material(
        name=f"agent {name}",
        place=path,
        files={named.label(path, ground.root): digest(path), **files},
        commands=(
            (f"{option}.command", str(content.get("command"))),
            *((f"{option}.flags.{key}", str(value)) for key, value in flags.items()),
        ),
        variables=tuple(map(str, content.get("pass_env") or ())),
        notes=tuple(notes),
        words=(f"{option}={name}", *ground.words),
    )


def prompts(root: Path, library: Library, words: Sequence[str] = ()) -> Iterator[Material]:
    """The templates of what agents are told, as far as they are from elsewhere.

    Raises:
        UsageError: one of them is a link.
    """
    folders = [root / ".autoopt" / "prompts"]
    folders += [shelf.path / "prompts" for shelf in library.shelves if shelf.is_foreign]
    files = {label(path, library, root): digest(path) for folder in folders for path in _below(folder)}
    if files:
        yield Material(
            name="prompts",
            place=folders[0],
            files=files,
            notes=("These are the words that agents are told what to do with.",),
            words=("--prompts", *words),
        )


def prompts_at(root: Path, environ: Mapping[str, str]) -> list[Material]:
    """The same, as a run in this repository finds them."""
    return list(prompts(root, visible(environ, root)))


def _below(folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        raise UsageError(f"{folder}: is a link; somebody else's prompts have to be files in their folder.")
    for place, folders, names in walk(folder):
        for name in sorted((*folders, *names)):
            path = Path(place, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UsageError(f"{path}: is no plain file, but somebody else's prompts have to be some.")
        yield from (Path(place, name) for name in names)


def _shelf(library: Library, name: str) -> Shelf:
    found = library.find(name)
    assert found is not None, "its lineage was read"
    return found[0]


def _refuse_link(path: Path, shelf: Shelf) -> None:
    """Refuse a file that leads out of a folder of somebody else's; installers may link packs' files."""
    if not shelf.is_foreign or shelf.label.startswith(PACK):
        return
    if not path.resolve().is_relative_to(shelf.path.resolve()):
        raise UsageError(
            f"{path}: leads out of {shelf.path}; a recipe of somebody else's has to stay in there."
        )


def commands_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every shell command, with the options put in that are plain values."""
    for path, text in shape.texts(content):
        constant = path[0] == "params" and path[-1] == "python"  # the name of one, which starts nothing
        if path[-1] in COMMANDS and path[0] not in PROSE and not constant:
            yield ".".join(path), _with_options(text, content)


def _with_options(text: str, content: Mapping[str, Any]) -> str:
    """The text with `${options.name}` and the like replaced where that is a plain value."""
    known = {".".join(path): value for path, value in shape.texts(content)}
    for _ in range(5):
        before = text
        for key, value in known.items():
            mark = f"${{{key}}}"
            if len(text) + text.count(mark) * len(value) < _LONGEST:
                text = text.replace(mark, value)
        if text == before:
            break
    return text


def _env_file(content: Mapping[str, Any]) -> str | None:
    found = content.get("metric", {}).get("env_file")
    return found if isinstance(found, str) else None


def _known(content: Mapping[str, Any]) -> str | None:
    found = content.get("propose", {}).get("known")
    return found if isinstance(found, str) else None


def _scope(changes: Sequence[str], content: Mapping[str, Any]) -> Scope | None:
    """The files that a run may change; None where that cannot be said beforehand."""
    if not changes or any("${" in one for one in changes):
        return None
    try:
        return Scope(changes, _listed(content.get("off_limits")))
    except UsageError:  # which is told later
        return None


def _listed(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in items if isinstance(item, str) and item)
