"""Sessions of the engines a job may run on; reached only by the driver, as it imports PySpark."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from autoopt.instruments.spark.engine import Engine, Kind


def opened(engine: Engine, settings: Mapping[str, str]) -> Any:
    """The session that a job's own `getOrCreate` will find."""
    if engine.kind is Kind.databricks:
        session = _databricks(engine)
    else:
        from pyspark.sql import SparkSession

        # Everything is said in PYSPARK_SUBMIT_ARGS, of a server in SPARK_REMOTE.
        session = SparkSession.builder.getOrCreate()
    if engine.is_remote:
        _set(session, settings)
    return session


def is_over(session: Any) -> bool:
    """Whether the job has stopped its session."""
    context = getattr(session, "_sc", None)  # a server's session has none
    return bool(session.is_stopped) if context is None else context._jsc is None


def _databricks(engine: Engine) -> Any:
    from databricks.connect import DatabricksSession

    builder = DatabricksSession.builder
    if "SPARK_REMOTE" in os.environ:
        return builder.getOrCreate()
    if engine.profile:
        builder = builder.profile(engine.profile)
    if engine.cluster:
        builder = builder.clusterId(engine.cluster)
    return builder.getOrCreate()  # the SDK knows the profile's cluster, or that serverless compute is wanted


def _set(session: Any, settings: Mapping[str, str]) -> None:
    """Apply what a session may set; a server has its own settings for the rest."""
    kept = {name: value for name, value in settings.items() if session.conf.isModifiable(name)}
    for name, value in kept.items():
        session.conf.set(name, value)
    if ignored := sorted(settings.keys() - kept.keys()):
        print(f"the server decides about {', '.join(ignored)}: not set", file=sys.stderr)
