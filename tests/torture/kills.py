"""Kills autoopt at every system call that changes something, and at any moment; then goes on and looks.

`python -m tests.torture.kills [--exact 500] [--random 500] [--jobs 1] [--seed 0] [--scenarios queue …]`
drives the real program in small repositories in which somebody is in the middle of something. After the
kills a person types what the README says until the run has come to its end. Then nothing of the user's may
differ, the journal has to say what an undisturbed twin's says, and nothing of ours may be left lying about.

Exact kills need strace and are spread evenly over the scenarios' calls where there are more of them than
asked for. Everything is made below `--base`; a directory in memory (/dev/shm) makes it quicker.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from autoopt.cli import SUBCOMMANDS

from . import strace, twins
from .scenarios import Scenario, build, environment, scenarios
from .strace import Point

KINDS = ("user", "journal", "resume", "locks", "processes", "git")
"""What can be wrong: the columns of the table."""
_MOST_IN_A_ROW = 3
_PROGRAM = (sys.executable, "-m", "autoopt")
_NOT_THERE = re.compile(r"there are no runs here yet|no such run here")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be."""

    kind: str
    told: str


@dataclass(slots=True)
class Tally:
    """What came of the kills of one scenario."""

    cases: int = 0
    kills: int = 0
    unreached: int = 0
    anew: int = 0
    most_repeated: int = 0
    longest_s: float = 0.0
    faults: list[tuple[str, Fault]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in another one's figures."""
        self.cases += other.cases
        self.kills += other.kills
        self.unreached += other.unreached
        self.anew += other.anew
        self.most_repeated = max(self.most_repeated, other.most_repeated)
        self.longest_s = max(self.longest_s, other.longest_s)
        self.faults += other.faults


class Place:
    """A project at one path, which is put back to where a scenario begins as often as wanted."""

    def __init__(self, path: Path, scenario: str) -> None:
        """Make the project and let what comes first happen; then let an undisturbed twin go to the end."""
        self.path = path
        self.root = path / "app"
        self.environ = environment(path)
        self.scenario: Scenario = scenarios(path)[scenario]
        self._saved = path.with_name(f"{path.name}-saved")
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self._saved, ignore_errors=True)
        build(path)
        self._untouched = twins.snapshot(self.root)
        self._begin()
        shutil.copytree(path, self._saved, symlinks=True)
        began = time.monotonic()
        self._must(self.scenario.command)
        self.whole_s = time.monotonic() - began
        self.twin = twins.outcome(path)

    def _begin(self) -> None:
        *whole, last = (None, *self.scenario.before)
        for words in whole:
            self._must(words or ("--version",))
        if last is None:
            return
        if not self.scenario.cut:
            self._must(last)
            return
        shutil.copytree(self.path, self._saved, symlinks=True)
        found = strace.points(self._line(last), self.path, self.root, self.environ)
        at = [point for point in found if re.search(self.scenario.cut, f"{point.call}({point.told}")][-1]
        self.restore()
        strace.kill_at(at, self._line(last), self.root, self.environ)
        shutil.rmtree(self._saved)

    def restore(self) -> None:
        """Put everything back, at the same path and with the same times."""
        shutil.rmtree(self.path)
        subprocess.run(["cp", "-a", str(self._saved), str(self.path)], check=True)

    def points(self) -> list[Point]:
        """Every call of the scenario's command that changes something."""
        self.restore()
        return strace.points(self._line(self.scenario.command), self.path, self.root, self.environ)

    def exact(self, point: Point) -> Tally:
        """Kill the command at one call."""
        self.restore()
        told = f"{self.scenario.name}, {point.call} {point.when} ({point.told[:150]})"
        code, _ = strace.kill_at(point, self._line(self.scenario.command), self.root, self.environ)
        return self._judged(told, [code], [])

    def at_random(self, dice: random.Random) -> Tally:
        """Kill the command, and perhaps what goes on with it, at any moment."""
        self.restore()
        moments = [dice.uniform(0.0, self.whole_s) for _ in range(dice.randint(1, _MOST_IN_A_ROW))]
        faults: list[Fault] = []
        codes: list[int] = []
        words = self.scenario.command
        for moment in moments:
            code, said = strace.run(self._line(words), self.root, self.environ, moment)
            if _NOT_THERE.search(said):  # it was killed before there was anything to go on with
                words = self.scenario.command
                continue
            codes.append(code)
            if len(codes) < len(moments):
                faults += self._survivors()[0]
            words = self.scenario.again
        return self._judged(
            f"{self.scenario.name}, after {[round(at, 3) for at in moments]} s", codes, faults
        )

    def _judged(self, told: str, codes: Sequence[int], faults: list[Fault]) -> Tally:
        """Go on to the end, and look at everything."""
        kills = sum(code < 0 for code in codes)
        survivors, lasted_s = self._survivors()
        tally = Tally(cases=1, kills=kills, unreached=kills == 0, longest_s=lasted_s)
        faults = [*faults, *survivors, *self._gone_on(tally)]
        faults += self._seen()
        tally.most_repeated = 0 if self.scenario.gone else twins.repeated(self.path)
        if tally.most_repeated > max(1, kills) + self._cut_before:
            faults.append(Fault("journal", f"{tally.most_repeated} experiments were begun for nothing"))
        tally.faults = [(told, fault) for fault in faults]
        return tally

    @property
    def _cut_before(self) -> int:
        return int(bool(self.scenario.cut))

    def _survivors(self) -> tuple[list[Fault], float]:
        found, lasted_s = twins.left_running(self.path)
        return [Fault("processes", f"still running: {one}") for one in found], lasted_s

    def _gone_on(self, tally: Tally) -> Iterator[Fault]:
        code, said = self._run(self.scenario.again)
        if code == 2 and _NOT_THERE.search(said):
            if self.scenario.gone:
                return  # what was to be removed is
            tally.anew += 1
            code, said = self._run(self.scenario.command)
        if code:
            yield Fault("resume", f"exit code {code}: {' / '.join(said.strip().splitlines()[-3:])}")

    def _seen(self) -> Iterator[Fault]:
        gone = self.scenario.gone
        now = twins.snapshot(self.root)
        changed = twins.user_faults(self._untouched, now, gone=gone, borrows=self.scenario.borrows)
        yield from (Fault("user", told) for told in changed)
        if not twins.objects(self._saved / "app") <= twins.objects(self.root) and not gone:
            yield Fault("user", "objects are gone")
        problems = [*twins.state_faults(self.path), *(twins.leftovers(self.path) if gone else ())]
        yield from (Fault("journal" if "journal" in told else "locks", told) for told in problems)
        if not any("journal" in told for told in problems) and (found := self._differences()):
            yield Fault("journal", found)
        yield from (Fault("git", told) for told in twins.git_faults(self.path))
        yield from (Fault("processes", f"still running: {one}") for one in twins.left_running(self.path)[0])

    def _differences(self) -> str:
        """How the runs differ from the twin's."""
        found, wanted = twins.outcome(self.path), self.twin
        for run in sorted(found.decided.keys() | wanted.decided.keys()):
            ours, theirs = found.decided.get(run, ()), wanted.decided.get(run, ())
            if ours != theirs:
                missing = [one for one in theirs if one not in ours]
                more = [one for one in ours if one not in theirs]
                return f"{run} is not as its twin: without {missing}, but with {more}"
        return "" if found.trees == wanted.trees else "the branches are not at the twin's trees"

    def _must(self, words: Sequence[str]) -> None:
        code, said = self._run(words)
        if code:
            raise RuntimeError(f"autoopt {' '.join(words)} ended with {code}:\n{said}")

    def _run(self, words: Sequence[str]) -> tuple[int, str]:
        return strace.run(self._line(words), self.root, self.environ)

    def _line(self, words: Sequence[str]) -> list[str]:
        return [*_PROGRAM, *words]


def known(names: Sequence[str] = ()) -> list[str]:
    """Names of the scenarios whose commands there are."""
    found = scenarios(Path("/"))
    return [
        name
        for name in (names or found)
        if "=" in found[name].command[0] or found[name].command[0] in SUBCOMMANDS
    ]


def exact(base: Path, name: str, count: int, jobs: int = 1) -> tuple[int, Tally]:
    """Kills at `count` calls, evenly spread over all there are; their number, and what came of it."""

    def work(job: int) -> tuple[int, Tally]:
        place = Place(base / f"exact-{name}-{job}", name)
        found = place.points()
        chosen = found if count >= len(found) else [found[at * len(found) // count] for at in range(count)]
        return len(found), _summed(place.exact(point) for point in chosen[job::jobs])

    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(work, range(jobs)))
    return done[0][0], _summed(tally for _, tally in done)


def at_random(base: Path, name: str, count: int, seed: int, jobs: int = 1) -> Tally:
    """So many cases of one to three kills in a row, at moments that `seed` sets."""

    def work(job: int) -> Tally:
        place = Place(base / f"random-{name}-{job}", name)
        dice = (random.Random(f"{seed} {name} {number}") for number in range(job, count, jobs))
        return _summed(place.at_random(one) for one in dice)

    with ThreadPoolExecutor(jobs) as pool:
        return _summed(pool.map(work, range(jobs)))


def _summed(several: Iterator[Tally]) -> Tally:
    total = Tally()
    for tally in several:
        total.add(tally)
        for told, fault in tally.faults:
            print(f"{fault.kind}: {told}: {fault.told}", file=sys.stderr, flush=True)
    return total


_HEAD = ("scenario", "kills", "calls", "cases", "killed", "begun anew", *KINDS, "repeated", "orphans end in")


def _row(name: str, how: str, calls: str, tally: Tally) -> str:
    wrong = {kind: {told for told, fault in tally.faults if fault.kind == kind} for kind in KINDS}
    figures = (tally.cases, tally.kills, tally.anew, *(len(wrong[kind]) for kind in KINDS))
    cells = [name, how, calls, *map(str, figures), f"≤ {tally.most_repeated}", f"{tally.longest_s:.2f} s"]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the table; 1 where anything was wrong."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.kills", description=__doc__)
    asked.add_argument("--exact", type=int, default=500, help="kills at a system call, in all")
    asked.add_argument("--random", type=int, default=500, help="cases of kills at any moment, in all")
    asked.add_argument("--jobs", type=int, default=1, help="projects worked on at once")
    asked.add_argument("--seed", type=int, default=0, help="of the moments")
    asked.add_argument("--scenarios", nargs="+", choices=scenarios(Path("/")), default=[])
    asked.add_argument("--base", type=Path, help="where the projects are made")
    chosen = asked.parse_args()
    if (problem := strace.missing()) and chosen.exact:
        raise SystemExit(f"{problem}; --exact 0 does without.")
    total, names = Tally(), known(chosen.scenarios)
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}", flush=True)
    with tempfile.TemporaryDirectory(dir=chosen.base, prefix="kills-") as base:
        for how, share in (("exact", chosen.exact), ("random", chosen.random)):
            for name, count in zip(names, _shares(share, len(names)), strict=True):
                if not count:
                    continue
                calls, tally = (
                    exact(Path(base), name, count, chosen.jobs)
                    if how == "exact"
                    else (0, at_random(Path(base), name, count, chosen.seed, chosen.jobs))
                )
                total.add(tally)
                print(_row(name, how, str(calls or ""), tally), flush=True)
    print(_row("all", "", "", total))
    return int(bool(total.faults))


def _shares(total: int, parts: int) -> list[int]:
    return [total // parts + (at < total % parts) for at in range(parts)]


if __name__ == "__main__":
    sys.exit(main())
