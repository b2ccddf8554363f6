"""A few of the system calls that `python -m tests.torture.faults` fails one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from torture import faults, strace
from torture.faults import Failing


@pytest.mark.skipif(strace.missing() is not None, reason=str(strace.missing()))
def test_a_failing_call_is_told_in_one_line_and_the_run_can_be_gone_on_with(tmp_path: Path) -> None:
    calls, tally = faults.fail_calls(tmp_path, "queue", ["ENOSPC", "EIO", "EMFILE", "EACCES"], 5)

    assert calls > 1000
    assert tally.cases == 5
    assert tally.said > 0
    assert tally.faults == []


def test_failing_calls_are_spread_over_a_run_and_over_the_errors() -> None:
    found = [Failing(error, "write", when, "") for error in ("EIO", "ENOSPC") for when in range(100)]

    chosen = faults.spread(found, 8)

    assert [(one.error, one.when) for one in chosen] == [
        *(("EIO", when) for when in (12, 37, 62, 87)),
        *(("ENOSPC", when) for when in (12, 37, 62, 87)),
    ]
    assert faults.spread(found, 0) == found


def test_a_traceback_or_several_lines_are_complained_of() -> None:
    assert list(faults.complaints(0, "")) == []
    assert list(faults.complaints(4, "autoopt: the disk is full.\n")) == []
    assert list(faults.complaints(4, "one\ntwo\n"))
    assert list(faults.complaints(1, "Traceback (most recent call last):\n"))
