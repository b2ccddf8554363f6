"""The journal as people and other tools read it: a table and prose, regenerated from the history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autoopt import files
from autoopt.records import Experiment, Thought

COLUMNS = ("experiment", "commit", "metric", "status", "description")


def tsv(history: Sequence[Experiment]) -> str:
    """The journal as the five-column table; a crash has an empty metric, not 0."""
    rows = [COLUMNS, *(_row(experiment) for experiment in history)]
    return "".join("\t".join(row) + "\n" for row in rows)


def log(history: Sequence[Experiment]) -> str:
    """The journal as prose: what was tried, why, and what came of it."""
    return "\n".join(_paragraph(experiment) for experiment in history)


def publish(history: Sequence[Experiment], table: Path, prose: Path) -> None:
    """Regenerate both projections of the journal, each atomically."""
    files.replace(table, tsv(history).encode(), mark="new")
    files.replace(prose, log(history).encode(), mark="new")


def _row(experiment: Experiment) -> tuple[str, ...]:
    value = "" if experiment.value is None else f"{experiment.value:.6g}"
    description = " ".join(experiment.description.split())
    return str(experiment.number), experiment.commit[:10], value, experiment.status.value, description


def _paragraph(experiment: Experiment) -> str:
    lines = [f"#{experiment.number} {experiment.status} {experiment.commit[:10]} {experiment.description}"]
    if experiment.hypothesis:
        lines.append(f"  why: {experiment.hypothesis}")
    if (thought := experiment.thought) is not None:
        lines += _reflection(thought)
    if experiment.value is not None:
        lines.append(f"  metric: {experiment.value:.6g} (median of {len(experiment.measurement.samples)})")  # type: ignore[union-attr]
    if experiment.verdict is not None:
        lines.append(f"  verdict: {experiment.verdict.sentence}")
    lines += [f"  {'passed' if f.passed else 'FAILED'} {f.guard}: {f.message}" for f in experiment.findings]
    if experiment.failure is not None:
        lines.append(f"  failed: {experiment.failure.reason}")
    return "\n".join(lines) + "\n"


def _reflection(thought: Thought) -> list[str]:
    scores = f"impact {thought.impact}, feasibility {thought.feasibility}, novelty {thought.novelty}"
    said = {
        "assumes": thought.assumption,
        "not measured": thought.risk,
        "sources": ", ".join(thought.sources),
    }
    return [
        f"  score: {thought.score:.1f} of 10 ({scores}; the journal says {thought.newness})",
        *(f"  {label}: {' '.join(text.split())}" for label, text in said.items() if text),
    ]
