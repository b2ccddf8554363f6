"""Has other Pythons than autoopt's own compile files, where a project runs on one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autoopt.processes import complaint, run
from autoopt.processes.compiled import Wanted
from autoopt.processes.walls import Walls
from autoopt.removing import remove_whole

_PROGRAM = Path(__file__).with_name("compiler.py")
_LIMIT_S = 120.0
_TAG = re.compile(r"cpython-(\d)(\d+)")


class Interpreters:
    """The Pythons of this machine, by the tags of the files they compile."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], ours: Sequence[Path], walls: Walls | None
    ) -> None:
        """Nothing is looked for yet.

        Args:
            folder: Directory of our own for lists and results; made when needed.
            environ: autoopt's own environment.
            ours: Directories that commands can write: no program there is trusted.
        """
        self._folder = folder
        self._environ = environ
        self._ours = tuple(Path(os.path.realpath(one)) for one in ours)
        self._walls = None if walls is None else replace(walls, writable=(folder,), tmp=None)
        self._known: dict[str, Path | None] = {}

    def compile(self, wanted: Sequence[Wanted], tree: Path) -> Iterator[tuple[Wanted, bytes]]:
        """What their Pythons make of the sources, for those whose Python is there.

        Args:
            tree: A checkout whose virtual environment may say where the project's Python is.
        """
        for tag in sorted({one.tag for one in wanted}):
            if tag not in self._known:
                self._known[tag] = next(self._found(tag, tree), None)
            if (python := self._known[tag]) is not None:
                yield from self._compiled(python, [one for one in wanted if one.tag == tag])

    def _compiled(self, python: Path, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, bytes]]:
        remove_whole(self._folder)
        self._folder.mkdir()
        listing = self._folder / "list"
        targets = [self._folder / str(number) for number in range(len(wanted))]
        lines = (f"{w.level}\0{w.source}\0{t}\n" for w, t in zip(wanted, targets, strict=True))
        listing.write_bytes(b"".join(map(os.fsencode, lines)))
        self._run([str(python), "-I", "-S", str(_PROGRAM), str(listing)])
        for one, target in zip(wanted, targets, strict=True):
            if target.is_file():
                yield one, target.read_bytes()
        remove_whole(self._folder)

    def _found(self, tag: str, tree: Path) -> Iterator[Path]:
        """Pythons with that tag which no command can have put there."""
        match = _TAG.fullmatch(tag)
        if match is None:
            return
        names = [f"python{match[1]}.{match[2]}", "python3", "python"]
        places = [tree / ".venv" / "bin", tree / "venv" / "bin"]
        if environment := self._environ.get("VIRTUAL_ENV"):
            places.append(Path(environment, "bin"))
        known = [found for name in names if (found := shutil.which(name, path=self._environ.get("PATH")))]
        for candidate in (*(place / "python" for place in places), *map(Path, known)):
            program = Path(os.path.realpath(candidate))
            if not any(program.is_relative_to(one) for one in self._ours) and self._tag(program) == tag:
                yield program

    def _tag(self, program: Path) -> str:
        if not program.is_file():
            return ""
        return self._run([str(program), "-I", "-S", "-c", "import sys; print(sys.implementation.cache_tag)"])

    def _run(self, words: Sequence[str]) -> str:
        """The output of a program; nothing where it failed."""
        self._folder.mkdir(exist_ok=True)
        done = run(
            shlex.join(words),
            cwd=self._folder,
            env={"PATH": self._environ.get("PATH", os.defpath), "PYTHONDONTWRITEBYTECODE": "1"},
            timeout_s=_LIMIT_S,
            logs=self._folder / "logs",
            walls=self._walls,
        )
        return "" if complaint(done) else done.stdout.read_text("utf-8", "replace").strip()
