"""`autoopt recipes add, update, remove, sync`: packs in a lock file. Nothing of a pack is run here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoopt import files
from autoopt.commands.changes import changes
from autoopt.compose import library as shelves
from autoopt.errors import AutooptError, NotTrustedError, UsageError
from autoopt.packs import fetching, lock
from autoopt.trust import printable

_YES = ("y", "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What was typed: plain words, `key=value` and flags, those that are known only."""

    names: tuple[str, ...]
    values: Mapping[str, str]
    flags: frozenset[str]


def _given(words: Sequence[str], keys: Iterable[str], flags: Iterable[str]) -> _Given:
    names, values, found = [], {}, set()
    for word in words:
        key, equals, value = word.partition("=")
        if word.startswith("-") and word in flags:
            found.add(word)
        elif equals and key in keys and value:
            values[key] = value
        elif word.startswith("-") or not word or (equals and key.isidentifier()):
            known = ", ".join([*(f"{one}=…" for one in keys), *flags])
            raise UsageError(f"{word}: not understood; there {'are' if ',' in known else 'is'} {known}.")
        else:
            names.append(word)
    return _Given(names=tuple(names), values=values, flags=frozenset(found))


def add(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Fetch a pack, pin it, and say what is in it."""
    given = _given(words, ("name", "folder"), ("--user",))
    if len(given.names) != 1:
        raise UsageError("recipes add: one pack was expected: autoopt recipes add URL[@ref] or PATH[@ref].")
    path = _lock_file(environ, of_user="--user" in given.flags)
    found = fetching.address(given.names[0])
    name = given.values.get("name", found.name)
    _refuse_taken(path, lock.read(path), name)
    folder = given.values.get("folder")
    pin = fetching.pinned(
        found, name, environ, None if folder is None else folder.strip("/").removeprefix("./")
    )

    def put(pins: dict[str, lock.Pin]) -> None:
        _refuse_taken(path, pins, name)
        pins[name] = pin

    _change(path, put)
    print(f"{name}: {printable(pin.origin)}, pinned in {path}.")
    if "--user" not in given.flags:
        print("Commit that file; whoever clones the repository then types: autoopt recipes sync")
        if pin.url.startswith("file:"):
            print(f"Another machine cannot reach {printable(pin.url)}: give an address that it can, too.")
    _tell_recipes(pin, environ)


def _refuse_taken(path: Path, pins: Mapping[str, lock.Pin], name: str) -> None:
    if known := pins.get(name):
        raise UsageError(
            f"{path}: has a pack {name} already, from {printable(known.origin)}; autoopt recipes update "
            f"{name} brings what is new, and name=NAME gives this one another name."
        )


def _tell_recipes(pin: lock.Pin, environ: Mapping[str, str]) -> None:
    """The recipes of a pack, and how to go on."""
    label = shelves.pinned_shelf(pin, environ).label
    listed = [one for one in shelves.visible(environ).listing() if one.shelf.label == label]
    width = max((len(one.name) for one in listed), default=0)
    for one in listed:
        about = f"BROKEN: {one.problem}" if one.problem else one.goal
        if one.shadowed_by:
            about = f"(not used: {one.shadowed_by} has one of the same name)"
        print(f"  {one.name:<{width}}  {printable(about)}")
    usable = [one.name for one in listed if not (one.problem or one.shadowed_by)]
    if usable:
        print(f"Nothing of it runs before you have read it and agreed: autoopt recipes trust {usable[0]}")


def update(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Show what is new in packs, commands first, and pin it if the person agrees."""
    given = _given(words, ("ref",), ("--yes",))
    chosen = _chosen(given.names, environ)
    if "ref" in given.values and len(chosen) != 1:
        raise UsageError("ref: is for one pack; autoopt recipes update NAME ref=REF.")
    agreed = "--yes" in given.flags
    _ask_to_reach([pin for _, pin in chosen], environ, agreed=agreed)
    refused = [
        old.name
        for path, old in chosen
        if not _updated(path, old, given.values.get("ref", old.ref), environ, agreed=agreed)
    ]
    if refused:
        raise NotTrustedError(
            f"{', '.join(refused)}: not updated; nobody has agreed to what is shown above; agree on a "
            f"terminal or give --yes: autoopt recipes update {' '.join(refused)} --yes."
        )


def _updated(path: Path, old: lock.Pin, ref: str, environ: Mapping[str, str], *, agreed: bool) -> bool:
    """Pin what is new in one pack; False where nobody agrees to it."""
    new, is_rewritten = fetching.newest(old, ref, environ)
    if new == old:
        print(f"{old.name}: nothing new, {printable(old.origin)}.")
        return True
    after = "Its recipes are the same."
    if new.tree != old.tree:
        print(*changes(old, new, environ, is_rewritten=is_rewritten), sep="\n")
        if not agreed and not _agreed(f"Use {new.commit[:12]} of {old.name} from now on?"):
            return False
        after = "What changed asks for your trust before it runs."
    _change(path, _replacing(old, new))
    print(f"{old.name}: {printable(new.origin)}, pinned in {path}. {after}")
    return True


def _replacing(old: lock.Pin, new: lock.Pin) -> Callable[[dict[str, lock.Pin]], None]:
    def put(pins: dict[str, lock.Pin]) -> None:
        if pins.get(old.name) != old:
            raise UsageError(f"{old.name}: was changed by somebody else meanwhile; look again.")
        pins[old.name] = new

    return put


def remove(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Take packs out of their lock file."""
    names = _given(words, (), ()).names
    if not names:
        raise UsageError("recipes remove: the name of a pack was expected.")
    for path, pin in _chosen(names, environ):
        _change(path, lambda pins, name=pin.name: pins.pop(name, None))  # type: ignore[misc]
        print(f"{pin.name}: not in {path} any more.")


def sync(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Have exactly what the lock files say on this machine."""
    given = _given(words, (), ("--yes",))
    chosen = _chosen(given.names, environ)
    if not chosen:
        print("No lock file names a pack; autoopt recipes add URL brings one.")
    _ask_to_reach([pin for _, pin in chosen], environ, agreed="--yes" in given.flags)
    failed: list[AutooptError] = []
    for _, pin in chosen:
        try:
            what = "brought here" if fetching.restore(pin, environ) else "as it is pinned"
            print(f"{pin.name}: {what}, {printable(pin.origin)}.")
        except AutooptError as error:  # the others may be had
            failed.append(error)
            print(f"{pin.name}: not brought.")
    if failed:
        raise failed[0]


def _ask_to_reach(pins: Sequence[lock.Pin], environ: Mapping[str, str], *, agreed: bool) -> None:
    """Ask before going where this machine has never been: whoever wrote the lock file has chosen the address.

    Raises:
        NotTrustedError: the answer is no, or there is nobody to ask.
    """
    unknown = sorted({pin.url for pin in pins if not fetching.is_known(pin, environ)})
    if agreed or not unknown:
        return
    print("Nothing was ever fetched from there on this machine, and your keys and tokens would be used:")
    print(*(f"  {printable(url)}" for url in unknown), sep="\n")
    if not _agreed("Fetch from there?"):
        raise NotTrustedError(
            f"{', '.join(map(printable, unknown))}: not fetched from; agree on a terminal, or give --yes: "
            "autoopt recipes sync --yes."
        )


def _chosen(names: Sequence[str], environ: Mapping[str, str]) -> list[tuple[Path, lock.Pin]]:
    """The packs of these names, all of them without any, each with its lock file.

    Raises:
        UsageError: there is none of the name.
    """
    found: dict[str, tuple[Path, lock.Pin]] = {}
    for path in (lock.of_repository(_root()), lock.of_user(environ)):
        for name, pin in lock.read(path).items():
            found.setdefault(name, (path, pin))
    if odd := [name for name in names if name not in found]:
        known = f"there are {', '.join(sorted(found))}" if found else "no lock file names any"
        raise UsageError(f"{printable(odd[0])}: no such pack; {known}.")
    return [found[name] for name in (names or sorted(found))]


def _lock_file(environ: Mapping[str, str], *, of_user: bool) -> Path:
    if of_user:
        return lock.of_user(environ)
    if not (_root() / ".git").exists():
        raise UsageError(
            "recipes add: no repository here to keep the lock file; change to one, or add --user."
        )
    return lock.of_repository(_root())


def _root() -> Path:
    return shelves.top(Path.cwd())


def _change(path: Path, change: Callable[[dict[str, lock.Pin]], object]) -> None:
    """Change a lock file, one process at a time.

    Raises:
        UsageError: it is not where it seems to be.
    """
    if path.parent.is_symlink() and path == lock.of_repository(_root()):
        raise UsageError(
            f"{path.parent}: is a link, so nothing is written there; have a folder in its place."
        )
    files.make_directory(path.parent)
    with files.alone(path.parent):
        pins = lock.read(path)
        change(pins)
        lock.write(path, pins.values())


def _agreed(question: str) -> bool:
    """What a person at the terminal says; nobody there has agreed to nothing."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stdout.flush()
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in _YES
