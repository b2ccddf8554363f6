"""Values found by a regular expression with one group: for every file no other kind understands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig


def form(where: str, file: str, config: ParameterConfig) -> RegexForm:
    """The one group of a regex; `^` and `$` match at every line."""
    assert config.regex is not None
    try:
        pattern = re.compile(config.regex, re.MULTILINE)
    except re.error as error:
        raise UsageError(f"{where}: {config.regex!r} is not a regular expression: {error}.") from error
    if pattern.groups != 1:
        raise UsageError(
            f"{where}: {config.regex!r} has {pattern.groups} groups; it needs exactly one, around the value. "
            "Write (?:...) for the others."
        )
    return RegexForm(where, file, pattern, config)


@dataclass(frozen=True, slots=True)
class RegexForm:
    """What the group matched."""

    where: str
    file: str
    pattern: re.Pattern[str]
    config: ParameterConfig
    optional: bool = False

    def read(self, text: str) -> Value:
        """The group's text, a number or switch when it looks like one or the choices say so."""
        start, end = self._find(text)
        return plain.decode(text[start:end], self.config)

    def write(self, text: str, value: Value) -> str:
        """The text with the group replaced."""
        span = self._find(text)
        return plain.splice(text, span, plain.encode(value, text[span[0] : span[1]]))

    def _find(self, text: str) -> tuple[int, int]:
        found = [match for match in self.pattern.finditer(text) if match.start(1) >= 0]
        if len(found) != 1:
            raise UsageError(
                f"{self.where}: {self.pattern.pattern!r} matches {len(found)} times in {self.file}; "
                "it must match once."
            )
        return found[0].span(1)
