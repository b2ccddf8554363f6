"""Lines that are in a file or not: switches for settings files, flag lists, import lists."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import lines
from autoopt.records import Value
from autoopt.schema import ParameterConfig


def form(where: str, file: str, config: ParameterConfig) -> LineForm:
    """A whole line."""
    assert config.line is not None
    if "\n" in config.line or "\r" in config.line:
        raise UsageError(f"{where}: has more than one line; name one.")
    if any(not isinstance(value, bool) for value in config.choices or []):
        raise UsageError(f"{where}: a line is there or not; its choices are true and false.")
    return LineForm(where, file, config.line.rstrip())


@dataclass(frozen=True, slots=True)
class LineForm:
    """True when the line is there (blanks at its end do not count); appended at the end of the file."""

    where: str
    file: str
    line: str
    optional: bool = True

    def read(self, text: str) -> Value:
        """Whether the line is there."""
        return self._find(text) is not None

    def write(self, text: str, value: Value) -> str:
        """The text with the line appended or removed."""
        if not isinstance(value, bool):
            raise UsageError(f"{self.where}: a line is there (true) or not (false); {value!r} is neither.")
        span = self._find(text)
        return lines.insert(text, len(text), self.line) if span is None else lines.remove(text, span)

    def _find(self, text: str) -> tuple[int, int] | None:
        found = [span for span in lines.spans(text) if lines.body(text, span) == self.line]
        if len(found) > 1:
            raise UsageError(f"{self.where}: the line is in {self.file} {len(found)} times; keep one.")
        return found[0] if found else None
