"""Options of the places where edits and measurements happen."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.schema.choices import DeskMode, LinkBy
from autoopt.schema.option import option


@dataclass(kw_only=True)
class WorkspaceConfig:
    """Where edits and measurements happen."""

    mode: DeskMode = option(
        "Where proposals are edited: in a `worktree` of the run's own, or `inplace`: in your checkout, which needs a "
        "clean scope, is on the run branch meanwhile and is given back as it was. Commits are measured elsewhere.",
        DeskMode.worktree,
    )
    desk: str | None = option(
        "Worktree where proposals are edited; by default `../<repository>-<run id>`.", None
    )
    link: list[str] = option(
        "Untracked files or directories the commands need in each checkout; virtual environments, "
        "`node_modules`, `data` and data that the commands name are found by themselves.",
        list,
    )
    link_by: LinkBy = option(
        "How checkouts get them: `copy`, `link`, or `auto`: copies where they are small or share blocks, never "
        "of virtual environments; what a command writes through a link is refused.",
        LinkBy.auto,
    )
    setup: str | None = option("Shell command run once in each checkout when it is made.", None)
    max_file_mb: float = option("Largest file a proposal may change or bring.", 5.0, unit="MB")
    max_change_mb: float = option(
        "What all files that a proposal changes may have together.", 20.0, unit="MB"
    )
    max_binary_mb: float = option(
        "By how much files that are no text may grow in one proposal, new ones included.", 1.0, unit="MB"
    )
    allow_new: list[str] = option(
        "Names or globs of new files that are refused otherwise, because programs look for them by themselves: "
        "`conftest.py` beside code, `pytest.ini`, a `random.py` that hides Python's own.",
        list,
    )
    send_discards: bool = option(
        "Where `repo` is an address: send the commits that were not kept back, too, so that their diffs can be seen there.",
        False,
    )
    min_free_gb: float = option(
        "Least free disk space to start or go on with; to start, at least three times the checkout as well. 0 does "
        "not look.",
        1.0,
        unit="GB",
    )
