"""Fails autoopt's system calls one by one: the disk full or broken, no descriptors left, no permission.

`python -m tests.torture.faults [--points 400] [--jobs 1] [--errors ENOSPC EIO …] [--scenarios queue …]`
drives the real program in the projects of `kills`. For each error and each call that can give it, the n-th of
them fails. The program then either does without what it could not do, or says why in one line and ends with
4. Once the call works again, the run is gone on with, and everything is as in a run in which nothing failed.
Calls are spread evenly where there are more of them than asked for; `--points 0` takes all of them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import kills, strace
from .kills import Place, known
from .scenarios import scenarios

_MAKING = (
    "write pwrite64 mkdir mkdirat rename renameat link linkat symlink symlinkat copy_file_range fallocate"
)
_CHANGING = f"{_MAKING} unlink unlinkat rmdir ftruncate fchmod chmod"
CALLS = {
    "ENOSPC": f"openat {_MAKING} fsync fdatasync",
    "EIO": f"openat read pread64 getdents64 {_CHANGING} fsync fdatasync",
    "EMFILE": "openat",
    "EACCES": "openat mkdir mkdirat rename renameat link linkat symlink symlinkat unlink unlinkat rmdir",
    "EROFS": f"openat {_CHANGING}",
}
"""The calls that each error can come from."""
_WRITING = re.compile(r"O_CREAT|O_WRONLY|O_RDWR")
_WRITERS_ONLY = ("ENOSPC", "EROFS")
_LINE = re.compile(r"(\w+)\((.*)")
_CWD = re.compile(r"AT_FDCWD<[^>]*>")
_FAILED = re.compile(r"\) += -1 ")


@dataclass(frozen=True, slots=True)
class Failing:
    """The `when`-th call of this name by the program's main thread, and the error that it gives."""

    error: str
    call: str
    when: int
    told: str


@dataclass(slots=True)
class Tally:
    """What came of failing calls."""

    cases: int = 0
    said: int = 0
    absorbed: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in another one's figures."""
        self.cases += other.cases
        self.said += other.said
        self.absorbed += other.absorbed
        self.faults += other.faults


class Machine(Place):
    """A project on a machine that fails at one call."""

    def failing(self, errors: Sequence[str]) -> list[Failing]:
        """Every call below the project that can give one of these errors, in order."""
        self.restore()
        called = list(_called(self._line(self.scenario.command), self.path, self.root, self.environ))
        return [
            Failing(error, call, when, told)
            for error in errors
            for call, when, told in called
            if call in CALLS[error].split() and _can(error, call, told)
        ]

    def fail(self, one: Failing) -> Tally:
        """Let one call fail, look at what is said, and go on."""
        self.restore()
        injected = f"inject={one.call}:error={one.error}:when={one.when}"
        traced = ["strace", "-o", "/dev/null", "-e", f"trace={one.call}", "-e", injected]
        code, errors = said([*traced, *self._line(self.scenario.command)], self.root, self.environ)
        told = f"{self.scenario.name}, {one.error} of {one.call} {one.when} ({one.told[:150]})"
        faults = [*complaints(code, errors)]
        faults += told_of(self._judged(told, [code], []))
        return Tally(1, int(code != 0), int(code == 0), [(told, fault) for fault in faults])


def told_of(tally: kills.Tally) -> list[str]:
    """What is wrong, in words."""
    return [f"{fault.kind}: {fault.told}" for _, fault in tally.faults]


def complaints(code: int, errors: str) -> Iterator[str]:
    """What is wrong with how a command ended whose machine failed it."""
    lines = errors.splitlines()
    if code not in (0, 4):
        yield f"exit code {code}: {' / '.join(lines[-3:])}"
    elif code and len(lines) != 1:
        yield f"{len(lines)} lines were said: {' / '.join(lines[-4:])}"
    if "Traceback" in errors:
        yield f"a traceback: {' / '.join(lines[-3:])}"


def said(command: Sequence[str], cwd: Path, environ: dict[str, str]) -> tuple[int, str]:
    """Run a command; its exit code and what it said on standard error."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=strace.LIMIT_S,
    )
    return done.returncode, done.stderr.decode(errors="replace")


def _called(
    command: Sequence[str], place: Path, cwd: Path, environ: dict[str, str]
) -> Iterator[tuple[str, int, str]]:
    """Name, number and arguments of every call of the command that has to do with something below `place`."""
    record = place.with_name(f"{place.name}.strace")
    names = sorted({name for calls in CALLS.values() for name in calls.split()})
    traced = ["strace", "-o", str(record), "-y", "-s", "0", "-e", f"trace={','.join(names)}", *command]
    code, errors = said(traced, cwd, environ)
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n{errors}")
    counted: Counter[str] = Counter()
    for line in record.read_text(errors="replace").splitlines():
        if parts := _LINE.match(line):
            counted[parts[1]] += 1
            if f"{place}/" in _CWD.sub("", parts[2]) and not _FAILED.search(parts[2]):
                yield parts[1], counted[parts[1]], parts[2].replace(f"{place}/", "")
    record.unlink()


def _can(error: str, call: str, told: str) -> bool:
    """Whether the call can give the error: a file that is only read needs no room."""
    return call != "openat" or error not in _WRITERS_ONLY or bool(_WRITING.search(told))


def spread(found: Sequence[Failing], count: int) -> list[Failing]:
    """So many of them, as many of each error, evenly over the run; all of them for 0."""
    if not count or count >= len(found):
        return list(found)
    errors = list(dict.fromkeys(one.error for one in found))
    chosen: list[Failing] = []
    for position, error in enumerate(errors):
        mine = [one for one in found if one.error == error]
        share = min(len(mine), count // len(errors) + (position < count % len(errors)))
        # The middle of each stretch: the very first call is the least telling one.
        chosen += [mine[(2 * at + 1) * len(mine) // (2 * share)] for at in range(share)]
    return chosen


def fail_calls(base: Path, name: str, errors: Sequence[str], count: int, jobs: int = 1) -> tuple[int, Tally]:
    """Fail that many calls of a scenario; how many there are, and what came of it."""

    def work(job: int) -> tuple[int, Tally]:
        machine = Machine(base / f"faults-{name}-{job}", name)
        found = machine.failing(errors)
        total = Tally()
        for one in spread(found, count)[job::jobs]:
            tally = machine.fail(one)
            total.add(tally)
            for told, fault in tally.faults:
                print(f"{told}: {fault}", file=sys.stderr, flush=True)
        return len(found), total

    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(work, range(jobs)))
    total = Tally()
    for _, tally in done:
        total.add(tally)
    return done[0][0], total


_HEAD = ("scenario", "error", "calls", "failed", "said and ended with 4", "done without", "wrong")


def main() -> int:
    """Print the table; 1 where anything was wrong."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.faults", description=__doc__)
    asked.add_argument(
        "--points", type=int, default=400, help="failing calls in all; 0 for every one there is"
    )
    asked.add_argument("--jobs", type=int, default=1, help="projects worked on at once")
    asked.add_argument("--errors", nargs="+", choices=CALLS, default=list(CALLS))
    asked.add_argument("--scenarios", nargs="+", choices=scenarios(Path("/")), default=[])
    asked.add_argument("--base", type=Path, help="where the projects are made")
    chosen = asked.parse_args()
    if problem := strace.missing():
        raise SystemExit(f"{problem}.")
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}", flush=True)
    wrong = 0
    with tempfile.TemporaryDirectory(dir=chosen.base, prefix="faults-") as base:
        names = known(chosen.scenarios)
        share = chosen.points and max(1, chosen.points // (len(names) * len(chosen.errors)))
        for name in names:
            for error in chosen.errors:
                calls, tally = fail_calls(Path(base), name, [error], share, chosen.jobs)
                bad = len({told for told, _ in tally.faults})
                wrong += bad
                cells = (name, error, calls, tally.cases, tally.said, tally.absorbed, bad)
                print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
