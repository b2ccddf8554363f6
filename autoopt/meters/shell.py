"""Takes samples by running the metric command in a clean checkout."""

from __future__ import annotations

from pathlib import Path

from autoopt.meters import extract
from autoopt.processes import OUTPUT_CAP, Completed, complaint, cut_short, failure, run
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.environment import read_regular
from autoopt.records import Failure, Sample
from autoopt.schema import Extraction, MetricConfig

FIRST_LIMIT_S = 3600.0
"""For the first execution of all, when nothing is known."""
SHORTEST_LIMIT_S = 10.0
"""However quick the baseline is: a loaded machine must not look like a hang."""
BASELINES = 2.0
"""How many times the baseline's slowest execution another one may take."""
SEARCHED = 1 << 20
"""Bytes at the beginning and at the end of the output in which the number is looked for."""
_TIMED = {Extraction.wall, Extraction.cpu, Extraction.peak_memory}
_WHOLE = {
    Extraction.json,
    Extraction.hyperfine,
    Extraction.pyperf,
    Extraction.pytest_benchmark,
    Extraction.asv,
    Extraction.junit,
    Extraction.coverage,
}


class ShellMeter:
    """The meter of a metric command."""

    def __init__(self, config: MetricConfig, arms: Arms, baseline_wall_s: float | None) -> None:
        """Measure in checkouts of `arms`.

        Args:
            config: What to run and how to read the number.
            arms: Where commits are checked out and prepared.
            baseline_wall_s: Slowest execution of the baseline, where an earlier process has measured it.

        Raises:
            UsageError: `metric.extract` cannot give a number.
        """
        extract.check(config.extract)
        self._config = config
        # Without a number to read, a program that fails at once at the head of a pipe would look quick.
        timed = config.extract.kind in _TIMED
        self._command = f"set -o pipefail\n{config.command}" if timed else config.command
        self._arms = arms
        self._slowest_s = baseline_wall_s
        self._first = "" if baseline_wall_s is not None else None

    def sample(self, commit: str, seed: int) -> Sample | Failure:
        """Run the metric command once in the commit's checkout; prepares and warms it up when needed."""
        arm = self._arms.ready(commit)
        if isinstance(arm, Failure):
            return arm
        if not arm.remembers(f"warmed up {commit}"):
            for _ in range(self._config.warmups):
                taken = self._execute(arm, commit, seed, "warmup")
                if isinstance(taken, Failure):
                    return taken
            arm.note(f"warmed up {commit}")
        return self._execute(arm, commit, seed, "sample")

    def _execute(self, arm: Arm, commit: str, seed: int, what: str) -> Sample | Failure:
        """Run the metric command once and read the number."""
        if stale := self._forget_file(arm):
            return stale
        logs = self._arms.logs.open(what)
        done = run(
            self._command,
            cwd=arm.tree,
            env={**arm.environment, "AUTOOPT_SEED": str(seed)},
            timeout_s=self._limit_s(),
            logs=logs,
        )
        taken = self._read(arm, done, seed)
        self._arms.logs.close(logs, failed=isinstance(taken, Failure))
        if isinstance(taken, Sample):
            self._learn(commit, taken.wall_s)
        return taken

    def _forget_file(self, arm: Arm) -> Failure | None:
        """Remove the file with the number, which must come from the execution that follows."""
        file = self._config.extract.file
        try:
            if file is not None:
                (arm.tree / file).unlink(missing_ok=True)
        except OSError as error:
            return Failure(reason=f"metric.extract.file: {file} is there and stays: {error.strerror}")
        return None

    def _limit_s(self) -> float:
        if self._config.timeout_s is not None:
            return self._config.timeout_s
        if self._slowest_s is None:
            return FIRST_LIMIT_S
        return max(SHORTEST_LIMIT_S, BASELINES * self._slowest_s)

    def _learn(self, commit: str, wall_s: float) -> None:
        """The first commit that is measured sets the limit for all others."""
        self._first = commit if self._first is None else self._first
        if commit == self._first:
            self._slowest_s = max(self._slowest_s or 0.0, wall_s)

    def _read(self, arm: Arm, done: Completed, seed: int) -> Sample | Failure:
        config = self._config.extract
        # A command whose exit code is the number may end with any, but must have ended by itself.
        reason = (cut_short if config.kind is Extraction.exit_code else complaint)(done)
        if reason is not None:
            return failure(done, f"metric.command: {reason}")
        output = self._output(arm, done)
        value = extract.extract(config, output)
        if isinstance(value, Failure):
            return failure(done, f"metric.command: {value.reason}")
        return Sample(
            value=value,
            wall_s=done.wall_s,
            cpu_s=done.cpu_s,
            peak_bytes=done.peak_bytes,
            seed=seed,
            details=extract.details(output),
        )

    def _output(self, arm: Arm, done: Completed) -> extract.Output:
        config = self._config.extract
        part = OUTPUT_CAP if config.kind in _WHOLE else SEARCHED
        file = None if config.file is None else read_regular(arm.tree / config.file, OUTPUT_CAP)
        return extract.Output(
            stdout=_ends(done.stdout, part),
            stderr=_ends(done.stderr, part),
            file=None if file is None else file.decode("utf-8", "replace"),
            code=done.code,
            wall_s=done.wall_s,
            cpu_s=done.cpu_s,
            peak_bytes=done.peak_bytes,
        )


def _ends(path: Path, part: int) -> str:
    """The text of a log; of a long one the beginning and the end."""
    with path.open("rb") as file:
        data = file.read(2 * part)
        size = path.stat().st_size
        if size > 2 * part:
            file.seek(size - part)
            data = data[:part] + b"\n" + file.read(part)
    return data.decode("utf-8", "replace")
