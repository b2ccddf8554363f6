"""A run as MLflow has them: one parent run, and each experiment a nested one.

Everything is found again by tags (`autoopt.run`, `autoopt.experiment`), so that exporting a second time adds
what is new and doubles nothing. A number that was written is never written again: MLflow keeps every value it
is given.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoopt.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

OPTION = "--to mlflow"
_EXTRA = "pip install 'autoopt[mlflow]'"
_RUN, _EXPERIMENT, _DONE = "autoopt.run", "autoopt.experiment", "autoopt.exported"
_PARENT, _NOTE = "mlflow.parentRunId", "mlflow.note.content"
_COMMIT = "mlflow.source.git.commit"
_LONGEST_VALUE, _LONGEST_TAG, _LONGEST_KEY = 500, 5000, 250
_NUMBERS = (
    "gain",
    "gain_low",
    "gain_high",
    "probability",
    "pairs",
    "lines_added",
    "lines_removed",
    "cost_usd",
)
_TEXTS = ("description", "hypothesis", "area", "source", "why")
_STATES = {"crash": "FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What became of an export.

    Attributes:
        where: The tracking store's address.
        run: The parent run's id there.
        added: How many experiments were new.
        known: How many were there already.
    """

    where: str
    run: str
    added: int
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What is told of the run itself.

    Attributes:
        name: Its id; `repository` and this are what it is found by again.
        experiment: The MLflow experiment it belongs to.
        artifacts: Where that one's files go, if it has to be made; None for the store's own place.
        parameters: Its settings.
        numbers: Its result.
        files: Reports and records to attach.
    """

    name: str
    repository: str
    experiment: str
    artifacts: str | None = None
    note: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    files: Sequence[Path] = ()


def export(whole: Whole, rows: Sequence[Mapping[str, Any]], uri: str) -> Exported:
    """Write the run and its experiments to a tracking store.

    Args:
        uri: The store's address.

    Raises:
        UsageError: MLflow is not installed, or the store cannot be used.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it reports its use unless told not to
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own 7 take minutes
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise UsageError(f"export {OPTION}: the package mlflow is missing: {_EXTRA}.") from error
    for name in ("mlflow", "alembic"):  # what they say of tables they make is of no use
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        return _exported(mlflow.MlflowClient(tracking_uri=uri), whole, rows)
    except MlflowException as error:
        raise UsageError(f"export {OPTION}: {_reason(error)}") from error
    except ImportError as error:
        raise UsageError(f"export {OPTION}: {error.name} is missing for this store: {_EXTRA}.") from error
    except OSError as error:
        raise ResourceError(f"export {OPTION}: {_reason(error)}") from error


def _exported(client: MlflowClient, whole: Whole, rows: Sequence[Mapping[str, Any]]) -> Exported:
    place = _experiment(client, whole)
    parent = _parent(client, place, whole)
    there = _nested(client, place, parent.info.run_id)
    added = 0
    for row in rows:
        known = there.get(str(row["number"]))
        if known is None or known.data.tags.get(_DONE) != "yes":
            _write(client, known or _begin(client, place, parent, whole, row), row)
            added += 1
    _tell(client, parent.info.run_id, whole, rows)
    return Exported(where=client.tracking_uri, run=parent.info.run_id, added=added, known=len(rows) - added)


def _experiment(client: MlflowClient, whole: Whole) -> str:
    """The id of the MLflow experiment that the run belongs to, made where there is none."""
    name = _searchable(whole.experiment)
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=whole.artifacts))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _parent(client: MlflowClient, place: str, whole: Whole) -> Run:
    """The run that stands for the whole one."""
    tags = {_RUN: whole.name, "autoopt.repository": _searchable(whole.repository)}
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    found = [one for one in client.search_runs([place], wanted) if _PARENT not in one.data.tags]
    return found[0] if found else client.create_run(place, tags=tags, run_name=whole.name)


def _nested(client: MlflowClient, place: str, parent: str) -> dict[str, Run]:
    """The experiments that are there already, by their numbers."""
    found: dict[str, Run] = {}
    token: str | None = None
    while True:
        page = client.search_runs([place], f"tags.`{_PARENT}` = '{parent}'", page_token=token)
        found |= {one.data.tags.get(_EXPERIMENT, ""): one for one in page}
        token = page.token
        if not token:
            return found


def _begin(client: MlflowClient, place: str, parent: Run, whole: Whole, row: Mapping[str, Any]) -> Run:
    name = f"#{row['number']} {row['status']}"
    tags = {_PARENT: parent.info.run_id, _EXPERIMENT: str(row["number"]), _RUN: whole.name}
    return client.create_run(place, tags=tags, run_name=name)


def _write(client: MlflowClient, run: Run, row: Mapping[str, Any]) -> None:
    """What is known of an experiment, in one batch; the mark that it is whole comes last."""
    from mlflow.entities import Metric, Param, RunTag

    when = run.info.start_time
    texts = {f"autoopt.{name}": row[name] for name in ("status", *_TEXTS) if row[name]}
    texts |= {_COMMIT: row["commit"], _NOTE: _note(row)}
    samples = [Metric("sample", value, when, step) for step, value in enumerate(row["challenger"])]
    client.log_batch(
        run.info.run_id,
        metrics=[*(Metric(name, value, when, 0) for name, value in _measured(row).items()), *samples],
        params=[Param(name, _value(value)) for name, value in keyed(row["parameters"]).items()],
        tags=[RunTag(name, str(text)[:_LONGEST_TAG]) for name, text in texts.items() if text],
    )
    client.set_terminated(run.info.run_id, _STATES.get(row["status"], "FINISHED"))
    client.set_tag(run.info.run_id, _DONE, "yes")


def _tell(client: MlflowClient, parent: str, whole: Whole, rows: Sequence[Mapping[str, Any]]) -> None:
    """What is known of the run as a whole by now."""
    from mlflow.entities import Metric, Param

    now = client.get_run(parent)
    known, history = now.data.params, {one.step for one in _history(client, parent, now)}
    when = now.info.start_time
    steps = [
        Metric("incumbent", value, when, number)
        for number, value in _incumbents(rows)
        if number not in history
    ]
    results = [
        Metric(_key(name), value, when, 0)
        for name, value in whole.numbers.items()
        if now.data.metrics.get(_key(name)) != value
    ]
    params = [
        Param(_key(name), _value(value))
        for name, value in whole.parameters.items()
        if _key(name) not in known
    ]
    client.log_batch(parent, metrics=[*steps, *results], params=params[:100])
    client.set_tag(parent, _NOTE, whole.note[:_LONGEST_TAG])
    for path in whole.files:
        client.log_artifact(parent, str(path))
    client.set_terminated(parent, "FINISHED")


def _history(client: MlflowClient, parent: str, now: Run) -> Sequence[Any]:
    return client.get_metric_history(parent, "incumbent") if "incumbent" in now.data.metrics else ()


def _incumbents(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, float]]:
    """The best so far after each experiment, as it was measured when it was kept."""
    best: float | None = None
    for row in rows:
        if row["status"] in ("baseline", "keep", "follow") and row["value"] is not None:
            best = row["value"]
        if best is not None:
            yield row["number"], best


def _measured(row: Mapping[str, Any]) -> dict[str, float]:
    found = {"value": row["value"], **{name: row[name] for name in _NUMBERS}}
    found |= {f"seconds.{name}": seconds for name, seconds in row["seconds"].items()}
    found |= {name: number for name, number in row["numbers"].items() if name not in found}
    found = keyed(found)
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def _note(row: Mapping[str, Any]) -> str:
    said = (row["description"], row["hypothesis"], row["why"])
    return "\n\n".join(str(text) for text in said if text)


def keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by names that MLflow allows, of which no two are one."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = _key(name)
        ends = (f"{key[: _LONGEST_KEY - 8]}_{place}" for place in count(2))
        found[key if key not in found else next(end for end in ends if end not in found)] = value
    return found


def _key(name: str) -> str:
    """The name with what MLflow allows in one: it may become a path."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "_-. /" else "_" for c in name)
    steps = (step if step.strip(". ") else "_" for step in plain[:_LONGEST_KEY].split("/"))
    return "/".join(steps)


def _value(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:_LONGEST_VALUE]


def _searchable(text: str) -> str:
    """The text without what ends a text where MLflow searches for it."""
    return re.sub("""['"`\\\\]""", "_", text)


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
