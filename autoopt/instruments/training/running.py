"""Running the training: its output is passed on while it runs, and the numbers in it are remembered."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter

from autoopt.errors import UsageError
from autoopt.instruments.training import scores

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(slots=True)
class Training:
    """What one execution of the training left.

    Attributes:
        wall_s: Seconds from start to end.
        series: The numbers it said, by name.
    """

    wall_s: float = 0.0
    series: dict[str, scores.Series] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        """Remember the numbers of a line."""
        for name, value in scores.said(line):
            if name not in self.series and len(self.series) >= scores.MOST_NAMES:
                continue
            self.series.setdefault(name, scores.Series(value)).add(value)


def environment(environ: Mapping[str, str], folds: int | None) -> dict[str, str]:
    """The training's environment.

    Packages are read compiled from beside their sources, as outside, and nothing is written there: a private
    cache would have every commit compile scikit-learn again, and a shared one could give a commit the code of
    another. With folds, consecutive seeds are the folds of one split, then of the next.
    """
    given = {**environ, "PYTHONPYCACHEPREFIX": "", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    if folds is None:
        return given
    split, fold = divmod(_seed(environ), folds)
    return {**given, "AUTOOPT_SEED": str(split), "AUTOOPT_FOLD": str(fold), "AUTOOPT_FOLDS": str(folds)}


def _seed(environ: Mapping[str, str]) -> int:
    text = environ.get("AUTOOPT_SEED", "0")
    if not text.isdecimal():
        raise UsageError(f"AUTOOPT_SEED is {text!r}, which is no whole number; leave it to autoopt.")
    return int(text)


def train(command: str, environ: Mapping[str, str], tell: Callable[[str], None]) -> Training:
    """Run the training; every line of its output is told as it comes.

    No supervisor here: whoever runs the instrument has one, and it ends all of its descendants.

    Raises:
        UsageError: it did not end with exit code 0.
    """
    done, last, begin = Training(), "", perf_counter()
    with subprocess.Popen(
        ["bash", "-c", f"set -o pipefail\n{command}"],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            for line in _lines(raw):
                tell(line)
                done.hear(line)
                last = line.strip() or last
    done.wall_s = perf_counter() - begin
    if process.returncode:
        raise UsageError(f"the training ended with exit code {process.returncode}: {last}")
    return done


def _lines(raw: bytes) -> list[str]:
    """The lines that a terminal would have shown one after the other; progress bars go back in one."""
    text = _ESCAPES.sub("", raw.decode("utf-8", "replace")).rstrip("\r\n")
    return text.split("\r")


def relay(line: str) -> None:
    """Show a line on the standard error; indented where it would be taken for one of our own numbers."""
    print(f"  {line}" if line.startswith("METRIC") else line, file=sys.stderr, flush=True)
