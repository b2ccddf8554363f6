"""The file of what was tried before a run: written by `autoopt import`, named by `propose.known`.

JSON Lines: one that says where the rest is from, then one for each claim. A run copies it when it starts, so
that what is imported later changes nothing in a run that has begun.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autoopt import files
from autoopt.codec import decode, encode
from autoopt.errors import UsageError
from autoopt.interop import log
from autoopt.interop.log import Log
from autoopt.records import Claim
from autoopt.records.claims import tally

FORMAT = "autoopt.known/1"
OPTION = "propose.known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Claims, and whose they are.

    Attributes:
        source: The tool that wrote the log.
        log: The log's path, as it was given to `autoopt import`.
    """

    source: str
    claims: tuple[Claim, ...] = ()
    log: str = ""
    metric: str = ""
    unit: str = ""
    direction: str = ""

    @property
    def told(self) -> str:
        """As in "23 experiments of pi-autoresearch: 8 keep, 12 discard, 3 crash"."""
        count = sum(claim.is_try for claim in self.claims)
        counted = f"{count} experiment{'' if count == 1 else 's'} of {log.line(self.source, 100)}"
        return f"{counted}: {tally(self.claims)}" if count else counted


NOTHING = Known(source="")
"""What is known where nothing was imported."""


def of(found: Log, place: str) -> Known:
    """The claims of a log that lies at `place`."""
    return Known(
        source=found.source,
        log=place,
        metric=found.metric,
        unit=found.unit,
        direction=found.direction,
        claims=found.claims,
    )


def written(known: Known) -> bytes:
    """The file that holds the claims."""
    about = {name: getattr(known, name) for name in ("source", "log", "metric", "unit", "direction")}
    rows = [{"format": FORMAT, **about}, *map(encode, known.claims)]
    return "".join(f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows).encode(
        "utf-8", "replace"
    )


def load(path: Path) -> Known:
    """The claims in a file.

    Raises:
        UsageError: it is not there, or not as `autoopt import` writes it.
    """
    if not path.exists():
        raise UsageError(
            f"{OPTION}: {path} is not there; `autoopt import LOG` writes it, {OPTION}=null does without."
        )
    head, *rows = log.lines(path)
    about = dict(log.parsed(head) or {})
    if about.pop("format", None) != FORMAT:
        raise UsageError(f"{OPTION}: {path} was not written by `autoopt import`, which makes it from a log.")
    claims: list[Claim] = []
    try:
        claims.extend(_checked(decode(Claim, json.loads(row))) for row in rows)
        return Known(claims=tuple(claims), **about)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(
            f"{OPTION}: {path}, line {len(claims) + 2} cannot be understood; `autoopt import` writes it anew."
        ) from error


def _checked(claim: Claim) -> Claim:
    """The claim, whose fields are what they are said to be.

    Raises:
        TypeError: one is not.
    """
    texts = (
        claim.description,
        claim.hypothesis,
        claim.area,
        claim.note,
        claim.commit,
        claim.tree,
        claim.fingerprint,
    )
    if not all(isinstance(text, str) for text in texts) or not isinstance(claim.number, int):
        raise TypeError("a text or number was expected")
    if claim.value is not None and log.number(claim.value) is None:
        raise TypeError("a finite number was expected")
    return claim


def of_run(kept: Path, given: Path | None) -> Known:
    """What a run knows: its own copy, made from the given file where there is none yet.

    Raises:
        UsageError: the given file cannot be used.
    """
    if kept.exists():
        return load(kept)
    if given is None:
        return NOTHING
    known = load(given)
    files.replace(kept, written(known))
    return known
