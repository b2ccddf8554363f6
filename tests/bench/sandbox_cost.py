"""What a sandbox adds to each command: `python -m tests.bench.sandbox_cost [--rounds 200]`.

Runs `true` by every means that works here, in turns, beside the same without one. The least of many is the
fair figure on a busy machine; the table shows the median too. The first columns are of the whole call, the
last two of what counts as the command's own wall and processor time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from autoopt.processes import Completed, run
from autoopt.processes.sandbox import credentials, landlock
from autoopt.processes.walls import Kind, Mechanism, Walls

LIMIT_MS = 10.0


def main() -> int:
    """Measure and print; 1 when a means adds more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        taken = measured(Path(place), rounds)
    plain = min(total for total, _ in taken["none"])
    print(f"user {os.geteuid()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {rounds} rounds; ms")
    print(f"{'means':<22}{'least':>8}{'median':>8}{'adds':>8}{'wall':>8}{'cpu':>8}")
    worst = 0.0
    for name, results in taken.items():
        totals = [total for total, _ in results]
        wall, cpu = min(done.wall_s for _, done in results), min(done.cpu_s for _, done in results)
        figures = (min(totals), median(totals), min(totals) - plain, wall, cpu)
        worst = max(worst, 1e3 * (min(totals) - plain))
        print(f"{name:<22}" + "".join(f"{1e3 * figure:8.2f}" for figure in figures))
    return int(worst > LIMIT_MS)


def measured(place: Path, rounds: int) -> dict[str, list[tuple[float, Completed]]]:
    """The time of each call and what it reported, by means."""
    for name in ("in", "tmp"):
        (place / name).mkdir()
    all_walls = {str(one.kind): walls(one, place) for one in means()}
    found: dict[str, list[tuple[float, Completed]]] = {name: [] for name in all_walls}
    for _ in range(rounds):
        for name, one in all_walls.items():
            began = perf_counter()
            done = run(
                "true",
                cwd=place / "in",
                env={"PATH": os.defpath},
                timeout_s=60,
                logs=place / "logs",
                walls=one,
            )
            found[name].append((perf_counter() - began, done))
    return found


def means() -> Iterator[Mechanism]:
    """All that may be compared here."""
    yield Mechanism(kind=Kind.NONE)
    if program := shutil.which("bwrap"):
        for kind in (Kind.BUBBLEWRAP, Kind.BUBBLEWRAP_HOST_PROC, Kind.BUBBLEWRAP_HOST_PIDS):
            yield Mechanism(kind=kind, program=program)
    if sys.platform == "linux" and landlock.version():
        yield Mechanism(kind=Kind.LANDLOCK)


def walls(one: Mechanism, place: Path) -> Walls:
    """What a metric command usually gets."""
    return Walls(
        mechanism=one, writable=(place / "in",), hidden=credentials(dict(os.environ)), tmp=place / "tmp"
    )


if __name__ == "__main__":
    sys.exit(main())
