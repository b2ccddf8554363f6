"""The foot of a terminal that is drawn over again and again; what is printed meanwhile goes above it."""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, RLock, Thread

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.text import Text

from autoopt.reporters.live.screen import Size

TICK_S = 0.25
_REMEMBERED = 100
"""Lines above the region that a change of size may put back on the screen."""


def redraws(console: Console) -> bool:
    """Whether what was printed there can be drawn over; FORCE_COLOR makes no terminal of a pipe."""
    return console.is_terminal and not console.is_dumb_terminal and console.file.isatty()


class Region:
    """Draws lines at the foot of a terminal until it is closed; safe to call from several threads."""

    def __init__(
        self,
        console: Console,
        lines: Callable[[Size], list[Text]],
        trouble: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """Draw what `lines` makes for the room there is.

        Args:
            trouble: Told of an error in drawing; a run goes on without its picture.
        """
        self._console = console
        self._lines = lines
        self._trouble = trouble
        self._above: deque[Text] = deque(maxlen=_REMEMBERED)
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            get_renderable=lambda: _Drawn(self._lines, self),
        )
        self._size = console.size
        self._shown: list[Text] = []
        self._paused = False
        self._over = Event()
        self._lock = RLock()
        self._ticker = Thread(target=self._tick, name="autoopt-display", daemon=True)

    @property
    def size(self) -> Size:
        """The room there is; the last line of a terminal stays free, as the cursor is there."""
        size = self._console.size
        return Size(size.width, max(1, size.height - 1), self._console.encoding)

    def open(self) -> None:
        """Draw from now on."""
        self._live.start()
        atexit.register(self.close)  # whatever ends the process, the terminal gets its cursor back
        self._ticker.start()

    def refresh(self) -> None:
        """Draw what has changed, if anything has."""
        with self._lock:
            if self._paused or self._over.is_set():
                return
            if self._console.size != self._size:
                self._draw_anew()
            elif (lines := self._lines(self.size)) != self._shown:
                self._shown = lines
                self._live.refresh()

    def print(self, line: Text) -> None:
        """Leave a line above the region for good."""
        with self._lock:
            self._above.append(line)
            self._console.print(line)

    def close(self) -> None:
        """Give the terminal back; twice is once."""
        if self._over.is_set():
            return
        self._over.set()
        atexit.unregister(self.close)
        with self._lock:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to the block."""
        with self._lock:
            self._paused = True
            self._live.stop()
        try:
            yield
        finally:
            with self._lock:
                self._live.start()
                self._paused = False

    def _draw_anew(self) -> None:
        """Begin with an empty screen: terminals differ in what becomes of lines when their width changes."""
        self._live.stop()
        self._size = self._console.size
        self._console.clear()
        room = max(0, self._size.height - 1 - len(self._lines(self.size)))
        for line in list(self._above)[len(self._above) - room :] if room < len(self._above) else self._above:
            self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
        self._live.start(refresh=True)

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            try:
                self.refresh()
            # A closed terminal, a mistake in here: hours of measuring are worth more than a picture.
            except Exception as error:  # noqa: BLE001
                self._trouble(error)


class _Drawn:
    """The region as the console draws it."""

    def __init__(self, lines: Callable[[Size], list[Text]], region: Region) -> None:
        self._lines = lines
        self._region = region

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from self._lines(self._region.size)
