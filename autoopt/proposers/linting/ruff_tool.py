"""Runs ruff on private copies of files and remembers by content what it found and fixed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoopt.errors import ResourceError, UsageError
from autoopt.processes import Completed, complaint, run, tail
from autoopt.processes.walls import Walls

LIMIT_S = 300.0
_ALL_THERE_IS = ("--preview", "--quiet")
"""Half of the fixes that make code faster are behind --preview; but with it unknown rules are let pass."""
_OLDEST, _NEWEST = 7, 14
"""The minor versions of Python 3 that every supported ruff has heard of."""
_VERSION = re.compile(r"py3(\d{1,2})")

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place where a rule sees something.

    Attributes:
        code, name: The rule's, as in PERF401 and manual-list-comprehension.
        row: The line, from 1.
        fix: What ruff would do there, in its words; empty when it would do nothing.
    """

    code: str
    name: str
    row: int
    fix: str


class Ruff:
    """A ruff that looks for certain rules, in whatever files it is given.

    The repository's own settings are not read, so that they can neither exclude files nor name plugins and
    caches; its target version and line length are, by `repository_flags`.
    """

    def __init__(
        self,
        select: Sequence[str],
        unsafe: bool,
        scratch: Path,
        environ: Mapping[str, str],
        walls: Walls | None = None,
    ) -> None:
        """Make a ruff; nothing is run yet.

        Args:
            select: Rules or prefixes.
            unsafe: Whether fixes that ruff calls unsafe are wanted.
            scratch: Directory of our own for copies and output; made when needed.
            environ: autoopt's own environment, for the PATH.
            walls: What holds for it besides that it writes nothing but `scratch`; None for nothing.
        """
        self._select = ",".join(select)
        self._unsafe = unsafe
        self._scratch = scratch
        self._walls = None if walls is None else replace(walls, writable=(scratch,))
        self._path = environ.get("PATH", os.defpath)
        self._spots: dict[bytes, tuple[Spot, ...]] = {}
        self._fixed: dict[bytes, bytes] = {}

    def check(self, option: str) -> None:
        """See that ruff is there and knows the rules.

        Raises:
            UsageError: naming `option`, where the rules are from.
        """
        done = self._run({}, ["--select", self._select])
        if problem := complaint(done):
            reason = tail(done).rpartition("Cause: ")[2].splitlines() or [problem]
            raise UsageError(f"{option}: ruff says: {reason[0]}; `ruff rule --all` lists the rules.")

    def spots(self, files: Files, flags: Sequence[str]) -> dict[str, tuple[Spot, ...]]:
        """What it sees in each file that has anything, at most one process for all of them."""
        keys = {path: _key(path, content, flags) for path, content in files.items()}
        if new := {path: files[path] for path, key in keys.items() if key not in self._spots}:
            seen = self._look(new, flags)
            self._spots.update({keys[path]: seen.get(path, ()) for path in new})
        return {path: self._spots[key] for path, key in keys.items() if self._spots[key]}

    def fixed(self, rules: Sequence[str], files: Files, flags: Sequence[str]) -> dict[str, bytes]:
        """The files with these rules' fixes made until there are no more, at most one process for all."""
        asked = ",".join(rules)
        keys = {path: _key(path, content, [*flags, asked]) for path, content in files.items()}
        if new := {path: files[path] for path, key in keys.items() if key not in self._fixed}:
            unsafe = ["--unsafe-fixes"] if self._unsafe else []
            done = self._run(new, [*_ALL_THERE_IS, "--fix-only", *unsafe, "--select", asked, *flags])
            if done.timed_out or done.code < 0:  # a file may be half written
                raise ResourceError(f"ruff could not fix {asked}: {complaint(done)}. Try again.")
            tree = self._scratch / "tree"
            self._fixed.update({keys[path]: (tree / path).read_bytes() for path in new})
        return {path: self._fixed[key] for path, key in keys.items()}

    def _look(self, files: Files, flags: Sequence[str]) -> dict[str, tuple[Spot, ...]]:
        done = self._run(files, [*_ALL_THERE_IS, "--output-format", "json", "--select", self._select, *flags])
        try:
            said = json.loads(done.stdout.read_bytes())
        except ValueError as error:
            raise ResourceError(f"ruff gave no answer ({complaint(done) or error}): {tail(done)}") from error
        found: dict[str, list[Spot]] = {}
        root = (self._scratch / "tree").resolve()
        for item in said:
            if item["code"] and item["code"] != "invalid-syntax":
                path = Path(item["filename"]).relative_to(root).as_posix()
                found.setdefault(path, []).append(self._spot(item))
        return {path: tuple(spots) for path, spots in found.items()}

    def _spot(self, item: dict[str, Any]) -> Spot:
        fix = item["fix"] or {"applicability": "", "message": ""}
        wanted = fix["applicability"] == "safe" or (self._unsafe and fix["applicability"] == "unsafe")
        name = item.get("name") or item["code"]  # older ones give no name
        message = (fix["message"] or name) if wanted else ""
        return Spot(code=item["code"], name=name, row=item["location"]["row"], fix=message)

    def _run(self, files: Files, arguments: Sequence[str]) -> Completed:
        """Run `ruff check` on a fresh copy of the files."""
        tree = self._scratch / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        tree.mkdir(parents=True, exist_ok=True)
        fixed = ["check", "--isolated", "--no-cache", "--exit-zero"]
        everywhere = ["--no-respect-gitignore", "--config", "exclude=[]"]
        command = shlex.join([self._program(), *fixed, *everywhere, *arguments, "."])
        env = {"PATH": self._path, "HOME": str(self._scratch), "NO_COLOR": "1"}
        logs = self._scratch / "logs"
        return run(command, cwd=tree, env=env, timeout_s=LIMIT_S, logs=logs, walls=self._walls)

    def _program(self) -> str:
        found = program(self._path)
        if found is None:
            raise UsageError(f"propose.use: ruff {MISSING}.")
        return found


MISSING = "is not installed: pip install 'autoopt[codemods]'"


def program(path: str) -> str | None:
    """Where ruff is: installed with this package, or on the PATH; None when it is nowhere."""
    try:
        from ruff import find_ruff_bin

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("ruff", path=path)


def repository_flags(desk: Path) -> tuple[str, ...]:
    """The oldest Python the repository supports and its line length, where it says so, as ruff's flags."""
    project = _toml(desk / "pyproject.toml")
    own = _toml(desk / ".ruff.toml") or _toml(desk / "ruff.toml") or _table(_table(project, "tool"), "ruff")
    flags: tuple[str, ...] = ()
    version = _VERSION.fullmatch(str(own.get("target-version", "")))
    minor = int(version[1]) if version else _oldest(_table(project, "project").get("requires-python"))
    if minor is not None:
        flags += ("--target-version", f"py3{min(max(minor, _OLDEST), _NEWEST)}")
    length = own.get("line-length")
    if isinstance(length, int) and 0 < length <= 320:
        flags += ("--config", f"line-length={length}")
    return flags


def _oldest(requires: Any) -> int | None:
    """The smallest minor version of Python 3 that `requires-python` lets in."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        allowed = SpecifierSet(requires) if isinstance(requires, str) else None
    except InvalidSpecifier:
        return None
    if allowed is None:
        return None
    minors = range(_OLDEST, _NEWEST + 1)
    return next((m for m in minors if f"3.{m}.0" in allowed or f"3.{m}.99" in allowed), None)


def _toml(path: Path) -> dict[str, Any]:
    """The file's tables; none when there is no such file or it is no TOML, which is not ours to mend."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _table(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name, {})
    return value if isinstance(value, dict) else {}


def _key(path: str, content: bytes, flags: Sequence[str]) -> bytes:
    return hashlib.sha256(os.fsencode("\0".join([*flags, path, ""])) + content).digest()
