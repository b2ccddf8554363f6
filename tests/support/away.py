"""A repository that is reached by its address alone, machines that run on it, and a network that fails."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from dulwich.repo import Repo
from dulwich.server import DictBackend, TCPGitServer
from support.workspace_repos import ENVIRONMENT, git, make_repository

from autoopt import cli

RECIPE = """\
goal: a smaller {part}
scope: [src/{part}]
metric:
  command: echo METRIC n=$(cat src/{part}/n)
  extract: {{kind: named, pattern: n}}
  warmups: 0
  baseline_samples: 2
  probe: no
params:
  n: {{file: src/{part}/n, regex: '(\\d+)', choices: [9, {values}], first: [{values}]}}
propose: {{use: [optuna]}}
turns: no
budget: {{experiments: {count}}}
final: {{leave_one_out: no}}
"""


class World:
    """One bare repository, `hub`, and a directory for each machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        source = make_repository(folder / "source", {"src/a/n": "9\n", "src/b/n": "9\n", "README": "hello\n"})
        self.hub = folder / "hub.git"
        git(folder, "clone", "-q", "--bare", str(source), str(self.hub))

    @property
    def url(self) -> str:
        return f"file://{self.hub}"

    def refs(self) -> dict[str, str]:
        lines = git(self.hub, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ") for line in lines)

    def machine(self, name: str) -> Machine:
        return Machine(self.folder / name)


class Machine:
    """A home with recipes of its own; commands run in `here`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.here = home / "work"
        self.here.mkdir(parents=True)
        self.environ = {
            **ENVIRONMENT,
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "COLUMNS": "200",
        }
        shelf = home / "config/autoopt/recipes"
        shelf.mkdir(parents=True)
        for part in ("a", "b"):
            (shelf / f"{part}.yaml").write_text(RECIPE.format(part=part, values=7, count=1))

    def recipe(self, name: str, **values: object) -> None:
        text = RECIPE.format(**{"part": "a", "values": 7, "count": 1, **values})
        (self.home / f"config/autoopt/recipes/{name}.yaml").write_text(text)

    def run(self, monkeypatch, capsys, *words: str) -> tuple[int, str]:
        """A command in this process; its exit code and all it said."""
        for name, value in self.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(self.here)
        capsys.readouterr()
        code = cli.main(list(words))
        out, err = capsys.readouterr()
        return code, out + err

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.here,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def states(self) -> list[Path]:
        return sorted(path.parent for path in self.home.glob("state/autoopt/*/*/workspace.json"))

    def clones(self) -> list[Path]:
        return sorted(self.home.glob("state/autoopt/clones/*/*.git"))


@contextlib.contextmanager
def served(hub: Path, port: int = 0) -> Iterator[int]:
    """The repository behind git:// on this port of loopback."""
    repository = Repo(str(hub))
    backend = DictBackend({b"/hub.git": repository, "/hub.git": repository})
    server = TCPGitServer(backend, "127.0.0.1", port)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        repository.close()


@contextlib.contextmanager
def cut(port: int) -> Iterator[tuple[int, list[int]]]:
    """A way to that port that ends in the middle: after so many bytes from the client, if any are listed."""
    limits: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        ends = [(target, socket.SHUT_WR)]
        with contextlib.suppress(OSError):
            while data := source.recv(512):
                if limit is not None and (limit := limit - len(data)) < 0:
                    ends = [(source, socket.SHUT_RDWR), (target, socket.SHUT_RDWR)]
                    break
                target.sendall(data)
        for one, how in ends:
            with contextlib.suppress(OSError):
                one.shutdown(how)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                limit = limits[0] if limits else None
                for pair in ((client, server, limit), (server, client, None)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], limits
    finally:
        listener.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
