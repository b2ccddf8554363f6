"""A run of many experiments: what it costs, and whether it grows.

    python -m tests.bench.soak [--experiments 1000] [--files 200] [--sandbox auto]

A real run, started from its command line, of a metric that takes 5 ms and leaves a file in its home;
parameters are drawn at random, so that thinking costs next to nothing. While it runs, its memory, its
descriptors and its dead children are read from /proc. Printed is how they changed since the first tenth of
the run, what was left behind, and how many milliseconds an experiment took beside the metric's own runs:
from the end of one experiment to that of the next, without the time for which the metric's shell ran.
Starting it behind walls and all that autoopt does before and after counts, the proposer too.

On a machine that does something else at the same moment only the processor time means anything, or
`chrt --rr 1 python -m tests.bench.soak`, which then goes first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median

COMMAND = (
    ": > ~/left; sleep 0.005; read value < src/value.txt; "
    "echo METRIC t=$((100000 + RANDOM % 100 + 0 * value))"
)
RUN = "soak"
LIMIT_MS, LIMIT_MB = 60.0, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What /proc said of the run at one moment."""

    done: int
    cpu_s: float
    rss_mb: float
    descriptors: int
    zombies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """How a run went.

    Attributes:
        grown_mb: Resident memory when the last experiment began, above that after the first tenth of them.
        report_mb: What the end of the run, with its reports, took on top.
        descriptors: Open ones in the second to fourth tenth and in the last three, without those that are
            open for a moment only.
        zombies: The most dead children that were seen twice in a row.
        left: What is still there afterwards of processes and scratch, and should not be.
        loop_ms: Milliseconds beside the metric's runs, the median over the experiments.
        mean_ms: The mean of the same.
        late_ms: The median of the last tenth.
        cpu_ms: Processor time of autoopt's own process for each, thinking included: a loaded machine does not
            add to that.
    """

    experiments: int
    grown_mb: float
    report_mb: float
    descriptors: tuple[int, int]
    zombies: int
    left: tuple[str, ...]
    loop_ms: float
    mean_ms: float
    late_ms: float
    cpu_ms: float
    code: int


def make(repo: Path, count: int) -> None:
    """A repository of so many files."""
    for number in range(count - 1):
        path = repo / "src" / f"package{number // 50}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n" * 40)
    (repo / "src" / "value.txt").write_text("100\n")
    identity = ["-c", "user.name=soak", "-c", "user.email=soak@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run(["git", *identity, *words], cwd=repo, check=True)


def settings(experiments: int, sandbox: str) -> list[str]:
    """The run's command line."""
    return [
        *("recipe=command", "scope=src/value.txt", f"run_id={RUN}", f"sandbox={sandbox}"),
        *(f"metric.command={COMMAND}", "metric.extract.kind=named", "metric.extract.pattern=t"),
        *("metric.warmups=0", "metric.variation=noise", "propose.use=[optuna]"),
        *("propose.optuna.sampler=random", "params.value.file=src/value.txt", "params.value.regex=(\\d+)"),
        *("params.value.low=1", "params.value.high=1000000000", f"budget.experiments={experiments}"),
        *("budget.plateau=null", "confirm=no"),
    ]


def soak(folder: Path, experiments: int, files: int, sandbox: str = "auto") -> Soak:
    """Have a run of so many experiments in a repository of so many files."""
    repo, temporary = folder / "repo", folder / "tmp"
    repo.mkdir(parents=True)
    temporary.mkdir()
    make(repo, files)
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "TMPDIR": str(temporary)}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "autoopt", *settings(experiments, sandbox)],
            cwd=repo,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        looks = watched(process, folder / "state")
    (state,) = (folder / "state" / "autoopt").glob(f"*/{RUN}")
    tenth = experiments // 10
    first = next(one for one in looks if one.done >= tenth)
    last = next(one for one in reversed(looks) if one.done <= experiments)
    costs = spent(state / "journal.jsonl")
    late = costs[-max(1, experiments // 10) :]
    return Soak(
        experiments=len(costs),
        grown_mb=last.rss_mb - first.rss_mb,
        report_mb=max(one.rss_mb for one in looks) - last.rss_mb,
        descriptors=(
            fewest_descriptors(looks, tenth, 4 * tenth),
            fewest_descriptors(looks, 7 * tenth, experiments),
        ),
        zombies=max(min(one.zombies, two.zombies) for one, two in pairwise(looks)),
        left=(*processes(folder), *map(str, temporary.iterdir()), *scratch(state)),
        loop_ms=median(costs),
        mean_ms=mean(costs),
        late_ms=median(late),
        cpu_ms=(last.cpu_s - first.cpu_s) * 1e3 / max(1, last.done - first.done),
        code=process.wait(),
    )


def watched(process: subprocess.Popen[bytes], state: Path) -> list[Look]:
    """What was seen of a run until it ended."""
    found = []
    while process.poll() is None:
        journal = next((state / "autoopt").glob(f"*/{RUN}/journal.jsonl"), None)
        try:
            found.append(look(process.pid, 0 if journal is None else decided(journal)))
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            break
        time.sleep(0.2)
    process.wait()
    return [one for one in found if one.rss_mb]


def fewest_descriptors(looks: list[Look], start: int, stop: int) -> int:
    """The fewest that were open between these numbers of experiments."""
    return min(one.descriptors for one in looks if start <= one.done <= stop)


def decided(journal: Path) -> int:
    """How many experiments are over."""
    return journal.read_bytes().count(b'"DECIDED"')


def look(pid: int, done: int) -> Look:
    """What /proc says of a process and of its children."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return Look(
        done=done,
        cpu_s=sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
        rss_mb=int(status.get("VmRSS", "0 kB").split()[0]) / 1024,
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        zombies=sum(is_zombie(child) for child in children),
    )


def is_zombie(pid: str) -> bool:
    """Whether a process has died and was not waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes(folder: Path) -> list[str]:
    """Processes that work below a folder or have it on their command lines."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if str(folder) in line]


def scratch(state: Path) -> list[str]:
    """What commands left in their private directories before the last one of each checkout, and old logs."""
    logs = sorted(path for path in (state / "logs").rglob("stdout"))
    private = [path for home in (state / "bench").glob("*/home") for path in home.rglob("*")]
    written = [path for path in private if path.is_file() and not path.is_symlink()]
    written = [path for path in written if not (path.match("home/own/left") or path.match("home/since"))]
    return [str(path) for path in (*written, *logs[100:])]


def spent(journal: Path) -> list[float]:
    """Milliseconds from the end of each experiment to that of the next, beside the metric's own runs."""
    found, before, inside = [], 0.0, 0.0
    for line in journal.read_bytes().splitlines():
        event = json.loads(line)
        if event["event"] == "MEASURED":
            inside += sum(event[side]["wall_s"] for side in ("challenger", "incumbent") if event.get(side))
        elif event["event"] == "DONE":
            if event["number"]:
                found.append((event["elapsed_s"] - before - inside) * 1e3)
            before, inside = event["elapsed_s"], 0.0
    return found


def shortcomings(found: Soak) -> list[str]:
    """Which limits were not kept."""
    before, after = found.descriptors
    checks = {
        f"exit code {found.code}": found.code != 0,
        f"memory grew by {found.grown_mb:.1f} MB": found.grown_mb >= LIMIT_MB,
        f"descriptors: {before}, later {after}": after > before,
        f"{found.zombies} dead children stay": found.zombies > 0,
        f"left behind: {', '.join(found.left[:5])}": bool(found.left),
        f"{found.loop_ms:.0f} ms an experiment": found.loop_ms > LIMIT_MS,
    }
    return [what for what, is_wrong in checks.items() if is_wrong]


def main() -> None:
    """Have the run and print what came of it; exit code 1 when a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--sandbox", default="auto", choices=("auto", "strict", "none"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = soak(Path(name), given.experiments, given.files, given.sandbox)
    before, after = found.descriptors
    print(f"{found.experiments} experiments, {given.files} files, sandbox {given.sandbox}")
    print(
        f"beside the metric's runs {found.loop_ms:8.1f} ms an experiment (mean {found.mean_ms:.1f}); "
        f"{found.late_ms:.1f} at the end"
    )
    print(f"autoopt's processor time {found.cpu_ms:8.1f} ms an experiment, thinking included")
    print(
        f"resident memory          {found.grown_mb:+8.1f} MB since the first tenth; "
        f"{found.report_mb:+.1f} for the reports"
    )
    print(f"descriptors              {before:8d} then, {after} at the end")
    print(f"dead children            {found.zombies:8d}")
    print(f"left behind              {len(found.left):8d}")
    for wrong in (wrongs := shortcomings(found)):
        print(f"NOT KEPT: {wrong}")
    sys.exit(1 if wrongs else 0)


if __name__ == "__main__":
    main()
