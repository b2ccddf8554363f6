"""What a job needs before anything is started: Java, PySpark, a server that answers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from autoopt.errors import ResourceError
from autoopt.instruments.spark.engine import Engine, Kind

_TIMEOUT_S = 3.0
_LOOK = """
import importlib.metadata as metadata, importlib.util as util, json

def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

names = ("pyspark", "pyspark-client", "databricks-connect")
found = {name: version(name) for name in names}
found["files"] = util.find_spec("pyspark") is not None
found["missing"] = [name for name in ("grpc", "pandas", "pyarrow") if util.find_spec(name) is None]
print(json.dumps(found))
"""


def check(engine: Engine, python: str, environ: Mapping[str, str]) -> None:
    """Look for everything that the engine needs, without starting it.

    Raises:
        ResourceError: something is missing; with what to install or start.
    """
    packages = _packages(python, environ)
    if engine.kind is Kind.databricks:
        _check_databricks(packages, python)
        return
    _check_pyspark(engine, packages, python)
    if not engine.is_remote and _java(environ) is None:
        raise ResourceError(
            "Spark needs Java 17 or later, and there is no `java` on the PATH or in JAVA_HOME; install it "
            "(as in `apt install openjdk-17-jre-headless`)."
        )
    _check_addresses(engine)


def _packages(python: str, environ: Mapping[str, str]) -> dict[str, object]:
    try:
        done = subprocess.run(
            [python, "-c", _LOOK],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise ResourceError(
            f"{python} is not there; give python=/path/to/python that has PySpark."
        ) from error
    except subprocess.CalledProcessError as error:
        raise ResourceError(f"{python} does not run (exit code {error.returncode}).") from error
    return dict(json.loads(done.stdout))


def _check_databricks(packages: Mapping[str, object], python: str) -> None:
    if not packages["databricks-connect"]:
        conflict = ", in an environment without pyspark, as the two conflict" if packages["pyspark"] else ""
        raise ResourceError(
            f"databricks-connect is not installed for {python}: pip install databricks-connect{conflict}."
        )
    if packages["pyspark"] or packages["pyspark-client"]:
        raise ResourceError(
            f"{python} has both pyspark and databricks-connect, which overwrite each other's files: "
            "pip uninstall pyspark databricks-connect, then pip install databricks-connect."
        )


def _check_pyspark(engine: Engine, packages: Mapping[str, object], python: str) -> None:
    if not packages["files"]:
        raise ResourceError(
            f"PySpark is not installed for {python}: pip install 'autoopt[spark]' or 'pyspark[connect]', or "
            "give python=/path/to/python that has it."
        )
    if (
        not engine.is_remote
        and not packages["pyspark"]
        and (packages["databricks-connect"] or packages["pyspark-client"])
    ):
        raise ResourceError(
            f"{python} has only a client of Spark, which runs no local Spark; give a python=/path/to/python "
            "that has pyspark, or options.master=sc://host:15002."
        )
    if engine.is_remote and packages["missing"]:
        raise ResourceError(f"Spark Connect needs more than {python} has: pip install 'pyspark[connect]'.")


def _java(environ: Mapping[str, str]) -> str | None:
    home = environ.get("JAVA_HOME")
    if home:
        java = Path(home, "bin", "java")
        return str(java) if os.access(java, os.X_OK) else None
    return shutil.which("java", path=environ.get("PATH", os.defpath))


def _check_addresses(engine: Engine) -> None:
    refused: list[str] = []
    for host, port in engine.addresses:
        try:
            socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
            return
        except OSError as error:
            refused.append(f"{host}:{port} ({error.strerror or error})")
    if refused:
        raise ResourceError(
            f"options.master: nothing answers at {', '.join(refused)}; start the server, or name another."
        )
