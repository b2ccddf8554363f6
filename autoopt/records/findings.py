"""What guards say of a change, and what a person may say against that."""

from __future__ import annotations

import re
from dataclasses import dataclass

FLAKY = "flaky: "
"""What the message begins with where a command did not come to the same every time."""
_LINE = re.compile(r":\d+\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one guard says about a change.

    Attributes:
        where: The place it is about, as in "src/app.py:12"; may be empty.
        suspect: Whether it is a suspicion only, which a person may overrule; one that passed was overruled.
    """

    guard: str
    passed: bool
    message: str
    where: str = ""
    suspect: bool = False

    @property
    def is_flaky(self) -> bool:
        """Whether its command did not come to the same every time."""
        return self.message.startswith(FLAKY)

    @property
    def about(self) -> str:
        """What a person agrees to who overrules it: who says what of which file, wherever its lines are now.

        Of what is about no place it is the guard alone, as such a finding tells measured numbers.
        """
        if not self.where:
            return self.guard
        return " ".join((self.guard, *(_LINE.sub("", text) for text in (self.where, self.message))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrule:
    """A person's word that what guards suspected of a change does not count.

    Attributes:
        number: The experiment that was suspect.
        guards: Whose suspicions these are.
        by: Who says so, by the name of the account.
        when: UTC time in ISO 8601.
        about: What each suspicion was about, as `Finding.about` says; others are not overruled. None in older
            records, which named guards only.
    """

    number: int
    guards: tuple[str, ...]
    reason: str
    by: str
    when: str
    about: tuple[str, ...] | None = None

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this suspicion."""
        return finding.guard in self.guards and (self.about is None or finding.about in self.about)
