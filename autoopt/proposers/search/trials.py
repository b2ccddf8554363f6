"""The trials of a study that many workers share: claimed before they are measured, told once, taken over.

Attributes of a trial say whose it is and what came of it: `run`, `experiment`, `parent` (the incumbent it
is measured against), `values` (the whole assignment; without, it is still being drawn), `changes` (what
differs from the incumbent), `outcome` once it is decided, `declined`, `reaped` where its worker fell
silent, `standing` where it is an incumbent that was told without an experiment.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from autoopt.errors import UsageError
from autoopt.proposers.search import sampling
from autoopt.proposers.search.heartbeat import Heartbeat
from autoopt.proposers.search.knowledge import Values
from autoopt.proposers.search.sites.plain import same
from autoopt.proposers.search.space import Key, Space

_DRAWING_S = 2.0
"""How long a trial that another worker is drawing is waited for; it takes milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """For which experiment of a run is asked, and on top of what.

    Attributes:
        present: The incumbent's values.
        commit: The incumbent.
    """

    run: str
    number: int
    present: Values
    commit: str

    def claim(self, values: Values) -> dict[str, Any]:
        """What a trial says of who measures it."""
        changes = [name for name in values if not same(values[name], self.present.get(name))]
        return {"run": self.run, "experiment": self.number, "parent": self.commit, "changes": changes}


class Trials:
    """One context's study, by whose trials workers tell each other what they do.

    Args:
        heartbeat: Marks the trial that this worker has claimed.
    """

    def __init__(self, storage: BaseStorage, study: optuna.Study, space: Space, heartbeat: Heartbeat) -> None:
        self.study = study
        self._storage, self._space, self._heartbeat = storage, space, heartbeat
        self._distributions = {name: sampling.distribution(d) for name, d in space.domains.items()}

    def all(self) -> list[FrozenTrial]:
        """Every trial, in order."""
        return self.study.get_trials(deepcopy=False)

    def decided(self) -> list[FrozenTrial]:
        """Those that came of an experiment, whoever measured it."""
        return [trial for trial in self.all() if trial.state.is_finished() and "outcome" in trial.user_attrs]

    def running(self) -> list[FrozenTrial]:
        """Those that somebody claims to measure."""
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def running_of(self, run: str) -> list[FrozenTrial]:
        """Those that this run has claimed."""
        return [trial for trial in self.running() if trial.user_attrs.get("run") == run]

    def values(self, trial: FrozenTrial) -> Values:
        """The assignment of a trial that has been drawn."""
        found = trial.user_attrs["values"]
        return {name: found[name] for name in self._space.domains if name in found}

    def key(self, trial: FrozenTrial) -> Key:
        """What tells its assignment from others."""
        return self._space.key(self.values(trial))

    def claim(self, values: Values, question: Question, *, repeats: bool = False) -> bool:
        """Have this worker measure an assignment, unless another was first.

        Args:
            repeats: Whether it may be what was measured already, on another incumbent.
        """
        token = uuid4().hex
        self.add(
            values,
            None,
            question.claim(values) | {"values": values, "token": token},
            state=TrialState.RUNNING,
        )
        trial = next(t for t in reversed(self.all()) if t.user_attrs.get("token") == token)
        return self._holds(trial, repeats)

    def draw(self, question: Question) -> tuple[optuna.Trial, Values]:
        """What the study's sampler wants to know next; the trial runs, and is not claimed yet.

        Raises:
            UsageError: the sampler lacks a package.
        """
        try:
            trial = self.study.ask()
        except ImportError as error:
            raise UsageError(f"propose.optuna.sampler: lacks a package: {error}") from error
        trial.set_user_attr("run", question.run)  # a resume gives up what it did not come to claim
        values = dict(question.present)
        for name, domain in self._space.domains.items():
            if self._space.active(name, values):
                values[name] = sampling.suggest(trial, name, domain)
        return trial, values

    def claim_drawn(self, trial: optuna.Trial, values: Values, question: Question) -> bool:
        """Have this worker measure what it drew, unless another was first."""
        for name, value in question.claim(values).items():
            trial.set_user_attr(name, value)
        trial.set_user_attr("values", values)
        return self._holds(self.all()[trial.number])

    def _holds(self, trial: FrozenTrial, repeats: bool = False) -> bool:
        """Whether nobody else claimed or told the same values earlier; given up where somebody did."""
        until = time.monotonic() + _DRAWING_S
        while True:
            earlier = [other for other in self.all() if other.number < trial.number]
            if time.monotonic() > until or all(_is_drawn(other) for other in earlier):
                break
            time.sleep(0.02)
        key = self.key(trial)
        if any(_counts(other, repeats) and self.key(other) == key for other in earlier):
            self.finish(trial.number, None)
            return False
        self.keep_alive(trial)
        return True

    def keep_alive(self, trial: FrozenTrial) -> None:
        """Have the heartbeat mark this trial from now on."""
        self._heartbeat.follow(trial._trial_id)

    def mark(self, trial: FrozenTrial, name: str, value: Any) -> None:
        """Set an attribute, unless the trial has ended: its worker was taken for dead."""
        try:
            self._storage.set_trial_user_attr(trial._trial_id, name, value)
        except UpdateFinishedTrialError:
            return

    def finish(self, number: int, value: float | None) -> bool:
        """End a running trial, failed without a value; whether it was this worker that did."""
        try:
            if value is None:
                self.study.tell(number, state=TrialState.FAIL)
            else:
                self.study.tell(number, value)
        except UpdateFinishedTrialError:
            return False
        except ValueError:  # somebody ended it between two looks
            if not self.all()[number].state.is_finished():
                raise
            return False
        except RuntimeError:
            # two samplers stop the study when all is visited, which Optuna allows only inside optimize()
            if not self.all()[number].state.is_finished():
                raise
        return True

    def add(
        self,
        values: Values,
        value: float | None,
        attributes: Mapping[str, Any],
        *,
        state: TrialState | None = None,
    ) -> None:
        """A trial that Optuna did not ask for; values outside a domain are left out of it."""
        inside = {
            name: sampling.exact(values[name], domain)
            for name, domain in self._space.domains.items()
            if self._space.active(name, values) and values[name] in domain
        }
        finished = TrialState.FAIL if value is None else TrialState.COMPLETE
        trial: FrozenTrial = create_trial(
            state=finished if state is None else state,
            value=value,
            params=inside,
            distributions={name: self._distributions[name] for name in inside},
            user_attrs=dict(attributes),
        )
        self.study.add_trial(trial)


def _is_drawn(trial: FrozenTrial) -> bool:
    return trial.state.is_finished() or "values" in trial.user_attrs


def _counts(trial: FrozenTrial, repeats: bool) -> bool:
    """Whether it is being measured, or was not wanted, or was measured: then nobody else need."""
    attributes = trial.user_attrs
    if "values" not in attributes:
        return False
    if not trial.state.is_finished() or "declined" in attributes:
        return True
    return "outcome" in attributes and not repeats
