"""What a journal adds up to at some line, beside it, so that reading a long one again takes no time.

A checkpoint is believed only where the journal begins with exactly the bytes it was made from, every one of
which was checked then, where the journal's next line names its seal, and where this very version of autoopt
made it. So whoever changes a number in both of them would have to seal every line after it anew, as without
any checkpoint. It holds nothing that does not follow
from the journal: lost, damaged or outdated ones are passed over, and cost the time of reading everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.codec import decode, encode
from autoopt.journal import lines
from autoopt.records import Confirmation, Level, Omission, Restart

NAME = "checkpoint.json"
"""The file beside the journal."""
EVENT = "CHECKPOINT"
"""The journal's line that names the seal."""
_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where the incumbent of an experiment stands."""

    number: int
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A journal's first `size` bytes, and what they add up to; no experiment is open there.

    Attributes:
        digest: Hash of those bytes.
        chain: Seal of their last line.
        lines: How many lines they are.
        experiments, calls: Where each is: start and end in turn.
        levels: What was noted of experiments later.
        unanswered: Number and stage of calls that were cut short.
        notes: What others make of these experiments (`Journal.remember`).
        code: Which version of autoopt says so.
    """

    size: int
    digest: str
    chain: str
    lines: int
    elapsed_s: float
    last_number: int
    header: Mapping[str, Any]
    conditions: Mapping[str, str]
    experiments: tuple[int, ...]
    calls: tuple[int, ...]
    levels: tuple[Placed, ...]
    unanswered: tuple[tuple[int | str, ...], ...]
    restarts: tuple[Restart, ...]
    omissions: tuple[Omission, ...]
    confirmation: Confirmation | None
    holdout: Confirmation | None
    stopped: str | None
    notes: Mapping[str, Any]
    code: str


def load(journal: Path, content: bytes) -> Checkpoint | None:
    """The journal's checkpoint where it is one of this content, else None."""
    try:
        sealed = json.loads(journal.with_name(NAME).read_bytes())
        if sealed["version"] != _VERSION or sealed["seal"] != _seal(sealed["body"]):
            return None
        found: Checkpoint = decode(Checkpoint, json.loads(sealed["body"]))
        if found.code != code():
            return None
        if not _is_named(sealed["seal"], found, content):
            return None
        begun = memoryview(content)[: found.size]
        return found if hashlib.sha256(begun).hexdigest() == found.digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_named(seal: str, found: Checkpoint, content: bytes) -> bool:
    """Whether the journal's next line was written for it."""
    line = content[found.size : content.find(b"\n", found.size) + 1]
    named = lines.parse(line, found.chain)
    return named is not None and named["event"] == EVENT and named["seal"] == seal


def written(checkpoint: Checkpoint) -> tuple[str, str]:
    """A checkpoint as text, and the seal of that."""
    body = json.dumps(encode(checkpoint), separators=(",", ":"))
    return body, _seal(body)


def save(journal: Path, body: str) -> None:
    """Put it beside the journal, or leave it: a full disk is told by what has to be written."""
    sealed = json.dumps({"version": _VERSION, "seal": _seal(body), "body": body})
    path = journal.with_name(NAME)
    temporary = path.with_name(f".{NAME}.tmp")
    with contextlib.suppress(OSError):
        temporary.write_text(sealed)  # not synced: a torn one is not believed
        temporary.replace(path)


def code() -> str:
    """A mark of autoopt's own modules as they are installed: what another version remembers may mean else."""
    marks = sorted(_marks(Path(__file__).parents[1]))
    return hashlib.sha256(repr(marks).encode()).hexdigest()


def _marks(folder: Path) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _marks(Path(entry.path))
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield entry.path, found.st_size, found.st_mtime_ns


def _seal(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
