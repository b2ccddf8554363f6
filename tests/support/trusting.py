"""Agreeing to the recipes that a test has written into a repository, as their author would."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.commands import recipes
from autoopt.trust import Material


def trust(root: Path, environ: Mapping[str, str], *words: str) -> None:
    """Do as `autoopt recipes trust WORDS --yes` does in the repository; again after every change."""
    with contextlib.redirect_stdout(io.StringIO()):
        assert recipes.main(["trust", *words, f"repo={root}", "--yes"], environ) == 0


def everything(materials: Sequence[Material], repository: Path) -> None:
    """A person who trusts whatever it is, for `compose.run(..., vet=everything)`."""
