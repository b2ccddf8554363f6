"""Taking back a run that never came to its first experiment."""

from __future__ import annotations

from pathlib import Path

from dulwich.objects import ObjectID
from dulwich.refs import DiskRefsContainer, Ref

from autoopt.errors import DamagedStateError
from autoopt.workspaces.git import remove
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.store import read_ref


def undo(state: Path) -> None:
    """Delete the run's desk, bench, branch and refs; a branch that has moved from the base stays."""
    try:
        layout = Layout.load(state)
    except DamagedStateError:
        return  # nothing of it was made
    remove(state, force=True)
    refs = DiskRefsContainer(Path(layout.control))
    if read_ref(refs, layout.ref) == layout.base:
        delete_ref(refs, layout.ref)
    for name in refs.subkeys(Ref(layout.experiments.encode() + b"/")):
        delete_ref(refs, f"{layout.experiments}/{name.decode()}")


def delete_ref(refs: DiskRefsContainer, ref: str) -> None:
    """Remove a ref, unless it has just been moved."""
    found = read_ref(refs, ref)
    if found is not None:
        refs.remove_if_equals(Ref(ref.encode()), ObjectID(found.encode()))
