"""Searches parameter values together with other workers, which may run on other hosts.

What `autoopt.proposers.search.optuna_search` does for a run alone, on a study that many ask and tell.
Nothing that another worker wrote is ever taken back: a process that was killed takes up what it had
claimed. While the storage is away the search waits, and tells afterwards what was measured meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from json import JSONDecodeError
from pathlib import Path

from optuna.storages import BaseStorage

from autoopt.errors import UsageError
from autoopt.proposers.search import sampling, storages
from autoopt.proposers.search.editing import Editor
from autoopt.proposers.search.heartbeat import Heartbeat, Observer
from autoopt.proposers.search.knowledge import Values
from autoopt.proposers.search.shared_study import SharedStudy
from autoopt.proposers.search.sharing import Sharing, exists
from autoopt.proposers.search.space import Key, order, searchable, space
from autoopt.proposers.search.trials import Question
from autoopt.records import Brief, Experiment, Failure, Proposal
from autoopt.schema import OptunaConfig, ParameterConfig
from autoopt.scope import Scope

__all__ = ["SharedSearch", "Sharing"]


class SharedSearch:
    """Proposes parameter values that no other worker measures or knows.

    Args:
        params: What to search, by name.
        config: Which sampler, and how often a sign of life is given.
        sharing: Which study, and for which run.
        seed: Seed of the sampler.
        env_file: `metric.env_file`, for parameters of kind `env`.
        note: Told the experiment's number and that the storage is waited for.

    Raises:
        UsageError: the options do not add up, or a package is missing.
    """

    def __init__(
        self,
        params: Mapping[str, ParameterConfig],
        config: OptunaConfig,
        sharing: Sharing,
        seed: int,
        env_file: str | None,
        note: Callable[[int, str], None] = lambda number, text: None,
    ) -> None:
        if not params:
            raise UsageError("params: there are none, so there is nothing to search; add one.")
        if not config.heartbeat_s > 0:
            raise UsageError(f"propose.optuna.heartbeat_s: {config.heartbeat_s} is no time; give seconds.")
        order(params)
        self._params, self._sharing, self._seed = params, sharing, seed
        self._editor = Editor(params, env_file)
        self._make_sampler = sampling.maker(config, shared=True)
        self._interval_s = config.heartbeat_s
        self._observer = Observer(config.heartbeat_s)
        self._patiently = storages.Patience(sharing.address, note)
        self._storage: BaseStorage | None = None
        self._study: SharedStudy | None = None
        self._history: dict[int, Experiment] = {}
        self._untold: dict[int, Experiment] = {}
        self._asked: tuple[int, Key] | None = None
        self._resuming = True
        self._started = self._patiently(0, self._is_started)

    def check(self, desk: Path, scope: Scope) -> None:
        """See that every value can be read and edited, before anything is measured.

        Raises:
            UsageError: a parameter's place is missing, unreadable or outside the scope, or the study is of
                other parameters or another repository.
        """
        self._editor.check(scope)
        present = self._present(desk)[1]
        found = space(searchable(self._params, present), present)
        with sampling.quiet():
            sampling.rehearse(self._make_sampler(found, self._seed, 0), found)
            if self._started:
                self._patiently(0, lambda: self._opened(present))

    def ask(self, brief: Brief) -> Proposal | None:
        """Other values for some parameters, or None when every combination is known or being measured.

        An idea that no experiment came of is taken as declined.
        """
        texts, present = self._present(brief.desk)
        if not present:
            return None
        for experiment in brief.history:
            self._hear(experiment)
        question = Question(
            run=self._sharing.run, number=brief.number, present=present, commit=brief.incumbent
        )
        with sampling.quiet():
            found = self._patiently(brief.number, lambda: self._found(question))
        if found is None:
            return None
        values, reason = found
        return self._editor.proposal(present, values, reason, texts)

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """None: values that crash are given up."""
        return None

    def tell(self, experiment: Experiment) -> None:
        """Tell all workers of the experiment; while the storage is away, remember to."""
        self._hear(experiment)
        if self._study is None:
            return
        try:
            with sampling.quiet():
                self._tell_all(self._study)
        except JSONDecodeError as error:
            raise storages.damaged(self._sharing.address, error) from error
        except storages.gone(self._sharing.address.kind):
            self._forget()  # the next question waits for it, and tells what is left

    def _hear(self, experiment: Experiment) -> None:
        if experiment.number not in self._history:
            self._history[experiment.number] = experiment
            self._untold[experiment.number] = experiment

    def _tell_all(self, study: SharedStudy) -> None:
        for number in sorted(self._untold):
            study.learn(self._untold[number])
            del self._untold[number]

    def _found(self, question: Question) -> tuple[Values, str] | None:
        """What the study says; begun anew from the start when the storage went away in the middle."""
        try:
            study = self._opened(question.present)
            self._tell_all(study)
            if self._asked is not None and self._asked[0] not in self._history:
                study.decline(self._asked[1])
            found = study.ask(question, resuming=self._resuming)
        except storages.gone(self._sharing.address.kind):
            self._forget()
            raise
        except JSONDecodeError as error:
            raise storages.damaged(self._sharing.address, error) from error
        self._resuming = False
        self._asked = None if found is None else (question.number, study.space.key(found[0]))
        return found

    def _opened(self, present: Values) -> SharedStudy:
        if self._study is None:
            storage = self._connected()
            gone = storages.gone(self._sharing.address.kind)
            self._study = SharedStudy(
                storage,
                self._sharing,
                self._params,
                present,
                self._make_sampler,
                self._seed,
                Heartbeat(storage, self._interval_s, gone),
                self._observer,
            )
            self._started = True
        return self._study

    def _connected(self) -> BaseStorage:
        if self._storage is None:
            self._storage = storages.opened(self._sharing.address)
        return self._storage

    def _forget(self) -> None:
        """Open everything anew: what was read of a storage that went away may not hold any more."""
        self._storage = self._study = None

    def _is_started(self) -> bool:
        return exists(self._connected(), self._sharing)

    def _present(self, desk: Path) -> tuple[dict[str, str], Values]:
        texts = self._editor.texts(desk, started=self._started)
        return texts, self._editor.present(texts, started=self._started)
