"""Lines added and removed, and unified diffs. Pure."""

from __future__ import annotations

import difflib

from autoopt.lines import changed, is_text, split

_LONGEST_DIFF = 16_000


def count(old: bytes, new: bytes) -> tuple[int, int]:
    """How many lines were added and removed; (0, 0) for binary files."""
    if not (is_text(old) and is_text(new)):
        return 0, 0
    blocks = changed(split(old), split(new))
    return sum(d - c for _, _, c, d in blocks), sum(b - a for a, b, _, _ in blocks)


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
    if len(a) + len(b) > _LONGEST_DIFF:
        added, removed = count(before, after)
        return f"{header}Too long to show: {added} lines added, {removed} removed in {path}\n"
    lines = difflib.unified_diff(_ended(a), _ended(b), source, target)
    return header + "".join(lines)


def _ended(lines: list[str]) -> list[str]:
    """Lines with their ends; a last line without one says so as diff does."""
    ended = [f"{line}\n" for line in lines[:-1]]
    return [*ended, f"{lines[-1]}\n\\ No newline at end of file\n"] if lines[-1] else ended
