"""Runs the job in a session that is there already, and says how long it took; in the Python that has PySpark.

The clock covers the job alone: not the start of the JVM and the session, nor their end. Where the job runs
more than once, the first run, which compiles and loads everything, is thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.errors import AutooptError, UsageError
from autoopt.instruments.spark import eventlog, fingerprint, notebook, profile, sessions
from autoopt.instruments.spark.engine import Engine, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command asks of the driver.

    Attributes:
        act: `run`, `inventory` or `profile`.
        job: Script or notebook.
        arguments: The script's own.
        engine: Where it runs.
        settings: Settings in force.
        outputs: What the job writes.
        repeats: Runs that count.
        events: Directory of the event log; empty when there is none to read.
        answer: File for the result, as JSON.
    """

    act: str
    job: str
    arguments: tuple[str, ...]
    engine: Engine
    settings: dict[str, str]
    outputs: tuple[str, ...]
    repeats: int
    events: str
    answer: str


def main(text: str) -> int:
    """Do what the request says; return the exit code. The answer, or what went wrong, goes into a file."""
    request = _request(json.loads(text))
    try:
        answer: dict[str, Any] = _Driver(request).answer()
    except (AutooptError, _JobFailedError) as error:
        answer = {"error": str(error)}
    Path(request.answer).write_text(json.dumps(answer))
    return 0


class _JobFailedError(Exception):
    """The job ended with an error; its traceback has been printed."""


def _request(found: dict[str, Any]) -> Request:
    engine = {**found.pop("engine")}
    kind = Kind(engine.pop("kind"))
    found["outputs"], found["arguments"] = tuple(found["outputs"]), tuple(found["arguments"])
    return Request(**found, engine=Engine(kind=kind, **engine))


class _Driver:
    """One request's work; keeps the session, which the job may stop."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._code = notebook.compiled(Path(request.job))
        self._begin_ms = time.time() * 1e3
        self._session = sessions.opened(request.engine, request.settings)
        self._id = getattr(self._session, "session_id", "") if request.engine.is_remote else ""

    def answer(self) -> dict[str, Any]:
        """Run the job and say what was asked for."""
        request = self._request
        runs = request.repeats + 1 if request.repeats > 1 else 1
        windows: list[eventlog.Window] = []
        known: dict[str, Any] = {}
        for _ in range(runs):
            window, known = self._once()
            windows.append(window)
        same = {}
        if request.act == "inventory":
            for name in request.outputs:
                same.update(fingerprint.of(self._open(), name, known))
        plans = list(profile.explained(known)) if request.act == "profile" and not request.events else []
        log = self._finished()
        counted = windows[-request.repeats :]
        return {
            "numbers": _numbers(counted, log),
            "same": same,
            "lines": [*profile.lines(log, counted[-1]), *plans] if request.act == "profile" else [],
        }

    def _open(self) -> Any:
        if sessions.is_over(self._session):
            self._session = sessions.opened(self._request.engine, self._request.settings)
        return self._session

    def _once(self) -> tuple[eventlog.Window, dict[str, Any]]:
        """One run of the job, by the clock; and its variables."""
        session = self._open()
        session.catalog.clearCache()
        for name in self._request.outputs:
            _remove(name)
        is_notebook = notebook.is_notebook(Path(self._request.job).read_text("utf-8-sig"))
        known = {"__name__": "__main__", "__file__": self._request.job, "__builtins__": __builtins__}
        known.update(notebook.names(session) if is_notebook else {})
        with _as_a_script(self._request):
            begin, started = time.time(), time.perf_counter()
            _execute(self._request.job, self._code, known)
            seconds = time.perf_counter() - started
        return eventlog.Window(begin=begin * 1e3, end=(begin + seconds) * 1e3), known

    def _finished(self) -> eventlog.Log | None:
        """End the session; what its event log says."""
        events, session = self._request.events, self._session
        if not self._request.engine.is_remote:
            if not sessions.is_over(session):
                session.stop()
            return eventlog.read(Path(events))
        log = None
        if events:
            tag = f"autoopt-end-{os.getpid()}-{time.time_ns()}"
            self._open().addTag(tag)
            self._session.range(1).count()
            log = eventlog.read_until(Path(events), self._begin_ms, self._id, tag)
        if not sessions.is_over(self._session):
            self._session.stop()
        return log


def _execute(job: str, code: Any, known: dict[str, Any]) -> None:
    try:
        exec(code, known)
    except notebook.NotebookExitError:
        pass
    except SystemExit as error:
        if error.code not in (None, 0):
            raise _JobFailedError(f"{job} ended with exit code {error.code}") from error
    except Exception as error:  # whatever it raises is told
        traceback.print_exc()
        first = str(error).strip().partition("\n")[0]
        raise _JobFailedError(f"{job} failed: {type(error).__name__}: {first}".rstrip(": ")) from error


@contextmanager
def _as_a_script(request: Request) -> Iterator[None]:
    """What a script sees of its own call."""
    path, argv = sys.path[:], sys.argv
    sys.path.insert(0, str(Path(request.job).resolve().parent))
    sys.argv = [request.job, *request.arguments]
    try:
        yield
    finally:
        sys.path[:], sys.argv = path, argv


def _remove(name: str) -> None:
    """Take away what an earlier run left, as the job might not overwrite it; in the checkout only."""
    here, path = Path.cwd().resolve(), Path(name.partition(":")[2] if ":" in name else name)
    if (
        path.is_absolute()
        or not path.exists()
        or not path.resolve().is_relative_to(here)
        or path.resolve() == here
    ):
        return
    if path.is_symlink():
        raise UsageError(f"options.output: {name} is a link; the job must write in its own checkout.")
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _numbers(windows: list[eventlog.Window], log: eventlog.Log | None) -> dict[str, float]:
    """The median of every number over the runs that count; of counts one that occurred."""
    found = [{"job_s": (window.end - window.begin) / 1e3} for window in windows]
    if log is not None:
        for numbers, window in zip(found, windows, strict=True):
            numbers.update(log.numbers(window))
    return {name: _median([one[name] for one in found]) for name in found[0]}


def _median(values: list[float]) -> float:
    is_count = all(isinstance(value, int) for value in values)
    return statistics.median_low(values) if is_count else statistics.median(values)
