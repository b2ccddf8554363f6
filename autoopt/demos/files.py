"""Writing a sample project: its files, and patches that somebody has sent for it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write the files, by their paths, with the directories they are in."""
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def patch(path: str, before: str, after: str, subject: str = "") -> str:
    """One file's change, as `git format-patch` mails it where there is a subject.

    A file without text is new before, and gone after.
    """
    old, new = f"a/{path}" if before else "/dev/null", f"b/{path}" if after else "/dev/null"
    mail = f"Subject: [PATCH] {subject}\n\n---\n" if subject else ""
    mode = "" if before and after else f"{'deleted' if before else 'new'} file mode 100644\n"
    lines = unified_diff(before.splitlines(True), after.splitlines(True), old, new)
    return "".join([mail, f"diff --git a/{path} b/{path}\n", mode, *lines])
