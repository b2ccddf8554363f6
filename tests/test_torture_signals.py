"""Some of the ways in which `python -m tests.torture.signals` ends runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torture import signals


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_a_run_that_is_ended_leaves_nothing_running_and_goes_on(tmp_path: Path) -> None:
    assert signals.end_runs(tmp_path, ["interrupt", "terminate", "closed terminal"]) == []
