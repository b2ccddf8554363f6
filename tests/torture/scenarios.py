"""What is killed: commands in a small repository, with a metric that is exact and ideas that never vary."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RUN = "r"
"""The id of the run that is killed."""
_NUMBERS = {"a": 50, "b": 50, "c": 50, "d": 50}
_FILES = {
    **{f"src/{name}": f"{number}\n" for name, number in _NUMBERS.items()},
    "src/notes": "one\ntwo\n",
    "README": "hello\n",
    "docs/guide": "read me\n",
    "tool.sh": "#!/bin/sh\n",
    ".gitignore": "*.cache\nbuild/\n",
}
_METRIC = (
    "test ! -e src/broken && echo METRIC n=$(($(cat src/a) + $(cat src/b) + $(cat src/c) + $(cat src/d)))"
)
_PATCHES: tuple[tuple[str, Mapping[str, str | None]], ...] = (
    ("lower a", {"src/a": "40\n"}),
    ("raise b", {"src/b": "60\n"}),
    ("break it", {"src/broken": "x\n"}),
    ("write outside", {"README": "mine now\n"}),
    ("lower b and say so", {"src/b": "30\n", "src/notes": "one\ntwo\nthree\n"}),
    ("drop the notes", {"src/notes": None}),
    ("lower d in a new place", {"src/d": "20\n", "src/new/place": "deep\n"}),
)
_AGENT = r"""
import json, pathlib, sys

IDEAS = {
    "Alpha": {"src/a": "40\n"},
    "Bravo": {"src/b": "20\n", "src/broken": "x\n"},
    "Charlie": {"src/c": "30\n", "README": "mine now\n"},
    "Delta": {"src/d": "70\n", "src/new/place": "deep\n"},
    "Echo": {"src/c": "25\n"},
}
prompt = sys.stdin.read()
task = prompt.partition("# Your task")[2]
if "Edit nothing yet" in task:
    answer = {"ideas": [
        {"hypothesis": f"{name} {name.lower()}ness should lower the sum because {name.lower()} is too much",
         "area": name.lower(), "impact": 9 - at, "feasibility": 8, "novelty": 8,
         "assumption": "nothing reads it", "risk": "none that is known"}
        for at, name in enumerate(IDEAS)
    ]}
else:
    name = min((name for name in IDEAS if name in task), key=task.index)
    for path, text in IDEAS[name].items():
        file = pathlib.Path(path)
        if file.name == "broken" and "mend a change" in task:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    answer = {"description": f"{name}: as it was thought"}
print(json.dumps(answer))
"""
_HISTORY = """\
date > dirty-file
echo staged >> docs/guide && git add docs/guide
echo unstaged >> docs/guide
echo 99 > src/c
git branch other && git tag v1
git config user.name Someone && git config user.email someone@example.org && git config alias.x '!true'
echo secret > it.cache && mkdir -p build/empty && echo out > build/out
ln -s nowhere dangling && chmod 755 tool.sh && chmod 600 README
printf '# mine\\nscratch\\n' >> .git/info/exclude
git rm -q --cached .gitignore
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command that is killed, and what a person types until it has come to its end.

    Attributes:
        before: Commands that come first; nobody kills them.
        command: What is killed.
        again: What is typed after a kill.
        cut: The last of `before` is killed as it gets to the latest call that this matches.
        borrows: Where the user's files are written and written back, so that their times may differ.
        gone: Whether the run is not there any more in the end.
    """

    name: str
    before: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]
    again: tuple[str, ...]
    cut: str = ""
    borrows: str | None = None
    gone: bool = False


_IN_PLACE = ("workspace.mode=inplace", "scope=[src/a,src/b,src/d,src/notes,src/new,src/broken]")
"""Not the file that is being edited: a run in the user's checkout would refuse that."""


def _start(place: Path, *words: str, run: str = RUN) -> tuple[str, ...]:
    plain = "recipe=command metric.extract.kind=named metric.extract.pattern=n metric.warmups=0"
    fixed = "metric.baseline_samples=2 final.max_pairs=2 guards.tests.command=null confirm=no"
    return (*plain.split(), *fixed.split(), "scope=src", f"run_id={run}", f"metric.command={_METRIC}", *words)


def _queue(place: Path, *words: str) -> tuple[str, ...]:
    return _start(place, "propose.use=[queue]", f"propose.queue.patches={place / 'patches'}", *words)


def _agent(place: Path) -> tuple[str, ...]:
    program = f"agent.command={sys.executable} -I -S {place / 'agent.py'}"
    told = "agent.answer={format: text}"
    return _start(place, "propose.use=[agent]", "agent=command", program, told, "budget.experiments=5")


def _search(place: Path) -> tuple[str, ...]:
    site = "file: src/{0}, regex: '(\\d+)', choices: [50, 60, 30, 40]"
    wanted = (f"params.{name}={{{site.format(name)}, first: [60, 40]}}" for name in "ab")
    sampled = ("propose.optuna.options={n_startup_trials: 3}", "budget.experiments=8")  # the last four
    return _start(place, "propose.use=[optuna]", *sampled, *wanted)


def _half(place: Path, run: str, name: str) -> tuple[str, ...]:
    wanted = f"params.{name}={{file: src/{name}, regex: '(\\d+)', choices: [50, 30], first: [30]}}"
    settled = ("propose.use=[optuna]", "budget.experiments=1", f"scope=src/{name}")
    return _start(place, *settled, wanted, run=run)


def scenarios(place: Path) -> dict[str, Scenario]:
    """Every scenario by its name, for a project at `place`."""
    resume = ("resume", RUN)
    longer = (*resume, "budget.experiments=7")
    halves = (_half(place, "ra", "a"), _half(place, "rb", "b"))
    clean = ("clean", RUN, "--yes", "--force")
    finish = ("finish", RUN, "--commits", "each")
    found = (
        Scenario("queue", (), _queue(place), resume),
        Scenario("resume", (_queue(place, "budget.experiments=2"),), longer, longer),
        Scenario("recovery", (_queue(place),), resume, resume, cut=r"^link.*autoresearch/r\.lock"),
        Scenario("agent", (), _agent(place), resume),
        Scenario("search", (), _search(place), resume),
        Scenario("inplace", (), _queue(place, *_IN_PLACE), resume, borrows="src/"),
        Scenario("merge", halves, ("merge", "ra", "rb"), ("merge", "ra", "rb")),
        Scenario("clean", (_queue(place),), clean, clean, gone=True),
        Scenario("finish", (_queue(place),), finish, finish),
    )
    return {one.name: one for one in found}


def build(place: Path) -> None:
    """Make the project: a repository in which somebody is in the middle of something, patches, an agent."""
    root = place / "app"
    root.mkdir(parents=True)
    _git(root, "init", "-q", "-b", "main")
    _write(root, _FILES)
    _commit(root, "start")
    _make_patches(root, place / "patches")
    (root / "docs" / "guide").write_text("put aside\n")
    _git(root, "stash", "push", "-q", "-m", "later")
    subprocess.run(["sh", "-euc", _HISTORY], cwd=root, env=environment(place), check=True)
    (place / "agent.py").write_text(_AGENT)


def environment(place: Path) -> dict[str, str]:
    """Of every command: nothing of this machine's configuration, nothing that varies from run to run."""
    return {
        **os.environ,
        "HOME": str(place),
        "XDG_STATE_HOME": str(place / "state"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "PYTHONHASHSEED": "0",
        "COLUMNS": "200",
    }


def _make_patches(root: Path, folder: Path) -> None:
    folder.mkdir()
    for number, (subject, files) in enumerate(_PATCHES):
        _write(root, files)
        _commit(root, subject)
        (folder / f"{number}.patch").write_text(_git(root, "format-patch", "--stdout", "-1"))
        _git(root, "reset", "-q", "--hard", "HEAD~1")


def _write(root: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        file = root / name
        if text is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _commit(root: Path, subject: str) -> None:
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", subject)


def _git(root: Path, *words: str) -> str:
    named = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    done = subprocess.run(
        ["git", *named, *words],
        cwd=root,
        env=environment(root.parent),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
