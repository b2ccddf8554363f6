"""Several runs on one machine, one after the other and all at once: time, and whether they decide the same.

    python -m tests.bench.parallel [--runs 4] [--think 20] [--metric 1] [--experiments 10] [--modes ...]

Real runs, started from their command lines in one repository, with scopes of their own and a metric that
computes. Their agent is a script: it thinks by sleeping, and then makes the next of a row of edits that is
the same in every mode: comments, none of which may be kept, and now and then a gain of a seventh. The modes:

    serial    one run after the other
    turns     all at once, as they are by default
    without   all at once with turns=no

For each mode a row is printed: the time until all have ended, how many times sooner that is than serially,
how much of it was waiting, the comments that were kept (false keeps), the gains that were, and in how many
experiments the decision was that of the serial mode. With the defaults on a quiet machine that takes half an
hour, most of it asleep; on one that does something else, `chrt --rr 1 python -m tests.bench.parallel` goes
first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoopt.processes.turns import PLACE

MODES = ("serial", "turns", "without")
KINDS = "ccgccc"
"""The edits, again and again: c for a comment, g for a gain."""
_SHARE = 0.15  # of the work, that a gain takes away
_WORK = """

def work(count):
    total = 0
    for n in range(count):
        total += n * n % 7
    return total


"""
_WASTE = "work(WASTE)\n"
_AGENT = """
import json, pathlib, sys, time

place, number, think_s, kinds = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
prompt, done = sys.stdin.read(), place / f"done{number}"
count = int(done.read_text() or "0")
kind = kinds[count % len(kinds)]
if "Edit nothing yet" in prompt:
    time.sleep(think_s)
    print(json.dumps({"ideas": [{
        "hypothesis": f"Edit {count} should lower the time because it is the next one of the row",
        "area": f"row {count}", "impact": 9, "feasibility": 9, "novelty": 9,
        "assumption": "it is the next", "risk": "none is known"}]}))
else:
    file = pathlib.Path(f"src/part{number}/main.py")
    text = file.read_text()
    first, _, rest = text.partition("work(WASTE)\\n")
    file.write_text(first + rest if kind == "g" and rest else f"{text}# note {count}\\n")
    done.write_text(str(count + 1))
    print(json.dumps({"description": f"{'gain' if kind == 'g' else 'comment'} {count}"}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one edit."""

    is_gain: bool
    status: str
    pairs: int
    waited_s: float
    measured_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one mode.

    Attributes:
        decisions: Of each run, in the order of its experiments.
    """

    wall_s: float
    decisions: tuple[tuple[Decision, ...], ...]

    def kept(self, *, gains: bool) -> str:
        """How many of the gains, or of the comments, were kept."""
        of = [one for run in self.decisions for one in run if one.is_gain is gains]
        return f"{sum(one.status == 'keep' for one in of)} of {len(of)}"

    def agreeing(self, other: Outcome) -> str:
        """In how many experiments both modes kept or did not keep."""
        both = [
            (one.status == "keep") == (twin.status == "keep")
            for run, twins in zip(self.decisions, other.decisions, strict=True)
            for one, twin in zip(run, twins, strict=False)
        ]
        return f"{sum(both)} of {len(both)}"


def program(metric_s: float) -> str:
    """A program that computes for about so long, and has waste that can be taken away."""
    rounds = int(metric_s * _speed())
    wasted = int(rounds * _SHARE)
    head = f"ROUNDS, WASTE = {rounds - 4 * wasted}, {wasted}\n"
    return head + _WORK + _WASTE * 4 + "print(work(ROUNDS))\n"


def _speed() -> float:
    """Rounds of the program's loop in a second, the best of a few: others may be in the way."""
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        total = 0
        for n in range(1_000_000):
            total += n * n % 7
        best = max(best, 1_000_000 / (time.perf_counter() - began))
    return best


def outcome(mode: str, asked: argparse.Namespace, text: str) -> Outcome:
    """Let all runs go, in a repository of their own."""
    with tempfile.TemporaryDirectory(prefix="autoopt-parallel-") as place:
        here = Path(place)
        root = _repository(here, asked.runs, text)
        began, started = time.monotonic(), []
        for number in range(asked.runs):
            started.append(_start(here, root, number, mode, asked))
            if mode == "serial":
                _ended(started[-1])
        for one in started if mode != "serial" else ():
            _ended(one)
        wall_s = time.monotonic() - began
        return Outcome(wall_s=wall_s, decisions=tuple(_decisions(here, n) for n in range(asked.runs)))


def _repository(here: Path, runs: int, text: str) -> Path:
    root = here / "app"
    (here / "agent").mkdir()
    (here / "agent.py").write_text(_AGENT)
    for number in range(runs):
        (root / f"src/part{number}").mkdir(parents=True)
        (root / f"src/part{number}/main.py").write_text(text)
        (here / f"agent/done{number}").write_text("")
    git = ["git", "-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    return root


def _start(
    here: Path, root: Path, number: int, mode: str, asked: argparse.Namespace
) -> subprocess.Popen[str]:
    agent = (sys.executable, here / "agent.py", here / "agent", number, asked.think, KINDS)
    words = [
        *("recipe=command", f"scope=src/part{number}", f"run_id=part{number}", "confirm=no"),
        f"metric.command={sys.executable} -B src/part{number}/main.py",
        *("metric.unit=s", f"budget.experiments={asked.experiments}", "budget.plateau=null"),
        *("propose.use=[agent]", "agent=command", f"agent.command={' '.join(map(str, agent))}"),
        *("agent.answer={format: text}", f"agent.writable=[{here / 'agent'}]"),
        *("final.leave_one_out=no", "final.max_pairs=8"),
        f"turns={'no' if mode == 'without' else 'yes'}",
        *asked.options,
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "autoopt", *words],
        cwd=root,
        env={**os.environ, "XDG_STATE_HOME": str(here / "state"), PLACE: str(here / "turns")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"autoopt ended with {process.returncode}:\n{said}")


def _decisions(here: Path, number: int) -> tuple[Decision, ...]:
    (journal,) = (here / "state").glob(f"autoopt/*/part{number}/journal.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    decided = [event["experiment"] for event in events if event.get("event") == "DECIDED"]
    return tuple(
        Decision(
            is_gain=one["description"].startswith("gain"),
            status=one["status"],
            pairs=one["verdict"]["pairs"] if one["verdict"] else 0,
            waited_s=one["seconds"].get("wait", 0.0),
            measured_s=one["seconds"].get("measure", 0.0),
        )
        for one in decided
        if one["number"] > 0
    )


def row(mode: str, found: Outcome, serial: Outcome | None) -> str:
    """A line of the table."""
    every = [one for run in found.decisions for one in run]
    each = max(1, len(every))
    cells = [
        mode,
        f"{found.wall_s:.0f}",
        "" if serial is None else f"{serial.wall_s / found.wall_s:.2f}",
        f"{sum(one.waited_s for one in every) / each:.1f}",
        f"{sum(one.measured_s for one in every) / each:.1f}",
        f"{sum(one.pairs for one in every) / each:.1f}",
        found.kept(gains=False),
        found.kept(gains=True),
        "" if serial is None else found.agreeing(serial),
    ]
    return f"| {' | '.join(cells)} |"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the modes and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parallel", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--think", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--metric", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--experiments", type=int, default=10, help="of each run")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--options", nargs="*", default=[], help="for autoopt")
    asked = parser.parse_args(argv)
    print("| mode | s | sooner | waited s | measured s | pairs | false keeps | gains kept | as serial |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    text, serial = program(asked.metric), None
    for mode in asked.modes:
        found = outcome(mode, asked, text)
        serial = found if mode == "serial" else serial
        print(row(mode, found, None if mode == "serial" else serial), flush=True)


if __name__ == "__main__":
    main()
