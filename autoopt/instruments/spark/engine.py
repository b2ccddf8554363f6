"""Where a job runs: a local Spark, a standalone cluster, a Spark Connect server, or Databricks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from autoopt.errors import UsageError

EXAMPLES = "local[*], spark://host:7077, sc://host:15002 or databricks"
NO_DATABRICKS = (
    "Databricks: no compute is named; set DATABRICKS_CLUSTER_ID (or DATABRICKS_SERVERLESS_COMPUTE_ID=auto), "
    "and DATABRICKS_PROFILE where the login is not the default profile of ~/.databrickscfg."
)
_OURS = {
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class Kind(Enum):
    """The four of them."""

    local = "local"
    cluster = "cluster"
    connect = "connect"
    databricks = "databricks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine.

    Attributes:
        master: As the user named it.
        cluster: Databricks: the cluster's id; empty for serverless compute.
        profile: Databricks: the profile of the login; empty for the default one.
    """

    kind: Kind
    master: str
    cluster: str = ""
    profile: str = ""

    @property
    def is_remote(self) -> bool:
        """Whether the driver is the server's: its settings are, and its event log is there."""
        return self.kind in {Kind.connect, Kind.databricks}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens; a standalone cluster may have several masters."""
        if self.kind not in {Kind.cluster, Kind.connect}:
            return []
        places = self.master.partition("://")[2].partition("/")[0].split(",")
        return [
            _address(self.master, place, 7077 if self.kind is Kind.cluster else 15002) for place in places
        ]

    def environment(self, settings: Path | None, scratch: Path, given: Mapping[str, str]) -> dict[str, str]:
        """Variables for the driver.

        Args:
            settings: The settings file, when there is one.
            scratch: Empty directory for the event log and all that Spark writes beside the job's output.
            given: Settings in the file; of the same name they win over those that are only a default here.
        """
        if self.kind is Kind.connect:
            return {"SPARK_REMOTE": self.master}
        if self.kind is Kind.databricks:
            return {}
        confs = {**_OURS, "spark.eventLog.dir": (scratch / "events").as_uri()}
        if "spark.sql.warehouse.dir" not in given:
            confs["spark.sql.warehouse.dir"] = (scratch / "warehouse").as_uri()
        words = ["--master", self.master]
        words += [] if settings is None else ["--properties-file", str(settings)]
        words += [word for name, value in confs.items() for word in ("--conf", f"{name}={value}")]
        found = {"PYSPARK_SUBMIT_ARGS": shlex.join([*words, "pyspark-shell"])}
        if self._is_here:
            found["SPARK_LOCAL_IP"] = "127.0.0.1"  # a machine's own name need not resolve
        if self.kind is Kind.local:
            found["SPARK_LOCAL_DIRS"] = str(scratch / "local")
        return found

    @property
    def _is_here(self) -> bool:
        here = {"localhost", "127.0.0.1"}
        return self.kind is Kind.local or all(host in here for host, _ in self.addresses)


def parse(master: str, environ: Mapping[str, str]) -> Engine:
    """The engine that `options.master` names.

    Raises:
        UsageError: it names none, or Databricks without saying which compute.
    """
    kinds = {"local": Kind.local, "spark:": Kind.cluster, "sc:": Kind.connect, "databricks": Kind.databricks}
    kind = next((kind for start, kind in kinds.items() if master.startswith(start)), None)
    if kind is None:
        raise UsageError(f"options.master: {master!r} is no engine; write {EXAMPLES}.")
    if kind is not Kind.databricks:
        engine = Engine(kind=kind, master=master)
        engine.addresses  # noqa: B018 (refuses what has none)
        return engine
    if not is_databricks_named(environ):
        raise UsageError(NO_DATABRICKS)
    return Engine(
        kind=kind,
        master=master,
        cluster=environ.get("DATABRICKS_CLUSTER_ID", ""),
        profile=environ.get("DATABRICKS_PROFILE") or environ.get("DATABRICKS_CONFIG_PROFILE", ""),
    )


def is_databricks_named(environ: Mapping[str, str]) -> bool:
    """Whether the environment says which compute of Databricks to use."""
    names = ("DATABRICKS_CLUSTER_ID", "DATABRICKS_SERVERLESS_COMPUTE_ID", "DATABRICKS_PROFILE")
    return any(environ.get(name) for name in (*names, "DATABRICKS_CONFIG_PROFILE"))


def _address(master: str, place: str, default: int) -> tuple[str, int]:
    host, _, port = place.rpartition(":") if ":" in place else (place, "", str(default))
    if not host or not port.isdecimal():
        raise UsageError(f"options.master: {master!r} has no host and port; write {EXAMPLES}.")
    return host, int(port)
