"""Edits that do nothing, through the real program on real commands: is one of them ever kept?

`python -m tests.torture.aa [--edits 40] [--load 2] [--options verdict.patience=quick …]` makes a
repository for each of three commands, proposes so many changes that only add a comment, lets `autoopt`
measure and judge them, and prints a table. With `--load` as many processes compute all the
while. 40 edits take three to ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

_SUM = """\
def work(size):
    total = 0
    for number in range(size):
        total += number * number % 7
    return total


print(work(600_000))
"""
_TEXT = """\
import json
import re

ROWS = [{"name": f"row {number}", "value": number % 97, "tags": ["a", "b"]} for number in range(9000)]
found = 0
for line in json.dumps(ROWS, indent=1).splitlines():
    if re.search(r'"value": (\\d+)7$', line.rstrip(",")):
        found += 1
print(found, len(json.loads(json.dumps(ROWS))))
"""
_START = """\
import argparse
import dataclasses
import decimal
import email.message

print(argparse.__name__, dataclasses.__name__, decimal.__name__, email.message.__name__)
"""
PROGRAMS = {"arithmetic": _SUM, "text": _TEXT, "imports": _START}
_BUSY = "while True: pass"
_GIT = (
    "git",
    "-c",
    "user.name=Someone",
    "-c",
    "user.email=someone@example.org",
    "-c",
    "init.defaultBranch=main",
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the edits: how many were measured, how many of those kept, and the pairs all took."""

    measured: int
    kept: int
    pairs: int
    seconds: float
    sentences: tuple[str, ...]
    """What was said of those that were kept."""


def edits(program: str, count: int) -> Iterator[str]:
    """The program with one comment more, another one each time."""
    lines = program.splitlines(keepends=True)
    for number in range(count):
        at = number % (len(lines) + 1)
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip(" "))] if at < len(lines) else ""
        yield "".join([*lines[:at], f"{indent}# note {number}, which changes nothing\n", *lines[at:]])


def run(folder: Path, program: str, count: int, options: Sequence[str] = ()) -> Result:
    """Lets autoopt try so many edits of the program that only add a comment."""
    root, patches = folder / "app", folder / "patches"
    (root / "src").mkdir(parents=True)
    patches.mkdir()
    file = root / "src" / "main.py"
    file.write_text(program)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        _git(root, *words)
    for number, edited in enumerate(edits(program, count)):
        file.write_text(edited)
        (patches / f"{number:04}.diff").write_text(_git(root, "diff"))
    file.write_text(program)
    began = monotonic()
    _autoopt(root, folder / "state", patches, count, options)
    return _counted(folder / "state", monotonic() - began)


def _git(root: Path, *words: str) -> str:
    return subprocess.run([*_GIT, *words], cwd=root, check=True, capture_output=True, text=True).stdout


def _autoopt(root: Path, state: Path, patches: Path, count: int, options: Sequence[str]) -> None:
    command = [sys.executable, "-m", "autoopt", "recipe=command", "scope=src", "run_id=aa", "confirm=no"]
    command += [
        f"metric.command={sys.executable} -B src/main.py",
        "metric.unit=s",
        f"budget.experiments={count}",
    ]
    command += ["budget.plateau=null", "propose.use=[queue]", f"propose.queue.patches={patches}", *options]
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "XDG_STATE_HOME": str(state), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"autoopt ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _counted(state: Path, seconds: float) -> Result:
    (journal,) = state.rglob("journal.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    decided = [event["experiment"] for event in events if event.get("event") == "DECIDED"]
    judged = [one for one in decided if one["number"] > 0 and one["verdict"]]
    kept = [one["verdict"]["sentence"] for one in judged if one["status"] == "keep"]
    pairs = sum(one["verdict"]["pairs"] for one in judged)
    return Result(len(judged), len(kept), pairs, seconds, tuple(kept))


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes compute meanwhile."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.torture.aa", description=__doc__)
    asked.add_argument("--edits", type=int, default=40, help="for each command")
    asked.add_argument("--load", type=int, default=0, help="processes that compute meanwhile")
    asked.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    asked.add_argument("--options", nargs="*", default=[], help="for autoopt")
    chosen = asked.parse_args()
    print("| command | load of the machine | edits judged | kept | pairs per edit | seconds per edit |")
    print("|---|---|---|---|---|---|")
    with load(chosen.load):
        for name in chosen.programs:
            with tempfile.TemporaryDirectory() as folder:
                result = run(Path(folder), PROGRAMS[name], chosen.edits, chosen.options)
            each = max(1, result.measured)
            busy = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
            cells = [name, busy, str(result.measured), str(result.kept)]
            print(
                "| "
                + " | ".join([*cells, f"{result.pairs / each:.1f}", f"{result.seconds / each:.1f}"])
                + " |"
            )
            for sentence in result.sentences:
                print(f"kept: {sentence}", file=sys.stderr)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
