"""Which study several workers share, and that it is of their parameters and their repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import optuna
from optuna.storages import BaseStorage

from autoopt.errors import UsageError
from autoopt.proposers.search import line as lines
from autoopt.proposers.search.addresses import Address
from autoopt.proposers.search.space import fingerprint
from autoopt.schema import ParameterConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Which study is shared, and by whom.

    Attributes:
        study: Its name in the storage.
        run: This worker's run.
        address: Where it is kept.
        base: The commit the run starts from.
        knows: Whether a commit is in the run's repository, or where its search meets.
    """

    study: str
    run: str
    address: Address
    base: str
    knows: Callable[[str], bool]


def exists(storage: BaseStorage, sharing: Sharing) -> bool:
    """Whether somebody has begun the study."""
    return sharing.study in optuna.get_all_study_names(storage)


class Belonging:
    """Whether a study that was opened by its name is the one that is meant; a new one is made so."""

    def __init__(self, study: optuna.Study, sharing: Sharing) -> None:
        self._study, self._sharing = study, sharing
        self._ours: set[str] = set()

    def check_params(self, params: Mapping[str, ParameterConfig]) -> None:
        """See that it searches these parameters.

        Raises:
            UsageError: it searches others.
        """
        theirs = self._study.user_attrs.get("params")
        if theirs is None:
            self._study.set_user_attr("params", {"print": fingerprint(params), "names": sorted(params)})
        elif theirs["print"] != fingerprint(params):
            others, shown = ", ".join(theirs["names"]), self._sharing.address.shown
            raise UsageError(
                f"search: the study {self._sharing.study} at {shown} is of other params, or of the same ones "
                f"with other values ({others}); give this search a name of its own."
            )

    def check_commits(self) -> None:
        """See that what it tells of is in this repository: elsewhere the parameters' names mean other things.

        Raises:
            UsageError: it is of another repository.
        """
        attributes = self._study.user_attrs
        if "base" not in attributes:
            self._study.set_user_attr("base", self._sharing.base)
            return
        kept = [name.removeprefix(lines.PREFIX) for name in attributes if name.startswith(lines.PREFIX)]
        for commit in (attributes["base"], *kept):
            if commit not in self._ours and not self._sharing.knows(commit):
                study, shown = self._sharing.study, self._sharing.address.shown
                raise UsageError(
                    f"search: the study {study} at {shown} is of another repository or clone, as commit "
                    f"{commit[:12]} is not in this one; give this search a name of its own, or let all of "
                    "its runs work on one repo=URL."
                )
            self._ours.add(commit)
