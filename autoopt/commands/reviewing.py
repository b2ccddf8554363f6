"""What a review is computed from, gathered from a run's settings, journal, repository and notebook."""

from __future__ import annotations

from pathlib import Path

from autoopt.agents.notebook import Notebook
from autoopt.errors import RepositoryError
from autoopt.journal import Journal, is_held, was_cut_short
from autoopt.places import RunFiles
from autoopt.review import Evidence, Review, Untried, review
from autoopt.schema import Config
from autoopt.scope import Scope
from autoopt.workspaces.history import regular_files
from autoopt.workspaces.layout import Layout


def review_of(config: Config, record: Journal, layout: Layout, files: RunFiles) -> Review:
    """The review of a run as its journal has it now."""
    return review(evidence_of(config, record, layout, files))


def evidence_of(config: Config, record: Journal, layout: Layout, files: RunFiles) -> Evidence:
    """What is known of a run that a review asks about."""
    return Evidence(
        run_id=layout.run_id,
        config=config,
        history=tuple(record.history),
        confirmation=record.confirmation,
        holdout=record.holdout,
        omissions=tuple(record.omissions),
        reason=record.stopped,
        is_whole=not was_cut_short(record.stopped),
        is_live=record.stopped is None and is_held(files.state),
        files=_in_scope(config, layout),
        ideas=_ideas(record, files),
    )


def _in_scope(config: Config, layout: Layout) -> tuple[str, ...]:
    """The files that could have been edited; none where the repository is not here any more."""
    scope = Scope(config.scope, config.off_limits)
    try:
        return tuple(filter(scope.contains, regular_files(Path(layout.control), layout.base)))
    except (RepositoryError, OSError):
        return ()


def _ideas(record: Journal, files: RunFiles) -> tuple[Untried, ...]:
    """What agents thought of for the incumbent and nobody tried."""
    if not record.history:
        return ()
    untried = Notebook(files.ideas).untried(record.incumbent.commit, record.history)
    return tuple(
        Untried(what=record.redact(idea.hypothesis), score=idea.thought(record.history).score)
        for idea in untried
    )
