"""Optuna's samplers by name, and parameter domains in Optuna's terms."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler

from autoopt.errors import UsageError
from autoopt.proposers.search.sites.plain import same
from autoopt.proposers.search.space import Choices, Domain, Space
from autoopt.records import Value
from autoopt.schema import OptunaConfig

_NEEDS = {"GPSampler": ("torch", "scipy"), "CmaEsSampler": ("cmaes",), "QMCSampler": ("scipy",)}
_EXTRA = frozenset({"scipy", "cmaes"})
"""What `autoopt[search]` brings; torch is large and left to whoever wants it."""
_NOT_ALONE = {"BaseSampler", "BaseGASampler", "PartialFixedSampler"}
_COUNTING = {"QMCSampler", "GridSampler"}
_OURS = {"self", "seed", "search_space"}
"""Sampler arguments that are not the recipe's to give."""


class SamplerMaker:
    """Makes the sampler a recipe names, once the space is known."""

    def __init__(self, kind: type[BaseSampler], options: Mapping[str, Any]) -> None:
        self._kind = kind
        self._options = dict(options)
        self._accepts = set(inspect.signature(kind).parameters)

    def __call__(self, found: Space | None, seed: int, trials: int) -> BaseSampler:
        """The sampler for a study that has this many trials."""
        options = dict(self._options)
        if "seed" in self._accepts:
            # the stream must not begin again, or it repeats what is known; a quasi-random sequence and a
            # grid count by themselves and need their scrambling to stay
            options["seed"] = seed if self._kind.__name__ in _COUNTING else seed + trials
        if "search_space" in self._accepts:
            options["search_space"] = _grid(found) if found else {}
        try:
            return self._kind(**options)
        except (TypeError, ValueError) as error:
            raise UsageError(f"propose.optuna.options: {self._kind.__name__} says: {error}") from error
        except ImportError as error:
            raise UsageError(
                f"propose.optuna.sampler: {self._kind.__name__} lacks a package: {error}"
            ) from error


def maker(config: OptunaConfig, *, shared: bool = False) -> SamplerMaker:
    """What makes the sampler; refuses unknown names and options before a run starts.

    Args:
        shared: Whether others ask the same study: what they are measuring then counts as if it were poor, so
            that nobody looks beside it, also where that is not the sampler's default.
    """
    kinds = {
        name: value
        for name, value in vars(optuna.samplers).items()
        if inspect.isclass(value) and issubclass(value, BaseSampler) and name not in _NOT_ALONE
    }
    short = {name.removesuffix("Sampler").lower(): name for name in kinds}
    wanted = config.sampler.lower().removesuffix("sampler").replace("-", "").replace("_", "")
    if wanted not in short:
        known = ", ".join(sorted(short))
        raise UsageError(f"propose.optuna.sampler: no sampler {config.sampler!r}; there are: {known}.")
    name = short[wanted]
    for package in _NEEDS.get(name, ()):
        if importlib.util.find_spec(package) is None:
            how = "autoopt[search]" if package in _EXTRA else package
            raise UsageError(
                f"propose.optuna.sampler: {config.sampler} needs {package}; pip install '{how}'."
            )
    _check_options(kinds[name], config.options)
    liar = {"constant_liar": True} if shared and _takes(kinds[name], "constant_liar") else {}
    made = SamplerMaker(kinds[name], {**liar, **config.options})
    with quiet():
        made(None, 0, 0)
    return made


def _takes(kind: type[BaseSampler], option: str) -> bool:
    return option in inspect.signature(kind).parameters


def _check_options(kind: type[BaseSampler], options: Mapping[str, Any]) -> None:
    known = sorted(set(inspect.signature(kind).parameters) - _OURS)
    for option in options:
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else f"{kind.__name__} has: {', '.join(known) or 'none'}."
            )
            raise UsageError(f"propose.optuna.options: no option {option!r}; {hint}")


def _grid(found: Space) -> dict[str, Any]:
    grid = {name: domain.all() for name, domain in found.domains.items()}
    for name, values in grid.items():
        if values is None:
            raise UsageError(f"params.{name}: a grid needs `choices` or a `step`.")
    return {name: list(values or ()) for name, values in grid.items()}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's remarks from the terminal, which belongs to the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def rehearse(sampler: BaseSampler, found: Space) -> None:
    """Have the sampler choose values for nothing, so that what it cannot do is said before a run starts.

    Raises:
        UsageError: it cannot handle the space or its options.
    """
    trial = optuna.create_study(sampler=sampler).ask()
    try:
        for name, domain in found.domains.items():
            suggest(trial, name, domain)
    except (TypeError, ValueError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"propose.optuna: {type(sampler).__name__} cannot search these params: {reason}"
        ) from error


def suggest(trial: optuna.Trial, name: str, domain: Domain) -> Value:
    """A value of the domain from the trial's sampler."""
    if isinstance(domain, Choices):
        chosen: Value = trial.suggest_categorical(name, domain.values)
        return chosen
    if domain.integer:
        step = 1 if domain.log else int(domain.step or 1)
        return trial.suggest_int(name, int(domain.low), int(domain.high), step=step, log=domain.log)
    return trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)


def distribution(domain: Domain) -> BaseDistribution:
    """The domain in Optuna's terms."""
    if isinstance(domain, Choices):
        return CategoricalDistribution(domain.values)
    if domain.integer:
        step = 1 if domain.log else int(domain.step or 1)
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log, step=step)
    return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)


def exact(value: Value, domain: Domain) -> Value:
    """The value as the domain's type: Optuna tells 1 from 1.0."""
    if isinstance(domain, Choices):
        return next(choice for choice in domain.values if same(value, choice))
    assert isinstance(value, (int, float))
    return int(value) if domain.integer else float(value)
