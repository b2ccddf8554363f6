"""Signals as at a terminal, no deadlines for generated examples (machines may be busy), quiet logging."""

import atexit
import contextlib
import logging
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.survivors import alive

for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:  # as in a background job, which every test would inherit
        signal.signal(number, handler)

# Runs of tests that go on at the same moment need not wait for each other, nor for a run of the developer's.
os.environ["AUTOOPT_TURNS"] = tempfile.mkdtemp(prefix="autoopt-tests-turns-")
atexit.register(shutil.rmtree, os.environ["AUTOOPT_TURNS"], ignore_errors=True)

settings.register_profile("autoopt", deadline=None)
settings.load_profile("autoopt")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a program run inside the test did to the root logger: its stream is closed after the test."""
    root = logging.getLogger()
    level, before = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [one for one in root.handlers if one not in before]:
        if not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)


@pytest.fixture
def mark() -> Iterator[str]:
    """A word for the command lines of a test's processes, by which survivors are found and removed."""
    word = f"mark-{uuid.uuid4().hex}"
    yield word
    for pid in alive(word):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
