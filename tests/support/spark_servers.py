"""Spark's own servers on loopback ports: a standalone master with workers, and a Spark Connect server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_PATIENCE_S = 120
QUICK = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"}
"""For a JVM that lives for seconds."""


def need_spark() -> Path:
    """The directory of PySpark; skips the test where it or Java is not there."""
    pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("java is not installed")
    return Path(pyspark.__file__).parent


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """A standalone cluster of workers with a core each; its `spark://` address."""
    home, port = need_spark(), free_port()
    with ExitStack() as started:
        master = ("--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port()))
        started.enter_context(_server(home, folder, "master", "deploy.master.Master", master))
        _await(port)
        address = f"spark://127.0.0.1:{port}"
        for number in range(workers):
            words = ("-h", "127.0.0.1", "-c", "1", "-m", "1g", "-d", str(folder / f"worker{number}"))
            words = (*words, "--webui-port", str(free_port()), address)
            started.enter_context(_server(home, folder, f"worker{number}", "deploy.worker.Worker", words))
        yield address


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A Spark Connect server with its event log in `folder/events`; its `sc://` address."""
    home, port = need_spark(), free_port()
    pytest.importorskip("grpc", reason="pyspark[connect] is not installed")
    events = folder / "events"
    events.mkdir(parents=True)
    settings = {
        "spark.connect.grpc.binding.port": port,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
    }
    words = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", "local[2]"]
    words += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    with _server(home, folder, "connect", "deploy.SparkSubmit", (*words, "spark-internal")):
        _await(port)
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def _server(home: Path, folder: Path, name: str, main: str, words: Sequence[str]) -> Iterator[None]:
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))
    }
    environ |= {**QUICK, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONNECT_MODE": "0"}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), f"org.apache.spark.{main}", *words],
            env={**environ, "SPARK_LOCAL_DIRS": str(folder / "local")},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # executors are of the worker's group
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")
