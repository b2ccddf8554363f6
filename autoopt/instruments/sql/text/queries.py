"""The SQL files a run may edit: queries to time, and setup.sql with what makes them fast."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.instruments.sql.text import statements

SETUP = "setup.sql"
TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One file of statements; `name` is its stem, or its path where the stem would not be unique."""

    name: str
    path: Path
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One setup.sql, already checked."""

    path: Path
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ddl:
    """A statement of setup.sql that changes the database, not the session only."""

    statement: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What the given paths hold; queries are sorted by name."""

    queries: tuple[Query, ...]
    setups: tuple[Setup, ...]


def load(paths: Sequence[str], engine: str) -> Workload:
    """Read the SQL files of the paths (files, directories or globs, relative to the working directory).

    Raises:
        UsageError: nothing matches, or a file holds what it may not.
    """
    files = _sql_files(paths)
    found = [path for path in files if path.name != SETUP]
    if not found:
        raise UsageError(f"no *.sql files in {' '.join(paths)}; scope must name the queries to make faster.")
    names = _names(found)
    queries = [_query(names[path], path, engine) for path in found]
    setups = [_setup(path, engine) for path in files if path.name == SETUP]
    return Workload(queries=tuple(sorted(queries, key=lambda query: query.name)), setups=tuple(setups))


def ddl(setups: Iterable[Setup]) -> list[Ddl]:
    """What the setups ask to be changed in the database, in order."""
    return [
        Ddl(statement=statement, path=setup.path)
        for setup in setups
        for statement in setup.statements
        if not statements.is_setting(statement)
    ]


def setup_path(paths: Sequence[str]) -> Path:
    """Where setup.sql is or may be made: the first place that the paths cover.

    Raises:
        UsageError: the paths have no room for one.
    """
    files = _sql_files(paths)
    present = [path for path in files if path.name == SETUP]
    for place in (*present, *(_room(given, files) for given in paths)):
        if place is not None:
            return place
    raise UsageError(
        f"{' '.join(paths)} has no room for a {SETUP}; name the directory or add the file to it, as in "
        f"scope=[{paths[0]},{Path(paths[0]).with_name(SETUP)}], or set propose.discover=null."
    )


def _room(given: str, files: Iterable[Path]) -> Path | None:
    path = Path(given)
    if path.is_dir():
        return path / SETUP
    if not glob.has_magic(given):
        return path if path.name == SETUP else None
    fits = path.name == "**" or fnmatchcase(SETUP, path.name)
    return next((file.with_name(SETUP) for file in files if file in _expand(given)), None) if fits else None


def _sql_files(paths: Sequence[str]) -> list[Path]:
    return sorted({file for given in paths for file in _expand(given)})


def _expand(given: str) -> list[Path]:
    path = Path(given)
    if path.is_dir():
        below = (file for file in path.rglob("*.sql") if file.is_file())
        return [file for file in below if not _is_hidden(file.relative_to(path))]
    if path.is_file():
        return [path]
    if glob.has_magic(given):
        matches = [Path(match) for match in glob.glob(given, recursive=True)]  # noqa: PTH207 - keeps `./` off
        return [match for match in matches if match.suffix == ".sql" and match.is_file()]
    if path.name == SETUP:
        return []
    raise UsageError(f"no such file or directory: {given}; the paths are those of scope.")


def _is_hidden(path: Path) -> bool:
    """Whether it lies in a directory like `.venv` or `node_modules`, whose SQL is not the project's."""
    return any(part.startswith(".") or part == "node_modules" for part in path.parts)


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """A name for each file: the stem, unless two files share it or the sum of all has it already."""
    stems = {file: _word(file.stem) for file in files}
    count = Counter(stems.values())
    return {
        file: stem if count[stem] == 1 and stem != TOTAL else "query_" + _word(str(file.with_suffix("")))
        for file, stem in stems.items()
    }


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")


def _query(name: str, path: Path, engine: str) -> Query:
    split = statements.split(_text(path))
    if not any(statements.is_reading(statement) for statement in split):
        raise UsageError(
            f"{path}: no SELECT in it, so there is nothing to compare; take it out of the scope."
        )
    for statement in split:
        statements.check_query(statement, engine, str(path))
    return Query(name=name, path=path, statements=split)


def _setup(path: Path, engine: str) -> Setup:
    split = statements.split(_text(path))
    for statement in split:
        statements.check_setup(statement, engine, str(path))
    return Setup(path=path, statements=split)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); convert it."
        ) from error
