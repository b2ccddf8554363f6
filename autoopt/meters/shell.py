"""Takes samples by running the metric command in a clean checkout."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.meters import extract
from autoopt.processes import OUTPUT_CAP, Completed, Order, complaint, cut_short, failure, run_together
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.cores import halves
from autoopt.processes.environment import read_regular
from autoopt.records import Failure, Sample
from autoopt.schema import Extraction, MetricConfig

FIRST_LIMIT_S = 3600.0
"""For the first execution of all, when nothing is known."""
SHORTEST_LIMIT_S = 10.0
"""However quick the baseline is: a loaded machine must not look like a hang."""
BASELINES = 2.0
"""How many times the baseline's slowest execution another one may take."""
FIRST_AGAIN = 5.0
"""How many times as long as others the first commit may take: it has ended before, so the machine is slow."""
TOGETHER = 2.0
"""How many times as long as alone an execution may take beside another one: it has half of the machine."""
COLD = 2.0
"""How many times what is hopeless a warm-up may take: caches are filled in it."""
SEARCHED = 1 << 20
"""Bytes at the beginning and at the end of the output in which the number is looked for."""
_WARMUP = "warmup"
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
            UsageError: `metric.extract` cannot give a number, or `metric.duet` has one processor only.
        """
        extract.check(config.extract)
        if config.duet:
            check_processors()
        self._config = config
        # Without a number to read, a program that fails at once at the head of a pipe would look quick.
        timed = config.extract.kind in _TIMED
        self._command = f"set -o pipefail\n{config.command}" if timed else config.command
        self._arms = arms
        self._slowest_s = baseline_wall_s
        self._first = "" if baseline_wall_s is not None else None

    def sample(self, commit: str, seed: int, limit_s: float | None = None) -> Sample | Failure:
        """Run the metric command once in the commit's checkout; prepares and warms it up when needed.

        Args:
            limit_s: Wall seconds after which it is hopeless (`Failure.over_s`); a warm-up gets `COLD` times
                as long.
        """
        with self._arms.turns.measuring():
            return self._sample(commit, seed, limit_s)

    def _sample(self, commit: str, seed: int, limit_s: float | None) -> Sample | Failure:
        arm = self._warm(commit, seed, None if limit_s is None else COLD * limit_s)
        if isinstance(arm, Failure) and arm.over_s is not None:
            return replace(arm, over_s=limit_s)
        return arm if isinstance(arm, Failure) else self._execute(arm, commit, seed, "sample", limit_s)

    def duet(self, one: str, other: str, seed: int) -> tuple[Sample | Failure, Sample | Failure]:
        """Run the metric command once in both commits' checkouts at the same moment.

        Each is kept to a half of the processors; which half, and who is told first to start, is random.
        Where one cannot be prepared or warmed up, the other runs alone, to show who is to blame.
        """
        if one == other:
            raise ValueError("a duet takes two commits: each has one checkout, and two runs would share it")
        with self._arms.turns.measuring():
            return self._duet(one, other, seed)

    def _duet(self, one: str, other: str, seed: int) -> tuple[Sample | Failure, Sample | Failure]:
        arms: dict[str, Arm] = {}
        for commit in (one, other, one):  # the second may have displaced or aged the first
            arm = self._warm(commit, seed)
            if isinstance(arm, Failure):
                return (arm, self.sample(other, seed)) if commit == one else (self.sample(one, seed), arm)
            arms[commit] = arm
        order = random.sample(sorted(arms), 2)
        taken = dict(zip(order, self._execute_together([arms[name] for name in order], seed), strict=True))
        return taken[one], taken[other]

    def _warm(self, commit: str, seed: int, limit_s: float | None = None) -> Arm | Failure:
        """The commit's checkout, prepared and warmed up."""
        arm = self._arms.ready(commit)
        mark = f"warmed up {commit} for {self._command}"  # other meters share the checkouts
        if isinstance(arm, Failure) or arm.remembers(mark):
            return arm
        for _ in range(self._config.warmups):
            taken = self._execute(arm, commit, seed, _WARMUP, limit_s)
            if isinstance(taken, Failure):
                return taken
        arm.note(mark)
        return arm

    def _execute(
        self, arm: Arm, commit: str, seed: int, what: str, limit_s: float | None = None
    ) -> Sample | Failure:
        """Run the metric command once and read the number."""
        order = self._order(arm, seed, what, self._limit_s(commit))
        if stale := self._forget_file(order):
            self._arms.logs.close(order.logs, failed=True)
            return stale
        hopeless = limit_s is not None and (order.timeout_s is None or limit_s < order.timeout_s)
        order = replace(order, timeout_s=limit_s) if hopeless else order
        done = run_together([order])[0]
        taken = self._close(order, done, seed)
        if isinstance(taken, Sample):
            self._learn(commit, taken.wall_s)
        elif hopeless and done.timed_out:
            return replace(taken, over_s=limit_s)
        return taken

    def _execute_together(self, arms: Sequence[Arm], seed: int) -> list[Sample | Failure]:
        """Run the metric command in two checkouts at the same moment, each on its share of the processors."""
        limit_s = self._limit_s() * (1.0 if self._config.timeout_s is not None else TOGETHER)
        orders = [
            replace(self._order(arm, seed, "duet", limit_s), cores=share)
            for arm, share in zip(arms, random.sample(_shares(), 2), strict=True)
        ]
        stale = [self._forget_file(order) for order in orders]
        taken = [self._close(*run, seed) for run in zip(orders, run_together(orders), strict=True)]
        return [old or new for old, new in zip(stale, taken, strict=True)]

    def _order(self, arm: Arm, seed: int, what: str, timeout_s: float) -> Order:
        return self._arms.order(
            arm,
            self._command,
            what,
            timeout_s,
            further={"AUTOOPT_SEED": str(seed)},
            measured=what != _WARMUP,
        )

    def _close(self, order: Order, done: Completed, seed: int) -> Sample | Failure:
        """The number of an execution that is over; its logs are put away."""
        taken = self._read(order.cwd, done, seed)
        self._arms.logs.close(order.logs, failed=isinstance(taken, Failure))
        return taken

    def _forget_file(self, order: Order) -> Failure | None:
        """Remove the file with the number, which must come from the execution that follows."""
        file = self._config.extract.file
        try:
            if file is not None:
                (order.cwd / file).unlink(missing_ok=True)
        except OSError as error:
            return Failure(reason=f"metric.extract.file: {file} is there and stays: {error.strerror}")
        return None

    def _limit_s(self, commit: str | None = None) -> float:
        if self._config.timeout_s is not None:
            return self._config.timeout_s
        if self._slowest_s is None:
            return FIRST_LIMIT_S
        times = FIRST_AGAIN if commit is not None and commit == self._first else 1.0
        return times * max(SHORTEST_LIMIT_S, BASELINES * self._slowest_s)

    def _learn(self, commit: str, wall_s: float) -> None:
        """The first commit that is measured sets the limit for all others."""
        self._first = commit if self._first is None else self._first
        if commit == self._first:
            self._slowest_s = max(self._slowest_s or 0.0, wall_s)

    def _read(self, tree: Path, done: Completed, seed: int) -> Sample | Failure:
        config = self._config.extract
        # A command whose exit code is the number may end with any, but must have ended by itself.
        reason = (cut_short if config.kind is Extraction.exit_code else complaint)(done)
        if reason is not None:
            return failure(done, f"metric.command: {reason}")
        output = self._output(tree, done)
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
            leftovers=done.leftovers,
        )

    def _output(self, tree: Path, done: Completed) -> extract.Output:
        config = self._config.extract
        part = OUTPUT_CAP if config.kind in _WHOLE else SEARCHED
        file = None if config.file is None else read_regular(tree / config.file, OUTPUT_CAP)
        return extract.Output(
            stdout=_ends(done.stdout, part),
            stderr=_ends(done.stderr, part),
            file=None if file is None else file.decode("utf-8", "replace"),
            code=done.code,
            wall_s=done.wall_s,
            cpu_s=done.cpu_s,
            peak_bytes=done.peak_bytes,
        )


def check_processors() -> None:
    """See that there are enough for two commits at once.

    Raises:
        UsageError: there is one only.
    """
    _shares()


def _shares() -> list[Collection[int]]:
    """The processors of this machine in two shares.

    Raises:
        UsageError: it has one only.
    """
    if (shares := halves()) is None:
        raise UsageError(
            "metric.duet runs two commits at once, and there is one processor here: set metric.duet=no."
        )
    return list(shares)


def _ends(path: Path, part: int) -> str:
    """The text of a log; of a long one the beginning and the end."""
    with path.open("rb") as file:
        data = file.read(2 * part)
        size = path.stat().st_size
        if size > 2 * part:
            file.seek(size - part)
            data = data[:part] + b"\n" + file.read(part)
    return data.decode("utf-8", "replace")
