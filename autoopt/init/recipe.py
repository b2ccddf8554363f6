"""What is said in a recipe besides its settings: at its top, and behind values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from autoopt.init.draft import Draft, World
from autoopt.reporters import words
from autoopt.schema import Config
from autoopt.scope import Scope

Path = tuple[str, ...]

_NOTES: Mapping[Path, str] = {
    ("off_limits",): "in the scope, and yet never edited",
    ("metric", "target"): "a run stops once it is reached",
    ("line_gain",): "the gain that each net line of code must bring, as a ratio",
    ("web_search",): "for agents: yes, ask or no",
    ("budget", "experiments"): "null is no limit",
}


def head(draft: Draft, config: Config, own: Sequence[str]) -> list[str]:
    """The comment at the top: what it is for, how it is run, and what else can be said.

    Args:
        own: Words that the recipe cannot say.
    """
    use = shlex.join(["autoopt", f"recipe={draft.name}", *own])
    lines = [f"{_sentence(config.goal)} Written by autoopt init.", "", f"  {use}", ""]
    if own:
        lines.append(f"{' '.join(own)}: only a person can say this, for each run.")
    if draft.reading is not None:
        value = words.number(draft.reading.value, config.metric.unit)
        lines.append(f"The number was {value} when this was written.")
    lines.append(
        f"It builds on {draft.recipe}: autoopt recipes show {draft.name} says all that it sets, and why. "
        "What is given on the command line of a run wins, as in budget.wall=2h; autoopt help options has all."
    )
    return lines


def _sentence(goal: str) -> str:
    text = words.one_line(goal).strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def notes(draft: Draft, config: Config, world: World) -> dict[Path, str]:
    """What to say behind values."""
    scope = Scope(config.scope, config.off_limits)
    count = sum(map(scope.contains, world.tracked))
    found = {
        **_NOTES,
        ("scope",): f"the only files that may be edited: {words.count(count, 'file')} when written",
    }
    if draft.reading is not None and draft.reading.mark is not None:
        line = words.one_line(draft.reading.mark.line.text)[:60]
        found[("metric", "extract", "kind")] = f"printed then: {line}"
    return found
