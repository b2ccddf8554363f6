"""The line of commits that workers of one search keep: how far each is from where the search began."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

PREFIX = "keep "
"""What the name of a study's attribute begins with that tells of a kept commit."""


def entry(parent: str, gain: float | None, run: str, number: int) -> dict[str, Any]:
    """What is remembered of a kept commit.

    Args:
        gain: The judged effect of its parameter values; None for code, which shifts all later values alike.
    """
    return {"parent": parent, "gain": gain, "run": run, "experiment": number}


class Line:
    """The kept commits that are known so far.

    Args:
        attributes: The study's attributes.
    """

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self._keeps: dict[str, Mapping[str, Any]] = {
            name.removeprefix(PREFIX): keep for name, keep in attributes.items() if name.startswith(PREFIX)
        }
        self._starts = {str(keep["parent"]) for keep in self._keeps.values()} - set(self._keeps)

    def knows(self, commit: str) -> bool:
        """Whether it is where the search began, or was kept by a worker that has told of it."""
        return not self._keeps or commit in self._keeps or commit in self._starts

    def standing(self, commit: str) -> float:
        """What the parameter values kept up to a commit add up to, as log ratios or in the metric's unit.

        Of a commit whose worker was killed before it told of it: what the longest known line adds up to, as
        that is what it was kept on.
        """
        return math.fsum(keep["gain"] or 0.0 for _, keep in self._back(self._known(commit)))

    def code(self, commit: str) -> tuple[str, ...]:
        """The kept commits up to this one that changed code, the first one first."""
        found = [at for at, keep in self._back(self._known(commit)) if keep["gain"] is None]
        return tuple(reversed(found))

    def contexts(self) -> list[tuple[str, ...]]:
        """Of every context that has begun, the keeps of code below it."""
        return [(), *(self.code(at) for at, keep in self._keeps.items() if keep["gain"] is None)]

    def code_of(self, run: str) -> list[int]:
        """The experiments of a run that were kept and changed code."""
        return [
            keep["experiment"] for keep in self._keeps.values() if keep["gain"] is None and keep["run"] == run
        ]

    def _known(self, commit: str) -> str:
        if self.knows(commit):
            return commit
        return max(self._keeps, key=lambda kept: sum(1 for _ in self._back(kept)))

    def _back(self, commit: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        seen: set[str] = set()
        while commit in self._keeps and commit not in seen:
            seen.add(commit)
            yield commit, self._keeps[commit]
            commit = str(self._keeps[commit]["parent"])
