"""The commits that claims speak of, as far as this repository still has them, and what they changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.fingerprint import fingerprint
from autoopt.records import Claim, Status
from autoopt.workspaces.history import StoredCommits
from autoopt.workspaces.repository import Repository
from autoopt.workspaces.store import Store

_ID = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """Claims with what is known of their commits.

    Attributes:
        claims: The commit's whole id, its tree and its normalised diff; none of it where it is not here.
        elsewhere: Kept commits that what is checked out does not come from, in order.
    """

    claims: tuple[Claim, ...]
    elsewhere: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        """How many of the commits are here, with changes in the scope."""
        return sum(bool(claim.tree) for claim in self.claims)


def recall(repository: Repository, claims: Sequence[Claim], contains: Callable[[str], bool]) -> Recalled:
    """Look the claims' commits up.

    Args:
        contains: Whether a file is in the scope: only what is changed there makes a change what it is, as
            other tools commit their logs along.
    """
    with closing(Store(repository.control)) as store:
        known = [_known(store, repository, claim, contains) for claim in claims]
        kept = [one.commit for one in known if one.status is Status.keep and one.commit]
        elsewhere = tuple(sha for sha in kept if not store.descends(repository.head, sha))
    return Recalled(claims=tuple(known), elsewhere=elsewhere)


def touched(repository: Repository, claims: Sequence[Claim]) -> tuple[str, ...]:
    """The files that were changed by what was kept, and that are still there; sorted."""
    found: set[str] = set()
    with closing(Store(repository.control)) as store:
        for claim in claims:
            sha = _commit(store, claim.commit) if claim.status is Status.keep else None
            if sha is not None:
                found |= {path for path, _, _ in _changes(store, repository, sha)}
    return tuple(sorted(found & set(repository.tracked)))


def _known(store: Store, repository: Repository, claim: Claim, contains: Callable[[str], bool]) -> Claim:
    sha = _commit(store, claim.commit)
    if sha is None:
        return replace(claim, commit="")
    made = [change for change in _changes(store, repository, sha) if contains(change[0])]
    if not made:  # nothing that a proposal could repeat
        return replace(claim, commit=sha)
    return replace(claim, commit=sha, tree=store.tree_of(sha), fingerprint=fingerprint(made))


def _commit(store: Store, prefix: str) -> str | None:
    """The one commit whose id begins so; None where there is none, or several."""
    if not _ID.fullmatch(prefix):
        return None
    with suppress(RepositoryError):  # a damaged one is none that can be looked at
        return store.find_commit(prefix)
    return None


def _changes(
    store: Store, repository: Repository, sha: str
) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """What the commit changed of the one before it; nothing where that cannot be said."""
    parents = store.parents(sha)
    if len(parents) != 1:
        return
    with suppress(OutOfScopeError, RepositoryError):  # a link or a file's mode is nothing that is proposed
        yield from StoredCommits(store, repository.control, sha).changes(parents[0], sha)
