"""Lines added and removed, and unified diffs. Pure."""

from __future__ import annotations

import difflib
from collections import Counter

_QUADRATIC_LIMIT = 4000


def is_text(data: bytes) -> bool:
    """Whether git would call this text: no NUL in its first 8000 bytes."""
    return b"\0" not in data[:8000]


def count(old: bytes, new: bytes) -> tuple[int, int]:
    """How many lines were added and removed; (0, 0) for binary files.

    Where a long file changed throughout, lines that merely moved count as unchanged: an exact
    difference would take quadratic time.
    """
    if not (is_text(old) and is_text(new)):
        return 0, 0
    before, after = _trimmed(old.splitlines(keepends=True), new.splitlines(keepends=True))
    if len(before) + len(after) > _QUADRATIC_LIMIT:
        removed, added = Counter(before), Counter(after)
        return (added - removed).total(), (removed - added).total()
    same = sum(
        block.size for block in difflib.SequenceMatcher(None, before, after, False).get_matching_blocks()
    )
    return len(after) - same, len(before) - same


def _trimmed(before: list[bytes], after: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Both without their common beginning and end."""
    shortest = min(len(before), len(after))
    start = next((i for i in range(shortest) if before[i] != after[i]), shortest)
    before, after = before[start:], after[start:]
    shortest = min(len(before), len(after))
    end = next((i for i in range(shortest) if before[-1 - i] != after[-1 - i]), shortest)
    return before[: len(before) - end], after[: len(after) - end]


def unified(path: str, old: bytes | None, new: bytes | None) -> str:
    """The unified diff of one file as `git apply` reads it; None for a side where it does not exist."""
    before, after = old or b"", new or b""
    source = "/dev/null" if old is None else f"a/{path}"
    target = "/dev/null" if new is None else f"b/{path}"
    header = f"diff --git a/{path} b/{path}\n"
    if old is None:
        header += "new file mode 100644\n"
    if new is None:
        header += "deleted file mode 100644\n"
    if not (is_text(before) and is_text(after)):
        return f"{header}Binary files {source} and {target} differ\n"
    a, b = (data.decode("utf-8", "replace").split("\n") for data in (before, after))
    if len(a) + len(b) > 4 * _QUADRATIC_LIMIT:
        added, removed = count(before, after)
        return f"{header}Too long to show: {added} lines added, {removed} removed in {path}\n"
    lines = difflib.unified_diff(_ended(a), _ended(b), source, target)
    return header + "".join(lines)


def _ended(lines: list[str]) -> list[str]:
    """Lines with their ends; a last line without one says so as diff does."""
    ended = [f"{line}\n" for line in lines[:-1]]
    return [*ended, f"{lines[-1]}\n\\ No newline at end of file\n"] if lines[-1] else ended
