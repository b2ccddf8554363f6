"""Processes that commands leave behind, in every way, at every place, whatever ends the command.

    python -m tests.torture.orphans [--sandbox auto|none]

Six kinds of orphans are left by the edit hook, the metric command and a guard of real runs. These end as
usual, or are ended for their time, or the loop is killed (KILL) while they go on. Printed is for each of the
54 cells how many processes of it were seen while the run went on, and how many there are after its end; a
supervisor whose loop was killed has a few seconds to do its work.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.survivors import commands

PLACES = ("edit hook", "metric", "guard")
ENDINGS = ("normal exit", "timeout", "kill -9 of the loop")
_STAY = "bash -c 'while :; do sleep 0.2; done' {0}"
KINDS = {
    "own-session": f"setsid {_STAY} >/dev/null 2>&1 &",
    "double-fork": "(setsid bash -c '(exec -a {0} sleep 300) >/dev/null 2>&1 & exit' &)",
    "nohup": f"nohup {_STAY} >/dev/null 2>&1 &",
    "holds-output": f"setsid {_STAY} &",
    "ignores-term": "setsid bash -c 'trap : TERM; while :; do sleep 0.2; done' {0} >/dev/null 2>&1 &",
    "forks-on": 'for n in 1 2 3; do setsid bash -c "$HOP" {0} >/dev/null 2>&1 & done',
}
"""How an orphan is left, by the word that is on its command line."""
_HOP = 'sleep 0.02; setsid bash -c "$HOP" "$0" & exit'
"""A process that is another one every moment, and whose parent is gone."""

_HOOK = """\
import json, re, subprocess, sys

asked = sys.stdin.read()
number = int((re.search(r"This is experiment (\\d+)\\.", asked) or [0, 1])[1])
what = sys.argv[1].split(",")[number - 1]
if "--edit" in sys.argv:
    open("value.txt", "w").write(what + "\\n")
    subprocess.run(["bash", "leave.sh", "edit hook", what])
    print(json.dumps({"description": what}))
else:
    idea = {"hypothesis": f"{what} should help because it is tried", "area": what, "assumption": "none"}
    idea |= {"risk": "none", "impact": 9, "feasibility": 9, "novelty": 9}
    print(json.dumps({"ideas": [idea], "queries": []}))
"""
_LIMIT_S = 240.0
_GONE_S = 12.0
"""What a supervisor may need: 0.2 s, 2 s from TERM to KILL, some for a loaded machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One of the 54: how many processes were seen while the run went on, and how many at its end."""

    kind: str
    place: str
    ending: str
    seen: int
    survivors: int


@dataclass(slots=True)
class _Run:
    """A run of its own, in a repository of its own.

    Attributes:
        plan: What happens in each experiment: `normal`, or the place that hangs.
        seen: Processes that were seen, by their mark.
    """

    folder: Path
    mark: str
    plan: tuple[str, ...]
    ending: str
    sandbox: str
    seen: dict[str, set[int]] = field(default_factory=dict)

    def start(self) -> subprocess.Popen[bytes]:
        root = self.folder / "repo"
        root.mkdir(parents=True)
        (root / "value.txt").write_text("start\n")
        (root / "hook.py").write_text(_HOOK)
        (root / "leave.sh").write_text(self._script())
        identity = ["-c", "user.name=torture", "-c", "user.email=torture@localhost"]
        for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "start"]):
            subprocess.run(["git", *identity, *words], cwd=root, check=True)
        with (self.folder / "output").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "autoopt", *self._settings()],
                cwd=root,
                env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def name(self, kind: str, place: str) -> str:
        """The word on the command lines of one cell."""
        return f"{self.mark}-{place.replace(' ', '-')}-{kind}"

    def _script(self) -> str:
        """`leave.sh PLACE WHAT`: leaves orphans, and hangs where it is that place's turn."""
        lines = [f"export HOP={shlex.quote(_HOP)}", 'case "$1" in']
        for place in PLACES:
            left = "\n".join(how.format(self.name(kind, place)) for kind, how in KINDS.items())
            lines.append(f"'{place}')\n{left}\n;;")
        return "\n".join((*lines, "esac", 'if test "$1" = "$2"; then sleep 300; fi', "sleep 0.5")) + "\n"

    def _settings(self) -> list[str]:
        hook = f"{shlex.quote(sys.executable)} hook.py {shlex.quote(','.join(self.plan))} {{flags}}"
        leaving = 'case "$(cat value.txt)" in normal|{0}) bash leave.sh {0} "$(cat value.txt)";; esac'
        limit_s = 4 if self.ending == "timeout" and self.plan == ("edit hook",) else 300
        value = "if grep -q start value.txt; then echo METRIC t=100; else echo METRIC t=50; fi"
        return [
            *("recipe=command", "scope=value.txt", "run_id=r1", f"sandbox={self.sandbox}", "confirm=no"),
            *(f"metric.command={leaving.format('metric')}; {value}", "metric.extract.kind=named"),
            *("metric.extract.pattern=t", "metric.warmups=0", "metric.variation=none", "metric.timeout_s=3"),
            *(f"guards.tests.command={leaving.format('guard')}", "guards.tests.timeout_s=3"),
            *("propose.use=[agent]", "propose.agent.hypotheses=1", "propose.agent.min_score=1"),
            *(
                "agent=command",
                f"agent.command={hook}",
                "agent.flags.edit=--edit",
                f"agent.timeout_s={limit_s}",
            ),
            *(f"budget.experiments={len(self.plan)}", "budget.plateau=null"),
            *("final.leave_one_out=no", "final.max_pairs=2"),
        ]

    def look(self) -> None:
        for pid, line in commands(self.mark):
            for place in PLACES:
                for kind in KINDS:
                    if self.name(kind, place) in line.split():
                        self.seen.setdefault(self.name(kind, place), set()).add(pid)

    def waits_at(self) -> bool:
        """Whether every orphan of the place that hangs is there."""
        return all(self.name(kind, self.plan[0]) in self.seen for kind in KINDS)


def cells(folder: Path, sandbox: str, mark: str) -> list[Cell]:
    """All 54, by six runs at the same time."""
    plans = {
        ENDINGS[0]: [("normal",)],
        ENDINGS[1]: [PLACES[:1], PLACES[1:]],  # without an edit there is nothing to go on with
        ENDINGS[2]: [(place,) for place in PLACES],
    }
    runs = [
        _Run(folder / f"{at}{plan[0]}", f"{mark}-{at}{plan[0][0]}", plan, ending, sandbox)
        for at, ending in enumerate(ENDINGS)
        for plan in plans[ending]
    ]
    threads = [threading.Thread(target=_carry_out, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [
        _cell(kind, place, run)
        for run in runs
        for place in (PLACES if run.plan == ("normal",) else run.plan)
        for kind in KINDS
    ]


def _carry_out(run: _Run) -> None:
    killed = run.ending == ENDINGS[2]
    loop = run.start()
    limit = time.monotonic() + _LIMIT_S
    while loop.poll() is None and time.monotonic() < limit:
        run.look()
        if killed and run.waits_at():
            loop.send_signal(signal.SIGKILL)
        time.sleep(0.02)
    late = loop.poll() is None
    loop.kill()
    loop.wait()
    limit = time.monotonic() + (_GONE_S if killed or late else 0.0)
    while commands(run.mark) and time.monotonic() < limit:
        time.sleep(0.1)


def _cell(kind: str, place: str, run: _Run) -> Cell:
    name = run.name(kind, place)
    left = [pid for pid, line in commands(run.mark) if name in line.split()]
    seen = len(run.seen.get(name, ()))
    return Cell(kind=kind, place=place, ending=run.ending, seen=seen, survivors=len(left))


def told(found: list[Cell]) -> str:
    """A table: kinds down, places and endings across; survivors of those that were seen."""
    by: Mapping[tuple[str, str, str], Cell] = {(one.kind, one.place, one.ending): one for one in found}
    lines = []
    for ending in ENDINGS:
        lines.append(f"{ending:22s}" + "".join(f"{place:>16s}" for place in PLACES))
        for kind in KINDS:
            row = [by[kind, place, ending] for place in PLACES]
            lines.append(f"  {kind:20s}" + "".join(f"{one.survivors:>9d} of {one.seen:3d}" for one in row))
    return "\n".join(lines)


def main() -> None:
    """Try all cells and print what is left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", default="auto", choices=("auto", "strict", "none"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        found = cells(Path(name), given.sandbox, f"orphan{os.getpid()}")
        outputs = [path.read_text()[-1500:] for path in Path(name).glob("*/output")]
    print(told(found))
    left, unseen = sum(one.survivors for one in found), sum(one.seen == 0 for one in found)
    print(f"sandbox {given.sandbox}: {len(found)} cells, {unseen} not seen at all, {left} survivors")
    if unseen:
        print(*outputs, sep="\n---\n")
    sys.exit(1 if left or unseen else 0)


if __name__ == "__main__":
    main()
