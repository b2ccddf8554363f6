"""What a run with a long history costs.

    python tests/bench/long_runs.py [--rounds N] [--search] [experiments ...]

Makes runs of 10, 100, 1000 and 10,000 experiments (their lines, commits and refs are written directly) and
drives the command line in them. Printed are medians in milliseconds of processor time, which other work on
the machine hardly changes, and ratios to the first row:

  runs, show N, show     the commands, from start to exit
  resume                 from the start of `autoopt resume` until its first experiment begins
  cold                   the same without what a run remembers beside its journal to be fast
  experiment             from one decision to the next, of autoopt itself
  end                    from the last decision to the exit: table, Markdown and HTML report
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from autoopt.codec import encode
from autoopt.journal import Journal, checkpoint, lines
from autoopt.records import (
    Change,
    Experiment,
    Failure,
    Measurement,
    Outcome,
    Sample,
    Status,
    Verdict,
)

RUN = "long"
MORE = 8
INTERRUPTED = 130
KEEP_EVERY, CRASH_EVERY = 40, 17
METRIC = "read value < src/value.txt; echo METRIC t=$((value * 100 + AUTOOPT_SEED * 7919 % 7))"
IDEAS = [
    {
        "description": f"set the value to {number}",
        "hypothesis": f"The value {number} should improve t because it is tried",
        "area": "value",
        "edits": {"src/value.txt": f"{number}\n"},
    }
    for number in range(1000, 1200)
]


@dataclass(frozen=True)
class Project:
    """A repository with one run in it."""

    root: Path

    @property
    def state(self) -> Path:
        (journal,) = (self.root.parent / "state").glob("autoopt/*/*/journal.jsonl")
        return journal.parent

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.root.parent / "state"), "COLUMNS": "120"}

    def git(self, *words: str, stdin: bytes | None = None) -> str:
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.root, input=stdin, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def autoopt(self, *words: str) -> float:
        """Processor seconds that the command took, with all it started."""
        begun = _children_s()
        done = subprocess.run(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
        )
        taken = _children_s() - begun
        if done.returncode:
            raise SystemExit(f"autoopt {' '.join(words)}: {done.stdout}{done.stderr}")
        return taken


def make(folder: Path, search: bool) -> Project:
    """A repository and a run that has its baseline."""
    project = Project(folder / "repo")
    (project.root / "src").mkdir(parents=True)
    (project.root / "src" / "value.txt").write_text("100\n")
    (project.root / "ideas.json").write_text(json.dumps(IDEAS))
    project.git("init", "-q", "-b", "main")
    project.git("add", ".")
    project.git("commit", "-qm", "start")
    proposer = (
        (
            "propose.use=[optuna]",
            "propose.optuna.sampler=random",
            "+params.value={file: src/value.txt, regex: '(\\d+)', low: 1, high: 1000000}",
        )
        if search
        else ("propose.use=[rewrites]", "propose.rewrites=cat ideas.json")
    )
    words = (f"run_id={RUN}", "scope=src", f"metric.command={METRIC}", "metric.extract.kind=named")
    more = ("metric.extract.pattern=t", "metric.variation=noise", "metric.warmups=0", "metric.probe=no")
    project.autoopt(
        "start",
        *words,
        *more,
        *proposer,
        "final.max_pairs=2",
        "final.leave_one_out=no",
        "budget.plateau=null",
        "budget.experiments=null",
        "confirm=no",
    )
    return project


def lengthen(project: Project, experiments: int, search: bool) -> None:
    """Give the run that many experiments, with their commits and refs, as if it had made them."""
    journal = Journal(project.state / "journal.jsonl")
    made = commits(project, experiments)
    writer = Writer(journal)
    for experiment, pairs in invented(journal.history[0], made, search):
        writer.experiment(experiment, pairs)
    writer.event("STOPPED", reason="interrupted")
    writer.close()


def commits(project: Project, experiments: int) -> list[tuple[str, str]]:
    """Commit and parent of every experiment; every fortieth is on the run branch."""
    base = project.git("rev-parse", "HEAD")
    stream, tip, parents = [], base, []
    for number in range(1, experiments + 1):
        name = f"refs/autoopt/{RUN}/{number}"
        text = f"{100_000 + number}\n"
        stream.append(
            f"commit {name}\nmark :{number}\ncommitter a <a@b> {1_700_000_000 + number} +0000\n"
            f"data <<END\nexperiment: change {number}\nEND\nfrom {tip}\n"
            f"M 100644 inline src/value.txt\ndata {len(text)}\n{text}\n"
        )
        parents.append(tip)
        if number % KEEP_EVERY == 0:
            tip = f":{number}"
    if experiments >= KEEP_EVERY:
        stream.append(f"reset refs/heads/autoresearch/{RUN}\nfrom {tip}\n\n")
    marks = project.root.parent / "marks"
    project.git(
        "fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin="".join(stream).encode()
    )
    known = dict(line.split() for line in marks.read_text().splitlines())
    return [(known[f":{n}"], known.get(parent, parent)) for n, parent in enumerate(parents, start=1)]


class Writer:
    """Writes events as a journal does, without waiting for the disk after each."""

    def __init__(self, journal: Journal) -> None:
        self._file = journal.path.open("ab")
        self._chain = json.loads(journal.path.read_bytes().splitlines()[-1])["chain"]
        self._elapsed_s = journal.elapsed_s

    def event(self, event: str, **fields: object) -> None:
        body = lines.readable({"event": event, "elapsed_s": round(self._elapsed_s, 3), **fields})
        self._chain = lines.link(self._chain, body)
        self._file.write(lines.line(body, self._chain))

    def experiment(self, experiment: Experiment, pairs: Sequence[tuple[Sample, Sample]]) -> None:
        number, parent = experiment.number, experiment.parent
        self._elapsed_s += 5
        self.event("BEGIN", number=number, parent=parent, description=experiment.description)
        change = Change(
            commit=experiment.commit,
            parent=parent,
            tree=experiment.tree,
            paths=experiment.paths,
            added=1,
            removed=1,
            fingerprint=experiment.fingerprint,
        )
        self.event("EDITED", number=number, change=encode(change))
        for incumbent, challenger in pairs:
            self.event("MEASURED", number=number, challenger=encode(challenger), incumbent=encode(incumbent))
        body = encode(experiment) | {"measurement": bool(pairs)}
        del body["incumbent_samples"]
        self.event("DECIDED", number=number, experiment=body)
        if experiment.status is Status.keep:
            self.event("MOVED", number=number)
        self.event("DONE", number=number)

    def close(self) -> None:
        self._file.close()


def invented(
    baseline: Experiment, made: Sequence[tuple[str, str]], search: bool
) -> Iterator[tuple[Experiment, list[tuple[Sample, Sample]]]]:
    """Experiments like those of a noisy metric, four pairs each."""
    chance, level = random.Random(1), baseline.value or 1.0
    for number, (commit, parent) in enumerate(made, start=1):
        keeps = number % KEEP_EVERY == 0
        crashes = number % CRASH_EVERY == 0 and not keeps
        gain = 0.002 if keeps else -0.001
        pairs = [
            (_sample(chance, level, seed), _sample(chance, level * (1 - gain), seed))
            for seed in range(0 if crashes else 4)
        ]
        level *= 1 - gain if keeps else 1
        experiment = Experiment(
            number=number,
            status=Status.keep if keeps else Status.crash if crashes else Status.discard,
            commit=commit,
            parent=parent,
            description=f"change number {number} of the lookup in the parser",
            hypothesis=f"Change {number} should improve t because the lookup repeats work {chance.random()}",
            area="value" if search else f"area {number % 7}",
            source="optuna" if search else "rewrites",
            parameters={"value": number} if search else {},
            paths=("src/value.txt",),
            added=1,
            removed=1,
            measurement=Measurement(commit=commit, samples=tuple(mine for _, mine in pairs))
            if pairs
            else None,
            incumbent_samples=tuple(theirs for theirs, _ in pairs),
            verdict=None if crashes else _verdict(keeps, gain),
            failure=Failure(reason="exit code 1", tail="Traceback\n" * 5) if crashes else None,
            tree=f"{number:040x}",
            fingerprint=f"{number:064x}",
            seconds={"ask": 0.1, "edit": 0.05, "measure": 4.0},
            finished="2026-01-01T00:00:00+00:00",
        )
        yield experiment, pairs


def _sample(chance: random.Random, level: float, seed: int) -> Sample:
    value = level * (1 + chance.gauss(0, 0.01))
    return Sample(
        value=value, wall_s=0.5, cpu_s=0.4, peak_bytes=10_000_000, seed=seed, details={"q1_ms": value / 2}
    )


def _verdict(keeps: bool, gain: float) -> Verdict:
    return Verdict(
        outcome=Outcome.better if keeps else Outcome.same,
        effect=gain,
        low=gain - 0.01,
        high=gain + 0.01,
        probability=0.97 if keeps else 0.3,
        pairs=4,
        is_ratio=True,
        sentence="KEEP 0.2 % lower (95 % 0.1–0.3 %), 97 % sure, 4 pairs"
        if keeps
        else "REVERT no gain, 4 pairs",
        noise=0.014,
        reach=0.01,
        patience="default",
        why="The numbers of one pair vary by 1.4 %; a gain of at least 1.4 % has a probability of 3 %.",
    )


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass
class Resumed:
    """What one `autoopt resume` took, in processor seconds of its own."""

    start: float
    experiment: float
    end: float


def resume(project: Project, experiments: int) -> Resumed:
    """Make so many more experiments and read the clock when they are told."""
    process = subprocess.Popen(
        [sys.executable, "-m", "autoopt", "resume", RUN],
        cwd=project.root,
        env=project.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    told, said = [], []
    for line in process.stdout:
        said.append(line)
        if line.startswith("#") and len(told) < experiments and "…" not in line.split()[1:2]:
            told.append(_spent_s(process.pid))
            if len(told) == experiments:
                process.send_signal(signal.SIGINT)  # which lets the experiment that has begun come to its end
    whole = _waited_s(process)
    if process.returncode != INTERRUPTED:
        raise SystemExit(f"autoopt resume: {''.join(said[-20:])}")
    each = (told[-1] - told[0]) / (experiments - 1)
    return Resumed(told[0] - each, each, whole - told[-1])


def _spent_s(pid: int) -> float:
    """Seconds that the process's first thread, which does everything, has been on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _waited_s(process: subprocess.Popen[str]) -> float:
    """Wait for the process; its processor seconds without those of its children, as far as a zombie tells."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    spent = _spent_s(process.pid)
    process.wait()
    return spent


def measure(project: Project, rounds: int) -> dict[str, float]:
    """Medians in seconds by column; everything is warmed up once."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        row = {"runs": project.autoopt("runs"), "show N": project.autoopt("show", RUN, "7")}
        row["show"] = project.autoopt("show", RUN)
        (project.state / checkpoint.NAME).unlink(missing_ok=True)
        row["cold"] = resume(project, 2).start
        warm = resume(project, MORE)
        row |= {"resume": warm.start, "experiment": warm.experiment, "end": warm.end}
        for name, taken in row.items():
            found.setdefault(name, []).extend([taken] if turn else [])
    return {name: median(taken) for name, taken in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", nargs="*", type=int, default=[10, 100, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--search", action="store_true", help="the experiments are a parameter search's")
    given = parser.parse_args()
    first: dict[str, float] = {}
    for experiments in given.experiments:
        with tempfile.TemporaryDirectory() as folder:
            project = make(Path(folder), given.search)
            lengthen(project, experiments, given.search)
            taken = measure(project, given.rounds)
        if not first:
            first = taken
            print("experiments" + "".join(f"{name:>18s}" for name in taken))
        cells = (f"{1e3 * value:10.0f} ({value / first[name]:4.1f}×)" for name, value in taken.items())
        print(f"{experiments:11d}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
