"""How much each parameter matters, by Optuna's PED-ANOVA, from the assignments a run has measured."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from autoopt.records import Value, is_number

_BEST = 0.25  # what sets these assignments apart; a smaller share would be too few to tell
_WIDE = 50.0  # a range this many times its smallest value is looked at by its logarithm


def importances(assignments: Sequence[Mapping[str, Value]], levels: Sequence[float]) -> dict[str, float]:
    """The importance of each parameter that varies, adding up to 1; empty where nothing can be told.

    A parameter that some assignment lacks is left out, as Optuna's evaluators compare whole assignments.

    Args:
        assignments: Parameters' values by name.
        levels: What each of them gained, in one unit; positive is better.
    """
    shared = (
        [name for name in assignments[0] if all(name in one for one in assignments)] if assignments else []
    )
    columns = {name: [one[name] for one in assignments] for name in shared}
    varied = {name: held for name, held in columns.items() if len(set(map(repr, held))) > 1}
    if len(varied) < 2 or max(levels) == min(levels):
        return {}
    domains = {name: _domain(held) for name, held in varied.items()}
    study = _study(domains, varied, levels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=_BEST))
    return {name: float(share) for name, share in found.items()} if _is_said(found) else {}


def _is_said(found: Mapping[str, float]) -> bool:
    return all(map(math.isfinite, found.values())) and sum(found.values()) > 0


def _study(
    domains: Mapping[str, BaseDistribution], varied: Mapping[str, Sequence[Value]], levels: Sequence[float]
) -> optuna.Study:
    """A study in memory that holds them as completed trials."""
    optuna.logging.disable_default_handler()  # the terminal belongs to the run
    study = optuna.create_study(direction="maximize")
    for place, level in enumerate(levels):
        shown = {name: _shown(varied[name][place], domain) for name, domain in domains.items()}
        study.add_trial(
            create_trial(state=TrialState.COMPLETE, value=level, params=shown, distributions=dict(domains))
        )
    return study


def _domain(held: Sequence[Value]) -> BaseDistribution:
    """What the values seen span: the recipe's own domain may have changed since."""
    numbers = [float(value) for value in held if is_number(value)]
    if len(numbers) < len(held):
        return CategoricalDistribution(sorted(set(map(repr, held))))
    low, high = min(numbers), max(numbers)
    return FloatDistribution(low, high, log=low > 0 and high / low >= _WIDE)


def _shown(value: Value, domain: BaseDistribution) -> float | str:
    return repr(value) if isinstance(domain, CategoricalDistribution) else float(value or 0.0)
