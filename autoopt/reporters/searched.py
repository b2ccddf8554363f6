"""What a search over parameters found: what each assignment came to, and which parameters matter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoopt.records import Experiment, Status, Value
from autoopt.reporters import markup, words
from autoopt.reporters.account import Account

ENOUGH = 20
"""Measured assignments below which nobody says which parameter matters."""
WHY = (
    "Importance is Optuna's PED-ANOVA: how far the values of the best quarter of the assignments differ from "
    "those of all. It knows what this run tried and no more; those always changed together "
    "share what they matter."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measured assignment.

    Attributes:
        values: Every parameter's value.
        level: Its gain beside the run's start: that of the parameter changes kept before it, and its own.
    """

    number: int
    status: Status
    values: Mapping[str, Value]
    level: float
    is_ratio: bool


def results(history: Sequence[Experiment]) -> tuple[Result, ...]:
    """The assignments that were measured, in order; crashes and rejections say nothing of a value."""
    found, reached = [], 0.0
    for one in history:
        verdict = one.verdict
        if not one.parameters or verdict is None or one.status in (Status.crash, Status.inspector_reject):
            continue
        if not math.isfinite(verdict.effect):
            continue
        level = reached + verdict.effect
        found.append(
            Result(
                number=one.number, status=one.status, values=one.parameters, level=level,
                is_ratio=verdict.is_ratio,
            )
        )  # fmt: skip
        reached = level if one.status is Status.keep else reached
    kinds = {result.is_ratio for result in found}
    return tuple(found) if len(kinds) < 2 else ()


def varied(found: Sequence[Result]) -> tuple[str, ...]:
    """The parameters that had more than one value, in the order they are met."""
    names = dict.fromkeys(name for result in found for name in result.values)
    return tuple(name for name in names if len({_key(result, name) for result in found}) > 1)


def _key(result: Result, name: str) -> str:
    return repr(result.values.get(name))


def ranked(account: Account) -> tuple[tuple[str, float], ...]:
    """The parameters by importance, the most important first."""
    return tuple(sorted(account.importances.items(), key=lambda item: (-item[1], item[0])))


def missing(account: Account) -> str:
    """Why nothing is said of importance, in a sentence; empty where something is, or nothing was searched."""
    found = results(account.history)
    if account.importances or not found:
        return ""
    names = varied(found)
    if len(names) < 2:
        return "Only one parameter was varied." if names else "No parameter had more than one value."
    taken = words.count(len(found), "assignment")
    if len(found) < ENOUGH:
        return f"{taken} measured: too few to say which parameter matters (it takes {ENOUGH})."
    return f"{taken} measured, all about as good: nothing to say of which parameter matters."


def section(account: Account) -> str:
    """Importances as a section of the Markdown report; empty where nothing was searched."""
    if not results(account.history):
        return ""
    if said := missing(account):
        return f"## Which parameter matters\n\n{said}"
    rows = [(name, words.percent(share)) for name, share in ranked(account)]
    table = markup.table(("parameter", "importance"), rows, right=(1,))
    return f"## Which parameter matters\n\n{table}\n\n{WHY}"
