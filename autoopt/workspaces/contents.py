"""Whether what changed files hold may be committed: how much it is, and whether it is secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoopt.errors import OutOfScopeError
from autoopt.records import FileChange
from autoopt.workspaces.rules import Rules
from autoopt.workspaces.store import EXECUTABLE, FILE, Files, Store

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Contents:
    """Looks at the files of one proposal before any of them becomes an object of the repository.

    Attributes:
        store: Holds the files as they were.
        expected: Those of the commit that is changed.
    """

    rules: Rules
    store: Store
    expected: Files

    def check(self, changes: Sequence[FileChange]) -> None:
        """Refuse what is too much, what nobody could read, and what nobody should.

        Raises:
            OutOfScopeError: naming the file.
        """
        self._check_sizes(changes)
        for change in changes:
            self._check_secrets(change)

    def _check_sizes(self, changes: Sequence[FileChange]) -> None:
        rules = self.rules
        total = sum(len(change.after or b"") for change in changes)
        if total > rules.largest_change:
            raise OutOfScopeError(
                f"{len(changes)} changed files have {_mb(total)} MB together; a proposal's may have "
                f"{_mb(rules.largest_change)} (workspace.max_change_mb).",
                guard="size",
            )
        grown = {change.path: _grown(change) for change in changes if is_binary(change.after or b"")}
        if sum(grown.values()) > rules.largest_binary:
            path = max(grown, key=lambda name: grown[name])
            raise OutOfScopeError(
                f"{path}: {_mb(sum(grown.values()))} MB more that are no text; a proposal may bring "
                f"{_mb(rules.largest_binary)} (workspace.max_binary_mb).",
                guard="binary",
                where=path,
            )

    def _check_secrets(self, change: FileChange) -> None:
        secrets, shown = self.rules.secrets, self.rules.secrets.text(change.path)
        if shown != change.path:
            raise OutOfScopeError(f"{shown}: a secret in a file's name.", guard="secrets", where=shown)
        after = change.after or b""
        if found := secrets.added(change.before or b"", after, self._is_known):
            line = after.count(b"\n", 0, found.start) + 1
            where = f"{shown}:{line}"
            raise OutOfScopeError(
                f"{where}: holds a secret ({found.name}), and what is committed stays in the repository; "
                "read it from the environment instead.",
                guard="secrets",
                where=where,
            )

    def _is_known(self, token: bytes) -> bool:
        """Whether some file of the commit has it already: then it is no secret that could get out."""
        entries = (entry for entry in self.expected.values() if entry.mode in (FILE, EXECUTABLE))
        return any(token in self.store.blob(entry.sha) for entry in entries)


def is_binary(content: bytes) -> bool:
    """Whether it is no text, as git sees it."""
    return b"\0" in content


def _grown(change: FileChange) -> int:
    """The bytes that a file that is no text has more than before; all of them where it was text."""
    before, after = change.before or b"", change.after or b""
    return max(0, len(after) - len(before)) if is_binary(before) else len(after)


def _mb(count: int) -> str:
    return f"{count / _MB:.3g}"
