"""Why runs stop before they are done."""

from __future__ import annotations

INTERRUPTED = "interrupted"
"""The reason of a stop that a person or the system brought about; the run has more to do."""
STUMBLED = "it could not go on: "
"""How the reason of a stop begins that an error brought about; with that mended, the run has more to do."""


def was_cut_short(reason: str | None) -> bool:
    """Whether a run that stopped for this reason, or without one, has more to do than it did."""
    return reason is None or reason == INTERRUPTED or reason.startswith(STUMBLED)
