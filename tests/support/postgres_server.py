"""A PostgreSQL server of its own for tests, where one is installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def _binaries():
    """Directory of a PostgreSQL server's programs."""
    for folder in [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), shutil.which("initdb")]:
        if folder and (Path(folder) / "initdb").is_file():
            return Path(folder)
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def dump(url):
    """The whole database as SQL, without what pg_dump makes up anew each time."""
    command = [_binaries() / "pg_dump", "--dbname", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of a fresh PostgreSQL server on a loopback port, run by somebody who is not root."""
    binaries = _binaries()
    if binaries is None or not (binaries / "pg_ctl").exists():
        pytest.skip(
            "no PostgreSQL server on this machine (initdb and pg_ctl); install postgresql to run this"
        )
    who = {"user": "nobody", "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="autoopt-pg-"))
    if who:
        shutil.chown(folder, "nobody")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
        "-c fsync=off -c autovacuum=off -c shared_buffers=16MB"
    )

    def run(*command):
        subprocess.run(
            command, check=True, capture_output=True, timeout=60, cwd=folder, **who, stdin=subprocess.DEVNULL
        )

    data = str(folder / "data")
    try:
        run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "me",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )
        log = str(folder / "log")
        run(binaries / "pg_ctl", "-D", data, "-l", log, "-w", "-t", "30", "-o", options, "start")
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"the PostgreSQL programs in {binaries} do not start a server here: {error}")
    yield f"postgresql://me@127.0.0.1:{port}/postgres"
    run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "-t", "30", "stop")
    shutil.rmtree(folder, ignore_errors=True)
