"""Finding the user's repository and reading what a run needs to know of it. Nothing here runs anything.

Configuration is read as data: names, addresses and paths. No option that names a program is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dulwich.config import StackedConfig
from dulwich.errors import FileFormatException, RefFormatError
from dulwich.ignore import IgnoreFilter
from dulwich.refs import DiskRefsContainer, Ref, SymrefLoop

from autoopt import files
from autoopt.errors import RepositoryError
from autoopt.workspaces import staged as index
from autoopt.workspaces.directory import Directory
from autoopt.workspaces.formats import check_format, config_of, core_options, own_file, user_config
from autoopt.workspaces.ignores import Ignores, is_scratch, patterns
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, Entry, Store, is_id

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
    def files(self) -> dict[str, Entry]:
        """Everything HEAD has by its path; links and submodules, too."""
        store = Store(self.control)
        try:
            return store.files(store.tree_of(self.head))
        finally:
            store.close()

    @property
    def tracked(self) -> tuple[str, ...]:
        """Paths of the regular files of HEAD, sorted."""
        return tuple(sorted(path for path, entry in self.files.items() if entry.mode in (FILE, EXECUTABLE)))

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
        staged = index.staged(self.root, self.git_dir, store.algorithm)
        others = {path: entry.sha for path, entry in expected.items() if entry.mode == GITLINK}
        wanted = {path: entry for path, entry in expected.items() if path not in others}
        ignores = Ignores(self.root, shared_ignores(self.control))
        checkout = Directory(
            self.root,
            skip=frozenset({".git", *others}),
            known=staged.known,
            algorithm=store.algorithm,
            modes=store.modes,
        )
        scan = checkout.scan(wanted, lambda path, directory: is_scratch(path) or ignores(path, directory))
        gone = {path for path, found in scan.differences.items() if found is None and staged.leaves_out(path)}
        moved = {path for path, commit in others.items() if _is_elsewhere(self.root / path, commit)}
        return tuple(sorted((scan.differences.keys() - gone) | moved))


def discover(path: Path) -> Repository:
    """The repository that contains `path`.

    Raises:
        RepositoryError: there is none, it is bare, has no commit, belongs to somebody else, or uses a
            format that is not supported.
    """
    if not path.is_dir():
        raise RepositoryError(f"{path}: no directory; give one in a git repository: repo=PATH.")
    root, git_dir = _locate(path.resolve())
    control = _common(git_dir)
    _check_owner(root, git_dir, control)
    check_format(control)
    _check_worktree(root, git_dir, control)
    head, branch = _head(root, git_dir, control)
    _check_replaced(control, head)
    return Repository(root=root, control=control, git_dir=git_dir, head=head, branch=branch)


def _is_elsewhere(folder: Path, commit: str) -> bool:
    """Whether a submodule is at another commit; one that was never initialised is not."""
    if not (folder / ".git").exists():
        return False
    try:
        return discover(folder).head != commit
    except RepositoryError:
        return False  # its state stops whoever works in it, not here


def _locate(path: Path) -> tuple[Path, Path]:
    broken = None
    for folder in (path, *path.parents):
        dot_git = folder / ".git"
        if dot_git.is_file():
            return folder, _linked(dot_git)
        if dot_git.is_dir():
            if _is_git_directory(dot_git):
                return folder, dot_git
            broken = broken or dot_git  # like git, look further up
        if _is_git_directory(folder):
            raise RepositoryError(f"{folder}: a bare repository; run in a checkout of it (git worktree add).")
    if broken:
        raise RepositoryError(f"{broken}: not a git directory (no HEAD, objects or refs); see git fsck.")
    raise RepositoryError(f"{path}: not in a git repository; run git init and commit, or set repo=PATH.")


def _is_git_directory(folder: Path) -> bool:
    shared = _common(folder)
    head = folder / "HEAD"
    return (head.is_file() or head.is_symlink()) and all(
        (shared / name).is_dir() for name in ("objects", "refs")
    )


def _linked(dot_git: Path) -> Path:
    text = dot_git.read_bytes().rstrip(b"\r\n")
    target = dot_git.parent / os.fsdecode(text.removeprefix(b"gitdir:").strip())
    if not text.startswith(b"gitdir:") or b"\0" in text or not _is_git_directory(target):
        raise RepositoryError(f"{dot_git}: leads to no git directory; mend it with git worktree repair.")
    return target.resolve()


def _common(git_dir: Path) -> Path:
    try:
        text = (git_dir / "commondir").read_text("utf-8", "surrogateescape").strip()
    except (FileNotFoundError, NotADirectoryError):
        return git_dir
    return (git_dir / text).resolve()


def _check_owner(root: Path, git_dir: Path, control: Path) -> None:
    """Refuse what git refuses: a repository of another user, unless the user's own config allows it."""
    strange = [path for path in (control, git_dir, root) if path.stat().st_uid != os.geteuid()]
    if not strange:
        return
    allowed: list[bytes] = []
    for value in user_config().get_multivar((b"safe",), b"directory"):
        allowed = [*allowed, value] if value else []  # an empty one takes back those before it
    if not any(_is_meant(os.fsdecode(value), {root, control}) for value in allowed):
        raise RepositoryError(
            f"{strange[0]}: belongs to another user; if you trust it: "
            f"git config --global --add safe.directory {root}"
        )


def _is_meant(value: str, places: Collection[Path]) -> bool:
    if value == "*":
        return True
    folder = Path(os.path.expanduser(value.removesuffix("/*")))  # noqa: PTH111 - a home may be unknown
    return any(folder == place or (value.endswith("/*") and folder in place.parents) for place in places)


def _check_worktree(root: Path, git_dir: Path, control: Path) -> None:
    """Refuse a directory that git itself does not take for a checkout; linked worktrees always are."""
    if git_dir != control:
        return
    bare, place = core_options(control)
    if place is not None and (git_dir / os.fsdecode(place)).resolve() != root:
        raise RepositoryError(
            f"{root}: core.worktree of its repository is {os.fsdecode(place)!r}, another place; run in a "
            "worktree of it (git worktree add)."
        )
    if bare and place is None:
        raise RepositoryError(
            f"{root}: a bare repository by its own configuration; run in a worktree of it "
            "(git worktree add), or git config core.bare false."
        )


def _head(root: Path, git_dir: Path, control: Path) -> tuple[str, str | None]:
    refs = DiskRefsContainer(control, git_dir)
    try:
        names, commit = refs.follow(Ref(b"HEAD"))
    except SymrefLoop as error:
        raise RepositoryError(f"{root}: HEAD leads in a circle; check out a branch.") from error
    except (ValueError, StopIteration, FileFormatException, RefFormatError) as error:
        raise RepositoryError(f"{control}: HEAD or packed-refs is damaged; run git fsck.") from error
    last = names[-1]
    if commit is None and last.startswith(_BRANCH):
        raise RepositoryError(
            f"{root}: no commit yet, but every experiment starts from one; commit, then run again."
        )
    if commit is None or not is_id(commit):
        raise RepositoryError(
            f"{root}: {os.fsdecode(last)} holds no commit; run git fsck, or check out a branch."
        )
    branch = os.fsdecode(last.removeprefix(_BRANCH)) if last.startswith(_BRANCH) else None
    return commit.decode(), branch


def _check_replaced(control: Path, head: str) -> None:
    """Refuse files that git shows otherwise than they are stored: nobody else would get what was measured."""
    names = DiskRefsContainer(control).subkeys(Ref(b"refs/replace/"))
    replaced = {name.decode("ascii", "replace") for name in names}
    if not replaced:
        return
    store = Store(control)
    try:
        found = replaced & store.ids(store.tree_of(head))
    finally:
        store.close()
    if found:
        raise RepositoryError(
            f"{control}: git replace shows {min(found)}, part of {head[:12]}, as something else; commit what "
            f"it shows, or git replace -d {min(found)}."
        )


def identity(control: Path) -> bytes:
    """`Name <address>` as the repository or the user configured it, else autoopt's."""
    config = StackedConfig([config_of(control), *user_config().backends])
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
    own = own_file(user_config(), b"excludesFile", "ignore")
    return [patterns(file.read_bytes()) for file in (control / "info" / "exclude", own) if file.is_file()]


def exclude(control: Path, names: Sequence[str]) -> list[str]:
    """Append those names to `info/exclude` that it does not have; return them. The rest stays as it is."""
    (control / "info").mkdir(exist_ok=True)
    with _excluding(control) as file:
        before = file.read_bytes() if file.is_file() else b""
        present = set(before.splitlines())
        new = [line for name in dict.fromkeys(names) if (line := os.fsencode(name)) not in present]
        if new:
            gap = b"\n" if before and not before.endswith(b"\n") else b""
            files.replace(file, before + gap + b"".join(line + b"\n" for line in new), mark="new")
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
            files.replace(file, after, mark="new")


@contextmanager
def _excluding(control: Path) -> Iterator[Path]:
    """`info/exclude` to oneself: two runs starting at once must not lose each other's lines."""
    file = (control / "info" / "exclude").resolve()  # some keep it elsewhere, behind a link
    with files.alone(file.parent):
        yield file
