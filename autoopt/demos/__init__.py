"""Sample projects that show a recipe at work, offline and in under a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One sample project.

    Attributes:
        name: What `autoopt demo NAME` calls it; the recipe's name.
        summary: One line for the list of demos.
        make: Writes the project's files into an empty directory, the same ones every time.
        overrides: The `key=value` words of its run.
        extra: The optional dependencies it needs, as in `autoopt[sql]`; None when it needs none.
    """

    name: str
    summary: str
    make: Callable[[Path], None]
    overrides: tuple[str, ...]
    extra: str | None


def demos() -> dict[str, Demo]:
    """Every bundled demo by name; imports the demo modules only now, to keep the command line quick."""
    from autoopt.demos import ml_f1, python_perf, sql_latency

    return {module.DEMO.name: module.DEMO for module in (sql_latency, python_perf, ml_f1)}
