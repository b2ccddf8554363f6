"""What somebody else says was tried: told and not tried again, and never taken for evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autoopt.records.deciding import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One experiment of another tool, or of another run, as its log has it.

    Attributes:
        number: Its number there, unique within one import.
        status: What was decided there.
        value: The number it claims; None where there was none.
        description: What was done, one line.
        hypothesis: What was expected of it and why; may be empty.
        area: The part of the code, where the log says it.
        note: What else was written down: what was learned, why it failed.
        numbers: Further numbers it claims, by name.
        commit: The commit in this repository; empty where it is not here.
        tree, fingerprint: Of that commit, by which a repetition is recognised; empty where it is not here.
    """

    number: int
    status: Status
    description: str
    value: float | None = None
    hypothesis: str = ""
    area: str = ""
    note: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    commit: str = ""
    tree: str = ""
    fingerprint: str = ""

    @property
    def is_try(self) -> bool:
        """Whether an idea was tried."""
        return self.status is not Status.baseline

    @property
    def failed(self) -> bool:
        """Whether it was tried and not kept."""
        return self.status in (Status.discard, Status.inspector_reject, Status.crash)


def tally(claims: Iterable[Claim]) -> str:
    """How many were decided how, as in "8 keep, 12 discard, 3 crash"."""
    found = [claim.status for claim in claims if claim.is_try]
    return ", ".join(f"{found.count(status)} {status}" for status in Status if status in found)
