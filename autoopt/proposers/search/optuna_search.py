"""Searches parameter values with Optuna.

Two phases on top of whatever is the incumbent: values worth trying alone, one after the other, then the
sampler over all parameters together. Holding a random part of the parameters at the incumbent's values was
tried against plain joint sampling and was no better beyond the noise (tests/bench/search_quality.py).

A kept change of another proposer makes the old results doubtful: the search then goes on in a new study that
starts from the most telling of them (`autoopt.proposers.search.study`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from autoopt.errors import DamagedStateError, UsageError
from autoopt.proposers.search import sampling
from autoopt.proposers.search.editing import Editor
from autoopt.proposers.search.knowledge import Values
from autoopt.proposers.search.space import Key, order, searchable, space
from autoopt.proposers.search.study import Study, exists, mark
from autoopt.proposers.search.study_file import FileLock, mend, rewind
from autoopt.records import Brief, Experiment, Failure, Proposal, Status
from autoopt.schema import OptunaConfig, ParameterConfig
from autoopt.scope import Scope


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
        self._editor = Editor(params, env_file)
        self._seed = seed
        self._make_sampler = sampling.maker(config)
        self._history: dict[int, Experiment] = {}
        self._context = 0
        self._study: Study | None = None
        self._asked: tuple[int, Key] | None = None
        self._marked: int | None = None
        self._file = storage
        optuna.logging.disable_default_handler()  # the terminal belongs to the run
        self._storage = _open(storage)
        self._started = exists(self._storage, params)

    def check(self, desk: Path, scope: Scope) -> None:
        """See that every value can be read and edited, before anything is measured.

        Once a search has begun, a place may be gone: another proposer's change took it away.

        Raises:
            UsageError: a parameter's place is missing, unreadable or outside the scope.
        """
        self._editor.check(scope)
        present = self._editor.present(self._editor.texts(desk, started=self._started), started=self._started)
        found = space(searchable(self._params, present), present)
        with sampling.quiet():
            sampling.rehearse(self._make_sampler(found, self._seed, 0), found)

    def ask(self, brief: Brief) -> Proposal | None:
        """Other values for some parameters, or None when every combination is known.

        Asked again for the same experiment without having been told of it, it takes its last proposal as
        declined.
        """
        texts = self._editor.texts(brief.desk, started=self._started)
        present = self._editor.present(texts, started=self._started)
        if not present:
            return None
        for experiment in brief.history:
            self.tell(experiment)
        with sampling.quiet():
            study = self._opened(present, brief.number)
            self._decline(brief.number, study)
            study.abandon()
            study.note_incumbent(present)
            found = study.single(present) or study.sampled(present, brief.number)
        if found is None:
            return None
        values, reason = found
        self._asked = (brief.number, study.space.key(values))
        return self._editor.proposal(present, values, reason, texts)

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """None: values that crash are given up."""
        return None

    def tell(self, experiment: Experiment) -> None:
        """Learn the experiment's effect; what was told before, or carries no parameters, changes nothing."""
        if experiment.number in self._history:
            return
        self._history[experiment.number] = experiment
        if self._is_foreign_keep(experiment):
            self._context = max(self._context, experiment.number)
        if self._study is not None:
            with sampling.quiet():
                self._study.learn(experiment)

    def _opened(self, present: Values, number: int) -> Study:
        """The study of the present context: what was kept of other proposers' changes makes a new one."""
        if self._marked is None and rewind(self._file, number):
            self._storage = _open(self._file)
            self._started = exists(self._storage, self._params)
        if self._started:
            self._mark(number)
        if self._study is None or self._study.context != self._context:
            past = [self._history[number] for number in sorted(self._history)]
            self._study = Study(
                self._storage, self._params, present, self._make_sampler, self._seed, self._context, past
            )
            self._started = True
        self._mark(number)
        return self._study

    def _mark(self, number: int) -> None:
        if self._marked != number:
            mark(self._storage, self._params, number)
            self._marked = number

    def _is_foreign_keep(self, experiment: Experiment) -> bool:
        return experiment.status is Status.keep and not any(
            name in experiment.parameters for name in self._params
        )

    def _decline(self, number: int, study: Study) -> None:
        if self._asked is not None and self._asked[0] == number and number not in self._history:
            study.decline(self._asked[1])


def _open(path: Path) -> JournalStorage:
    mend(path)
    lock = cast(Any, FileLock(path.with_name(path.name + ".flock")))
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise DamagedStateError(
            f"{path}: the search's file is damaged ({error}). Delete it: the run's own journal rebuilds it."
        ) from error
