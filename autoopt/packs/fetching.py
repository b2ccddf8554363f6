"""Bringing packs here from where they are, and pinning them. Only fetches and writes files; runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autoopt.errors import DamagedStateError, UsageError
from autoopt.packs import content
from autoopt.packs.lock import Pin, check_name
from autoopt.workspaces import clones
from autoopt.workspaces.addresses import Address, address_of
from autoopt.workspaces.store import Store

_PREFIX = "repo: "


def address(source: str) -> Address:
    """The address that somebody has typed: `URL[@ref]`, or the path of a repository on this machine.

    Raises:
        UsageError: it is neither.
    """
    found = _address_of(source)
    if found is None:
        found = _of_path(source)
    if not (found.url + found.ref).isprintable():
        raise UsageError(f"{source!r}: an address without control characters was expected.")
    return found


def _address_of(source: str) -> Address | None:
    try:
        return address_of(source)
    except UsageError as error:  # whose words are of the option that takes addresses, too
        raise UsageError(f"recipes add: {str(error).removeprefix(_PREFIX)}") from error


def _of_path(source: str) -> Address:
    path, ref = Path(source).expanduser(), ""
    if not path.exists() and "@" in source:
        before, _, ref = source.rpartition("@")
        path = Path(before).expanduser()
    path = path.resolve()
    if not path.is_dir():
        raise UsageError(f"{source}: neither an address nor a directory; give URL[@ref] or PATH[@ref].")
    if not any((path / name).exists() for name in (".git", "objects")):
        raise UsageError(_unpinnable(path))
    return Address(f"file://{path}", ref)


def _unpinnable(path: Path) -> str:
    """One line on a directory that is no repository itself."""
    top = next((above for above in path.parents if (above / ".git").exists()), None)
    if top is not None:
        return f"{path}: lies in the repository {top}; give that one, and folder={path.relative_to(top)}."
    return (
        f"{path}: no git repository, so there is no commit to pin; commit it, or use the directory as it is "
        f"with AUTOOPT_RECIPES={path}."
    )


def pinned(found: Address, name: str, environ: Mapping[str, str], folder: str | None = None) -> Pin:
    """Fetch what the address means now, bring its files here, and return its pin.

    Args:
        folder: Where the recipes are; None to look in the usual places.

    Raises:
        UsageError: it has no recipes.
        RepositoryError: there is no such ref, or it holds what no pack may.
        ResourceError: it cannot be reached.
    """
    check_name(name)
    control, commit = clones.brought(found, environ)
    inside = content.read(control, commit, found.url, folder)
    pin = Pin(name=name, url=found.url, ref=found.ref, commit=commit, folder=inside.folder, tree=inside.tree)
    content.settle(inside, pin.place(environ))
    return pin


def is_here(pin: Pin, environ: Mapping[str, str]) -> bool:
    """Whether there is anything where its files belong; whether they are right, `restore` looks at."""
    return pin.place(environ).is_dir()


def is_known(pin: Pin, environ: Mapping[str, str]) -> bool:
    """Whether something was fetched from its address before: a lock file of a stranger may name any."""
    return clones.is_known(_at(pin, pin.ref), environ)


def restore(pin: Pin, environ: Mapping[str, str]) -> bool:
    """Bring exactly what is pinned here; returns whether something was missing or not as it should be.

    Raises:
        DamagedStateError: the lock file names a content that its commit does not have.
        RepositoryError: the commit is not there any more.
        ResourceError: it cannot be reached.
    """
    control, commit = clones.brought(_at(pin, pin.commit), environ)
    inside = content.read(control, commit, pin.url, pin.folder)
    if inside.tree != pin.tree:
        raise DamagedStateError(
            f"packs.lock: {pin.name}: {pin.commit[:12]} of {pin.url} has other files than the lock file has, "
            f"so it was changed by hand; autoopt recipes update {pin.name} pins it anew."
        )
    return content.settle(inside, pin.place(environ))


def newest(pin: Pin, ref: str, environ: Mapping[str, str]) -> tuple[Pin, bool]:
    """The pin as an update would have it, and whether the history in between was rewritten.

    Raises:
        UsageError: it has no recipes any more.
        RepositoryError: the ref is gone, or it holds what no pack may.
        ResourceError: it cannot be reached.
    """
    found = pinned(_at(pin, ref), pin.name, environ, pin.folder)
    control, _ = clones.brought(_at(pin, found.commit), environ)
    store = Store(control)
    try:
        return found, not (store.has(pin.commit) and store.descends(found.commit, pin.commit))
    finally:
        store.close()


def _at(pin: Pin, ref: str) -> Address:
    """The pin's address; a lock file's is looked at as if somebody had typed it."""
    found = _address_of(pin.url)
    if found is None or found.ref or found.url != pin.url:
        raise UsageError(f"packs.lock: {pin.name}: {pin.url!r} is no address to fetch from.")
    return Address(found.url, ref)
