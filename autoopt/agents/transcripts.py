"""What agents were asked and what they answered, in files that hold no secrets."""

from __future__ import annotations

import re
from pathlib import Path

from autoopt.errors import ResourceError
from autoopt.processes import plain
from autoopt.secrets import Secrets

_STEM = re.compile(r"(\d+)-(\d+)-[\w-]+\.prompt\.md")


class Transcripts:
    """A directory of `NNNN-<k>-<stage>.prompt.md` and `.answer.md`; k counts an experiment's calls."""

    def __init__(self, directory: Path, secrets: Secrets) -> None:
        """Write to `directory`, which several agents may share."""
        self._directory = directory
        self._secrets = secrets

    def ask(self, number: int, stage: str, prompt: str) -> tuple[str, Path]:
        """Write down a prompt; the stem of the call's files, and the file with the prompt.

        Raises:
            ResourceError: it cannot be written.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            stem = f"{number:04d}-{self._calls(number) + 1}-{stage}"
            path = self._directory / f"{stem}.prompt.md"
            self._write(path, prompt)
        except OSError as error:
            raise ResourceError(
                f"{self._directory}: a prompt cannot be written: {error.strerror}. Make room, then resume."
            ) from error
        return stem, path

    def answer(self, stem: str, answer: str) -> None:
        """Write down the answer to the prompt of that stem.

        Raises:
            ResourceError: it cannot be written.
        """
        path = self._directory / f"{stem}.answer.md"
        try:
            self._write(path, answer)
        except OSError as error:
            raise ResourceError(
                f"{path} cannot be written: {error.strerror}. Make room, then resume."
            ) from error

    def _calls(self, number: int) -> int:
        """How often an agent was asked for this experiment, in this process or an earlier one."""
        found = (_STEM.fullmatch(path.name) for path in self._directory.iterdir())
        return max((int(match[2]) for match in found if match and int(match[1]) == number), default=0)

    def _write(self, path: Path, text: str) -> None:
        with path.open("x", encoding="utf-8", errors="replace", newline="") as file:
            file.write(plain(self._secrets.text(text)))
