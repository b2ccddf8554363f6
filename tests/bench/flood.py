"""A command that prints without end: it is ended at the cap, and autoopt does not grow by what it read.

    python -m tests.bench.flood [--megabytes 10000]

Printed is how much the command had written when it was ended, and by how much autoopt's own resident memory
grew.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autoopt import processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """How it ended.

    Attributes:
        grown_mb: What autoopt's memory grew by, at its highest.
        kept_mb: Size of the log.
    """

    overflowed: bool
    wall_s: float
    grown_mb: float
    kept_mb: float


def flood(folder: Path, megabytes: int) -> Flood:
    """Run a command that would print so much."""
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    processes.run("true", cwd=folder, env=environment, timeout_s=None, logs=folder / "first")  # all is loaded
    before = _peak_mb()
    done = processes.run(
        f"head -c {megabytes}M /dev/zero | tr '\\\\0' x",
        cwd=folder,
        env=environment,
        timeout_s=600.0,
        logs=folder / "logs",
    )
    return Flood(
        overflowed=done.overflowed,
        wall_s=done.wall_s,
        grown_mb=_peak_mb() - before,
        kept_mb=done.stdout.stat().st_size / 1e6,
    )


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Print what came of it; exit code 1 when memory grew by 20 MB or the command was not ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = flood(Path(name), given.megabytes)
    ended = "ended at the cap" if found.overflowed else "NOT ended"
    print(f"{given.megabytes} MB of output: {ended} after {found.wall_s:.2f} s, {found.kept_mb:.0f} MB kept")
    print(f"autoopt's memory grew by {found.grown_mb:.1f} MB")
    sys.exit(0 if found.overflowed and found.grown_mb < 20 else 1)


if __name__ == "__main__":
    main()
