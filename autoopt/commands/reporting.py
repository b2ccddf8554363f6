"""All there is to tell about a run, for its report: diffs, prompts, importances, where the time went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autoopt.commands.reviewing import review_of
from autoopt.commands.telling import account_of
from autoopt.errors import AutooptError
from autoopt.journal import Journal
from autoopt.journal.moments import moments
from autoopt.places import RunFiles
from autoopt.records import Call, Experiment
from autoopt.reporters import searched
from autoopt.reporters.account import Account, Transcript
from autoopt.schema import Config
from autoopt.workspaces.history import diff
from autoopt.workspaces.layout import Layout

_DIFFS = 3_000_000
"""Characters of all diffs together; kept changes come first, others where there is room."""
_LINES = 2_000
"""Changed lines of what was not kept, beyond which its diff would take longer than it is worth."""
_TEXTS = 2_000_000
"""Characters of all prompts and answers together, those of the latest experiments first."""
_TEXT = 60_000
"""Characters of one of them; of a longer one the beginning and the end are shown."""


def full_account(config: Config, files: RunFiles, record: Journal, layout: Layout) -> Account:
    """What a report tells; it reads what the run has left on disk, and measures nothing."""
    account = account_of(config, record, layout)
    shown, lost = _diffs(account.history, Path(layout.control))
    calls = tuple(record.calls)
    told = replace(
        account,
        review=review_of(config, record, layout, files),
        diffs=shown,
        lost=lost,
        calls=calls,
        transcripts=dict(transcripts(calls, files.prompts)),
        importances=_importances(account),
        moments=moments(files.journal),
    )
    return discreet(told, record.redact)


def discreet(account: Account, redact: Callable[[str], str]) -> Account:
    """The account without secrets in what the journal does not hold, looked for before any is escaped."""
    said = {name: Transcript(*map(redact, texts)) for name, texts in account.transcripts.items()}
    return replace(
        account,
        diffs={number: redact(text) for number, text in account.diffs.items()},
        facts={name: redact(text) for name, text in account.facts.items()},
        transcripts=said,
    )


def _diffs(history: tuple[Experiment, ...], control: Path) -> tuple[Mapping[int, str], tuple[int, ...]]:
    """Diffs by experiment, as far as a page has room; and which kept changes git has dropped meanwhile."""
    found: dict[int, str] = {}
    lost: list[int] = []
    room = _DIFFS
    for one in sorted(filter(_has_diff, history), key=lambda one: not one.status.advances):
        if room <= 0:
            break
        try:
            found[one.number] = diff(control, one.parent, one.commit)
        except AutooptError:
            lost += [one.number] if one.status.advances else []
            continue
        room -= len(found[one.number])
    return found, tuple(lost)


def _has_diff(one: Experiment) -> bool:
    is_small = one.added + one.removed <= _LINES
    return one.is_try and bool(one.commit) and one.commit != one.parent and (one.status.advances or is_small)


def transcripts(calls: Sequence[Call], folder: Path) -> Iterator[tuple[str, Transcript]]:
    """Prompts and answers by the name of their files, as long as there is room for them."""
    room = _TEXTS
    for call in reversed(calls):
        if not call.transcript or room <= 0:
            continue
        texts = [_text(folder / f"{call.transcript}.{kind}.md") for kind in ("prompt", "answer")]
        if any(texts):
            room -= sum(map(len, texts))
            yield call.transcript, Transcript(*texts)


def _text(path: Path) -> str:
    """The beginning and the end of a file; nothing where it is gone."""
    try:
        found = path.read_text("utf-8", "replace")
    except OSError:
        return ""
    left = len(found) - _TEXT
    if left <= 0:
        return found
    return f"{found[: _TEXT // 2]}\n[... {left:,} characters are not shown ...]\n{found[-_TEXT // 2 :]}"


def _importances(account: Account) -> Mapping[str, float]:
    found = searched.results(account.history)
    if len(found) < searched.ENOUGH or len(searched.varied(found)) < 2:
        return {}
    from autoopt.proposers.search.importance import importances  # takes a while to import

    return importances([one.values for one in found], [one.level for one in found])
