"""Taking back what making a run's workspace made."""

from __future__ import annotations

import contextlib
from pathlib import Path

from autoopt.errors import DamagedStateError, RepositoryError
from autoopt.removing import remove_whole
from autoopt.scope import Scope
from autoopt.workspaces import layout as places
from autoopt.workspaces.borrowing import give_back
from autoopt.workspaces.desk import Desk
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.refs import prune
from autoopt.workspaces.store import Refs, Store, delete_ref


def undo(state: Path) -> None:
    """Delete the desk, bench, branch and refs of a run that never came to its first experiment.

    A branch that has moved from the base stays.
    """
    try:
        layout = Layout.load(state)
    except DamagedStateError:
        return  # nothing of it was made
    control, intent = Path(layout.control), layout.intent("undo")
    # Refs first: without the layout, which goes last, nobody would find them again.
    delete_ref(control, layout.ref, intent, layout.base)
    for name in Refs(control, intent).names(layout.experiments):
        delete_ref(control, f"{layout.experiments}/{name}", intent)
    intent.unlink(missing_ok=True)  # of one that was killed
    remove(state, force=True)
    prune(control, layout.experiments)
    with contextlib.suppress(OSError):  # other worktrees
        (control / "worktrees").rmdir()


def remove(state: Path, *, force: bool = False) -> None:
    """Delete a run's desk and bench; its branch and its experiments' commits stay.

    Raises:
        RepositoryError: the desk holds something that is neither the branch's nor ignored, without `force`.
    """
    layout = Layout.load(state)
    control = Path(layout.control)
    if layout.in_place:  # its desk is the user's own checkout
        give_back(layout, state)
        remove_whole(state / "bench")
        (state / places.FILE_NAME).unlink()
        return
    tip = Refs(control, layout.intent("undo")).read(layout.ref)
    if not force and Path(layout.desk).is_dir():
        desk = Desk(layout, Store(control), Scope(["."]))
        desk.stand_at(tip or layout.base)
        if found := desk.strangers():
            raise RepositoryError(f"{desk.root / found[0]}: not part of {layout.branch}; move it away first.")
    remove_whole(Path(layout.desk))
    remove_whole(control / "worktrees" / layout.worktree)
    remove_whole(state / "bench")
    (state / places.FILE_NAME).unlink()
