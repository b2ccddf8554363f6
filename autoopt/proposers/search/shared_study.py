"""One study that many workers ask and tell, each on its own incumbent.

What is known follows from the trials alone, whoever measured them, and is worked out anew for each
question. A trial is claimed before it is measured: it runs, with its values, so that samplers with a
constant liar reckon with it and nobody else takes it. A worker that falls silent loses its claim to the
next one that asks. Its result still counts should it come back.

The objective of an assignment is the cumulative paired effect: what the parameter values kept on the line
up to the incumbent that it was measured against add up to, plus its own. Workers on different incumbents,
and on different hosts, tell comparable values, as only effects are told and never what a metric read.

When a worker keeps another proposer's change, all go on in a new study, warmed with the most telling old
results, as in `autoopt.proposers.search.study`. Two workers that do so at once may copy a result twice,
which only weighs it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from autoopt.proposers.search import line as lines
from autoopt.proposers.search import sampling
from autoopt.proposers.search.heartbeat import Heartbeat, Observer
from autoopt.proposers.search.knowledge import Knowledge, Values, effect, promises, telling
from autoopt.proposers.search.line import Line
from autoopt.proposers.search.sharing import Belonging, Sharing
from autoopt.proposers.search.space import Key, searchable, space
from autoopt.proposers.search.trials import Question, Trials
from autoopt.records import Experiment, Status
from autoopt.schema import ParameterConfig

_TRIES = 50
_RETRIES = 2
"""What a worker died over is measured again by others so often; after that it may be what kills them."""
Found = tuple[Values, str]


class SharedStudy:
    """What to try next, and what came of it."""

    def __init__(
        self,
        storage: BaseStorage,
        sharing: Sharing,
        params: Mapping[str, ParameterConfig],
        present: Values,
        make_sampler: sampling.SamplerMaker,
        seed: int,
        heartbeat: Heartbeat,
        observer: Observer,
    ) -> None:
        """Open the study, or make it.

        Args:
            present: The incumbent's values, without those whose place is gone.
            seed: Seed of the sampler, with which each worker draws values of its own.

        Raises:
            UsageError: the study searches other parameters, or those of another repository.
        """
        space(searchable(params, present), present)  # refuse bad options before anything is written
        self._storage, self._sharing = storage, sharing
        self._first = self._load("")
        self._belonging = Belonging(self._first, sharing)
        self._belonging.check_params(params)
        self._belonging.check_commits()
        if "start" not in self._first.user_attrs:
            self._first.set_user_attr("start", present)
        self._start: Values = {**present, **self._first.user_attrs["start"]}
        self._params = searchable(params, self._start)
        self.space = space(self._params, self._start)
        self._make_sampler, self._seed = make_sampler, seed
        self._heartbeat, self._observer = heartbeat, observer
        self._contexts: dict[str, Trials] = {}
        self._recorded = set(self._recorded_before())

    def ask(self, question: Question, *, resuming: bool) -> Found | None:
        """Values for an experiment, claimed for this worker, with the reason; None when nothing is left.

        Args:
            resuming: Whether what this run had claimed before may be what a killed process was measuring.
        """
        self._belonging.check_commits()
        code = self._line().code(question.commit)
        trials = self._context(code)
        self._warm(trials, code)
        taken = self._taken_up(trials, code, question, resuming)
        if taken is not None:
            return taken
        self._note_incumbent(trials, question)
        self._reap(trials)
        for _ in range(_TRIES):
            knows = self._knowledge(trials, code, question.present)
            again = self._again(trials, knows, question)
            found = again or self._inherited(trials, knows, question) or knows.single(question.present)
            if found is None:
                break
            if trials.claim(found[0], question, repeats=again is not None):
                return found
        return self._sampled(trials, code, question)

    def learn(self, experiment: Experiment) -> None:
        """Tell all workers of a decided experiment of this run, once."""
        if experiment.number in self._recorded:
            return
        values = {
            name: experiment.parameters[name] for name in self.space.domains if name in experiment.parameters
        }
        if experiment.status is Status.keep:
            # before its trial is told: others may be standing on the commit already
            gain = effect(experiment) if values else None
            kept = lines.entry(experiment.parent, gain, self._sharing.run, experiment.number)
            self._first.set_user_attr(lines.PREFIX + experiment.commit, kept)
        if values:
            self._record(experiment, values)
        self._recorded.add(experiment.number)

    def decline(self, key: Key) -> None:
        """Have nobody propose this assignment again in its context: it was, and it was not wanted."""
        for trials in self._contexts.values():
            for trial in trials.running_of(self._sharing.run):
                if "values" in trial.user_attrs and trials.key(trial) == key:
                    trials.mark(trial, "declined", True)
                    trials.finish(trial.number, None)

    # -- the study and its contexts

    def _load(self, context: str) -> optuna.Study:
        name = self._sharing.study + (f" after {context[:12]}" if context else "")
        return optuna.create_study(
            storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
        )

    def _context(self, code: tuple[str, ...]) -> Trials:
        """The trials on top of these keeps of code."""
        last = code[-1] if code else ""
        if last not in self._contexts:
            study = self._load(last) if last else self._first
            self._contexts[last] = Trials(self._storage, study, self.space, self._heartbeat)
        return self._contexts[last]

    def _older(self, code: tuple[str, ...]) -> list[Trials]:
        """The contexts before this one, the first one first."""
        return [self._context(code[:count]) for count in range(len(code))]

    def _line(self) -> Line:
        return Line(self._first.user_attrs)

    def _recorded_before(self) -> Iterator[int]:
        """The experiments of this run that the study knows: decided trials, and kept code."""
        line, run = self._line(), self._sharing.run
        yield from line.code_of(run)
        for code in line.contexts():
            for trial in self._context(code).decided():
                if trial.user_attrs["run"] == run:
                    yield trial.user_attrs["experiment"]

    def _warm(self, trials: Trials, code: tuple[str, ...]) -> None:
        """Copy the most telling old results into a new context; what a crash left half done is completed."""
        if not code or trials.study.user_attrs.get("warm"):
            return
        there = {tuple(trial.user_attrs.get("warm", ())) for trial in trials.all()}
        latest: dict[Key, tuple[int, FrozenTrial]] = {}
        for at, older in enumerate(self._older(code)):
            for trial in older.decided():
                if trial.value is not None:
                    latest.pop(older.key(trial), None)  # the order is that of the latest
                    latest[older.key(trial)] = (at, trial)
        for at, trial in telling(list(latest.values()), lambda one: one[1].value or 0.0):
            if (at, trial.number) not in there:
                trials.add(trials.values(trial), trial.value, {"warm": [at, trial.number]})
        trials.study.set_user_attr("warm", True)

    # -- what is known

    def _knowledge(self, trials: Trials, code: tuple[str, ...], present: Values) -> Knowledge:
        knows = Knowledge(self.space, self._params, self._start, present)
        for older in self._older(code):
            for trial in older.decided():
                outcome = trial.user_attrs["outcome"]
                kept, promising = outcome["status"] == Status.keep, outcome["promises"]
                knows.recall(
                    older.values(trial), trial.value, outcome["area"], kept=kept, promising=promising
                )
        drawn = [trial for trial in trials.all() if "values" in trial.user_attrs]
        for trial in drawn:
            _take_in(knows, trials.values(trial), trials.key(trial), trial)
        reaped = Counter(trials.key(trial) for trial in drawn if "reaped" in trial.user_attrs)
        for key, times in reaped.items():
            if times > _RETRIES:
                knows.known.setdefault(key, None)
        return knows

    def _note_incumbent(self, trials: Trials, question: Question) -> None:
        """Tell Optuna where the search stands, which takes no experiment; whoever comes there first does."""
        line, key = self._line(), self.space.key(question.present)
        if not line.knows(question.commit):
            return  # who kept it is about to tell
        for trial in trials.all():
            told = {"outcome", "standing"} & set(trial.user_attrs) and trial.value is not None
            if told and trials.key(trial) == key:
                return
        attributes = question.claim(question.present) | {"values": question.present, "standing": True}
        trials.add(question.present, line.standing(question.commit), attributes)

    # -- what to try

    def _taken_up(
        self, trials: Trials, code: tuple[str, ...], question: Question, resuming: bool
    ) -> Found | None:
        """What this run was measuring when its process was killed; what makes no sense now is given up."""
        taken: Found | None = None
        for context in list(self._contexts.values()):
            for trial in context.running_of(question.run):
                may = resuming and taken is None and context is trials and "values" in trial.user_attrs
                if may and self._still_fits(trials, code, trial, question):
                    trials.mark(trial, "experiment", question.number)
                    trials.keep_alive(trial)
                    taken = trials.values(trial), "it was being measured when this run was interrupted"
                else:
                    context.finish(trial.number, None)
        return taken

    def _still_fits(
        self, trials: Trials, code: tuple[str, ...], trial: FrozenTrial, question: Question
    ) -> bool:
        knows = self._knowledge(trials, code, question.present)
        knows.taken.discard(trials.key(trial))
        values = trials.values(trial)
        is_same = trial.user_attrs["parent"] == question.commit and set(values) == set(question.present)
        return is_same and not knows.spent(values)

    def _again(self, trials: Trials, knows: Knowledge, question: Question) -> Found | None:
        """A change of this run that was better than an incumbent which another's keep has replaced."""
        standing = self._line().standing(question.commit)
        for key, trial in {trials.key(trial): trial for trial in trials.decided()}.items():
            attributes = trial.user_attrs
            mine = attributes["run"] == question.run and attributes["outcome"]["overtaken"]
            if not mine or attributes["parent"] == question.commit:
                continue
            old = trials.values(trial)
            changes = {name: old[name] for name in attributes["changes"] if name in question.present}
            values = question.present | changes
            # where nothing of what the other kept is left in it, it is the same again, if it promises more
            promises_more = trial.value is not None and trial.value > standing
            is_same = self.space.key(values) == key and key not in knows.taken
            if (is_same and promises_more) or not knows.spent(values):
                return values, "it was better than what another worker's keep has replaced meanwhile"
        return None

    def _inherited(self, trials: Trials, knows: Knowledge, question: Question) -> Found | None:
        """What a worker that fell silent was measuring against the same incumbent."""
        for trial in trials.all():
            attributes = trial.user_attrs
            if "reaped" in attributes and "values" in attributes and attributes["parent"] == question.commit:
                values = trials.values(trial)
                if set(values) == set(question.present) and not knows.spent(values):
                    return values, f"run {attributes['run']} fell silent while it measured it"
        return None

    def _reap(self, trials: Trials) -> None:
        """Fail the trials of workers that fell silent, so that nobody reckons with them any more."""
        others = [t for t in trials.running() if t.user_attrs.get("run") != self._sharing.run]
        for trial in self._observer.silent(others):
            # decided, and its worker died while it told
            outcome = trial.user_attrs.get("outcome")
            if outcome is None:
                trials.mark(trial, "reaped", self._sharing.run)
            trials.finish(trial.number, None if outcome is None else outcome["value"])

    def _sampled(self, trials: Trials, code: tuple[str, ...], question: Question) -> Found | None:
        """The sampler's next idea that nobody knows or measures; any such one when it has none."""
        # workers that draw at the same time must not draw the same
        salt = hashlib.sha256(f"{question.run} {question.number} {len(trials.all())}".encode()).digest()
        sampler = self._make_sampler(self.space, self._seed, int.from_bytes(salt[:3], "big"))
        trials.study.sampler = sampler
        name, told = type(sampler).__name__.removesuffix("Sampler"), len(trials.decided())
        knows = self._knowledge(trials, code, question.present)
        for tried in range(_TRIES):
            trial, values = trials.draw(question)
            if knows.spent(values):
                trials.finish(trial.number, knows.remark(values))
                if tried == 0 and knows.exhausted(question.present):
                    return None
            elif trials.claim_drawn(trial, values, question):
                return values, f"Optuna's {name} sampler chose it after {told} results of all workers"
            else:
                knows = self._knowledge(trials, code, question.present)
        return self._unknown(trials, code, question)

    def _unknown(self, trials: Trials, code: tuple[str, ...], question: Question) -> Found | None:
        random = Random(f"{self._seed} {question.run} {question.number}")
        for _ in range(_TRIES):
            found = self._knowledge(trials, code, question.present).nearest(question.present, random)
            if found is None or trials.claim(found[0], question):
                return found
        return None

    # -- what came of it

    def _record(self, experiment: Experiment, values: Values) -> None:
        line, gain = self._line(), effect(experiment)
        trials = self._context(line.code(experiment.parent))
        value = None if gain is None else line.standing(experiment.parent) + gain
        outcome = _outcome(experiment, value)
        self._heartbeat.follow(None)
        for trial in trials.running_of(self._sharing.run):
            attributes = trial.user_attrs
            if attributes.get("experiment") == experiment.number and attributes.get("values") == values:
                trials.mark(trial, "outcome", outcome)
                if trials.finish(trial.number, value):
                    return
        told = {"run": self._sharing.run, "experiment": experiment.number, "parent": experiment.parent}
        told |= {"values": values, "changes": _changes_of(trials, experiment), "outcome": outcome}
        trials.add(values, value, told)


def _take_in(knows: Knowledge, values: Values, key: Key, trial: FrozenTrial) -> None:
    attributes = trial.user_attrs
    if "declined" in attributes:
        knows.declined.add(key)
    elif trial.state is TrialState.RUNNING:
        knows.taken.add(key)
    elif "outcome" in attributes:
        knows.known[key] = trial.value
        knows.measured(values)
    elif "standing" in attributes:
        knows.known.setdefault(key, trial.value)


def _outcome(experiment: Experiment, value: float | None) -> dict[str, Any]:
    return {
        "commit": experiment.commit,
        "status": str(experiment.status),
        "value": value,
        "area": experiment.area,
        "promises": promises(experiment),
        "overtaken": bool(experiment.overtaken),
    }


def _changes_of(trials: Trials, experiment: Experiment) -> list[str]:
    """What this experiment's claim, which another worker has ended meanwhile, said that it changes."""
    for trial in reversed(trials.all()):
        attributes = trial.user_attrs
        if attributes.get("values") == experiment.parameters and "changes" in attributes:
            return list(attributes["changes"])
    return [experiment.area] if experiment.area in experiment.parameters else []
