"""What Spark's event log says of a job: sums over its tasks, its stages, and the plans of its queries."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoopt.errors import ResourceError, UsageError

_SQL = "org.apache.spark.sql.execution.ui.SparkListenerSQL"
_WANTED = (
    *("SparkListenerTaskEnd", "SparkListenerJobStart", "SparkListenerJobEnd", "SparkListenerStageCompleted"),
    *(f"{_SQL}ExecutionStart", f"{_SQL}ExecutionEnd", f"{_SQL}AdaptiveExecutionUpdate"),
)
_HEADS = tuple(f'{{"Event":"{name}"' for name in _WANTED)
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Milliseconds since 1970 between which the job ran once."""

    begin: float
    end: float

    def contains(self, at: float) -> bool:
        """Whether something began in it; the log has whole milliseconds."""
        return self.begin - 1 <= at <= self.end + 1


@dataclass(slots=True, kw_only=True)
class Log:
    """The events of one application, or of one session of a server.

    Attributes:
        tasks: A `TaskEnd` event each.
        stages: By id: the completed stage.
        plans: By execution: what it is, and its last formatted plan.
        spans: By execution: begin and end, in milliseconds.
    """

    tasks: list[dict[str, Any]] = field(default_factory=list)
    stages: dict[int, dict[str, Any]] = field(default_factory=dict)
    plans: dict[int, str] = field(default_factory=dict)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)

    def numbers(self, window: Window) -> dict[str, float]:
        """Sums over the tasks that were launched in the window."""
        tasks = [task for task in self.tasks if window.contains(task["Task Info"]["Launch Time"])]
        metrics = [task.get("Task Metrics") or {} for task in tasks]
        reads = [one.get("Shuffle Read Metrics", {}) for one in metrics]
        return {
            "executor_run_s": _sum(metrics, "Executor Run Time") / 1e3,
            "executor_cpu_s": _sum(metrics, "Executor CPU Time") / 1e9,
            "shuffle_read_bytes": _sum(reads, "Remote Bytes Read") + _sum(reads, "Local Bytes Read"),
            "shuffle_write_bytes": _sum(_parts(metrics, "Shuffle Write Metrics"), "Shuffle Bytes Written"),
            "spill_bytes": _sum(metrics, "Disk Bytes Spilled"),
            "input_bytes": _sum(_parts(metrics, "Input Metrics"), "Bytes Read"),
            "output_bytes": _sum(_parts(metrics, "Output Metrics"), "Bytes Written"),
            "tasks": len(tasks),
            "stages": len({(task["Stage ID"], task["Stage Attempt ID"]) for task in tasks}),
        }


def _parts(metrics: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one.get(name, {}) for one in metrics]


def _sum(metrics: list[dict[str, Any]], name: str) -> int:
    return sum(one.get(name, 0) for one in metrics)


def read(directory: Path, since_ms: float = 0, session: str = "") -> Log:
    """What the logs in a directory say that were written to since then.

    Args:
        directory: Spark's `spark.eventLog.dir`: files, or directories `eventlog_v2_*` of rolled ones.
        since_ms: Milliseconds since 1970.
        session: Only what this session of a Spark Connect server did; everything when empty.
    """
    log, mine = Log(), set[int]()
    for event in _events(directory, since_ms):
        _note(log, event, mine, session)
    return log


def read_until(directory: Path, since_ms: float, session: str, tag: str) -> Log:
    """The same once a job with this tag is in the log, and so everything before it.

    Raises:
        UsageError: it does not appear: the server writes its log elsewhere, or none.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        ended = {event.get("Job ID") for event in _events(directory, since_ms) if _is(event, "JobEnd")}
        if any(event["Job ID"] in ended for event in _events(directory, since_ms) if _tagged(event, tag)):
            return read(directory, since_ms, session)
        time.sleep(0.3)
    raise UsageError(
        f"options.event_log: this session is not in {directory} after {_PATIENCE_S:g} s; give the server's "
        "spark.eventLog.dir, and start the server with spark.eventLog.enabled=true."
    )


def _is(event: Mapping[str, Any], name: str) -> bool:
    return bool(event["Event"] == f"SparkListener{name}")


def _tagged(event: Mapping[str, Any], text: str) -> bool:
    return _is(event, "JobStart") and text in (event.get("Properties") or {}).get("spark.job.tags", "")


def _note(log: Log, event: dict[str, Any], mine: set[int], session: str) -> None:
    if _is(event, "JobStart") and (not session or _tagged(event, session)):
        mine.update(event["Stage IDs"])
    elif _is(event, "TaskEnd") and event["Stage ID"] in mine:
        log.tasks.append(event)
    elif _is(event, "StageCompleted") and event["Stage Info"]["Stage ID"] in mine:
        log.stages[event["Stage Info"]["Stage ID"]] = event["Stage Info"]
    elif event["Event"] == f"{_SQL}ExecutionStart" and session in json.dumps(event):
        log.plans[event["executionId"]] = event["physicalPlanDescription"]
        log.spans[event["executionId"]] = (event["time"], event["time"])
    elif event["Event"] == f"{_SQL}AdaptiveExecutionUpdate" and event["executionId"] in log.plans:
        log.plans[event["executionId"]] = event["physicalPlanDescription"]
    elif event["Event"] == f"{_SQL}ExecutionEnd" and event["executionId"] in log.spans:
        log.spans[event["executionId"]] = (log.spans[event["executionId"]][0], event["time"])


def _events(directory: Path, since_ms: float) -> Iterator[dict[str, Any]]:
    for path in _files(directory):
        if path.stat().st_mtime * 1e3 < since_ms:
            continue
        for line in _lines(path):
            if line.startswith(_HEADS):
                try:
                    yield json.loads(line)
                except ValueError:
                    return  # the last line of a log that is being written may be torn


def _files(directory: Path) -> list[Path]:
    """The logs, those of one application in the order they were written."""
    plain = [path for path in directory.iterdir() if path.is_file() and not path.name.startswith(".")]
    rolled = directory.glob("eventlog_v2_*/events_*")
    return [
        *sorted(plain),
        *sorted(rolled, key=lambda path: (path.parent.name, int(path.name.split("_")[1]))),
    ]


def _lines(path: Path) -> Iterator[str]:
    ending = path.name.removesuffix(".inprogress").rpartition(".")[2]
    if ending in {"lz4", "lzf", "snappy"}:
        raise UsageError(
            f"{path.name}: event logs compressed by {ending} cannot be read here; "
            "set spark.eventLog.compression.codec=zstd or spark.eventLog.compress=false."
        )
    if ending in {"zstd", "zst"}:
        yield from _compressed(path)
    else:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file


def _compressed(path: Path) -> Iterator[str]:
    """The lines of a file that may still be written to."""
    try:
        import pyarrow
    except ImportError as error:
        raise ResourceError(
            "reading a compressed event log needs pyarrow: pip install 'pyspark[connect]', or set "
            "spark.eventLog.compress=false."
        ) from error
    rest = b""
    with pyarrow.input_stream(str(path), compression="zstd") as stream:
        while block := stream.read(1 << 20):
            *lines, rest = (rest + block).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in lines)
