"""What of another tool lies at a path: a log, or a session's directory with its scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.interop import exported, pi, tables
from autoopt.interop.log import Log

_AUTO = ".auto"
_FILES = {
    "log": ("log.jsonl", "autoresearch.jsonl"),
    "measure": ("measure.sh", "autoresearch.sh"),
    "checks": ("checks.sh", "autoresearch.checks.sh"),
    "prompt": ("prompt.md", "autoresearch.md"),
    "config": ("config.json", "autoresearch.config.json"),
}
"""Of pi-autoresearch: names in `.auto`, and those of earlier versions beside the code."""
_TABLES = ("autoresearch-results.tsv", "results.tsv")
_RUNS = "autoresearch/*/*results.tsv"
"""Where uditgoenka/autoresearch has its tables since version 2.1."""
_WANTED = (
    "wanted .auto/log.jsonl or autoresearch.jsonl (pi-autoresearch), results.tsv or *-results.tsv "
    "(autoresearch), or a file of `autoopt export --to jsonl`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What was found; each file None where there is none.

    Attributes:
        folder: The directory that the session worked in.
        measure, checks: Scripts: the number, and what must not break.
        prompt: What the agent was told.
        config: Settings, JSON.
        program: karpathy's instructions.
        handoff: What uditgoenka/autoresearch leaves when it ends, JSON.
    """

    folder: Path
    log: Path | None = None
    measure: Path | None = None
    checks: Path | None = None
    prompt: Path | None = None
    config: Path | None = None
    program: Path | None = None
    handoff: Path | None = None


def session(path: Path) -> Session:
    """What lies there.

    Raises:
        UsageError: nothing that is known, or several logs of which one has to be named.
    """
    if not path.exists():
        raise UsageError(f"{path}: is not there; {_WANTED}.")
    if path.is_dir():
        folder = path.parent if path.name == _AUTO else path
        if (found := _of_pi(folder)) is not None:
            return found
        return _of_table(_only_table(folder))
    if path.suffix in (".tsv", ".txt", ".csv"):
        return _of_table(path)
    in_auto = path.parent.name == _AUTO
    known = _of_pi(path.parent.parent if in_auto else path.parent)
    if known is not None and known.log is not None and known.log.resolve() == path.resolve():
        return known
    return Session(folder=path.parent.parent if in_auto else path.parent, log=path)


def read(found: Session) -> Log | None:
    """What the session's log says; None where it has none yet.

    Raises:
        UsageError: it cannot be understood.
    """
    if found.log is None:
        return None
    if found.log.suffix in (".tsv", ".txt", ".csv"):
        return tables.read(found.log)
    return exported.read(found.log) if exported.is_one(found.log) else pi.read(found.log)


def _of_pi(folder: Path) -> Session | None:
    """A session of pi-autoresearch; as that does, only the new layout where there is anything of it."""
    current = {kind: folder / _AUTO / names[0] for kind, names in _FILES.items()}
    legacy = {kind: folder / names[1] for kind, names in _FILES.items()}
    for layout in (current, legacy):
        there = {kind: path for kind, path in layout.items() if path.is_file()}
        if "log" in there or "measure" in there:
            return Session(folder=folder, **there)
    return None


def _only_table(folder: Path) -> Path:
    """The one table of a directory.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = list(dict.fromkeys(_tables(folder)))
    if not found:
        raise UsageError(f"{folder}: holds no log of another tool; {_WANTED}.")
    if len(found) > 1:
        listed = ", ".join(str(path.relative_to(folder)) for path in found[:5])
        raise UsageError(f"{folder}: holds {len(found)} logs ({listed}); name the one to import.")
    return found[0]


def _tables(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in _TABLES if (folder / name).is_file())
    yield from sorted(path for path in folder.glob(_RUNS) if path.is_file())


def _of_table(path: Path) -> Session:
    """A table and what lies beside it."""
    folder = path.parent
    program, handoff = folder / "program.md", folder / "handoff.json"
    deep = folder.parent.name == "autoresearch"
    return Session(
        folder=folder.parent.parent if deep else folder,
        log=path,
        program=program if program.is_file() else None,
        handoff=handoff if handoff.is_file() else None,
    )
