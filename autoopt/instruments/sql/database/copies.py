"""The prepared copy of an embedded database: setup.sql goes into the copy, never into the user's file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from autoopt.errors import ResourceError, UsageError
from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import EngineError, QueryError, first_line
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.text import statements
from autoopt.instruments.sql.text.queries import Setup

_NAME = "database"
_COSTS = "indexes.json"
_PREFIX = "sql-"
_CHUNK = 1 << 30
_WAL_MODE = 2  # the file format's write version, byte 18 of the header
# A PRAGMA of these changes the file, so it belongs into the copy once; a read-only connection refuses it.
_FILE_PRAGMAS = {
    *("journal_mode", "auto_vacuum", "page_size", "user_version", "application_id"),
    *("optimize", "wal_checkpoint", "incremental_vacuum"),
}


def prepared(location: Location, setups: tuple[Setup, ...], scratch: Path) -> Path | None:
    """The copy with setup.sql applied, made now unless it is there; None when there is no file to copy.

    The copy is known by what it was made from, so a database or a setup.sql that changes gets another.

    Raises:
        QueryError: a statement of setup.sql fails.
        ResourceError: the copy cannot be written.
    """
    if location.path is None:
        return None
    directory = scratch / (_PREFIX + _fingerprint(location.path, setups))
    if not directory.is_dir():
        for stale in scratch.glob(_PREFIX + "*"):
            shutil.rmtree(stale, ignore_errors=True)
        _build(location, location.path, setups, directory)
    return directory / _NAME


def built(copy: Path | None) -> dict[str, float]:
    """What the indexes of a prepared copy cost: seconds to build, and MB."""
    costs = copy.with_name(_COSTS) if copy is not None else None
    if costs is None or not costs.exists():
        return {"index_build_s": 0.0, "index_mb": 0.0}
    found: dict[str, float] = json.loads(costs.read_bytes())
    return found


def apply_settings(session: engines.Session, setups: tuple[Setup, ...]) -> None:
    """Run the lines of setup.sql that hold for one connection.

    Raises:
        QueryError: the engine refuses one.
    """
    for setup in setups:
        for statement in setup.statements:
            if statements.is_setting(statement) and not _is_for_the_file(statement):
                _run(session, statement, setup.path)
    session.settle()


def _build(location: Location, source: Path, setups: tuple[Setup, ...], directory: Path) -> None:
    building = Path(tempfile.mkdtemp(prefix="building-", dir=directory.parent))
    try:
        copy = building / _NAME
        (_copy_sqlite if location.engine == "sqlite" else _copy_duckdb)(source, copy)
        costs = _apply(location, setups, copy)
        (building / _COSTS).write_text(json.dumps(costs), encoding="ascii")
        building.rename(directory)
    except OSError as error:
        raise ResourceError(
            f"the copy of {source.name} cannot be made: {error.strerror or error}."
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _apply(location: Location, setups: tuple[Setup, ...], copy: Path) -> dict[str, float]:
    """Run setup.sql in the copy; return what its indexes cost."""
    spent = 0.0
    before = copy.stat().st_size
    if any(setup.statements for setup in setups):
        with closing(engines.connect(location, copy, writable=True)) as session:
            spent = _fill(session, location, setups)
    adds = _adds_index(setups)
    grown = max(0, copy.stat().st_size - before) if adds else 0
    return {"index_build_s": round(spent, 6), "index_mb": grown / 1e6}


def _fill(session: engines.Session, location: Location, setups: tuple[Setup, ...]) -> float:
    """Run every statement of setup.sql; return how long its indexes took to build."""
    if location.engine == "sqlite":
        session.execute("PRAGMA synchronous=OFF")  # a copy lost to a power cut is made again
    spent = 0.0
    for setup in setups:
        for statement in setup.statements:
            begin = time.perf_counter()
            _run(session, statement, setup.path)
            spent += time.perf_counter() - begin if statements.makes_index(statement) else 0.0
    if location.engine == "sqlite" and _adds_index(setups):
        session.execute("ANALYZE")  # the planner ignores what it has no statistics about
    return spent


def _adds_index(setups: tuple[Setup, ...]) -> bool:
    return any(statements.makes_index(statement) for setup in setups for statement in setup.statements)


def _run(session: engines.Session, statement: str, path: Path) -> None:
    try:
        session.execute(statement)
    except EngineError as error:
        raise QueryError(f"{path}: {error}") from error


def _is_for_the_file(statement: str) -> bool:
    return statements.setting_name(statement) in _FILE_PRAGMAS


def _fingerprint(source: Path, setups: tuple[Setup, ...]) -> str:
    digest = hashlib.sha256(os.fsencode(source))
    for part in (source, _sibling(source, "-wal"), _sibling(source, ".wal")):
        if part.exists():
            stat = part.stat()
            digest.update(f"|{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}".encode())
    for setup in setups:
        digest.update("\0".join(("|setup", *setup.statements)).encode())
    return digest.hexdigest()[:16]


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite file as its last commit left it, whoever else has it open."""
    try:
        if not _has_wal_header(source):
            _copy_under_lock(source, target)
        elif _sibling(source, "-shm").exists():
            with closing(_read_only(source)) as original, closing(sqlite3.connect(target)) as copy:
                original.backup(copy)
        else:  # nobody has it open; opening it here would leave a -wal and a -shm beside the user's file
            _clone(source, target)
            _clone_log(source, target, "-wal")
    except sqlite3.Error as error:
        raise UsageError(f"options.url: SQLite cannot read {source.name}: {first_line(error)}.") from error


def _copy_under_lock(source: Path, target: Path) -> None:
    with closing(_read_only(source)) as original:
        original.execute("BEGIN")
        original.execute("SELECT count(*) FROM sqlite_master").fetchone()  # holds writers off until closed
        _clone(source, target)


def _has_wal_header(source: Path) -> bool:
    with source.open("rb") as file:
        header = file.read(20)
    return len(header) == 20 and header[18] == _WAL_MODE


def _read_only(source: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, isolation_level=None)


def _copy_duckdb(source: Path, target: Path) -> None:
    """Copy a DuckDB file and its log; opened meanwhile, because DuckDB then lets no other process write."""
    location = Location(engine="duckdb", path=source)
    with closing(engines.connect(location, source)):
        _clone(source, target)
        _clone_log(source, target, ".wal")


def _sibling(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _clone_log(source: Path, target: Path, suffix: str) -> None:
    log = _sibling(source, suffix)
    if log.exists():
        _clone(log, _sibling(target, suffix))


def _clone(source: Path, target: Path) -> None:
    """Copy a file inside the kernel, which shares the blocks where the file system can."""
    if not hasattr(os, "copy_file_range"):
        shutil.copyfile(source, target)
        return
    with source.open("rb") as original, target.open("xb") as copy:
        try:
            while os.copy_file_range(original.fileno(), copy.fileno(), _CHUNK):
                pass
        except OSError:  # another device or an old kernel: what is there so far is the right prefix
            shutil.copyfileobj(original, copy, 1 << 20)
