"""A bench whose commits are dicts of files, with two arms like the real one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from autoopt.processes.arms import Arms
from autoopt.processes.surroundings import Surroundings
from autoopt.protocols import Bench
from autoopt.records.traces import Traces
from autoopt.schema import MetricConfig


class Folders:
    def __init__(self, root: Path, commits: Mapping[str, Mapping[str, str]]) -> None:
        self.root = root
        self.commits = dict(commits)
        self.arms: dict[str, Path] = {}

    def checkout(self, commit: str) -> Path:
        if commit not in self.arms:
            free = {self.root / "a", self.root / "b"} - set(self.arms.values())
            arm = min(free) if free else self.arms.pop(next(iter(self.arms)))
            shutil.rmtree(arm, ignore_errors=True)
            (arm / "scratch").mkdir(parents=True)
            for name, content in self.commits[commit].items():
                path = arm / "tree" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            self.arms[commit] = arm
        return self.arms[commit] / "tree"

    def prepared(self, commit: str) -> None:
        """Nothing is taken away from these folders."""

    def traces(self, commit: str) -> Traces:
        return Traces()

    def scratch(self, commit: str) -> Path:
        self.checkout(commit)
        return self.arms[commit] / "scratch"


def arms(
    bench: Bench,
    logs: Path,
    metric: MetricConfig | None = None,
    environ: Mapping[str, str] = os.environ,
    env_names: Collection[str] = (),
) -> Arms:
    """Prepared checkouts of `bench`, as a run makes them."""
    metric = metric or MetricConfig(command="true")
    surroundings = Surroundings(metric, environ, "run", env_names, compiled=logs.with_name("compiled"))
    return Arms(metric.prepare, bench, logs, surroundings)
