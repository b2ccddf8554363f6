"""Several runs of a command in a row: by hyperfine where it is installed, else by our own clock."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, stdev

from autoopt.errors import ResourceError, UsageError
from autoopt.instruments import shell


def timed(command: str, runs: int, warmup: int, timer: str, environ: Mapping[str, str]) -> dict[str, float]:
    """Seconds of the runs: their mean, median, smallest, largest and spread, and the mean of the CPU's.

    Args:
        timer: `hyperfine`, `own`, or `auto` for the first of them that is there.

    Raises:
        UsageError: a run failed.
        ResourceError: hyperfine is asked for and not installed.
    """
    program = shutil.which("hyperfine", path=environ.get("PATH"))
    if timer == "hyperfine" and program is None:
        raise ResourceError(
            "hyperfine is not installed (apt install hyperfine, brew install hyperfine, cargo install "
            "hyperfine); install it, or give options.timer=own."
        )
    if timer == "own" or program is None:
        return _own(command, runs, warmup, environ)
    return _hyperfine(program, command, runs, warmup, environ)


def _own(command: str, runs: int, warmup: int, environ: Mapping[str, str]) -> dict[str, float]:
    for _ in range(warmup):
        shell.succeed(command, environ)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    times = [shell.succeed(command, environ).wall_s for _ in range(runs)]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _summary(
        times, (after.ru_utime - before.ru_utime) / runs, (after.ru_stime - before.ru_stime) / runs
    )


def _hyperfine(
    program: str, command: str, runs: int, warmup: int, environ: Mapping[str, str]
) -> dict[str, float]:
    """The same, told by hyperfine, which takes off the time that its shell needs to start."""
    with tempfile.TemporaryDirectory(prefix="autoopt-timing-") as folder:
        export = Path(folder, "times.json")
        words = [program, "--style", "none", "--shell", "bash -o pipefail", "--export-json", str(export)]
        words += ["--runs", str(runs), "--warmup", str(warmup), "--", command]
        done = subprocess.run(
            words, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode:
            shell.succeed(command, environ)  # hyperfine hides why a command failed; once more, and it is told
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise UsageError(f"hyperfine: {said}")
        result = json.loads(export.read_text("utf-8"))["results"][0]
    return _summary(result["times"], result["user"], result["system"])


def _summary(times: Sequence[float], user_s: float, system_s: float) -> dict[str, float]:
    return {
        "mean_s": fmean(times),
        "median_s": median(times),
        "min_s": min(times),
        "max_s": max(times),
        "stddev_s": stdev(times),
        "user_s": user_s,
        "system_s": system_s,
        "runs": len(times),
    }
