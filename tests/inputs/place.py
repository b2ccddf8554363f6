"""A repository, a home and a person who types words; what came of them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the command said, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass(slots=True)
class Place:
    """A small project below `root`, with a state directory and a home beside it."""

    root: Path
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Make it."""
        self.repo.mkdir(parents=True)
        (self.repo / "src").mkdir()
        (self.repo / "src" / "value.txt").write_text("10\n")
        (self.repo / "bench.sh").write_text("echo METRIC t=$(cat src/value.txt)\n")
        (self.repo / "check.sh").write_text("exit 0\n")
        self.git("init", "-q", "-b", "main")
        self.commit()
        self.recipes.mkdir(parents=True)
        for name in ("tmp", "state"):
            (self.root / name).mkdir()
        kept = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")
        self.environ = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "XDG_STATE_HOME": str(self.root / "state"),
            "XDG_CONFIG_HOME": str(self.root / "config"),
        }

    @property
    def repo(self) -> Path:
        """The user's checkout."""
        return self.root / "project"

    @property
    def recipes(self) -> Path:
        """The user's own recipes, which need no trust."""
        return self.root / "config" / "autoopt" / "recipes"

    def git(self, *words: str) -> str:
        """What git says in the checkout."""
        done = subprocess.run([*GIT, *words], cwd=self.repo, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "more")

    def recipe(self, text: str | bytes, name: str = "r") -> Path:
        """A recipe of the user's own."""
        path = self.recipes / f"{name}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    def type(self, *words: str, cwd: Path | None = None, limit_s: float = 60) -> Answer:
        """Run the command with no terminal."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "autoopt", *words],
            cwd=cwd or self.repo,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        return Answer(code=done.returncode, out=out, err=err, seconds=time.monotonic() - began)

    def contents(self) -> dict[str, str]:
        """Everything below the root, for comparing, but for what is known of the machine from then on."""
        known = {self.root / "state" / "autoopt", self.root / "state" / "autoopt" / "sandbox.json"}
        return {
            str(path.relative_to(self.root)): _what(path)
            for path in self.root.rglob("*")
            if path not in known
        }


def _what(path: Path) -> str:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return f"-> {path.readlink()}"
    if stat.S_ISREG(found.st_mode) and found.st_mode & stat.S_IRUSR:
        return f"{found.st_mode:o} {sha256(path.read_bytes()).hexdigest() if found.st_size < 1 << 24 else ''}"
    return f"{found.st_mode:o}"
