"""A small crowd of `python -m tests.torture.parallel`, and whether its judges notice what must not be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from torture import crowd_faults
from torture.crowd import crowd
from torture.parallel import Crowd, torture
from torture.scenarios import environment


def _shell(place: Path, script: str) -> None:
    subprocess.run(["sh", "-euc", script], cwd=place / "app", env=environment(place), check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_runs_that_are_killed_side_by_side_go_on_and_touch_nothing_of_each_other(tmp_path: Path) -> None:
    place, runs = tmp_path / "p", crowd(3, 5)
    found = Crowd(place=place, runs=runs, extras=[], kills=1, seed=3, pause_s=0.5)

    tally = torture(found, files=400, whole=False)

    assert tally.faults == []
    assert sum(tally.ends.values()) >= 2

    before = crowd_faults.snapshot(place / "app")
    _shell(place, "git branch mine && echo x > part0/v00")
    assert len(crowd_faults.changed(before, crowd_faults.snapshot(place / "app"))) >= 2
    _shell(place, "git update-ref refs/autoopt/r1/99 autoresearch/r0")
    _shell(place, "git update-ref refs/heads/autoresearch/r2 autoresearch/r2~0^{/start}")
    told = [" ".join(crowd_faults.run_faults(place, run, ends=9)) for run in runs]
    assert told[0] == ""
    assert "not in its scope" in told[1]
    assert "its branch has" in told[2]
    (journal,) = place.glob("state/autoopt/*/r0/journal.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"keep"', b'"discard"', 1))
    assert "does not follow" in " ".join(crowd_faults.run_faults(place, runs[0], ends=9))
