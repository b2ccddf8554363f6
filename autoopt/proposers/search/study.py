"""One context of a parameter search: Optuna's study, with what it lacks.

Results hold for the code they were measured on. When another proposer's change is kept, a new study begins:
nothing is known there and any combination may be tried again, but its sampler starts from the most telling
old results, as completed trials. They come first, so that samplers that weigh by age (TPE's default weights
fade all but the latest 25) forget them first, and there are few, so that a few new results outweigh them.
Values that were tried alone and promised nothing are not tried alone again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from autoopt.errors import UsageError
from autoopt.proposers.search import sampling
from autoopt.proposers.search.knowledge import Knowledge, Values, effect, promises, telling
from autoopt.proposers.search.space import Key, Space, fingerprint, searchable, space
from autoopt.proposers.search.study_file import MARK
from autoopt.records import Experiment, Status
from autoopt.schema import ParameterConfig

_TRIES = 50


@dataclass(frozen=True, slots=True)
class _Result:
    """What an experiment said of an assignment; no value where it failed."""

    number: int
    values: Values
    value: float | None


def exists(storage: JournalStorage, params: Mapping[str, ParameterConfig]) -> bool:
    """Whether a search of these parameters has begun in this storage."""
    return _name(params) in optuna.get_all_study_names(storage)


def mark(storage: JournalStorage, params: Mapping[str, ParameterConfig], number: int) -> None:
    """Note that what follows in the file belongs to the question for this experiment.

    `autoopt.proposers.search.study_file.rewind` goes back to it when the process that asked was killed.
    """
    optuna.load_study(study_name=_name(params), storage=storage).set_user_attr(MARK, number)


def _name(params: Mapping[str, ParameterConfig]) -> str:
    # choices cannot change within a study: other domains make another one in the same file
    return f"parameters-{fingerprint(params)}"


class Study:
    """Which values are known, what the kept ones add up to, and what to try next.

    The objective of an assignment is its cumulative paired effect: the effects of the parameter changes kept
    before it, plus its own. Kept changes of other proposers shift all later values alike and are left out.

    Attributes:
        context: The experiment whose kept change began it; 0 for the run's start.
        space: What is searched.
    """

    def __init__(
        self,
        storage: JournalStorage,
        params: Mapping[str, ParameterConfig],
        present: Values,
        make_sampler: sampling.SamplerMaker,
        seed: int,
        context: int,
        history: Sequence[Experiment],
    ) -> None:
        """Open a context's study, or make it and warm it from the history before it.

        Args:
            params: What to search, by name.
            present: The incumbent's values, without those whose place is gone.
            seed: Seed of the sampler.
            history: Every experiment so far, in order.
        """
        space(searchable(params, present), present)  # refuse bad options before anything is written
        first = _load(storage, _name(params))
        if "start" not in first.user_attrs:
            first.set_user_attr("start", present)
        self._start: Values = {**present, **first.user_attrs["start"]}
        self._params = searchable(params, self._start)
        self.space: Space = space(self._params, self._start)
        self.context = context
        self._study = _load(storage, f"{_name(params)}-after-{context}") if context else first
        self._distributions = {name: sampling.distribution(d) for name, d in self.space.domains.items()}
        self._make_sampler, self._seed = make_sampler, seed
        attributes = self._study.user_attrs
        self._knows = Knowledge(self.space, self._params, self._start, present)
        self._knows.declined |= {tuple(map(tuple, key)) for key in attributes.get("declined", ())}
        self._abandoned: set[int] = set(attributes.get("abandoned", ()))
        self._open: dict[int, int] = {}
        self._recorded: set[int] = set()
        self._remember()
        self._gains: dict[int, float] = {}
        self._sum = 0.0
        self._learned: set[int] = set()
        self._old: list[_Result] = []
        for experiment in history:
            self.learn(experiment)
        if context:
            self._warm()

    def learn(self, experiment: Experiment) -> None:
        """Tell Optuna of a decided experiment, once; of one before this context, what it still says."""
        if experiment.number in self._learned:
            return
        values = {
            name: experiment.parameters[name] for name in self.space.domains if name in experiment.parameters
        }
        if not values:
            return
        self._learned.add(experiment.number)
        gain = effect(experiment)
        value = None if gain is None else self._standing(experiment.number) + gain
        if experiment.status is Status.keep and gain is not None:
            self._gains[experiment.number] = gain
            self._sum = math.fsum(self._gains.values())
        if experiment.number <= self.context:
            self._recall(experiment, values, value)
            return
        self._knows.measured(values)
        if experiment.number not in self._recorded:
            self._knows.known[self.space.key(values)] = value
            self._record(experiment.number, values, value)

    def decline(self, key: Key) -> None:
        """Never propose this assignment again: it was, and it was not wanted."""
        self._knows.declined.add(key)
        self._study.set_user_attr("declined", sorted(self._knows.declined, key=repr))

    def abandon(self) -> None:
        """Fail trials that were asked for and never told: their process died, or they were declined."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if running:
            self._abandoned |= {trial.number for trial in running}
            self._study.set_user_attr("abandoned", sorted(self._abandoned))
            self._open.clear()
        for trial in running:
            self._tell(trial.number, None)

    def note_incumbent(self, present: Values) -> None:
        """Tell Optuna where the search stands, which takes no experiment."""
        self._knows.present = present
        key = self.space.key(present)
        if self._knows.known.get(key) is None:
            self._knows.known[key] = self._standing(None)
            self._add(present, self._knows.known[key], {"values": present})

    def single(self, present: Values) -> tuple[Values, str] | None:
        """The next value worth trying alone on top of the incumbent, with the reason."""
        return self._knows.single(present)

    def sampled(self, present: Values, number: int) -> tuple[Values, str] | None:
        """The sampler's next idea that is not known yet; any unknown one when it has none."""
        # made afresh for each experiment: a resumed search then draws what the uninterrupted one would have
        told = sum("values" in trial.user_attrs for trial in self._valid_trials())
        self._study.sampler = self._make_sampler(self.space, self._seed, told + len(self._knows.declined))
        sampler = type(self._study.sampler).__name__.removesuffix("Sampler")
        reason = f"Optuna's {sampler} sampler chose it after {len(self._learned)} results"
        for tried in range(_TRIES):
            trial = self._ask()
            values = self._suggested(trial, present)
            if not self._knows.spent(values):
                trial.set_user_attr("values", values)
                trial.set_user_attr("experiment", number)
                self._open[number] = trial.number
                return values, reason
            self._tell(trial.number, self._knows.remark(values))
            if tried == 0 and self._knows.exhausted(present):
                return None
        return self._knows.nearest(present, Random(f"{self._seed} {number}"))

    # -- older code

    def _recall(self, experiment: Experiment, values: Values, value: float | None) -> None:
        """Remember a result on older code: for the sampler, and whether its value is worth another try."""
        self._old.append(_Result(experiment.number, values, value))
        kept = experiment.status is Status.keep
        self._knows.recall(values, value, experiment.area, kept=kept, promising=promises(experiment))

    def _warm(self) -> None:
        """Copy the most telling old results, oldest first; what a crash left half done is completed."""
        there = {trial.user_attrs.get("warm") for trial in self._study.get_trials(deepcopy=False)}
        latest = {self.space.key(old.values): old for old in self._old if old.value is not None}
        found = sorted(latest.values(), key=lambda old: old.number)
        for old in telling(found, lambda one: one.value or 0.0):
            if old.number not in there:
                self._add(old.values, old.value, {"warm": old.number})

    # -- what is known

    def _standing(self, before: int | None) -> float:
        """What the parameter changes kept before an experiment add up to."""
        if before is None or not self._gains or before > max(self._gains):
            return self._sum
        return math.fsum(gain for number, gain in self._gains.items() if number < before)

    def _remember(self) -> None:
        """Take in what the study holds: what is known, and which trials belong to which experiments."""
        for trial in self._valid_trials():
            number, finished = trial.user_attrs.get("experiment"), trial.state.is_finished()
            if number is not None and finished:
                self._recorded.add(number)
            elif number is not None:
                self._open[number] = trial.number
            if finished and "values" in trial.user_attrs:
                self._knows.known[self.space.key(trial.user_attrs["values"])] = trial.value

    # -- Optuna

    def _ask(self) -> optuna.Trial:
        try:
            return self._study.ask()
        except ImportError as error:
            raise UsageError(f"propose.optuna.sampler: lacks a package: {error}") from error

    def _suggested(self, trial: optuna.Trial, present: Values) -> Values:
        values = dict(present)
        for name, domain in self.space.domains.items():
            if self.space.active(name, values):
                values[name] = sampling.suggest(trial, name, domain)
        return values

    def _record(self, number: int, values: Values, value: float | None) -> None:
        self._recorded.add(number)
        if number in self._open:
            self._tell(self._open.pop(number), value)
        else:
            self._add(values, value, {"values": values, "experiment": number})

    def _valid_trials(self) -> list[FrozenTrial]:
        return [t for t in self._study.get_trials(deepcopy=False) if t.number not in self._abandoned]

    def _add(self, values: Values, value: float | None, attributes: dict[str, Any]) -> None:
        """A trial that Optuna did not ask for; values outside a domain are left out of it."""
        inside = {
            name: sampling.exact(values[name], domain)
            for name, domain in self.space.domains.items()
            if self.space.active(name, values) and values[name] in domain
        }
        trial: FrozenTrial = create_trial(
            state=TrialState.FAIL if value is None else TrialState.COMPLETE,
            value=value,
            params=inside,
            distributions={name: self._distributions[name] for name in inside},
            user_attrs=attributes,
        )
        self._study.add_trial(trial)

    def _tell(self, number: int, value: float | None) -> None:
        try:
            if value is None:
                self._study.tell(number, state=TrialState.FAIL)
            else:
                self._study.tell(number, value)
        except RuntimeError:
            # two samplers stop the study when all is visited, which Optuna allows only inside optimize()
            if not self._study.get_trials(deepcopy=False)[number].state.is_finished():
                raise


def _load(storage: JournalStorage, name: str) -> optuna.Study:
    return optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
