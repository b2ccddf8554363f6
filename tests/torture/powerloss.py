"""Turns the power off: makes the disks that a crash of the whole machine may leave, and goes on from each.

`python -m tests.torture.powerloss [--states 2000] [--resume-every 10] [--seed 0] [--scenarios queue …]`
records what the real program writes, in the order in which it does. A machine that loses power keeps what was
synced, and of everything after that what it likes. So each moment of the run gives several disks: unsynced
content gone, half there or all there; unsynced names (new files, renames, removals) gone, there, or those up
to some moment, another one for each directory, as file systems keep the names of one in order. On each disk
the journal has to hold every line that was synced, every ref has to lead to whole objects, and the workspace
has to open; on every tenth `autoopt resume` ends the run, which is then compared with an undisturbed twin as
in `kills`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoopt.errors import AutooptError
from autoopt.journal import Journal
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace

from . import strace
from .faults import told_of
from .kills import Place, known
from .scenarios import scenarios

_CALLS = (
    "openat,close,lseek,read,write,pwrite64,ftruncate,truncate,fsync,fdatasync,rename,renameat,renameat2,link,"
    "linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,symlinkat,chmod,fchmod,fchmodat"
)
_LINE = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_LOST = 0.2
_BYTE = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(slots=True, eq=False)
class Node:
    """A file, directory or link: as the program sees it, and as it is on the disk for certain."""

    mode: int
    data: bytes = b""
    synced: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)
    when_ns: int = 0

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)


@dataclass(frozen=True, slots=True)
class Naming:
    """Names that come and go in one step: of a file that is made, removed or renamed."""

    steps: tuple[tuple[Node, str, Node | None], ...]


@dataclass(slots=True)
class _Open:
    node: Node
    at: int = 0
    appends: bool = False


class Disk:
    """Everything below one directory, on which recorded calls are played."""

    def __init__(self, place: Path) -> None:
        """Read what is there now, all of which is on the disk for certain."""
        self._place = place
        self.root = _read(place)
        self.pending: list[Naming] = []
        self.unsynced: dict[int, Node] = {}  # by id: nodes are compared by what they are, not what they hold
        self._open: dict[int, _Open] = {}

    def play(self, call: str, arguments: list[str], result: int) -> bool:
        """Do what the program did; whether the disk may look different after a crash now."""
        match call:
            case "openat":
                return self._opened(_path(arguments[0], arguments[1]), arguments[2], result)
            case "close":
                self._open.pop(_number(arguments[0]), None)
            case "lseek" if opened := self._open.get(_number(arguments[0])):
                opened.at = result
            case "read" if opened := self._open.get(_number(arguments[0])):
                opened.at += result
            case "write" if opened := self._open.get(_number(arguments[0])):
                opened.at = len(opened.node.data) if opened.appends else opened.at
                self._put(opened.node, opened.at, _bytes(arguments[1])[:result])
                opened.at += result
                return True
            case "pwrite64" if opened := self._open.get(_number(arguments[0])):
                self._put(opened.node, int(arguments[3]), _bytes(arguments[1])[:result])
                return True
            case "ftruncate" if opened := self._open.get(_number(arguments[0])):
                return self._cut(opened.node, int(arguments[1]))
            case "truncate":
                return self._cut(self._find(_path("AT_FDCWD", arguments[0])), int(arguments[1]))
            case "fsync" | "fdatasync" if opened := self._open.get(_number(arguments[0])):
                self._sync(opened.node)
                return True
            case "mkdir" | "mkdirat":
                return self._name(_at(call, arguments), Node(stat.S_IFDIR | 0o755))
            case "rmdir" | "unlink" | "unlinkat":
                return self._name(_at(call, arguments), None)
            case "symlink" | "symlinkat":
                where = _path(*arguments[1:3]) if call == "symlinkat" else _path("AT_FDCWD", arguments[1])
                return self._name(
                    where, Node(stat.S_IFLNK | 0o777, _bytes(arguments[0]), _bytes(arguments[0]))
                )
            case "link" | "linkat" | "rename" | "renameat" | "renameat2":
                return self._named_anew(call, arguments)
            case "chmod" | "fchmod" | "fchmodat":
                return self._moded(call, arguments)
        return False

    def _opened(self, path: str, flags: str, number: int) -> bool:
        node, made = self._find(path), False
        if node is None and "O_CREAT" in flags:
            node, made = Node(stat.S_IFREG | 0o644), True
            self._name(path, node)
        if node is None:
            self._open.pop(number, None)
            return False
        if "O_TRUNC" in flags and node.data:
            made = self._cut(node, 0)
        self._open[number] = _Open(node, appends="O_APPEND" in flags)
        return made

    def _put(self, node: Node, at: int, data: bytes) -> None:
        before = node.data.ljust(at, b"\0")
        node.data = before[:at] + data + before[at + len(data) :]
        self.unsynced[id(node)] = node

    def _cut(self, node: Node | None, size: int) -> bool:
        if node is None:
            return False
        node.data = node.data[:size].ljust(size, b"\0")
        self.unsynced[id(node)] = node
        return True

    def _sync(self, node: Node) -> None:
        node.synced = node.data
        self.unsynced.pop(id(node), None)
        if node.is_folder:  # a rename between two directories is there when one of them is synced
            done = [one for one in self.pending if any(folder is node for folder, _, _ in one.steps)]
            for one in done:
                _keep(one)
            self.pending = [one for one in self.pending if one not in done]

    def _name(self, path: str, node: Node | None) -> bool:
        folder, _, name = path.rpartition("/")
        if (parent := self._find(folder)) is None:
            return False
        self._do(Naming(((parent, name, node),)))
        return True

    def _named_anew(self, call: str, arguments: list[str]) -> bool:
        if call in ("link", "rename"):
            old, new = (_path("AT_FDCWD", one) for one in arguments)
        else:
            old, new = _path(*arguments[0:2]), _path(*arguments[2:4])
        node, parent = self._find(old), self._find(new.rpartition("/")[0])
        if node is None or parent is None:
            return False
        steps: list[tuple[Node, str, Node | None]] = [(parent, new.rpartition("/")[2], node)]
        if call.startswith("rename") and (folder := self._find(old.rpartition("/")[0])) is not None:
            steps.append((folder, old.rpartition("/")[2], None))
        self._do(Naming(tuple(steps)))
        return True

    def _moded(self, call: str, arguments: list[str]) -> bool:
        if call == "fchmod":
            opened = self._open.get(_number(arguments[0]))
            node = opened.node if opened else None
        else:
            node = self._find(_at(call, arguments))
        if node is not None:
            node.mode = stat.S_IFMT(node.mode) | int(arguments[-1 if call != "fchmodat" else 2], 8)
        return False

    def _do(self, naming: Naming) -> None:
        for folder, name, node in naming.steps:
            _set(folder.names, name, node)
        self.pending.append(naming)

    def _find(self, path: str) -> Node | None:
        if path == str(self._place):
            return self.root
        if not path.startswith(f"{self._place}/"):
            return None
        node: Node | None = self.root
        for name in path.removeprefix(f"{self._place}/").split("/"):
            node = node.names.get(name) if node is not None else None
        return node


@dataclass(frozen=True, slots=True)
class Outage:
    """A crash: after which call, and what of the unsynced is left.

    Attributes:
        content: `lost`, `half` or `kept`.
        names: `lost`, `kept`, or the seed of how many each directory keeps.
    """

    after: int
    content: str
    names: str


class Machine(Place):
    """A project on a machine that loses power."""

    def record(self) -> list[tuple[str, list[str], int]]:
        """The calls of the scenario's command that have to do with files, in order."""
        self.restore()
        record = self.path.with_name(f"{self.path.name}.strace")
        traced = [
            "strace",
            "-o",
            str(record),
            "-y",
            "-xx",
            "-s",
            str(1 << 26),
            "-e",
            f"trace={_CALLS}",
        ]
        code, told = strace.run([*traced, *self._line(self.scenario.command)], self.root, self.environ)
        if code:
            raise RuntimeError(told)
        mark = "".join(f"\\x{byte:02x}" for byte in os.fsencode(self.path))
        calls = []
        with record.open() as lines:
            for line in lines:
                # `close` of anything counts, as its number is given out again.
                parts = _LINE.match(line) if mark in line or line.startswith("close(") else None
                if parts and int(parts[3]) >= 0:
                    calls.append((parts[1], parts[2].split(", "), int(parts[3])))
        record.unlink()
        return calls

    def outages(self, calls: Sequence[tuple[str, list[str], int]], count: int, seed: int) -> list[Outage]:
        """So many crashes, evenly over the run; none twice at a moment, where everything is synced."""
        self.restore()
        disk, found = Disk(self.path), []
        for number, call in enumerate(calls):
            if disk.play(*call):
                found += list(_ways(disk, number, seed))
        return found if count >= len(found) else [found[at * len(found) // count] for at in range(count)]

    def crashed(
        self, calls: Sequence[tuple[str, list[str], int]], outages: Sequence[Outage]
    ) -> Iterator[tuple[Outage, int]]:
        """Put each crashed disk in place, one after the other; with it how long its synced journal is."""
        self.restore()
        disk, done = Disk(self.path), 0
        for outage in outages:
            for call in calls[done : outage.after + 1]:
                disk.play(*call)
            done = outage.after + 1
            shutil.rmtree(self.path)
            _write(crash(disk, outage), self.path, {})
            yield outage, _promised(disk.root)

    def faults(self, promised: int, *, resumes: bool) -> Iterator[str]:
        """What is wrong with the disk that is there; with `resumes`, also with where it leads.

        Args:
            promised: Lines that its journal has to have.
        """
        yield from self._refs()
        journals = sorted(self.path.glob("state/autoopt/*/*/journal.jsonl"))
        lines = sum(path.read_bytes().count(b"\n") for path in journals)
        if lines < promised:
            yield f"the journal has {lines} lines, and {promised} were synced"
        try:
            for path in journals:
                Journal(path)
                if not resumes:
                    GitWorkspace.reopen(path.parent, Scope(["src"])).close()
        except AutooptError as error:
            yield f"{type(error).__name__}: {error}"
        if resumes:
            found = told_of(self._judged("", [-9], []))
            # Files of a checkout are not synced, by git neither; of a finished run nobody puts them back.
            yield from (one for one in found if "the desk is not clean" not in one)
        else:
            yield from self._refs()

    def _refs(self) -> Iterator[str]:
        done = subprocess.run(
            ["git", "fsck", "--connectivity-only", "--no-dangling"],
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            if "worktrees/" not in line:  # git's view of our desk is written again when the run is opened
                yield f"git fsck: {line}"


def _ways(disk: Disk, number: int, seed: int) -> Iterator[Outage]:
    """What may be left at this moment."""
    if disk.unsynced:
        yield Outage(number, "lost", "kept")
        yield Outage(number, "half", "kept")
    if disk.pending:
        yield Outage(number, "kept", "lost")
        yield Outage(number, "half", f"{seed}-{number}")
    if disk.unsynced and disk.pending:
        yield Outage(number, "lost", "lost")
    if not (disk.unsynced or disk.pending):
        yield Outage(number, "kept", "kept")


def crash(disk: Disk, outage: Outage) -> Node:
    """The disk after that crash."""
    dice = random.Random(outage.names)
    left: dict[int, dict[str, Node]] = {}
    ended = set[int]()  # directories whose later names are lost
    for naming in disk.pending:
        folders = {id(folder) for folder, _, _ in naming.steps}
        lost = outage.names == "lost" or (outage.names != "kept" and dice.random() < _LOST)
        if lost or folders & ended:
            ended |= folders
            continue
        for folder, name, node in naming.steps:
            _set(left.setdefault(id(folder), dict(folder.kept)), name, node)
    return _left(disk.root, outage.content, left, {})


def _left(node: Node, content: str, left: dict[int, dict[str, Node]], seen: dict[int, Node]) -> Node:
    if id(node) in seen:  # a file with two names
        return seen[id(node)]
    data = node.data
    if data != node.synced and content != "kept":
        data = node.synced if content == "lost" else data[: (len(node.synced) + len(data)) // 2]
    after = seen[id(node)] = Node(node.mode, data, data, when_ns=node.when_ns)
    for name, below in left.get(id(node), node.kept).items():
        after.names[name] = _left(below, content, left, seen)
    return after


def _keep(naming: Naming) -> None:
    for folder, name, node in naming.steps:
        _set(folder.kept, name, node)


def _set(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _promised(root: Node) -> int:
    """Lines of journals that were synced, wherever the disk has them."""
    state = root.names.get("state")
    found = 0
    for folder in _folders(state) if state else ():
        if (journal := folder.names.get("journal.jsonl")) is not None:
            found += journal.synced.count(b"\n") if folder.kept.get("journal.jsonl") is journal else 0
    return found


def _folders(node: Node) -> Iterator[Node]:
    yield node
    for below in node.names.values():
        if below.is_folder:
            yield from _folders(below)


def _read(path: Path) -> Node:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        data = os.fsencode(path.readlink())
    elif stat.S_ISDIR(found.st_mode):
        names = {item.name: _read(item) for item in path.iterdir()}
        return Node(found.st_mode, names=names, kept=dict(names), when_ns=found.st_mtime_ns)
    else:
        data = path.read_bytes()
    return Node(found.st_mode, data, data, when_ns=found.st_mtime_ns)


def _write(node: Node, path: Path, written: dict[int, Path]) -> None:
    if id(node) in written:
        path.hardlink_to(written[id(node)])
    elif node.is_folder:
        path.mkdir()
        for name, below in node.names.items():
            _write(below, path / name, written)
        path.chmod(stat.S_IMODE(node.mode))
    elif stat.S_ISLNK(node.mode):
        path.symlink_to(os.fsdecode(node.data))
    else:
        path.write_bytes(node.data)
        path.chmod(stat.S_IMODE(node.mode))
        written[id(node)] = path
    if node.when_ns:  # what was there before the run began looks as it did
        os.utime(path, ns=(node.when_ns, node.when_ns), follow_symlinks=False)


def _at(call: str, arguments: list[str]) -> str:
    """The one path of a call."""
    return _path(*arguments[0:2]) if call.endswith("at") else _path("AT_FDCWD", arguments[0])


def _path(folder: str, name: str) -> str:
    given = os.fsdecode(_bytes(name))
    return os.path.normpath(given if given.startswith("/") else f"{os.fsdecode(_bytes(folder))}/{given}")


def _bytes(text: str) -> bytes:
    return bytes(int(byte, 16) for byte in _BYTE.findall(text))


def _number(argument: str) -> int:
    return int(argument.partition("<")[0])


def outages(base: Path, name: str, count: int, every: int, seed: int) -> tuple[int, list[str]]:
    """Turn the power off so many times in a scenario; how many disks that gave, and what is wrong."""
    machine = Machine(base / f"powerloss-{name}", name)
    calls = machine.record()
    different, wrong = set[str](), []
    for number, (outage, promised) in enumerate(machine.crashed(calls, machine.outages(calls, count, seed))):
        different.add(_digest(machine.path))
        call, arguments, _ = calls[outage.after]
        told = f"{name}, after {call} {outage.after} of {' '.join(map(_shown, arguments))[:200]}, {outage}"
        for fault in machine.faults(promised, resumes=number % every == every - 1):
            wrong.append(f"{told}: {fault}")
            print(wrong[-1], file=sys.stderr, flush=True)
    return len(different), wrong


def _shown(argument: str) -> str:
    return _bytes(argument)[-60:].decode(errors="replace")


def _digest(place: Path) -> str:
    found = hashlib.sha256()
    for folder, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
            found.update(os.fsencode(path) + b"\0" + content + b"\0")
    return found.hexdigest()


def main() -> int:
    """Print the figures; 1 where anything was wrong."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.powerloss", description=__doc__)
    asked.add_argument("--states", type=int, default=2000, help="crashed disks in all")
    asked.add_argument(
        "--resume-every", type=int, default=10, help="one in so many is gone on from to the end"
    )
    asked.add_argument("--seed", type=int, default=0, help="of which unsynced names are kept")
    asked.add_argument(
        "--scenarios", nargs="+", choices=scenarios(Path("/")), default=["queue", "search", "agent"]
    )
    asked.add_argument("--base", type=Path, help="where the projects are made")
    chosen = asked.parse_args()
    if problem := strace.missing():
        raise SystemExit(f"{problem}.")
    total = 0
    print(
        "| scenario | crashed disks | different ones | gone on from | wrong |\n|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory(dir=chosen.base, prefix="powerloss-") as base:
        names = known(chosen.scenarios)
        for name in names:
            count = chosen.states // len(names)
            different, wrong = outages(Path(base), name, count, chosen.resume_every, chosen.seed)
            total += len(wrong)
            cells = (name, count, different, count // chosen.resume_every, len(wrong))
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())
