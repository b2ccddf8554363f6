"""The logs of a run's commands: the latest ones and the latest failures, however many there were."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from autoopt.errors import ResourceError
from autoopt.secrets import PATTERNS, Secrets

_NAME = re.compile(r"(\d+)-[\w.-]+")
_FAILED = "-failed"
_HALF = 256 << 10


class Logs:
    """A directory of log directories named `<number>-<what>`, with `-failed` behind those of failures.

    What is there is read from the directory each time, so that several owners may share one.
    """

    def __init__(
        self, root: Path, secrets: Secrets = PATTERNS, *, keep: int = 10, keep_failed: int = 50
    ) -> None:
        """Keep the latest `keep` logs of commands that went well and `keep_failed` of those that did not.

        Args:
            secrets: What is taken out of those that are kept.
        """
        self._root = root
        self._secrets = secrets
        self._keep = {False: keep, True: keep_failed}

    def open(self, what: str) -> Path:
        """A new, empty directory for the output of a command.

        Raises:
            ResourceError: it cannot be made.
        """
        number = 1 + max((number for number, _ in self._all()), default=0)
        path = self._root / f"{number:06d}-{re.sub(r'[^A-Za-z0-9_.]+', '-', what)}"
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise ResourceError(
                f"{path} cannot be made: {error.strerror}. Make room, then resume."
            ) from error
        return path

    def close(self, path: Path, *, failed: bool) -> None:
        """Nobody needs the whole output any more: shorten it, mark it, and remove what is too old.

        Secrets go out of it here, after whoever ran the command has read what it printed.
        """
        for file in path.iterdir():
            _shorten(file)
            self._secrets.file(file)
        if failed:
            path.rename(path.with_name(path.name + _FAILED))
        kind = sorted(entry for entry in self._all() if entry[1].name.endswith(_FAILED) == failed)
        for _, old in kind[: -self._keep[failed]]:
            shutil.rmtree(old, ignore_errors=True)  # the next one tries again

    def _all(self) -> Iterator[tuple[int, Path]]:
        if self._root.is_dir():
            for path in self._root.iterdir():
                if match := _NAME.fullmatch(path.name):
                    yield int(match[1]), path


def _shorten(path: Path) -> None:
    """Leave the beginning and the end of a long log."""
    size = path.stat().st_size
    if size <= 3 * _HALF:
        return
    with path.open("r+b") as file:
        file.seek(size - _HALF)
        end = file.read()
        file.truncate(_HALF)
        file.seek(_HALF)
        file.write(b"\n[autoopt: %d bytes left out]\n" % (size - 2 * _HALF) + end)
