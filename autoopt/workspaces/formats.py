"""How a repository stores its objects and refs: by which hash, in which files. Nothing of it is run."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from dulwich.config import Config, ConfigFile, StackedConfig, get_xdg_config_home_path
from dulwich.object_format import OBJECT_FORMATS
from dulwich.object_store import BaseObjectStore, DiskObjectStore

from autoopt.errors import RepositoryError

SHA1 = "sha1"
_VERSIONS = (b"0", b"1")
_EXTENSIONS = {
    b"noop": None,
    b"noop-v1": None,
    b"preciousobjects": None,  # nothing of ours ever prunes
    b"partialclone": None,
    b"worktreeconfig": None,
    b"relativeworktrees": None,
    b"objectformat": (b"sha1", b"sha256"),
    b"refstorage": (b"files",),
}
"""Those we know, with the values that will do; as in git, an unknown one means that we must keep out."""


def object_id(content: bytes, algorithm: str) -> str:
    """The id of an object, given with its header."""
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()


def config_of(control: Path, name: str = "config") -> ConfigFile:
    """The repository's own configuration, without the files that it includes.

    Raises:
        RepositoryError: it cannot be read.
    """
    path = control / name
    try:
        return ConfigFile.from_path(path, expand_includes=False)
    except FileNotFoundError:
        return ConfigFile()
    except ValueError as error:
        raise RepositoryError(f"{path}: {error}; git config --list says more.") from error


def user_config() -> StackedConfig:
    """The user's and the machine's configuration.

    Raises:
        RepositoryError: it cannot be read.
    """
    try:
        return StackedConfig(StackedConfig.default_backends())
    except ValueError as error:
        raise RepositoryError(
            f"your git configuration: {error}; git config --global --list says more."
        ) from error


def own_file(config: StackedConfig, option: bytes, name: str) -> Path:
    """The user's own file of ignore rules or attributes, by its option in `core` or its usual name."""
    try:
        path = os.fsdecode(config.get((b"core",), option))
    except KeyError:
        path = get_xdg_config_home_path("git", name)
    return Path(os.path.expanduser(path))  # noqa: PTH111 - a home may be unknown


def core_options(control: Path) -> tuple[bool, bytes | None]:
    """Whether the repository is bare by its configuration, and where that says the main checkout is."""
    configs = [config_of(control)]
    if configs[0].get_boolean((b"extensions",), b"worktreeConfig", False):
        configs.insert(0, config_of(control, "config.worktree"))
    both = StackedConfig(configs)
    return both.get_boolean((b"core",), b"bare", False), _get(both, (b"core",), b"worktree")


def believes_modes(control: Path) -> bool:
    """Whether files have the executable bits they are to have; some file systems have none."""
    return bool(config_of(control).get_boolean((b"core",), b"fileMode", True))


def hash_of(control: Path) -> str:
    """The hash that makes the repository's ids, by hashlib's name.

    Raises:
        RepositoryError: it is none that git has.
    """
    value = _get(config_of(control), (b"extensions",), b"objectformat") or SHA1.encode()
    if value.lower() not in (wanted := _EXTENSIONS[b"objectformat"] or ()):
        raise RepositoryError(_unsupported(control, b"extensions.objectformat", value, wanted))
    return value.decode().lower()


def check_format(control: Path) -> None:
    """Refuse a repository whose objects or refs are stored in a way that is not known here.

    Raises:
        RepositoryError: naming the option and what would do.
    """
    config = config_of(control)
    version = _get(config, (b"core",), b"repositoryformatversion") or b"0"
    if version not in _VERSIONS:
        raise RepositoryError(_unsupported(control, b"core.repositoryformatversion", version, _VERSIONS))
    if (b"extensions",) not in config.sections():
        return
    for name, value in config.items((b"extensions",)):
        known = name.lower() in _EXTENSIONS
        wanted = _EXTENSIONS.get(name.lower())
        # As in git: a repository of version 0 may have extensions that nobody has heard of.
        if (not known and version == b"1") or (wanted is not None and value.lower() not in wanted):
            raise RepositoryError(_unsupported(control, b"extensions." + name, value, wanted))


def _unsupported(control: Path, option: bytes, value: bytes, wanted: tuple[bytes, ...] | None) -> str:
    name, found = (text.decode("utf-8", "replace") for text in (option, value))
    supported = f"only {b' and '.join(wanted).decode()} can be used" if wanted else "it is not known here"
    return f"{control}: {name} is {found!r}, and {supported}; use a clone in another format."


def _get(config: Config, section: tuple[bytes, ...], name: bytes) -> bytes | None:
    try:
        return config.get(section, name)
    except KeyError:
        return None


class Objects(DiskObjectStore):
    """A folder of objects and those that it borrows from, all with ids of one kind.

    The library opens borrowed folders as if their ids were SHA-1, never asks whether two of them borrow from
    each other, and does not read the names that git has put in quotes.
    """

    def __init__(self, folder: Path, algorithm: str, above: tuple[str, ...] = ()) -> None:
        """`above` are the folders that led here."""
        super().__init__(folder, object_format=OBJECT_FORMATS[algorithm])
        self._algorithm = algorithm
        self._above = (*above, os.path.realpath(folder))

    @property
    def alternates(self) -> list[BaseObjectStore]:
        """The folders that this one borrows from."""
        if self._alternates is None:
            found = (Path(os.path.realpath(path)) for path in self._borrowed())
            fresh = dict.fromkeys(path for path in found if str(path) not in self._above)
            self._alternates = [Objects(path, self._algorithm, self._above) for path in fresh]
        return self._alternates

    def _borrowed(self) -> Iterator[str]:
        file = Path(self.path) / "info" / "alternates"
        try:
            lines = file.read_bytes().split(b"\n")
        except (FileNotFoundError, NotADirectoryError):
            return
        for line in lines:
            if line and not line.startswith(b"#"):
                name = _unquoted(line) if line.startswith(b'"') else line
                yield os.fsdecode(os.path.join(os.fsencode(self.path), name))  # noqa: PTH118 - may be no text


_ESCAPED = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _unquoted(line: bytes) -> bytes:
    """A name as git writes it when it has unusual letters."""
    return _ESCAPED.sub(lambda found: _letter(found[1]), line.rstrip().strip(b'"'))


def _letter(escaped: bytes) -> bytes:
    return bytes([int(escaped, 8) & 0xFF]) if escaped.isdigit() else _LETTERS.get(escaped, escaped)
