"""Several runs from one command line: agreed to as a whole beforehand, told as a table afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from autoopt.errors import UsageError

if TYPE_CHECKING:
    from autoopt.compose import Planned


class Sweep:
    """The runs of one command line, as a context; nothing is said where there is a single one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Nothing is known of the runs yet."""
        self._environ = environ
        self._folders: tuple[Path, ...] = ()
        self._before: frozenset[Path] = frozenset()

    def plan(self, planned: Sequence[Planned]) -> None:
        """Refuse runs that would edit the same files, say what will be run and ask once.

        Raises:
            UsageError: scopes overlap, or a person says no.
        """
        from autoopt.commands import overlap  # a single run needs none of these
        from autoopt.commands.telling import agreed, terminal
        from autoopt.workspaces.repository import discover

        overlap.check_sweep(planned, self._environ)
        console = terminal(self._environ)
        names = overlap.labels(planned)
        for name, one in zip(names, planned, strict=True):
            scope = ", ".join(one.config.scope)
            console.print(f"{name}: scope {scope}", markup=False, highlight=False, soft_wrap=True)
        if any(one.config.confirm for one in planned) and not agreed(console, f"Start {len(planned)} runs?"):
            raise UsageError("not started; change what you do not like with key=value, or set confirm=no.")
        places = [overlap.folder_of(discover(Path(one.config.repo)), self._environ) for one in planned]
        self._folders = tuple(dict.fromkeys(places))
        self._before = frozenset(self._states())

    def __enter__(self) -> Sweep:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell what became of each run, also where some failed."""
        new = [state for state in self._states() if state not in self._before] if self._folders else []
        if new:
            self._tell(new)

    def _states(self) -> list[Path]:
        from autoopt.workspaces.layout import FILE_NAME

        return [path.parent for folder in self._folders for path in sorted(folder.glob(f"*/{FILE_NAME}"))]

    def _tell(self, states: Sequence[Path]) -> None:
        from autoopt.commands.lookup import Found
        from autoopt.commands.runs import row
        from autoopt.commands.telling import terminal
        from autoopt.places import RunFiles
        from autoopt.reporters.tables import runs_table
        from autoopt.workspaces.layout import Layout

        console = terminal(self._environ)
        rows = [row(Found(RunFiles(state), Layout.load(state))) for state in states]
        console.print()
        console.print(runs_table(rows))
        gained = [one.run_id for one in rows if one.kept]
        if len(gained) > 1:
            console.print(f"Put together: autoopt merge {' '.join(gained)}", highlight=False, soft_wrap=True)
