"""Many workers of a few searches, ended at any moment and resumed: every keep is on its search's line once.

`python -m tests.torture.searchers [--runs 8] [--experiments 15] [--searches 2] [--kills 4] [--away]` drives
the real program. Half of the workers of a search rewrite files, half set parameters by one study. With
`--away` they work on two machines, each with a state home of its own, in clones of one bare repository, to
which they push.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoopt import journal
from autoopt.errors import DamagedStateError
from autoopt.journal import Journal
from autoopt.records import Status

from . import crowd_faults, twins
from .crowd import START, Run, build
from .parallel import Crowd, Tally, hear_signals, told
from .scenarios import environment

_NUMBERS = 24
"""Files of a search's scope."""
_PARAMETERS = 6
"""Of these so many are set as parameters; nobody rewrites them."""
_DEEDS = {
    "edit": "echo $N >> docs/guide; echo $N >> part0/d0/f0; echo $N > docs/new-$N",
    "branch": "git branch b-$N && git tag t-$N",
    "pack": "git pack-refs --all && git repack -adq",
    "collect": "git gc -q",
    "collect all": "git reflog expire --expire=now --all && git gc -q --prune=now",
    "prune": "git prune --expire=now && git commit-graph write --reachable && git worktree prune",
    "status": "GIT_OPTIONAL_LOCKS=1 git status -s >/dev/null",
}
"""What the user does who wants no new commit under HEAD: all of a search start from one."""
_COMMANDS = ("runs", "runs --json", "show {run}", "show {run} 1", "report {run}", "resume {run}")
_FIND = """\
import json, pathlib, sys
found = []
for at, path in enumerate(sorted(pathlib.Path(sys.argv[1]).glob("v*"))):
    if at < int(sys.argv[2]):
        continue
    value = int(path.read_text())
    for step, area in ((-7, "lower"), (5, "raise"), (-11, "lower more"), (9, "raise more")):
        if value + step >= 0 and (at + step) % 3:
            found.append({"description": f"{area} {path.name} to {value + step}", "hypothesis": "less",
                          "area": path.name, "edits": {str(path): f"{value + step}\\n"}})
    broken = path.parent / f"broken{at}-{value}"
    if at % 4 == 0:
        found.append({"description": f"break {at} at {value}", "hypothesis": "none", "area": "broken",
                      "edits": {str(broken): "x\\n"}})
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker(Run):
    """One of the runs of a search.

    Attributes:
        search: The name of that.
        repo: The address of the repository; empty where it is the one around.
    """

    search: str
    repo: str = ""

    def command(self, place: Path) -> list[str]:
        """What is typed to start it."""
        words = [word for word in Run.command(self, place) if not word.startswith(("propose.", "params."))]
        words += [f"search={self.search}", "metric.probe=no"]
        words += [f"repo={self.repo}"] if self.repo else []
        if not self.searches:
            find = f"python3 tool/find.py {self.part} {_PARAMETERS}"
            return [*words, "propose.use=[rewrites]", f"propose.rewrites={find}"]
        site = f"regex: '(\\d+)', choices: [{START}, 60, 30, 40]"
        sites = [f"params.v{at}={{file: {self.part}/v{at:02}, {site}}}" for at in range(_PARAMETERS)]
        return [*words, "propose.use=[optuna]", "propose.optuna.sampler=random", *sites]


class Workers(Crowd):
    """The workers on one machine and everybody around them."""

    __slots__ = ()

    def judge(self) -> None:
        """See what has come of everything in this repository."""
        for told_of in crowd_faults.place_faults(self.place, self.runs):
            self.tally.fault(told_of)

    def finish(self) -> None:
        """Remove all runs, and see that nothing of them stays."""
        self._type_last(["clean", *(run.name for run in self.runs), "--yes", "--force"])
        for told_of in twins.leftovers(self.place):
            self.tally.fault(told_of)


def workers(runs: int, experiments: int, searches: int, repo: str = "") -> list[Worker]:
    """So many workers, of that many searches in turn."""
    return [
        Worker(
            name=f"r{at}",
            part=f"part{at % searches}",
            other="docs",
            experiments=experiments,
            searches=at // searches % 2 == 1,
            search=f"s{at % searches}",
            repo=repo,
        )
        for at in range(runs)
    ]


def line_faults(git_dir: Path, found: Sequence[tuple[Path, Worker]]) -> Iterator[str]:
    """What is wrong with one search: its runs are all of `found`, with the place each works in."""
    search, part = found[0][1].search, found[0][1].part
    records: dict[str, Journal] = {}
    for place, run in found:
        try:
            records[run.name] = Journal(crowd_faults.journal_of(place, run.name))
        except (DamagedStateError, OSError) as error:
            yield f"{run.name}: {error}"
    ref = f"refs/autoopt/searches/{search}"
    line = _git(git_dir, "rev-list", "--first-parent", "--reverse", f"main..{ref}").split()
    parents = dict(zip(line, [_git(git_dir, "rev-parse", "main").strip(), *line], strict=False))
    kept = Counter(
        past.commit for record in records.values() for past in record.history if past.status is Status.keep
    )
    if twice := [commit for commit, count in kept.items() if count > 1]:
        yield f"{search}: kept twice: {twice}"
    if set(line) != set(kept):
        yield f"{search}: {len(line)} commits on the line, {len(kept)} kept: {set(line) ^ set(kept)}"
    for _, run in found:
        if run.name in records:
            yield from (f"{run.name}: {one}" for one in _run_faults(git_dir, records[run.name], run, parents))
    claims = {name: record.confirmation for name, record in records.items() if record.confirmation}
    final = _sum(git_dir, ref, part)
    if not any(claim.final == final for claim in claims.values()):
        told_of = {name: claim.final for name, claim in claims.items()}
        yield f"{search}: it ends at {final}, confirmed is {told_of}"
    print(f"{search}: {len(line)} keeps of {len(records)} runs on its line, {START * _NUMBERS} to {final}")


def _run_faults(git_dir: Path, record: Journal, run: Worker, parents: dict[str, str]) -> Iterator[str]:
    if record.stopped is None or journal.was_cut_short(record.stopped):
        yield f"it has not ended, but {record.stopped!r}"
    if record.pending is not None:
        yield f"experiment {record.pending.number} is not done"
    if (done := sum(past.is_counted for past in record.history)) != run.experiments:
        yield f"{done} experiments instead of {run.experiments} ({record.stopped})"
    numbers = [past.number for past in record.history]
    if numbers != sorted(set(numbers)):
        yield f"numbers out of order: {numbers}"
    for past in record.history:
        if past.status.leads and past.commit in parents:
            if past.status is Status.keep and past.parent != parents[past.commit]:
                yield f"#{past.number} was measured against {past.parent}, not what is below it"
            if (value := _sum(git_dir, past.commit, run.part)) != past.value:
                yield f"#{past.number} holds {value} and says {past.value}"
        elif past.status.leads and past.status is not Status.baseline:
            yield f"#{past.number} ({past.status.value}) is not on the line"
    at = _git(git_dir, "rev-parse", f"autoresearch/{run.name}").strip()
    if at != record.incumbent.commit:
        yield f"its branch is at {at[:12]}, its journal at {record.incumbent.commit[:12]}"


def _sum(git_dir: Path, commit: str, part: str) -> int:
    return sum(map(int, _git(git_dir, "grep", "-h", "-E", "^[0-9]+$", commit, "--", f"{part}/v*").split()))


def _git(at: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=at,
        env=environment(at.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def _project(place: Path, searches: int) -> Path:
    """The repository, with a file for each number of a search and the program that has the ideas."""
    parts = [
        Run(name=f"s{at}", part=f"part{at}", other="docs", experiments=_NUMBERS, searches=True)
        for at in range(searches)
    ]
    build(place, parts, [], 400)
    root = place / "app"
    (root / "tool" / "find.py").write_text(_FIND)
    _git(root, "add", "tool")
    _git(root, "commit", "-qm", "find")
    return root


def here(place: Path, asked: argparse.Namespace) -> Tally:
    """All workers in one repository, with its user at work."""
    root = _project(place, asked.searches)
    found = workers(asked.runs, asked.experiments, asked.searches)
    crowd = Workers(place, list(found), [], asked.kills, asked.seed, 1.0, deeds=_DEEDS, commands=_COMMANDS)
    crowd.go()
    crowd.judge()
    _judge(crowd.tally, root, [(place, run) for run in found])
    if not crowd.tally.faults:
        crowd.finish()
    return crowd.tally


def away(place: Path, asked: argparse.Namespace) -> Tally:
    """The workers on two machines, which know the repository by its address alone."""
    root = _project(place / "home", asked.searches)
    hub = place / "hub.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(hub)], check=True)
    found = workers(asked.runs, asked.experiments, asked.searches, f"file://{hub}@main")
    half = asked.searches * (len(found) // asked.searches // 2)
    machines, tally = [], Tally()
    for name, mine in (("east", found[:half]), ("west", found[half:])):
        (place / name / "app").mkdir(parents=True)
        crowd = Workers(place / name, list(mine), [], asked.kills, asked.seed, 1.0, tally, deeds={})
        crowd.commands = _COMMANDS
        machines.append(crowd)
    threads = [threading.Thread(target=crowd.go) for crowd in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _judge(tally, hub, [(crowd.place, run) for crowd in machines for run in crowd.runs])  # type: ignore[misc]
    for at in (hub, *place.glob("*/state/autoopt/clones/*/*.git")):
        for told_of in _git(at, "fsck", "--strict", "--no-dangling").splitlines():
            if not told_of.startswith("notice: HEAD points to an unborn branch"):  # a clone has no checkout
                tally.fault(f"{at.relative_to(place)}: git fsck: {told_of}")
    for crowd in machines:
        for run in crowd.runs:
            for one in _sent_faults(hub, crowd.place, run):
                tally.fault(f"{run.name}: {one}")
    for one in twins.left_running(place)[0]:
        tally.fault(f"still running: {one}")
    for left in place.rglob("*"):
        if left.name.endswith((".lock", ".tmp")) or "intent" in left.name:
            tally.fault(f"{left.relative_to(place)} was left")
    return tally


def _sent_faults(hub: Path, place: Path, run: Run) -> Iterator[str]:
    path = crowd_faults.journal_of(place, run.name)
    there, here = _git(hub, "show", f"refs/autoopt/{run.name}/records:journal.jsonl"), path.read_text()
    if there != here:
        yield f"the journal there has {len(there.splitlines())} lines, here {len(here.splitlines())}"


def _judge(tally: Tally, git_dir: Path, found: Sequence[tuple[Path, Worker]]) -> None:
    for search in sorted({run.search for _, run in found}):
        for one in line_faults(git_dir, [pair for pair in found if pair[1].search == search]):
            tally.fault(one)


def main() -> int:
    """Print what happened; 1 where anything was wrong."""
    hear_signals()
    asked = argparse.ArgumentParser(prog="python -m tests.torture.searchers", description=__doc__)
    asked.add_argument("--runs", type=int, default=8)
    asked.add_argument("--experiments", type=int, default=15, help="of each run")
    asked.add_argument("--searches", type=int, default=2, help="that the runs are workers of")
    asked.add_argument("--kills", type=int, default=4, help="how often each run is ended")
    asked.add_argument("--seed", type=int, default=0, help="of the moments")
    asked.add_argument("--away", action="store_true", help="on two machines, in clones")
    asked.add_argument("--base", type=Path, help="where the project is made; what is wrong stays there")
    chosen = asked.parse_args()
    base, began = Path(tempfile.mkdtemp(prefix="searchers-", dir=chosen.base)), time.monotonic()
    tally = (away if chosen.away else here)(base / "p", chosen)
    print(told(tally, time.monotonic() - began))
    if tally.faults:
        print(f"left in {base}")
        return 1
    shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
