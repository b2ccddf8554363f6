"""MLflow as the source of the score: only runs that this very execution of the training made.

MLflow gives every run that `start_run` makes the tags in MLFLOW_RUN_CONTEXT, in this process and its
children. A tag that nobody else has therefore tells this training's runs from those of anyone who logs into
the same store at the same time, whichever experiment they belong to.
"""

from __future__ import annotations

import json
import logging
import math
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from autoopt.errors import UsageError
from autoopt.instruments.training import scores

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TAG = "autoopt.sample"
_CONTEXT = "MLFLOW_RUN_CONTEXT"
_URI = "MLFLOW_TRACKING_URI"
_PARENT = "mlflow.parentRunId"
_PAGE = 1000
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A tracking store.

    Attributes:
        uri: Where it is. Credentials are MLflow's own business: it looks for them in the environment.
    """

    uri: str

    @classmethod
    def at(cls, uri: str, environ: Mapping[str, str], tree: Path) -> Store:
        """The store that is named, else that of the environment, else the checkout's own.

        Raises:
            UsageError: MLflow is not installed.
        """
        if find_spec("mlflow") is None:
            raise UsageError("MLflow is not installed beside autoopt; pip install 'autoopt[mlflow]'.")
        own = Path(environ.get("AUTOOPT_SCRATCH") or tree).resolve() / "mlflow.db"
        named = uri if uri not in {"", "null", "None"} else environ.get(_URI, "")
        return cls(uri=named or f"sqlite:///{own}")

    def environment(self, environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """The training's environment, and the value of the tag that its runs will have."""
        tag = uuid.uuid4().hex
        context = json.dumps({**_tags(environ.get(_CONTEXT, "")), TAG: tag})
        given = {name: value for name, value in environ.items() if name != "MLFLOW_RUN_ID"}
        return {**given, _URI: self.uri, _CONTEXT: context}, tag

    def make(self) -> None:
        """Make the store's tables where they are missing."""
        from mlflow.exceptions import MlflowException

        try:
            self._client().search_experiments(max_results=1)
        except MlflowException as error:
            raise _refused(self.uri, error) from error

    def values(self, tag: str, wanted: str, step: str, direction: str) -> dict[str, float]:
        """The metrics of the run with this tag, and the wanted one as `score`.

        Raises:
            UsageError: no run or several could be meant, or the metric is not there or no finite number.
        """
        client = self._client()
        run, name = self._chosen(list(self._runs(client, tag)), wanted)
        found = {key: float(value) for key, value in run.data.metrics.items()}
        if step == "best":
            found[name] = _best(client, run.info.run_id, name, direction)
        if not math.isfinite(found[name]):
            raise UsageError(f"{name} ended as {found[name]} in MLflow: the training has diverged.")
        return {key: value for key, value in found.items() if math.isfinite(value)} | {"score": found[name]}

    def _chosen(self, runs: list[Run], wanted: str) -> tuple[Run, str]:
        """The run that is not nested in another and has the metric; a nested one where no other has it."""
        if not runs:
            raise UsageError(
                f"the training made no MLflow run in {_public(self.uri)}; if it logs elsewhere, give "
                "options.tracking_uri (runs count that mlflow.start_run or a first log_metric made)."
            )
        having = [run for run in runs if wanted in run.data.metrics]
        tops = [run for run in having if _PARENT not in run.data.tags]
        meant = tops or having
        if len(meant) > 1:
            names = ", ".join(str(run.info.run_name) for run in meant[:_SHOWN])
            raise UsageError(
                f"the training made {len(meant)} MLflow runs with {wanted} ({names}); log the one that "
                "counts in the run around the others (which take nested=True), or in one run only."
            )
        if meant:
            return meant[0], wanted
        tops = [run for run in runs if _PARENT not in run.data.tags] or runs
        logged = sorted({key for run in tops for key in run.data.metrics})
        name = scores.choose(logged, wanted)  # by its words, as in what a training prints
        having = [run for run in tops if name in run.data.metrics]
        if len(having) > 1:
            return self._chosen(having, name)
        return having[0], name

    def _runs(self, client: MlflowClient, tag: str) -> Iterator[Run]:
        """The runs with the tag, in whichever experiment."""
        from mlflow.exceptions import MlflowException

        try:
            experiments = [one.experiment_id for one in client.search_experiments(max_results=_PAGE)]
            token = None
            while experiments:
                page = client.search_runs(
                    experiments, f"tags.`{TAG}` = '{tag}'", max_results=_PAGE, page_token=token
                )
                yield from page
                token = page.token
                if not token:
                    break
        except MlflowException as error:
            raise _refused(self.uri, error) from error

    def _client(self) -> MlflowClient:
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # it would ask for minutes
        for name in ("mlflow", "alembic"):  # they tell of every table they make
            logging.getLogger(name).setLevel(logging.WARNING)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            return MlflowClient(tracking_uri=self.uri)
        except MlflowException as error:
            raise _refused(self.uri, error) from error


def _best(client: MlflowClient, run_id: str, name: str, direction: str) -> float:
    values = [metric.value for metric in client.get_metric_history(run_id, name)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return math.nan
    return max(finite) if direction == "higher" else min(finite)


def _tags(text: str) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError(f"{_CONTEXT} in metric.env is no JSON object: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{_CONTEXT} in metric.env is no JSON object; drop it or write {{}}.")
    return found


def _public(uri: str) -> str:
    """The address without a password."""
    scheme, mark, rest = uri.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _refused(uri: str, error: Exception) -> UsageError:
    said = " ".join(str(error).split()).replace(uri, _public(uri))
    return UsageError(f"{_public(uri)}: MLflow says: {said[:300]}")
