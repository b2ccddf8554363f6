"""Ideas that were scored and not tried yet, kept until the incumbent changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from autoopt import files
from autoopt.agents.thoughts import Idea
from autoopt.codec import decode, encode
from autoopt.records import Experiment

_MOST = 30


class Notebook:
    """A file of ideas in a run's state directory; an idea is used up when an experiment has its hypothesis.

    It only spares calls: a notebook that is lost or damaged holds no ideas.
    """

    def __init__(self, path: Path) -> None:
        """Keep the ideas in `path`, which need not exist yet."""
        self._path = path

    def untried(self, incumbent: str, history: Sequence[Experiment]) -> tuple[Idea, ...]:
        """The ideas had for this incumbent that no experiment has tried."""
        tried = {experiment.hypothesis for experiment in history}
        return tuple(idea for idea in self._read(incumbent) if idea.hypothesis not in tried)

    def remember(self, incumbent: str, ideas: Sequence[Idea]) -> None:
        """Add ideas had for this incumbent; those for an earlier one are forgotten."""
        known = {idea.hypothesis: idea for idea in (*self._read(incumbent), *ideas)}
        content = {"incumbent": incumbent, "ideas": encode(list(known.values())[-_MOST:])}
        files.replace(self._path, json.dumps(content, indent=1).encode() + b"\n")

    def _read(self, incumbent: str) -> tuple[Idea, ...]:
        try:
            content = json.loads(self._path.read_bytes())
            if content["incumbent"] != incumbent:
                return ()
            return tuple(decode(Idea, item) for item in content["ideas"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ()
