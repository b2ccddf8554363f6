"""Many runs at once in one repository, ended at any moment and resumed, while somebody works there.

`python -m tests.torture.parallel [--runs 8] [--experiments 50] [--kills 6] [--files 2400] [--seed 0]` drives
the real program. Every run has its own scope; most have exact metrics, whose every decision is known
beforehand, some are timed. Each is ended as often as asked for, at moments spread over its whole life: its
process alone or with all it started by KILL, by TERM, INT or HUP, stopped for a while; and then resumed.
Meanwhile the user edits, commits, branches and collects garbage, and others list, show, report, merge,
finish and remove runs. In the end every run must have made its experiments, each once, in its own files
only; nothing of the user's may differ from what the user made it; git must find nothing wrong; and nothing
may be left.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from . import crowd_faults
from .crowd import Run, build, crowd, extras
from .scenarios import environment

_PROGRAM = (sys.executable, "-m", "autoopt")
_NOT_THERE = re.compile(r"there are no runs here yet|no such run here")
_PRUNED = re.compile("unable to parse object|bad object|bad tree object|does not point to a valid object")
_BROKEN = re.compile("Traceback|Exception ignored")
_PUT_BACK_S, _PUT_BACK_PAUSE_S = 30.0, 3.0
_LIMIT_S = 1500.0
_LOOK_S = 0.05
_ODDS = {
    "kill": 4,
    "kill all": 4,
    "terminate": 2,
    "interrupt": 2,
    "hang up": 1,
    "stop a while": 2,
    "stop, kill": 1,
}
"""How a run is ended, and how often in comparison."""
_CODES: Mapping[str, Sequence[int]] = {
    "kill": [-9],
    "kill all": [-9],
    "stop, kill": [-9],
    "terminate": [143, -15],
    "interrupt": [130, -2],
    "hang up": [129, -1],
}
"""What each ends with; a signal does what it does by default once Python is taken apart in the end."""
_MAY = (0, 2, 3, 5)
"""Exit codes of whoever looks at runs, or wants something of a run that somebody works on."""
_DEEDS = {
    "edit": "echo $N >> docs/guide; echo $N >> part0/d0/f0; echo $N > docs/new-$N",
    "commit": "git add docs && git commit -qm docs-$N || true",
    "commit in a scope": "echo $N > part1/d1/f1 && git commit -qm mine-$N -- part1/d1/f1",
    "branch": "git branch b-$N && git tag t-$N",
    "switch": "git stash -q; git checkout -q -b s-$N && git checkout -q main; git stash pop -q || true",
    "take a run": "git stash -q; git merge -q --no-edit autoresearch/r1; git stash pop -q || true",
    "take back": "git branch -D -q other && git branch other HEAD",
    "pack": "git pack-refs --all && git repack -adq",
    "collect": "git gc -q",
    "collect all": "git reflog expire --expire=now --all && git gc -q --prune=now",
    "prune": "git prune --expire=now && git commit-graph write --reachable && git worktree prune",
    "look": "git worktree list >/dev/null; ! test -d ../app-r0 || git -C ../app-r0 status -s >/dev/null",
    "status": "GIT_OPTIONAL_LOCKS=1 git status -s >/dev/null",
    "add": "echo $N > staged-$N && git add staged-$N && touch it-$N.cache",
}
"""What the user does; $N is another number every time."""
_COMMANDS = (
    "runs",
    "runs --json",
    "show {run}",
    "show {run} 1",
    "report {run}",
    "resume {run}",
    "merge rx0 rx1",
    "merge {run} {other}",
    "finish rx1 --commits each",
    "finish {run}",
    "clean {run} --yes",
    "clean rx2 --yes --force",
)
"""What others type; some of it is refused while a run is worked on."""


@dataclass(slots=True)
class Tally:
    """What has happened, and what was wrong."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    def fault(self, told: str) -> None:
        """Something was wrong; told at once, as the rest may take a while."""
        self.faults.append(told)
        print(f"FAULT {told}", file=sys.stderr, flush=True)


@dataclass(slots=True)
class Crowd:
    """The runs and everybody around them.

    Attributes:
        over: Set when every run has come to its end.
        removed: Runs that somebody has removed, which is allowed when nothing is lost with them.
        deeds: What the user does, nothing where it is empty.
        commands: What others type.
    """

    place: Path
    runs: list[Run]
    extras: list[Run]
    kills: int
    seed: int
    pause_s: float
    tally: Tally = field(default_factory=Tally)
    over: threading.Event = field(default_factory=threading.Event)
    removed: set[str] = field(default_factory=set)
    deeds: Mapping[str, str] = field(default_factory=lambda: _DEEDS)
    commands: Sequence[str] = _COMMANDS

    @property
    def root(self) -> Path:
        """The user's checkout."""
        return self.place / "app"

    def go(self) -> None:
        """Have everybody do what they do until the runs have ended."""
        keepers = [threading.Thread(target=self._guarded, args=(self._keep, run)) for run in self.runs]
        others = [threading.Thread(target=self._guarded, args=(work,)) for work in (self._use, self._look)]
        for thread in (*keepers, *others):
            thread.start()
        for thread in keepers:
            thread.join()
        self.over.set()
        for thread in others:
            thread.join()

    def _guarded(self, work: Callable[..., None], *given: Run) -> None:
        try:
            work(*given)
        except Exception as error:  # noqa: BLE001 - a thread of the harness that dies would go unnoticed
            self.tally.fault(f"the harness: {type(error).__name__}: {error}")

    def _keep(self, run: Run) -> None:
        """Start a run, end it and resume it, until it is through."""
        dice = random.Random(f"{self.seed} {run.name}")
        moments = sorted(dice.randint(-1, run.experiments) for _ in range(self.kills))
        words: Sequence[str] = run.command(self.place)
        limit = time.monotonic() + _LIMIT_S
        while time.monotonic() < limit:
            deed, code, said = self._live(run, words, moments, dice)
            if _BROKEN.search(said):
                self.tally.fault(f"{run.name}: {deed or 'nobody'}: {_last(said, 12)}")
            if code == 0:
                return
            self.tally.ends[run.name] += 1
            words = run.command(self.place) if _NOT_THERE.search(said) else ("resume", run.name)
            if code not in (*_CODES.get(deed, [0]), 5) and not _NOT_THERE.search(said):
                self.tally.fault(f"{run.name}: {deed or 'nobody'}: ends with {code}: {_last(said)}")
                if not deed:
                    return
        self.tally.fault(f"{run.name}: does not come to its end")

    def _live(
        self, run: Run, words: Sequence[str], moments: list[int], dice: random.Random
    ) -> tuple[str, int, str]:
        """One process of a run until it ends; what ended it, its code and what it said."""
        said = self.place / f"said-{run.name}"
        with said.open("wb") as output:
            process = self._begin(words, output)
        deed = self._end_at(process, run, moments, dice)
        try:
            code = process.wait(_LIMIT_S)
        except subprocess.TimeoutExpired:
            _kill_all(process.pid)
            code = process.wait()
        with self.place.joinpath("told").open("ab") as told:
            told.write(
                f"--- {run.name} {' '.join(words)[:60]} | {deed} | {code}\n".encode() + said.read_bytes()
            )
        return deed, code, said.read_text(errors="replace")

    def _end_at(
        self, process: subprocess.Popen[bytes], run: Run, moments: list[int], dice: random.Random
    ) -> str:
        """End a process when the run has come to the next of the moments; how, empty where it ends itself.

        One that is only stopped for a while goes on, and is ended all the same.
        """
        while moments:
            deed = dice.choices(list(_ODDS), list(_ODDS.values()))[0]
            limit = time.monotonic() + _LIMIT_S
            while process.poll() is None and _decided(self.place, run) <= moments[0]:
                if time.monotonic() > limit:
                    break
                time.sleep(_LOOK_S)
            time.sleep(dice.uniform(0.0, self.pause_s))
            if "kill" not in deed:
                _wait_until_it_listens(process)
            if process.poll() is not None:
                return ""
            self._end(process, deed, dice)
            if deed != "stop a while":
                moments.pop(0)
                return deed
        return ""

    def _begin(self, words: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_PROGRAM, *words],
            cwd=self.root,
            env=environment(self.place),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _end(self, process: subprocess.Popen[bytes], deed: str, dice: random.Random) -> None:
        self.tally.done[deed] += 1
        match deed:
            case "kill all":
                _kill_all(process.pid)
            case "stop a while" | "stop, kill":
                process.send_signal(signal.SIGSTOP)
                time.sleep(dice.uniform(0.1, 2.0))
                process.send_signal(signal.SIGCONT if deed == "stop a while" else signal.SIGKILL)
            case _:
                process.send_signal(
                    {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "interrupt": signal.SIGINT}.get(
                        deed, signal.SIGHUP
                    )
                )

    def _use(self) -> None:
        """Be the user; see between two deeds that nobody else was at what is theirs."""
        dice = random.Random(f"{self.seed} user")
        before = crowd_faults.snapshot(self.root)
        number = 0
        while self.deeds and not self.over.wait(self.pause_s * dice.random()):
            number += 1
            name = dice.choice(list(self.deeds))
            self._compare(before, f"before {name} {number}")
            done = self._do(name, number)
            until = time.monotonic() + _PUT_BACK_S
            while _PRUNED.search(done.stderr) and time.monotonic() < until:  # by the last one
                self.tally.done["user: once more, as something was pruned"] += 1
                time.sleep(_PUT_BACK_PAUSE_S)  # it is put back when its run looks, or is resumed
                done = self._do(name, number)
            self.tally.done[f"user: {name}"] += 1
            if done.returncode or ".lock" in done.stderr:
                self.tally.fault(f"the user's {name}: {done.returncode}: {_last(done.stderr)}")
            before = crowd_faults.snapshot(self.root)
        self._compare(before, "in the end")

    def _do(self, name: str, number: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-uc", self.deeds[name]],
            cwd=self.root,
            env={**environment(self.place), "N": str(number)},
            capture_output=True,
            text=True,
            check=False,
        )

    def _compare(self, before: crowd_faults.Snapshot, when: str) -> None:
        for told in crowd_faults.changed(before, crowd_faults.snapshot(self.root))[:3]:
            self.tally.fault(f"user: {told} {when}")

    def _look(self) -> None:
        """Be somebody who looks at runs, and wants things of them."""
        dice = random.Random(f"{self.seed} others")
        commands = [line for line in self.commands if self.extras or "rx" not in line]
        while not self.over.wait(2 * self.pause_s * dice.random()):
            run, other = dice.sample([run.name for run in self.runs], 2)
            self.type(dice.choice(commands).format(run=run, other=other), _MAY)

    def type(self, line: str, allowed: Sequence[int]) -> str:
        """Type a command; what it says, if that is in order."""
        if line.split()[0] in ("clean", "finish", "resume", "merge") and self._ended(line):
            return ""  # it would do so, and the run is still looked at
        with tempfile.TemporaryFile() as output:
            process = self._begin(line.split(), output)
            code = process.wait(_LIMIT_S)
            output.seek(0)
            said = output.read().decode(errors="replace")
        name = re.sub(r"\br\d+", "RUN", line)
        self.tally.done[name] += 1
        self.tally.refused[name] += code != 0
        if code == 0 and line.startswith("clean"):
            self.removed.add(line.split()[1])
        if code not in allowed or _BROKEN.search(said):
            self.tally.fault(f"`{line}` ends with {code}: {_last(said, 6)}")
        return said

    def _ended(self, line: str) -> bool:
        """Whether all of the crowd that a command is about has ended: what it does then comes last."""
        names = [run for run in self.runs if run.name in line.split()]
        return bool(names) and any(_decided(self.place, run) > run.experiments for run in names)

    def judge(self) -> None:
        """See what has come of everything."""
        there = [run for run in self.runs if run.name not in self.removed or _decided(self.place, run)]
        for run in there:
            for told in crowd_faults.run_faults(self.place, run, self.tally.ends[run.name]):
                self.tally.fault(told)
        for told in crowd_faults.place_faults(self.place, there):
            self.tally.fault(told)

    def finish(self) -> None:
        """Merge exact runs, remove all, and see that nothing of them stays."""
        before = crowd_faults.snapshot(self.root)
        there = [path.parent.name for path in (self.place / "state").glob("autoopt/*/*/journal.jsonl")]
        exact = [run.name for run in self.runs if not run.timed and run.name in there]
        self._type_last(["merge", *exact[:3]])
        self._type_last(["clean", *sorted(there), "--yes", "--force"])
        self._compare(before, "after merge and clean")
        for told in crowd_faults.leftover_faults(self.place):
            self.tally.fault(told)

    def _type_last(self, words: Sequence[str]) -> None:
        with tempfile.TemporaryFile() as output:
            code = self._begin(words, output).wait(_LIMIT_S)
            output.seek(0)
            said = output.read().decode(errors="replace")
        if code or _BROKEN.search(said):
            self.tally.fault(f"`{' '.join(words)}` ends with {code}: {_last(said, 6)}")


def _decided(place: Path, run: Run) -> int:
    """How many experiments of a run are decided, the baseline included."""
    try:
        return crowd_faults.journal_of(place, run.name).read_bytes().count(b'"event": "DECIDED"')
    except OSError:
        return 0


def _last(said: str, lines: int = 2) -> str:
    return " / ".join(line.strip() for line in said.strip().splitlines()[-lines:])[:600]


def _wait_until_it_listens(process: subprocess.Popen[bytes]) -> None:
    """Wait until signals are handled: before, Python does what it does while it starts."""
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        caught = re.search(r"SigCgt:\s*(\w+)", status)
        if caught is not None and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(_LOOK_S)


def _kill_all(pid: int) -> None:
    """Kill a process and all that it started, from the top down."""
    family = [pid]
    for one in family:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                family += map(int, task.read_text().split())
            except OSError:
                continue
    for one in family:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def torture(found: Crowd, files: int, *, whole: bool = True) -> Tally:
    """All of it, in a repository with so many files; what happened.

    Args:
        whole: In the end also merge runs, and remove all of them.
    """
    build(found.place, found.runs, found.extras, files)
    found.go()
    found.judge()
    if whole and not found.tally.faults:
        found.finish()
    return found.tally


def told(tally: Tally, lasted_s: float) -> str:
    """The figures, in lines."""
    lines = [f"{name:34} {count:4}  {_refusals(tally, name)}" for name, count in sorted(tally.done.items())]
    ended = ", ".join(f"{name} {count}" for name, count in sorted(tally.ends.items()))
    return "\n".join([*lines, f"ended and resumed: {ended}", f"{len(tally.faults)} faults, {lasted_s:.0f} s"])


def _refusals(tally: Tally, name: str) -> str:
    return f"{tally.refused[name]} refused" if tally.refused[name] else ""


def hear_signals() -> None:
    """Let runs hear what a shell has its background jobs ignore; children would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def main() -> int:
    """Print what happened; 1 where anything was wrong."""
    hear_signals()
    asked = argparse.ArgumentParser(prog="python -m tests.torture.parallel", description=__doc__)
    asked.add_argument("--runs", type=int, default=8)
    asked.add_argument("--experiments", type=int, default=50, help="of each run")
    asked.add_argument("--kills", type=int, default=6, help="how often each run is ended")
    asked.add_argument("--files", type=int, default=2400, help="in the repository")
    asked.add_argument("--seed", type=int, default=0, help="of the moments")
    asked.add_argument("--pause", type=float, default=1.0, help="seconds, at most, between two deeds")
    asked.add_argument("--base", type=Path, help="where the project is made; what is wrong stays there")
    chosen = asked.parse_args()
    base = Path(tempfile.mkdtemp(prefix="parallel-", dir=chosen.base))
    began = time.monotonic()
    found = Crowd(
        place=base / "p",
        runs=crowd(chosen.runs, chosen.experiments),
        extras=extras(4),
        kills=chosen.kills,
        seed=chosen.seed,
        pause_s=chosen.pause,
    )
    tally = torture(found, chosen.files)
    print(told(tally, time.monotonic() - began))
    if tally.faults:
        print(f"left in {base}")
        return 1
    shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
