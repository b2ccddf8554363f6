"""A short run of what `python -m tests.bench.soak` does a thousand times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench import soak


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_does_not_grow_and_leaves_nothing(tmp_path: Path) -> None:
    found = soak.soak(tmp_path, experiments=25, files=200)

    assert found.code == 0
    assert found.experiments == 25
    assert found.grown_mb < 10
    assert found.descriptors[1] <= found.descriptors[0]
    assert found.zombies == 0
    assert found.left == ()
    assert found.cpu_ms < 200  # what clocks say depends on what else the machine does
