"""How long looking for a number may take."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autoopt.meters.formats import NoNumberError

SEARCH_S = 1.0
"""CPU seconds a regex may search."""
PARSE_S = 20.0
"""CPU seconds that reading JSON may take; 64 MB of it take two."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise after this much CPU time, which a catastrophic regex would exceed by ages.

    The regex engine asks for signals now and then, so a timer interrupts it. It counts CPU time, because a
    busy machine is no fault of the regex. Signals reach only the main thread; other threads are not limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(*_: object) -> None:
        raise NoNumberError(f"finding the number took more than {seconds:g} s; make metric.extract simpler")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
