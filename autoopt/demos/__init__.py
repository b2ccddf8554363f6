"""Sample projects that show a recipe at work, offline and in a minute or two."""

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
        extra: The optional dependencies it needs, as in `autoopt[sql]` or `autoopt[ml,mlflow]`, or None.
    """

    name: str
    summary: str
    make: Callable[[Path], None]
    overrides: tuple[str, ...]
    extra: str | None


def demos() -> dict[str, Demo]:
    """Every bundled demo by name; imports the demo modules only now, to keep the command line quick."""
    from autoopt.demos import (
        bundle_size,
        memory,
        ml_f1,
        ml_loss,
        ml_mlflow,
        python_perf,
        spark_job,
        sql_latency,
        suite_coverage,
        suite_duration,
        suite_pass_rate,
        ty_errors,
    )

    return {
        module.DEMO.name: module.DEMO
        for module in (
            sql_latency,
            python_perf,
            memory,
            bundle_size,
            ml_f1,
            ml_loss,
            ml_mlflow,
            spark_job,
            suite_pass_rate,
            suite_coverage,
            suite_duration,
            ty_errors,
        )
    }
