"""Searches parameter values with Optuna.

Two phases on top of whatever is the incumbent: values worth trying alone, one after the other, then the
sampler over all parameters together. Holding a random part of the parameters at the incumbent's values was
tried against plain joint sampling and was no better beyond the noise (tests/bench/search_quality.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, cast

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from autoopt.errors import DamagedStateError, UsageError
from autoopt.proposers import optuna_sampling, wording
from autoopt.proposers.sites import site
from autoopt.proposers.sites.plain import same
from autoopt.proposers.space import Key, Space, fingerprint, order, singles, space
from autoopt.proposers.study_file import FileLock, mend
from autoopt.records import Brief, Edit, Experiment, Failure, Proposal, Status, Value
from autoopt.schema import OptunaConfig, ParameterConfig
from autoopt.scope import Scope

_TRIES = 50

Values = dict[str, Value]


class OptunaSearch:
    """Proposes parameter values; what it has learned is in a journal file and survives a crash.

    Args:
        params: What to search, by name.
        config: Which sampler.
        storage: The journal file; made when it is not there.
        seed: Seed of the sampler.
        env_file: `metric.env_file`, for parameters of kind `env`.

    Raises:
        UsageError: the options do not add up, or the sampler lacks a package.
        DamagedStateError: the journal file cannot be read.
    """

    def __init__(
        self,
        params: Mapping[str, ParameterConfig],
        config: OptunaConfig,
        storage: Path,
        seed: int,
        env_file: str | None,
    ) -> None:
        if not params:
            raise UsageError("params: there are none, so there is nothing to search; add one.")
        order(params)
        self._params = params
        self._sites = {name: site(name, options, env_file) for name, options in params.items()}
        self._seed = seed
        self._make_sampler = optuna_sampling.maker(config)
        self._history: dict[int, Experiment] = {}
        self._study: _Study | None = None
        self._asked: tuple[int, Key] | None = None
        optuna.logging.disable_default_handler()  # the terminal belongs to the run
        self._storage = _open(storage)

    def check(self, desk: Path, scope: Scope) -> None:
        """See that every value can be read and edited, before anything is measured.

        Raises:
            UsageError: a parameter's place is missing, unreadable or outside the scope.
        """
        for name, place in self._sites.items():
            if not scope.contains(place.file):
                option = f"params.{name}.file" if self._params[name].file else "metric.env_file"
                raise UsageError(
                    f"{option}: {place.file} is not in scope, so it cannot be edited; add it to scope."
                )
        found = space(self._params, self._present(self._texts(desk)))
        with optuna_sampling.quiet():
            optuna_sampling.rehearse(self._make_sampler(found, self._seed, 0), found)

    def ask(self, brief: Brief) -> Proposal | None:
        """Other values for some parameters, or None when every combination is known.

        Asked again for the same experiment without having been told of it, it takes its last proposal as
        declined.
        """
        texts = self._texts(brief.desk)
        present = self._present(texts)
        with optuna_sampling.quiet():
            study = self._opened(present)
            self._decline(brief.number, study)
            for experiment in brief.history:
                self.tell(experiment)
            study.abandon()
            study.note_incumbent(present)
            found = study.single(present, self._params) or study.sampled(present, brief.number)
        if found is None:
            return None
        values, reason = found
        self._asked = (brief.number, study.space.key(values))
        return self._proposal(present, values, reason, texts)

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """None: values that crash are given up."""
        return None

    def tell(self, experiment: Experiment) -> None:
        """Learn the experiment's effect; what was told before, or carries no parameters, changes nothing."""
        self._history.setdefault(experiment.number, experiment)
        if self._study is not None:
            with optuna_sampling.quiet():
                self._study.learn(experiment)

    def _texts(self, desk: Path) -> dict[str, str]:
        texts = {}
        for name, place in self._sites.items():
            try:
                texts[place.file] = (desk / place.file).read_bytes().decode()
            except FileNotFoundError as error:
                if not place.optional:
                    where = f"params.{name}.file"
                    raise UsageError(f"{where}: {place.file} is not there; name a tracked file.") from error
                texts.setdefault(place.file, "")
            except (UnicodeDecodeError, OSError) as error:
                raise UsageError(f"params.{name}.file: cannot read {place.file}: {error}.") from error
        return texts

    def _present(self, texts: Mapping[str, str]) -> Values:
        """The incumbent's values; later, without those whose place another proposer's change took away."""
        present = {}
        for name, place in self._sites.items():
            try:
                present[name] = place.read(texts[place.file])
            except UsageError:
                if self._study is None:
                    raise
        return present

    def _opened(self, present: Values) -> _Study:
        if self._study is None:
            self._study = _Study(self._storage, self._params, present, self._make_sampler, self._seed)
            for number in sorted(self._history):
                self._study.learn(self._history[number])
        return self._study

    def _decline(self, number: int, study: _Study) -> None:
        if self._asked is not None and self._asked[0] == number and number not in self._history:
            study.declined.add(self._asked[1])

    def _proposal(self, before: Values, after: Values, reason: str, texts: Mapping[str, str]) -> Proposal:
        changed = [name for name in after if not same(before[name], after[name])]
        files = list(dict.fromkeys(self._sites[name].file for name in changed))
        return Proposal(
            description=wording.description(before, after, changed),
            hypothesis=wording.hypothesis(after, changed, reason),
            area=changed[0] if len(changed) == 1 else ", ".join(files),
            source="optuna",
            edits=tuple(self._edit(file, changed, after, texts[file]) for file in files),
            parameters=after,
        )

    def _edit(self, file: str, changed: list[str], values: Values, text: str) -> Edit:
        for place in (self._sites[name] for name in changed):
            if place.file == file:
                text = place.write(text, values[place.name])
        return Edit(path=file, content=text.encode())


class _Study:
    """Optuna's study with what it lacks: which values are known, and what the kept ones add up to.

    The objective of an assignment is its cumulative paired effect: the effects of the parameter changes kept
    before it, plus its own. Kept changes of other proposers shift all later values alike and are left out.
    """

    def __init__(
        self,
        storage: JournalStorage,
        params: Mapping[str, ParameterConfig],
        present: Values,
        make_sampler: optuna_sampling.SamplerMaker,
        seed: int,
    ) -> None:
        # choices cannot change within a study: other domains make another one in the same file
        name = f"parameters-{fingerprint(params)}"
        space(params, present)  # refuse bad options before anything is written
        self._study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )
        if "start" not in self._study.user_attrs:
            self._study.set_user_attr("start", present)
        self._start: Values = {**present, **self._study.user_attrs["start"]}
        self.space: Space = space(params, self._start)
        self._distributions = {
            name: optuna_sampling.distribution(d) for name, d in self.space.domains.items()
        }
        self._trials = len(self._study.trials)
        self._study.sampler = make_sampler(self.space, seed, self._trials)
        self._seed = seed
        self.declined: set[Key] = set()
        self._abandoned: set[int] = set(self._study.user_attrs.get("abandoned", ()))
        self._known: dict[Key, float | None] = self._remembered()
        self._tried = {(name, isinstance(v, bool), v) for name, v in self._start.items()}
        self._gains: dict[int, float] = {}
        self._learned: set[int] = set()

    def learn(self, experiment: Experiment) -> None:
        """Tell Optuna of a decided experiment, once."""
        values = {
            name: experiment.parameters[name] for name in self.space.domains if name in experiment.parameters
        }
        if experiment.number in self._learned or not values:
            return
        self._learned.add(experiment.number)
        effect = _effect(experiment)
        value = None if effect is None else self._standing(experiment.number) + effect
        if experiment.status is Status.keep and effect is not None:
            self._gains[experiment.number] = effect
        self._known[self.space.key(values)] = value
        self._tried |= {(name, isinstance(v, bool), v) for name, v in values.items()}
        self._record(experiment.number, values, value)

    def abandon(self) -> None:
        """Fail trials that were asked for and never told: their process died, or they were declined."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if running:
            self._abandoned |= {trial.number for trial in running}
            self._study.set_user_attr("abandoned", sorted(self._abandoned))
        for trial in running:
            self._tell(trial.number, None)

    def note_incumbent(self, present: Values) -> None:
        """Tell Optuna where the search stands, which takes no experiment."""
        key = self.space.key(present)
        if self._known.get(key) is None:
            self._known[key] = self._standing(None)
            self._add(present, self._known[key], {"values": present})

    def single(self, present: Values, params: Mapping[str, ParameterConfig]) -> tuple[Values, str] | None:
        """The next value worth trying alone on top of the incumbent, with the reason."""
        for name, domain in self.space.domains.items():
            if not self.space.active(name, present):
                continue
            for value in singles(name, params[name], domain, self._start[name]):
                values = present | {name: value}
                if (name, isinstance(value, bool), value) not in self._tried and not self._spent(values):
                    listed = "the recipe lists it as worth trying" if params[name].first else "it is a switch"
                    return values, f"{listed}; tried alone on top of the best so far"
        return None

    def sampled(self, present: Values, number: int) -> tuple[Values, str] | None:
        """The sampler's next idea that is not known yet; any unknown one when it has none."""
        sampler = type(self._study.sampler).__name__.removesuffix("Sampler")
        reason = f"Optuna's {sampler} sampler chose it after {len(self._learned)} results"
        for tried in range(_TRIES):
            trial = self._ask()
            values = self._suggested(trial, present)
            if not self._spent(values):
                trial.set_user_attr("values", values)
                trial.set_user_attr("experiment", number)
                return values, reason
            self._tell(trial.number, self._known.get(self.space.key(values)))
            if tried == 0 and self._exhausted(present):
                return None
        return self._unknown(present, number)

    def _ask(self) -> optuna.Trial:
        try:
            return self._study.ask()
        except ImportError as error:
            raise UsageError(f"propose.optuna.sampler: lacks a package: {error}") from error

    def _suggested(self, trial: optuna.Trial, present: Values) -> Values:
        values = dict(present)
        for name, domain in self.space.domains.items():
            if self.space.active(name, values):
                values[name] = optuna_sampling.suggest(trial, name, domain)
        return values

    def _spent(self, values: Values) -> bool:
        key = self.space.key(values)
        return key in self._known or key in self.declined

    def _exhausted(self, present: Values) -> bool:
        everything = self.space.assignments(present)
        return everything is not None and all(self._spent(values) for values in everything)

    def _unknown(self, present: Values, number: int) -> tuple[Values, str] | None:
        left = [values for values in self.space.assignments(present) or () if not self._spent(values)]
        if not left:
            return None
        random = Random(f"{self._seed} {number}")
        values = min(left, key=lambda v: (sum(not same(v[n], present[n]) for n in present), random.random()))
        return values, "it has not been tried and is nearest to the best so far"

    def _standing(self, before: int | None) -> float:
        """What the parameter changes kept before an experiment add up to."""
        return math.fsum(gain for number, gain in self._gains.items() if before is None or number < before)

    def _remembered(self) -> dict[Key, float | None]:
        return {
            self.space.key(trial.user_attrs["values"]): trial.value
            for trial in self._valid_trials()
            if trial.state.is_finished() and "values" in trial.user_attrs
        }

    def _record(self, number: int, values: Values, value: float | None) -> None:
        for trial in self._valid_trials():
            if trial.user_attrs.get("experiment") == number:
                if trial.state is TrialState.RUNNING:
                    self._tell(trial.number, value)
                return
        self._add(values, value, {"values": values, "experiment": number})

    def _valid_trials(self) -> list[FrozenTrial]:
        return [t for t in self._study.get_trials(deepcopy=False) if t.number not in self._abandoned]

    def _add(self, values: Values, value: float | None, attributes: dict[str, Any]) -> None:
        """A trial that Optuna did not ask for; values outside a domain are left out of it."""
        inside = {
            name: optuna_sampling.exact(values[name], domain)
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


def _open(path: Path) -> JournalStorage:
    mend(path)
    lock = cast(Any, FileLock(path.with_name(path.name + ".flock")))
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise DamagedStateError(
            f"{path}: the search's file is damaged ({error}). Delete it: the run's own journal rebuilds it."
        ) from error


def _effect(experiment: Experiment) -> float | None:
    """The effect an experiment was judged to have; None for what crashed, timed out or was rejected."""
    if experiment.verdict is None or experiment.status in {Status.crash, Status.inspector_reject}:
        return None
    return experiment.verdict.effect if math.isfinite(experiment.verdict.effect) else None
