"""What a project looks like, and what is wrong with it against a twin that nobody killed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoopt import journal
from autoopt.errors import DamagedStateError
from autoopt.journal import Journal

from .scenarios import environment

_OURS = (
    "worktrees",
    "refs/autoopt",
    "refs/autoopt-merging",
    "refs/heads/autoresearch",
    "logs/refs/heads/autoresearch",
    "objects",
)
_EXCLUDE = ".git/info/exclude"
_PATIENCE_S = 15.0
"""For processes of a killed run to end: two seconds of grace, and a busy machine."""

Snapshot = dict[str, tuple[object, ...]]
Decided = tuple[str, str, str, float | None]
"""Description, tree, status and value of an experiment."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the commands: by run what was decided, by branch the tree it is at."""

    decided: dict[str, tuple[Decided, ...]]
    trees: tuple[str, ...]


def snapshot(root: Path) -> Snapshot:
    """Everything of the user's, byte by byte, with modes and times; of the repository what is not ours."""
    found: Snapshot = {}
    for name in _names(root):
        with contextlib.suppress(FileNotFoundError):  # it was there for a moment
            if not _is_ours(name):
                found[name] = _seen(root / name)
    return found


def _names(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            yield Path(folder, name).relative_to(root).as_posix()


def _is_ours(name: str) -> bool:
    inside = name.removeprefix(".git/")
    if name != inside:  # the folders above ours are the user's, but for their times
        return any(inside == one or inside.startswith(f"{one}/") for one in _OURS)
    return name.startswith("autoresearch-r") and name.endswith((".tsv", ".log"))


def _seen(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return ("link", str(path.readlink()), found.st_mtime_ns)
    if stat.S_ISDIR(found.st_mode):
        return ("directory", found.st_mode)
    content = path.read_bytes()
    if path.as_posix().endswith(_EXCLUDE):
        return ("file", content, found.st_mode)
    return ("file", content, found.st_mode, found.st_mtime_ns)


def user_faults(
    before: Snapshot, after: Snapshot, *, gone: bool, borrows: str | None = None
) -> Iterator[str]:
    """What of the user's is not as it was; lines of ours at the end of `info/exclude` are allowed.

    Args:
        gone: Whether not even they are.
        borrows: Where times may differ.
    """
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old and new and borrows is not None and name.startswith((borrows, ".git/")):
            old, new = old[:3], new[:3]
        if old == new or (old and new and name == _EXCLUDE and not gone and _extended(old, new)):
            continue
        how = "is gone" if new is None else "has appeared" if old is None else "is changed"
        yield f"{name} of the user's {how}"


def _extended(old: tuple[object, ...], new: tuple[object, ...]) -> bool:
    return isinstance(old[1], bytes) and isinstance(new[1], bytes) and new[1].startswith(old[1])


def objects(root: Path) -> set[str]:
    """Names of the object files there are."""
    folder = root / ".git" / "objects"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def outcome(place: Path) -> Outcome:
    """What the project's runs have come to."""
    found = {path.parent.name: tuple(_decided(path)) for path in _journals(place)}
    listed = _git(place / "app", "for-each-ref", "--format=%(tree)", "refs/heads/autoresearch")
    return Outcome(found, tuple(sorted(listed.split())))


def _decided(path: Path) -> Iterator[Decided]:
    for past in Journal(path).history:
        yield past.description, past.tree, past.status.value, past.value


def _journals(place: Path) -> list[Path]:
    return sorted((place / "state").glob("autoopt/*/*/journal.jsonl"))


def repeated(place: Path) -> int:
    """Experiments that were begun and never decided: their work was done again."""
    events = [json.loads(line)["event"] for path in _journals(place) for line in path.open()]
    return events.count("BEGIN") - events.count("DECIDED")


def leftovers(place: Path) -> Iterator[str]:
    """What is there of runs that were removed."""
    for path in (*(place / "app").glob("autoresearch-*"), *(place / "state").glob("autoopt/*/*")):
        yield f"{path.relative_to(place)} is still there"
    for path in place.glob("app-*"):
        yield f"{path.name} is still there"
    for name in ("refs/autoopt", "refs/heads/autoresearch", "worktrees"):
        if (place / "app" / ".git" / name).exists():
            yield f"{name} is still there"


def state_faults(place: Path) -> Iterator[str]:
    """What is wrong with what we wrote: journals, tables, locks, half-written files."""
    for path in _journals(place):
        try:
            history = Journal(path).history
        except DamagedStateError as error:
            yield str(error)
            continue
        if problem := _broken_chain(path):
            yield f"{path.name}: {problem}"
        table = place / "app" / f"autoresearch-{path.parent.name}.tsv"
        if not table.is_file() or table.read_text() != journal.tsv(history):
            yield f"{table.name} is not the journal's"
    for folder in (place / "app", place / "state", *place.glob("app-*")):
        for path in folder.rglob("*"):
            if path.name.endswith((".lock", ".tmp")) or "intent" in path.name:
                yield f"{path.relative_to(place)} was left"


def _broken_chain(path: Path) -> str:
    """What is wrong with the hashes of a journal, worked out here: its reader is what is being tested."""
    chain = ""
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        body = json.loads(line)
        claimed = body.pop("chain")
        plain = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        chain = hashlib.sha256((chain + plain).encode()).hexdigest()
        if claimed != chain:
            return f"line {number} does not follow"
    return "" if path.read_bytes().endswith(b"\n") else "the last line is torn"


def git_faults(place: Path) -> Iterator[str]:
    """What git says against the repository, its worktrees, and the desks."""
    root = place / "app"
    for words in (["fsck", "--strict", "--no-dangling"], ["worktree", "prune", "-n", "-v"]):
        if complaint := _git(root, *words, fails=True):
            yield f"git {words[0]}: {complaint.splitlines()[0]}"
    listed = _git(root, "worktree", "list", "--porcelain").split("\n\n")
    for block in listed[1:]:
        desk = Path(block.splitlines()[0].removeprefix("worktree ")) if block.strip() else root
        if desk != root and (dirt := _git(desk, "status", "--porcelain")):
            yield f"the desk is not clean: {dirt.splitlines()[0]}"


def left_running(place: Path, patience_s: float = _PATIENCE_S) -> tuple[list[str], float]:
    """Processes of the project that do not end by themselves, and how long the others took."""
    began = time.monotonic()
    while (found := list(_running(place))) and time.monotonic() < began + patience_s:
        time.sleep(0.02)
    return found, time.monotonic() - began


def _running(place: Path) -> Iterator[str]:
    mark = os.fsencode(place) + b"/"
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            at = os.fsencode((entry / "cwd").readlink()) + b"/"
        except OSError:  # it has ended
            continue
        if any(mark in one for one in (*told, at)):
            yield f"{entry.name}: {told[0].replace(bytes(1), b' ').decode(errors='replace')[:200]}"


def _git(root: Path, *words: str, fails: bool = False) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=root,
        env=environment(root.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode and not fails:
        raise RuntimeError(f"git {words[0]}: {done.stdout}")
    return done.stdout.strip() or ("it failed" if done.returncode else "")
