"""Having the user's checkout for a run, and giving it back, whatever became of the process that had it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces.checkout import Record
from autoopt.workspaces.history import ancestors
from autoopt.workspaces.inplace import InPlaceDesk
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.store import Refs, Store


@contextmanager
def borrowed(desk: InPlaceDesk, layout: Layout, store: Store, say: Callable[[str], None]) -> Iterator[None]:
    """Have the checkout, and give it back in the end; `say` is told what became of it."""
    desk.borrow(commits_of(layout, store))
    place = desk.borrowed_from
    try:
        yield
    finally:
        for line in _given_back(desk, layout) or [f"Your checkout is at {place} again, as it was."]:
            say(line)


def _given_back(desk: InPlaceDesk, layout: Layout) -> list[str]:
    try:
        return desk.give_back()
    except RepositoryError as error:
        raise RepositoryError(
            f"{error} Your checkout is still at {layout.branch}: `autoopt resume {layout.run_id}` goes on, "
            f"and `autoopt clean {layout.run_id}` gives it back."
        ) from error


def commits_of(layout: Layout, store: Store) -> list[str]:
    """The commits whose files a killed process may have left in the checkout: all kept, and the latest."""
    refs = Refs(Path(layout.control), layout.intent("inplace"))
    latest = [refs.read(f"{layout.experiments}/{number}") for number in refs.numbers(layout.experiments)[-2:]]
    tip = refs.read(layout.ref)
    kept = [] if tip is None else ancestors(store, tip, layout.base)
    return [commit for commit in (*latest, *kept) if commit is not None]


def give_back(layout: Layout, state: Path) -> list[str]:
    """Give the checkout of a run that is not at work back; lines for a person about what stays otherwise.

    Raises:
        AutooptError: that cannot be done now; nothing is lost.
    """
    control = Path(layout.control)
    Refs(control, layout.intent("inplace")).recover(layout.ref, layout.experiments)
    record = Record.load(state)
    if record is None:
        layout.intent("inplace").unlink(missing_ok=True)  # a killed process may have left it
        return []
    store = Store(Path(layout.control))
    try:
        desk = InPlaceDesk(layout, store, Scope(record.scope, record.off_limits), state)
        return desk.give_back(commits_of(layout, store))
    finally:
        store.close()
