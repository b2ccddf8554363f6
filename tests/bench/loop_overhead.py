"""What the loop costs beside the metric's own runs, against the classic loop driven by the git binary.

    python tests/bench/loop_overhead.py [files] [experiments]

Both do the same experiments on the same generated repository: change one file, commit it, run the metric, go
back. The classic loop (git add, commit, run once, reset) measures in the edited checkout and judges nothing;
autoopt also takes interleaved pairs in clean checkouts, inspects, and journals durably. Printed are seconds
per experiment that were not spent in runs of the metric command, and their ratio.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.loop import run
from autoopt.measure import Parts
from autoopt.meters.shell import ShellMeter
from autoopt.processes.arms import Arms
from autoopt.processes.surroundings import Surroundings
from autoopt.records import Task
from autoopt.schema import BudgetConfig, Config, ExtractConfig, Extraction, MetricConfig, Variation
from autoopt.scope import Scope
from autoopt.testing.doubles import RecordingReporter, ScriptedProposer, proposal
from autoopt.workspaces.git import GitWorkspace

COMMAND = "read value < src/value.txt; echo METRIC t=$((value * 100 + AUTOOPT_SEED * 7919 % 7))"


def git(repo: Path, *words: str) -> None:
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *identity, *words], cwd=repo, check=True, stdout=subprocess.DEVNULL)


def make(repo: Path, files: int) -> None:
    for number in range(files - 1):
        path = repo / "src" / f"package{number // 50}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n" * 40)
    (repo / "src" / "value.txt").write_text("100\n")
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "start")


def classic(repo: Path, experiments: int) -> list[float]:
    """Seconds beside the metric's run, for each experiment of the classic loop."""
    found = []
    for number in range(1, experiments + 1):
        started = time.perf_counter()
        (repo / "src" / "value.txt").write_text(f"{100 + number}\n")
        git(repo, "add", "src")
        git(repo, "commit", "-qm", f"experiment {number}")
        metric = time.perf_counter()
        subprocess.run(["bash", "-c", COMMAND], cwd=repo, check=True, stdout=subprocess.DEVNULL)
        ran = time.perf_counter() - metric
        git(repo, "reset", "-q", "--hard", "HEAD~1")
        found.append(time.perf_counter() - started - ran)
    return found


def ours(repo: Path, state: Path, experiments: int) -> tuple[list[float], list[int]]:
    """Seconds beside the metric's runs, and how many runs there were, for each experiment of autoopt."""
    scope = Scope(["src"])
    workspace = GitWorkspace.create(repo, "bench", state, scope)
    journal = Journal.create(state / "journal.jsonl", run_id="bench", base=workspace.base, goal="")
    metric = MetricConfig(
        command=COMMAND,
        extract=ExtractConfig(kind=Extraction.named, pattern="t"),
        variation=Variation.noise,  # as a clock's: pairs are taken, and nothing is known beforehand
        warmups=0,
    )
    config = Config(scope=["src"], metric=metric, budget=BudgetConfig(experiments=experiments))
    ideas = (proposal("src/value.txt", f"{100 + number}\n") for number in range(1, experiments + 1))
    arms = Arms(
        None,
        workspace,
        state / "logs",
        Surroundings(metric, os.environ, "bench", compiled=state / "compiled"),
    )
    parts = Parts(
        proposer=ScriptedProposer(ideas),
        workspace=workspace,
        meter=ShellMeter(metric, arms, None),
        guards=(),
        reporter=RecordingReporter(),
        judge=Judge(config.verdict, metric.direction, metric.unit),
        publish=lambda history: None,
        task=Task(goal="a smaller number"),
    )
    run(config, parts, journal)
    tried = journal.history[1:]
    samples = [(*(e.measurement.samples if e.measurement else ()), *e.incumbent_samples) for e in tried]
    walls = [sum(sample.wall_s for sample in taken) for taken in samples]
    return [sum(e.seconds.values()) - wall for e, wall in zip(tried, walls, strict=True)], [
        len(s) for s in samples
    ]


def main() -> None:
    """Run both loops and print the comparison."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    experiments = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    with tempfile.TemporaryDirectory() as name:
        repo, state = Path(name, "repo"), Path(name, "state")
        (repo / "src").mkdir(parents=True)
        state.mkdir()
        make(repo, files)
        theirs = classic(repo, experiments)
        mine, runs = ours(repo, state, experiments)
    per_run = [seconds / count for seconds, count in zip(mine, runs, strict=True)]
    print(f"{files} files, {experiments} experiments, medians")
    print(f"classic loop with git  {median(theirs) * 1e3:7.1f} ms an experiment, 1 run each")
    print(
        f"autoopt                {median(mine) * 1e3:7.1f} ms an experiment, {median(runs):g} runs each, ",
        end="",
    )
    print(f"{median(per_run) * 1e3:.1f} ms a run")
    print(f"ratio autoopt / classic {median(mine) / median(theirs):.2f}")


if __name__ == "__main__":
    main()
