"""What editors leave in a desk that they should not, and what people do to their repository meanwhile."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from .world import REF, VALUE, World, git

Deed = Callable[[World], object]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _in_place_of(path: Path, make: Callable[[Path], object]) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    make(path)


def _socket(world: World) -> None:
    here = os.open(world.desk / "src", os.O_RDONLY)
    try:  # the name in full may be longer than a socket's can be
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/socket")
    finally:
        os.close(here)


def _large(world: World) -> None:
    with (world.desk / "src" / "model.bin").open("wb") as file:
        file.truncate(6_000_000)


def _two_twins(world: World) -> None:
    _write(world.desk / "src" / "new.py", b"")
    _write(world.desk / "src" / "NEW.py", b"")


def _outside_repository(world: World) -> None:
    git(world.folder, "init", "-q", "elsewhere")
    _in_place_of(
        world.desk / ".git", lambda p: p.write_text(f"gitdir: {world.folder / 'elsewhere' / '.git'}\n")
    )


def _die_with_a_lock(world: World, lock: Path) -> None:
    with world.life.workspace.lent():
        lock.write_text("")


REFUSED: dict[str, Deed] = {
    "a link": lambda w: (w.desk / "src" / "link").symlink_to("/etc/hostname"),
    "a link in place of a file": lambda w: _in_place_of(
        w.desk / VALUE, lambda path: path.symlink_to(w.root / "notes.txt")
    ),
    "a link in place of a directory": lambda w: _in_place_of(
        w.desk / "src" / "pkg", lambda path: path.symlink_to(w.root / "docs")
    ),
    "a hard link to the user's file": lambda w: os.link(w.root / "bench.py", w.desk / "src" / "b.py"),
    "a hard link in place of a file": lambda w: _in_place_of(
        w.desk / VALUE, lambda path: os.link(w.root / "bench.py", path)
    ),
    "a fifo": lambda w: os.mkfifo(w.desk / "src" / "pipe"),
    "a fifo in place of a file": lambda w: _in_place_of(w.desk / "src/pkg/mod.py", os.mkfifo),
    "a socket": _socket,
    "a case twin": lambda w: _write(w.desk / "src" / "VALUE.TXT", b"1\n"),
    "two case twins": _two_twins,
    "a twin of a directory": lambda w: _write(w.desk / "src" / "PKG" / "x.py", b""),
    "a change out of scope": lambda w: _write(w.desk / "bench.py", b"print(0)\n"),
    "a new file out of scope": lambda w: _write(w.desk / "conftest.py", b""),
    "a deletion out of scope": lambda w: (w.desk / "docs" / "guide.md").unlink(),
    "a directory in place of a file out of scope": lambda w: _in_place_of(
        w.desk / "bench.py", lambda path: _write(path / "x", b"")
    ),
    "a large file": _large,
    "a repository inside": lambda w: git(w.desk, "init", "-q", "src/inner"),
    "a .git file inside": lambda w: _write(w.desk / "src" / ".git", b"gitdir: /nowhere\n"),
    "attributes": lambda w: _write(w.desk / "src" / ".gitattributes", b"* filter=evil\n"),
    "a name git takes for its own": lambda w: _write(w.desk / "src" / "git~1", b""),
    "setuid": lambda w: (w.desk / VALUE).chmod(0o4755),
    "a name that is no text": lambda w: _write(Path(os.fsdecode(os.fsencode(w.desk) + b"/src/\xff.py")), b""),
}
"""Each makes an experiment be rejected, by whatever means it came into the desk."""

HARMLESS: dict[str, Deed] = {
    "a .git file that leads to another repository": _outside_repository,
    "a .git file that leads to the user's": lambda w: _in_place_of(
        w.desk / ".git", lambda path: path.write_text(f"gitdir: {w.root / '.git'}\n")
    ),
    "a directory in place of .git": lambda w: _in_place_of(
        w.desk / ".git", lambda path: _write(path / "HEAD", b"x")
    ),
    "a link in place of .git": lambda w: _in_place_of(
        w.desk / ".git", lambda path: path.symlink_to(w.root / ".git")
    ),
    "no .git": lambda w: (w.desk / ".git").unlink(),
    "no index": lambda w: (w.admin / "index").unlink(),
    "a torn index": lambda w: (w.admin / "index").write_bytes(b"DIRC"),
    "another HEAD": lambda w: (w.admin / "HEAD").write_text("ref: refs/heads/elsewhere\n"),
    "compiled files": lambda w: _write(w.desk / "src" / "__pycache__" / "mod.cpython-311.pyc", b"x"),
    "an ignored file": lambda w: _write(w.desk / "src" / "out.log", b"x"),
    "empty directories": lambda w: (w.desk / "a" / "b").mkdir(parents=True, exist_ok=True),
    "read-only directories": lambda w: (w.desk / "src" / "pkg").chmod(0o555),
    "everything added": lambda w: git(w.desk, "add", "-A"),
    "a lock of a git that died": lambda w: _die_with_a_lock(w, w.admin / "index.lock"),
    "a lock on the branch": lambda w: _die_with_a_lock(w, w.root / ".git" / f"{REF}.lock"),
    "touched files": lambda w: [os.utime(path, (1, 1)) for path in w.desk.rglob("*") if path.is_file()],
}
"""Each is put right without a word, and the edits beside it count."""


def _aside(world: World, how: Callable[[Path], object]) -> None:
    target = world.folder / "moved"
    shutil.rmtree(target, ignore_errors=True)
    if world.desk.is_dir():
        how(target)


def _retime(folder: Path) -> None:
    """Change a file so that neither its size nor its modification time tells."""
    for path in folder.rglob("mod.py"):
        found = path.stat()
        path.write_bytes(b"z = 9\n"[: found.st_size])
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


TO_THE_DESK: dict[str, Deed] = {
    "deleted": lambda w: shutil.rmtree(w.desk, ignore_errors=True),
    "moved": lambda w: _aside(w, lambda target: w.desk.rename(target)),
    "moved by git": lambda w: _aside(
        w, lambda target: git(w.root, "worktree", "move", str(w.desk), str(target), check=False)
    ),
    "removed by git": lambda w: git(w.root, "worktree", "remove", "--force", str(w.desk), check=False),
    "deleted and pruned": lambda w: (
        shutil.rmtree(w.desk, ignore_errors=True),
        git(w.root, "worktree", "prune"),
    ),
    "bookkeeping deleted": lambda w: shutil.rmtree(w.admin, ignore_errors=True) if w.is_registered else None,
    "bench deleted": lambda w: shutil.rmtree(w.state / "bench", ignore_errors=True),
    "an arm deleted": lambda w: shutil.rmtree(w.state / "bench" / "a" / "tree", ignore_errors=True),
}
"""Each is answered by making it again."""

TO_THE_BENCH: dict[str, Deed] = {
    "changed unseen": lambda w: _retime(w.state / "bench"),
    "a stranger": lambda w: [
        _write(tree / "conftest.py", b"") for tree in (w.state / "bench").glob("*/tree")
    ],
    "a link": lambda w: [
        _in_place_of(tree / "bench.py", lambda path: path.symlink_to(w.root / "bench.py"))
        for tree in (w.state / "bench").glob("*/tree")
    ],
}
"""Between two processes; the next one has to see it."""

_HISTORY = """
    commit -qam work
    commit -q --allow-empty -m empty
    commit -q --amend --allow-empty -m amended
    checkout -q old
    checkout -q main
    checkout -q --force main
    checkout -q -B topic
    checkout -q --detach
    rebase -q --autostash old
    rebase -q --autostash --force-rebase old
    rebase --abort
    merge -q -X ours main
    merge --abort
    cherry-pick -n main
    revert --no-edit HEAD
    reset -q --hard
    reset -q --hard HEAD~1
    reset -q --soft HEAD~1
    stash -q
    stash pop -q
    stash clear
    clean -fdq
    clean -fdxq
    add -A
    rm -q --cached notes.txt
    tag -f here
    branch -f old HEAD
    bisect start
    bisect reset
    gc -q --prune=now
    gc -q --aggressive --prune=all
    reflog expire --expire=now --all
    prune --expire=now
    repack -adq
    repack -Adq
    prune-packed -q
    pack-refs --all --prune
    multi-pack-index write
    commit-graph write --reachable
    worktree prune
    worktree repair
    worktree list
    fsck
"""
HISTORY = [tuple(line.split()) for line in _HISTORY.strip().splitlines()]
"""What people do in their own checkout; git refuses some of it some of the time."""

CONFIG = [
    ("core.bare", "true"),
    ("extensions.worktreeConfig", "true"),
    ("core.sparseCheckout", "true"),
    ("core.autocrlf", "true"),
    ("core.fileMode", "false"),
    ("core.ignoreCase", "true"),
    ("core.hooksPath", "/nowhere"),
    ("core.splitIndex", "true"),
    ("core.untrackedCache", "true"),
    ("core.logAllRefUpdates", "always"),
    ("core.sharedRepository", "group"),
    ("index.version", "4"),
    ("commit.gpgSign", "true"),
    ("gc.pruneExpire", "now"),
    ("user.name", ""),
    ("include.path", "missing"),
]

LOCKS = ("index.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "refs/heads/main.lock", "shallow.lock")
"""Of the user's git; none of them is in our way."""


def _commit_in_the_desk(world: World) -> None:
    _write(world.desk / "src" / "own.py", b"o = 1\n")
    git(world.desk, "add", "-A")
    git(world.desk, "commit", "-qm", "mine")


TO_THE_BRANCH: dict[str, Deed] = {
    "moved": lambda w: git(w.root, "update-ref", REF, "refs/heads/old~0"),
    "deleted": lambda w: git(w.root, "update-ref", "-d", REF),
    "committed to": _commit_in_the_desk,
    "made a symbolic ref": lambda w: git(w.root, "symbolic-ref", REF, "refs/heads/old"),
    "emptied": lambda w: _write(w.root / ".git" / REF, b""),
}
"""Each is answered by stopping; nothing is guessed."""
