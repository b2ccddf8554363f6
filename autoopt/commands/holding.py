"""Having a run to oneself: its lock, and nothing of an earlier process still at work on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autoopt import files as disk
from autoopt import journal
from autoopt.places import RunFiles
from autoopt.processes import leftovers


@contextmanager
def hold(files: RunFiles) -> Iterator[None]:
    """The run for this process alone; commands that a killed process of it has left are ended first.

    Raises:
        BusyError: another process has it open.
        ResourceError: such a command does not end.
    """
    with journal.held(files.state):
        leftovers.end(files.running)
        disk.sweep(files.state)
        yield
