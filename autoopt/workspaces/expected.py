"""The files a directory ought to have, changed along paths at a cost that no other path adds to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autoopt.workspaces.store import Entry, Files


class Expected(dict[str, Entry]):
    """Files by path, and the directories they are in.

    Change it by `change` only.
    """

    def __init__(self, files: Files) -> None:
        """These files; a copy of another one is cheap."""
        super().__init__(files)
        self._held: dict[str, int] = dict(files._held) if isinstance(files, Expected) else {}
        if not isinstance(files, Expected):
            for path in files:
                self._hold(path)

    def has_folder(self, path: str) -> bool:
        """Whether a file is below it."""
        return path in self._held

    def folders(self) -> Iterable[str]:
        """The directories that files are below."""
        return self._held

    def change(self, changes: Mapping[str, Entry | None]) -> None:
        """Set these files or (None) remove them."""
        for path, entry in changes.items():
            if entry is None:
                if self.pop(path, None) is not None:
                    self._release(path)
                continue
            if path not in self:
                self._hold(path)
            self[path] = entry

    def _hold(self, path: str) -> None:
        """Count what each directory holds itself, so that the last file to go takes its directory along."""
        while folder := path.rpartition("/")[0]:
            count = self._held.get(folder, 0)
            self._held[folder] = count + 1
            if count:
                return
            path = folder

    def _release(self, path: str) -> None:
        while folder := path.rpartition("/")[0]:
            self._held[folder] -= 1
            if self._held[folder]:
                return
            del self._held[folder]
            path = folder
