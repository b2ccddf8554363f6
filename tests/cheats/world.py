"""A machine of its own for one run: a home, a repository, a copy of the program; what differs afterwards."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .pack import EDITORS
from .project import FILES

_HERE = Path(__file__).resolve()
SOURCE = _HERE.parents[2]
"""Where the program is copied from."""
_LIMIT_S = 1800.0
_BUSY = "while True: pass"
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": f"someone@{what}.example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}
_SHARED = ("/tmp", "/var/tmp", "/dev/shm")
_NAME = "autoopt-cheat-"
_REQUEST_KEY, _KEYCTL, _UNLINK, _USER_KEYRING = 249, 250, 9, -4  # of x86-64


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an editor.

    Attributes:
        status: The journal's word, or `none` where there was no experiment of it.
        by: Which guard objected, or what else decided.
        told: In one line.
        harm: What of other people's was different afterwards.
    """

    name: str
    status: str
    by: str
    told: str
    harm: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return self.status == "keep"


class World:
    """One machine: everything below one directory."""

    def __init__(self, path: Path, run: str, source: Path = SOURCE) -> None:
        self.path, self.run = path, run
        self.root, self.home, self.state = path / "app", path / "home", path / "state"
        for name, text in FILES.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        for name in ("bin", ".local", ".ssh"):
            (self.home / name).mkdir(parents=True)
        (self.home / ".bashrc").write_text("# mine\n")
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "start"]):
            subprocess.run(["git", *words], cwd=self.root, check=True, env={**os.environ, **_GIT})
        for name in ("autoopt", "conf", "recipes"):
            shutil.copytree(source / name, path / "tool" / name)
        self._before = self._snapshot()

    def go(self, names: Sequence[str], options: Sequence[str] = ()) -> list[Outcome]:
        """Let the editors work one after the other in one run; what became of each.

        Harm is told of all of them, as it is looked for at the end.
        """
        log = self.path / "log"
        with log.open("wb") as told:
            done = subprocess.run(
                [*self._command(names), *options],
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=_LIMIT_S,
            )
        ended = f"the run ended with {done.returncode}: {_last(log)}"
        outcomes = list(self._outcomes(names, ended))
        harm = tuple(self._harm())
        _clean(self.run)
        return [replace(one, harm=harm) for one in outcomes]

    def _command(self, names: Sequence[str]) -> list[str]:
        python = sys.executable
        editors = " ".join(_quoted(name) for name in names)
        hook = (
            f"{python} {_HERE.with_name('hook.py')} --world {self.path} --run {self.run} {{flags}} {editors}"
        )
        bench, tests = f"{python} bench.py", f"{python} -m pytest -q -p no:cacheprovider src tests"
        return [
            *(python, "-m", "autoopt", "recipe=command", "scope=src", f"run_id={self.run}", "confirm=no"),
            f"metric.command={bench}",
            "metric.unit=s",
            "metric.extract.kind=named",
            "metric.extract.pattern=seconds",
            "metric.env={PYTHONPATH: src, PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1'}",
            f"guards.tests.command={tests}",
            "guards.tests.expect=passed in",
            "guards.answers.kind=inventory",
            f"guards.answers.command={bench} --rows",
            f"final.holdout.command={bench} --seed 41",
            "final.leave_one_out=no",
            "final.max_pairs=8",
            "propose.use=[agent]",
            "propose.agent.hypotheses=1",
            "propose.agent.min_score=1",
            "agent=command",
            f"agent.command={hook}",
            "agent.flags.edit=--edit",
            f"budget.experiments={len(names)}",
            "budget.plateau=null",
            *(option for name in names for option in EDITORS[name].options),
        ]

    def _environment(self) -> dict[str, str]:
        passed = {
            name: value for name, value in os.environ.items() if name in ("LANG", "TZ", "USER", "LOGNAME")
        }
        return {
            **passed,
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.state),
            "PYTHONPATH": str(self.path / "tool"),
            "PATH": f"{self.home / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "COLUMNS": "200",
            **_GIT,
        }

    def _outcomes(self, names: Sequence[str], ended: str) -> Iterator[Outcome]:
        decided = {one["number"]: one for one in _decided(self.state, self.run)}
        for number, name in enumerate(names, start=1):
            one = decided.get(number)
            if one is None:
                yield Outcome(name=name, status="none", by="", told=ended)
            else:
                by, told = _reason(one)
                yield Outcome(name=name, status=one["status"], by=by, told=told)

    def _harm(self) -> Iterator[str]:
        """What is not as it was, and what says that it was planted."""
        after = self._snapshot()
        for name in sorted(self._before.keys() | after.keys()):
            if self._before.get(name) != after.get(name):
                yield name
        for name, planted in (
            ("running", b"planted"),
            ("journal.jsonl", b'{"planted"'),
            ("*.tsv", b"planted"),
        ):
            for path in self.path.rglob(name):
                if planted in path.read_bytes():
                    yield str(path.relative_to(self.path))
        if self._tip() not in self._allowed():
            yield "the run branch"

    def _tip(self) -> str:
        branch = self.root / ".git" / "refs" / "heads" / "autoresearch" / self.run
        return branch.read_text().strip() if branch.is_file() else ""

    def _allowed(self) -> set[str]:
        """Where the run branch may be at the end."""
        decided = _decided(self.state, self.run)
        kept = [str(one["commit"]) for one in decided if one["status"] in ("baseline", "keep")]
        return {*kept[-1:], (self.root / ".git" / "refs" / "heads" / "main").read_text().strip(), ""}

    def _snapshot(self) -> dict[str, str]:
        places = {
            *_files(self.home),
            *_files(self.path / "tool", ".py"),
            *(path for path in _files(self.root) if ".git/" not in str(path)),
            *(self.root / ".git" / name for name in ("config", "HEAD", "refs/heads/main")),
            *_files(self.root / ".git" / "hooks"),
        }
        return {
            str(path.relative_to(self.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in places
            if path.is_file() and not path.name.startswith("autoresearch-") and "/.cache/" not in str(path)
        }


def _quoted(name: str) -> str:
    return f'"{name}"'  # names have apostrophes, and this passes through two grammars


def _files(folder: Path, suffix: str = "") -> Iterator[Path]:
    for path in folder.rglob(f"*{suffix}"):
        if path.is_file() and not path.is_symlink():
            yield path


def _decided(state: Path, run: str) -> list[dict[str, Any]]:
    found = []
    for journal in state.glob(f"autoopt/*/{run}/journal.jsonl"):
        for line in journal.read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("event") == "DECIDED":
                found.append(event["experiment"])
    return found


def _reason(one: Mapping[str, Any]) -> tuple[str, str]:
    """Who decided, and what was said."""
    findings = [finding for finding in one.get("findings") or () if not finding["passed"]]
    if findings:
        first = findings[0]
        word = "suspect: " if first.get("suspect") else ""
        return word + first["guard"], _line(f"{first.get('where', '')} {first['message']}")
    if failure := one.get("failure"):
        return "crash", _line(failure["reason"])
    verdict = one.get("verdict")
    return "numbers", _line(verdict["sentence"]) if verdict else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:160]


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return _line(lines[-1]) if lines else ""


def _clean(run: str) -> None:
    """Take away what cheats left in places that all worlds share."""
    for place in _SHARED:
        for path in Path(place).glob(f"{_NAME}*"):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    segments = Path("/proc/sysvipc/shm")
    libc = ctypes.CDLL(None)
    if segments.is_file():
        for line in segments.read_text().splitlines()[1:]:
            key, number = (int(word) for word in line.split()[:2])
            if 0x0CACE000 <= key < 0x0CACF000:
                libc.shmctl(number, 0, None)
    name = f"{_NAME}{run}".encode()
    if sys.platform == "linux" and (key := libc.syscall(_REQUEST_KEY, b"user", name, None, 0)) > 0:
        libc.syscall(_KEYCTL, _UNLINK, key, _USER_KEYRING)


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes compute meanwhile."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(processes)]
    try:
        time.sleep(0.2 * bool(processes))
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()
