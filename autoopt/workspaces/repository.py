"""Finding the user's repository and reading what a run needs to know of it. Nothing here runs anything.

Configuration is read as data: names, addresses and paths. No option that names a program is looked at.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dulwich.config import ConfigFile, StackedConfig
from dulwich.ignore import IgnoreFilter
from dulwich.index import IndexEntry, read_index_dict
from dulwich.refs import DiskRefsContainer, Ref, SymrefLoop

from autoopt import files
from autoopt.errors import RepositoryError
from autoopt.workspaces.directory import Directory, Known, signature
from autoopt.workspaces.ignores import Ignores, is_scratch, patterns
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Store

_BRANCH = b"refs/heads/"
_NOBODY = b"autoopt <autoopt@localhost>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where a run starts from.

    Attributes:
        root: The user's checkout (the main one or a linked worktree).
        control: The git directory all its worktrees share.
        head: The commit that is checked out.
        branch: Its branch, None when HEAD is detached.
    """

    root: Path
    control: Path
    git_dir: Path
    head: str
    branch: str | None

    @property
    def tracked(self) -> tuple[str, ...]:
        """Paths of the regular files of HEAD, sorted."""
        store = Store(self.control)
        try:
            found = store.files(store.tree_of(self.head))
        finally:
            store.close()
        return tuple(sorted(path for path, entry in found.items() if entry.mode in (FILE, EXECUTABLE)))

    @property
    def changes(self) -> tuple[str, ...]:
        """Paths whose content is not that of HEAD, untracked ones included, ignored ones not; sorted.

        Costs a look at every file. Line-ending conversion can make a file count that git would not list.
        """
        store = Store(self.control)
        try:
            expected = store.files(store.tree_of(self.head))
        finally:
            store.close()
        ignores = Ignores(self.root, shared_ignores(self.control))
        checkout = Directory(self.root, skip=frozenset({".git"}), known=_indexed(self))
        scan = checkout.scan(expected, lambda path, directory: is_scratch(path) or ignores(path, directory))
        return tuple(sorted(scan.differences))


def discover(path: Path) -> Repository:
    """The repository that contains `path`.

    Raises:
        RepositoryError: there is none, it is bare, has no commit, belongs to somebody else, or uses a
            format that is not supported.
    """
    root, git_dir = _locate(path.resolve())
    control = _common(git_dir)
    _check_owner(control)
    _check_format(control)
    if not (git_dir / "HEAD").is_file():
        raise RepositoryError(f"{git_dir}: not a git directory (no HEAD); run inside a git repository.")
    head, branch = _head(root, git_dir, control)
    return Repository(root=root, control=control, git_dir=git_dir, head=head, branch=branch)


def _locate(path: Path) -> tuple[Path, Path]:
    for folder in (path, *path.parents):
        dot_git = folder / ".git"
        if dot_git.is_dir():
            return folder, dot_git
        if dot_git.is_file():
            return folder, _linked(dot_git)
        if all((folder / name).exists() for name in ("HEAD", "objects", "refs")):
            raise RepositoryError(f"{folder}: a bare repository; run in a checkout of it (git worktree add).")
    raise RepositoryError(f"{path}: not in a git repository; run git init and commit, or set repo=PATH.")


def _linked(dot_git: Path) -> Path:
    text = dot_git.read_text("utf-8", "surrogateescape").strip()
    if not text.startswith("gitdir:") or not (target := dot_git.parent / text[7:].strip()).is_dir():
        raise RepositoryError(f"{dot_git}: leads to no git directory; mend it with git worktree repair.")
    return target.resolve()


def _common(git_dir: Path) -> Path:
    try:
        text = (git_dir / "commondir").read_text("utf-8", "surrogateescape").strip()
    except FileNotFoundError:
        return git_dir
    return (git_dir / text).resolve()


def _check_owner(control: Path) -> None:
    """Refuse what git refuses: a repository of another user, unless the user's own config allows it."""
    if control.stat().st_uid == os.geteuid():
        return
    allowed = list(_user_config().get_multivar((b"safe",), b"directory"))
    names = {os.fsencode(control), os.fsencode(control.parent), b"*"}
    if not names.intersection(allowed):
        raise RepositoryError(
            f"{control}: belongs to another user; if you trust it: git config --global --add safe.directory "
            f"{control.parent}"
        )


def _check_format(control: Path) -> None:
    config = _config_of(control)
    for name, supported in ((b"objectformat", b"sha1"), (b"refstorage", b"files")):
        try:
            value = config.get((b"extensions",), name)
        except KeyError:
            continue
        if value.lower() != supported:
            raise RepositoryError(
                f"{control}: extensions.{name.decode()} is {value.decode()!r}, and only "
                f"{supported.decode()!r} is supported; use a clone in that format."
            )


def _head(root: Path, git_dir: Path, control: Path) -> tuple[str, str | None]:
    refs = DiskRefsContainer(control, git_dir)
    try:
        names, commit = refs.follow(Ref(b"HEAD"))
    except SymrefLoop as error:
        raise RepositoryError(f"{root}: HEAD leads in a circle; check out a branch.") from error
    if commit is None:
        raise RepositoryError(
            f"{root}: no commit yet, but every experiment starts from one; commit, then run again."
        )
    last = names[-1]
    branch = os.fsdecode(last.removeprefix(_BRANCH)) if last.startswith(_BRANCH) else None
    return commit.decode(), branch


def _config_of(control: Path) -> ConfigFile:
    try:
        return ConfigFile.from_path(control / "config", expand_includes=False)
    except FileNotFoundError:
        return ConfigFile()


def _user_config() -> StackedConfig:
    return StackedConfig(StackedConfig.default_backends())


def identity(control: Path) -> bytes:
    """`Name <address>` as the repository or the user configured it, else autoopt's."""
    config = StackedConfig([_config_of(control), *StackedConfig.default_backends()])
    try:
        name, email = (_clean(config.get((b"user",), key)) for key in (b"name", b"email"))
    except KeyError:
        return _NOBODY
    return b"%s <%s>" % (name, email) if name and email else _NOBODY


def _clean(value: bytes) -> bytes:
    """Without the characters that would end the field in a commit object."""
    return bytes(byte for byte in value if byte >= 32 and byte not in b"<>").strip(b" .,:;\"'")


def shared_ignores(control: Path) -> list[IgnoreFilter]:
    """The ignore rules outside the tree: `info/exclude`, then the user's own."""
    try:
        own = Path(os.fsdecode(_user_config().get((b"core",), b"excludesFile"))).expanduser()
    except KeyError:
        own = Path("~/.config/git/ignore").expanduser()
    return [patterns(file.read_bytes()) for file in (control / "info" / "exclude", own) if file.is_file()]


def _indexed(repository: Repository) -> dict[str, Known]:
    """Files whose content the user's index vouches for, as git status does it: by their stat data."""
    try:
        with (repository.git_dir / "index").open("rb") as file:
            entries = read_index_dict(file)
    except (FileNotFoundError, ValueError, AssertionError):
        return {}  # no index, or one of a format dulwich cannot read: every file is hashed instead
    known = {}
    for name, entry in entries.items():
        path = os.fsdecode(name)
        if isinstance(entry, IndexEntry) and (found := _vouched(repository.root / path, entry)):
            known[path] = Known(signature(found), Entry(entry.mode, entry.sha.decode()))
    return known


def _vouched(path: Path, entry: IndexEntry) -> os.stat_result | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    same = (
        found.st_size & 0xFFFFFFFF == entry.size
        and found.st_ino & 0xFFFFFFFF == entry.ino & 0xFFFFFFFF
        and _seconds(found.st_mtime_ns, entry.mtime)
        and _seconds(found.st_ctime_ns, entry.ctime)
        and stat.S_IFMT(found.st_mode) == stat.S_IFMT(entry.mode)
    )
    return found if same else None


def _seconds(ns: int, indexed: int | float | tuple[int, int]) -> bool:
    return isinstance(indexed, tuple) and divmod(ns, 10**9) == indexed


def exclude(control: Path, names: Sequence[str]) -> list[str]:
    """Append those names to `info/exclude` that it does not have; return them. The rest stays as it is."""
    (control / "info").mkdir(exist_ok=True)
    with _excluding(control) as file:
        before = file.read_bytes() if file.is_file() else b""
        present = set(before.splitlines())
        new = [line for name in dict.fromkeys(names) if (line := os.fsencode(name)) not in present]
        if new:
            gap = b"\n" if before and not before.endswith(b"\n") else b""
            files.replace(file, before + gap + b"".join(line + b"\n" for line in new))
    return [os.fsdecode(line) for line in new]


def forget_excluded(control: Path, names: Collection[str]) -> None:
    """Take lines out of `info/exclude`; the rest of the file stays as it is."""
    if not (control / "info" / "exclude").is_file():
        return
    gone = {os.fsencode(name) for name in names}
    with _excluding(control) as file:
        before = file.read_bytes()
        after = b"".join(
            line for line in before.splitlines(keepends=True) if line.rstrip(b"\r\n") not in gone
        )
        if after != before:
            files.replace(file, after)


@contextmanager
def _excluding(control: Path) -> Iterator[Path]:
    """`info/exclude` to oneself: two runs starting at once must not lose each other's lines."""
    file = control / "info" / "exclude"
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(folder)
