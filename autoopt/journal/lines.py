"""A journal's lines: JSON objects, each sealed by a hash over itself and the line before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autoopt.errors import DamagedStateError
from autoopt.secrets import PATTERNS

REPEATABLE = frozenset({"BEGIN", "EDITED", "MEASURED", "MOVED", "DONE"})
"""What a resume does again where it is not on record: the decision between them is what must not be lost."""


def content(path: Path) -> bytes:
    """A journal as it lies on disk.

    Raises:
        DamagedStateError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DamagedStateError(f"{path}: the run's journal cannot be read: {error.strerror}.") from error


def link(chain: str, body: Mapping[str, Any]) -> str:
    """The seal of a body that follows the line with the seal `chain`; empty before the first."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256((chain + canonical).encode()).hexdigest()


_SAID = "area assumption description goal hypothesis message paths reason risk sources tail where"
_PROSE = frozenset(_SAID.split())
"""Fields that hold what people, agents and commands have said; all others are words and numbers of ours."""

discreet: Callable[[str], str] = PATTERNS.text
"""Takes out what looks like a well-known kind of secret."""


def _redacted(value: Any, redact: Callable[[str], str], *, prose: bool = False) -> Any:
    """The value with what `redact` makes of all prose in it."""
    if isinstance(value, str):
        return redact(value) if prose else value
    if isinstance(value, Mapping):
        return {key: _redacted(one, redact, prose=key in _PROSE) for key, one in value.items()}
    if isinstance(value, list):
        return [_redacted(one, redact, prose=prose) for one in value]
    return value


def readable(body: Mapping[str, Any], redact: Callable[[str], str] = discreet) -> dict[str, Any]:
    """The body as it will be read back, with `?` for what is no text: names of files need not be any.

    Args:
        redact: Takes secrets out of what is said in it.
    """
    text = json.dumps(_redacted(body, redact), ensure_ascii=False, allow_nan=False)
    found: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return found


def line(body: Mapping[str, Any], chain: str) -> bytes:
    """The line of a body with its own seal."""
    return json.dumps({**body, "chain": chain}, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def body(line: bytes) -> dict[str, Any]:
    """The body of a line that was checked before."""
    found: dict[str, Any] = json.loads(line)
    return found


def parse(line: bytes, chain: str) -> dict[str, Any] | None:
    """The body of a line, its own seal included; None where it is torn or does not follow from `chain`."""
    if not line.endswith(b"\n"):
        return None
    try:
        body = json.loads(line)
    except ValueError:
        return None
    if not isinstance(body, dict) or "chain" not in body:
        return None
    claimed = body.pop("chain")
    return {**body, "chain": claimed} if claimed == link(chain, body) else None
