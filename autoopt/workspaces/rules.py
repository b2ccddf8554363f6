"""What a proposal may not put into the files that it may edit."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.secrets import PATTERNS, Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Limits of one proposal.

    Attributes:
        largest_file: Bytes a changed file may have.
        largest_change: Bytes all changed files may have together.
        largest_binary: Bytes by which files that are no text may grow, new ones included.
        allow_new: Globs of names or paths that new files may have although they take the place of something.
        secrets: What may be in no file, unless it was there already, and in no message.
    """

    largest_file: int = 5_000_000
    largest_change: int = 20_000_000
    largest_binary: int = 1_000_000
    allow_new: tuple[str, ...] = ()
    secrets: Secrets = PATTERNS


USUAL = Rules()
