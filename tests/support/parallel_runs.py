"""A small repository whose recipes have exact metrics, and autoopt driven in it from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.trusting import trust
from support.workspace_repos import ENVIRONMENT, git, make_repository

from autoopt import cli, compose, journal
from autoopt.journal import Journal
from autoopt.places import RunFiles, repository_id
from autoopt.records import Edit, Experiment, Proposal, Status
from autoopt.schema import Config, MetricConfig
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import PROJECTIONS
from autoopt.workspaces.repository import exclude

FILES = {"src/a/n": "9\n", "src/b/n": "9\n", "src/both": "start\n", "README": "hello\n"}
SUM = "echo METRIC n=$(($(cat src/a/n) + $(cat src/b/n)))"


def recipe(part: str, value: int, command: str = SUM, more: str = "") -> str:
    """A recipe that sets the number of one part to a value, and keeps that where the metric gets lower."""
    return f"""\
goal: a smaller {part}
scope: [src/{part}]
metric:
  command: {command}
  extract: {{kind: named, pattern: n}}
  variation: none
  warmups: 0
  baseline_samples: 2
  probe: no
params:
  n: {{file: src/{part}/n, regex: '(\\d+)', choices: [9, {value}], first: [{value}]}}
propose: {{use: [optuna]}}
budget: {{experiments: 1}}
{more}"""


class Project:
    """The repository, and commands in it."""

    def __init__(self, folder: Path, recipes: dict[str, str], files: dict[str, str] = FILES) -> None:
        own = {f".autoopt/recipes/{name}.yaml": text for name, text in recipes.items()}
        self.root = make_repository(folder, files | own)
        self.state = folder / "state"
        self.environ = {**ENVIRONMENT, "XDG_STATE_HOME": str(self.state), "COLUMNS": "200"}
        if recipes:
            trust(self.root, self.environ, *recipes)

    def git(self, *words: str) -> str:
        return git(self.root, *words).strip()

    def autoopt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """In a process of its own."""
        command = [sys.executable, "-m", "autoopt", *words]
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """In a process of its own that is not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.root,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def states(self) -> list[Path]:
        return [path.parent for path in sorted(self.state.glob("autoopt/*/*/workspace.json"))]

    def records(self) -> list[Path]:
        """What runs keep, without what is known of the machine and whom its user trusts."""
        known = {"sandbox.json", "trust.json", "trust.lock"}
        return [path for path in self.state.rglob("*") if path.is_file() and path.name not in known]

    def in_order(self) -> None:
        """Let git say that the repository and the user's checkout are as they should be."""
        assert git(self.root, "fsck", "--strict", "--no-dangling") == ""
        assert self.git("status", "--porcelain") == ""
        assert self.git("symbolic-ref", "HEAD") == "refs/heads/main"
        assert not list((self.root / ".git").rglob("*.lock"))
        assert not list((self.root / ".git").rglob("*intent*"))


class Here(Project):
    """Commands in this process, which is quicker; its directory and environment are the caller's to set."""

    def run(self, capsys, *words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(list(words))
        out, err = capsys.readouterr()
        return code, out, err


def here(tmp_path: Path, monkeypatch, recipes: dict[str, str], files: dict[str, str] = FILES) -> Here:
    project = Here(tmp_path, recipes, files)
    for name, value in project.environ.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.root)
    return project


def finished(project: Project, name: str, content: bytes | None = None, **options: Any) -> None:
    """A run as it lies there when it has ended, quickly: the base and, with `content`, one kept change."""
    control = project.root / ".git"
    files = RunFiles(project.state / "autoopt" / repository_id(control) / name)
    files.state.mkdir(parents=True)
    config = Config(goal="g", scope=["src/a"], metric=MetricConfig(command="true"))
    files.config.write_text(compose.dump(config))
    workspace = GitWorkspace.create(project.root, name, files.state, Scope(["src/a"]), **options)
    record = Journal.create(files.journal, run_id=name, base=workspace.base, goal="g")
    _decide(record, 0, Status.baseline, workspace.base, workspace.base)
    if content is not None:
        idea = Proposal(
            description="d",
            hypothesis="",
            area="",
            source="t",
            edits=(Edit(path="src/a/n", content=content),),
        )
        with workspace.attempt(idea, 1) as attempt:
            _decide(record, 1, Status.keep, attempt.change.commit, workspace.base)
            attempt.keep()
    record.stop("the budget is spent")
    exclude(control, PROJECTIONS)
    tables = (project.root / f"autoresearch-{name}.{ending}" for ending in ("tsv", "log"))
    journal.publish(record.history, *tables)
    workspace.close()


def _decide(record: Journal, number: int, status: Status, commit: str, parent: str) -> None:
    plain = {"description": "d", "hypothesis": "", "area": "", "source": "t"}
    record.begin(number, parent, "d")
    record.decided(Experiment(number=number, status=status, commit=commit, parent=parent, **plain))
    record.done(number)
