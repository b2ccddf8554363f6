"""The output of a command as a person points at it: numbered lines, the number in question marked."""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.init.reading import Line, Mark, Screen
from autoopt.reporters import words
from autoopt.schema import Stream

MOST = 24
"""Lines that are shown: the first ones, the last ones, and those around the number."""
_HEAD, _AROUND = 6, 2
_BEFORE, _AFTER = ">>", "<<"


def screen(found: Screen, mark: Mark | None, width: int) -> Iterator[str]:
    """The lines of output that matter, each with its number, none wider than the terminal."""
    if not found.lines:
        yield "  (it printed nothing)"
        return
    wanted = _wanted(found, mark)
    last = 0
    for line in found.lines:
        if line.number not in wanted:
            continue
        if line.number > last + 1:
            yield f"  ... {words.count(line.number - last - 1, 'more line')}"
        yield _line(line, mark, width)
        last = line.number
    if any(line.stream is Stream.stderr and line.number in wanted for line in found.lines):
        yield "  (! is standard error)"
    if len(found.lines) > last:
        yield f"  ... {words.count(len(found.lines) - last, 'more line')}"


def _wanted(found: Screen, mark: Mark | None) -> set[int]:
    count = len(found.lines)
    if count <= MOST:
        return set(range(1, count + 1))
    around = range(mark.line.number - _AROUND, mark.line.number + _AROUND + 1) if mark else range(0)
    wanted = {*range(1, _HEAD + 1), *around}
    tail = MOST - len(wanted)
    return {number for number in (*wanted, *range(count - tail + 1, count + 1)) if 1 <= number <= count}


def _line(line: Line, mark: Mark | None, width: int) -> str:
    head = f"{line.number:4}{'!' if line.stream is Stream.stderr else ' '} "
    room = max(20, width - len(head) - 1)
    if mark is None or mark.line != line:
        return head + _clipped(_bare(line.text), room)
    before, number, after = line.text[: mark.start], line.text[mark.start : mark.end], line.text[mark.end :]
    shown = f"{_BEFORE}{number}{_AFTER}"
    left = _bare(before)
    space = max(0, room - len(shown))
    left = left if len(left) <= space * 2 // 3 else f"…{left[len(left) - space * 2 // 3 + 1 :]}"
    return head + left + shown + _clipped(_bare(after), max(1, space - len(left)))


def _bare(text: str) -> str:
    return words.lines(text).replace("\n", " ")


def _clipped(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
