"""Bringing a run home: sent after each keep and at the end, where its repository came from an address.

What cannot be sent is told in a line and tried again: the run and its records are on this machine whatever
happens to the network.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from autoopt import journal
from autoopt.assemble import keeping
from autoopt.errors import AutooptError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.records import Experiment, Status
from autoopt.schema import Config
from autoopt.workspaces.clones import origin_of
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.sending import Sender
from autoopt.workspaces.transport import AwayError, Transport

_EVERY_S = 300.0
"""How old what is known there may become while nothing is kept."""
_PATIENCE_S = 20.0
"""How long the run waits for one sending before it goes on beside it."""
_PAUSES_S = (1.0, 3.0, 10.0, 30.0)
"""Between the tries at the end."""


class Post:
    """Sends one run, one sending at a time."""

    def __init__(self, sender: Sender, record: Journal, console: Console) -> None:
        """Nothing is sent yet."""
        self._sender = sender
        self._record = record
        self._console = console
        self._sent_at = time.monotonic()
        self._kept = _keeps(record.history)
        self._trouble: AutooptError | None = None
        self._told = ""
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Take the run's names there before anything is spent; only said where the run has begun already.

        Raises:
            AutooptError: nothing can be sent there.
        """
        try:
            self._sender.send()
        except AutooptError as error:
            if not self._record.history:
                raise
            self._tell(error)

    def news(self, history: Sequence[Experiment]) -> None:
        """Send where something was kept, or nothing was heard there for a while."""
        kept = _keeps(history)
        if kept != self._kept or time.monotonic() - self._sent_at > _EVERY_S:
            self._kept = kept
            self._send()

    def now(self) -> None:
        """Send all there is, once."""
        self._send()

    def end(self) -> None:
        """Send all there is, with some patience unless somebody has ended the run.

        A start that came to nothing leaves nothing there.
        """
        if not self._record.history:
            with suppress(AutooptError):  # what ended it is told
                self._sender.withdraw()
            return
        patient = not journal.was_cut_short(self._record.stopped)
        for pause_s in (*(_PAUSES_S if patient else ()), None):
            self._send()
            if not isinstance(self._trouble, AwayError) or pause_s is None:
                break
            time.sleep(pause_s)
        run_id = self._record.header["run_id"]
        if self._thread is not None or self._trouble is not None:
            self._say(f"Not sent to {self._sender.url}: autoopt resume {run_id} sends it.")
        else:
            self._say(f"Sent to {self._sender.url}: autoresearch/{run_id}; there: autoopt runs --fetch")

    def _send(self) -> None:
        """Send beside the run, which waits a while for it: a network may be slow, and a server hang."""
        if self._is_free():
            self._thread = threading.Thread(target=self._try, daemon=True)
            self._thread.start()
        if not self._is_free():
            self._tell(AwayError(f"{self._sender.url}: takes its time; the run goes on meanwhile."))
        elif self._trouble is not None:
            self._tell(self._trouble)

    def _is_free(self) -> bool:
        """Whether nothing is being sent, after some waiting."""
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                return False
            self._thread, self._sent_at = None, time.monotonic()
        return True

    def _try(self) -> None:
        self._trouble = AwayError(f"{self._sender.url}: sending was cut short.")  # until it is done
        try:
            self._sender.send()
        except (AutooptError, OSError) as error:
            self._trouble = error if isinstance(error, AutooptError) else AwayError(str(error))
        else:
            self._trouble = None

    def _tell(self, trouble: AutooptError) -> None:
        """Say it, once while it stays the same."""
        if self._told != str(trouble):
            self._told = str(trouble)
            self._say(f"not sent for now: {trouble}")

    def _say(self, line: str) -> None:
        with suppress(OSError):  # a closed terminal
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _keeps(history: Sequence[Experiment]) -> int:
    return sum(one.status is Status.keep for one in history)


@contextmanager
def posted(
    config: Config,
    files: RunFiles,
    layout: Layout,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
) -> Iterator[Callable[[Sequence[Experiment]], None]]:
    """Have the run sent where its repository came from, if anywhere: yields what is told of each experiment.

    Raises:
        AutooptError: a new run cannot be sent there.
    """
    post = _post(config, files, layout, record, console, environ)
    if post is None:
        yield lambda history: None
        return
    post.begin()
    try:
        yield post.news
    finally:
        post.end()


def send(
    config: Config,
    files: RunFiles,
    layout: Layout,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
) -> None:
    """Send the run as it is now, if its repository came from an address; what stands against it is told."""
    if (post := _post(config, files, layout, record, console, environ)) is not None:
        post.now()


def _post(
    config: Config,
    files: RunFiles,
    layout: Layout,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
) -> Post | None:
    origin = origin_of(Path(layout.control))
    if origin is None:
        return None
    redact, discards = keeping.secrets(config, environ).text, config.workspace.send_discards
    sender = Sender(layout, files, Transport(origin.url, environ), redact, discards=discards)
    return Post(sender, record, console)
