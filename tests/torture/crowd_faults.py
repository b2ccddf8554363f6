"""What is wrong with a crowd of runs when all have ended, and with what is the user's while they go on."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoopt import journal
from autoopt.errors import DamagedStateError
from autoopt.journal import Journal

from . import twins
from .crowd import Run
from .scenarios import environment

_OURS = (b" refs/autoopt/", b" refs/autoopt-merging/", b" refs/heads/autoresearch/")
_EXCLUDE = ".git/info/exclude"
Snapshot = dict[str, tuple[object, ...]]


def snapshot(root: Path) -> Snapshot:
    """What is the user's, while runs come and go: without locks, which are held for a moment only."""
    found = {
        name: seen
        for name, seen in twins.snapshot(root).items()
        if not name.endswith((".lock", ".tmp", "-intent"))
    }
    if (packed := found.get(".git/packed-refs")) is not None:
        lines = bytes(packed[1]).splitlines() if isinstance(packed[1], bytes) else []
        found[".git/packed-refs"] = tuple(line for line in lines if not any(ref in line for ref in _OURS))
    if (excluded := found.get(_EXCLUDE)) is not None:
        lines = bytes(excluded[1]).splitlines() if isinstance(excluded[1], bytes) else []
        found[_EXCLUDE] = tuple(line for line in lines if b"autoresearch-" not in line)
    return found


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """What of the user's was changed by somebody else."""
    return list(twins.user_faults(before, after, gone=True))


def run_faults(place: Path, run: Run, ends: int) -> Iterator[str]:
    """What is wrong with a run that has come to its end.

    Args:
        ends: How often its process was ended before.
    """
    try:
        record = Journal(journal_of(place, run.name))
    except DamagedStateError as error:
        yield f"{run.name}: {error}"
        return
    yield from (f"{run.name}: {told}" for told in _number_faults(record, run, ends))
    yield from (f"{run.name}: {told}" for told in _status_faults(record, run))
    yield from (f"{run.name}: {told}" for told in _branch_faults(place, record, run))


def journal_of(place: Path, name: str) -> Path:
    """Where a run's journal is, or will be."""
    found = list((place / "state").glob(f"autoopt/*/{name}/journal.jsonl"))
    return found[0] if found else place / "state" / "none"


def _number_faults(record: Journal, run: Run, ends: int) -> Iterator[str]:
    if record.stopped is None or journal.was_cut_short(record.stopped):
        yield f"it has not ended, but {record.stopped!r}"
    if record.pending is not None:
        yield f"experiment {record.pending.number} is not done"
    if (done := len(record.history) - 1) != run.experiments:
        yield f"{done} experiments instead of {run.experiments}"
    events = [json.loads(line) for line in record.path.open()]
    decided = [event["number"] for event in events if event["event"] == "DECIDED"]
    begun = [event["number"] for event in events if event["event"] == "BEGIN"]
    if twice := [number for number, count in Counter(decided).items() if count > 1]:
        yield f"decided twice: {twice}"
    if decided != sorted(decided) or begun != sorted(begun):
        yield f"numbers out of order: {decided}"
    if missing := set(decided) - set(begun):
        yield f"decided and never begun: {sorted(missing)}"
    if [past.number for past in record.history] != decided:
        yield "what is read is not what was decided"
    if (lost := len(begun) - len(decided)) > ends:
        yield f"{lost} experiments were begun for nothing, and it was ended {ends} times"
    if gaps := set(range(max(begun))) - set(begun):
        yield f"numbers nobody has: {sorted(gaps)}"


def _status_faults(record: Journal, run: Run) -> Iterator[str]:
    if run.searches:
        return
    found = [(past.description, past.status.value) for past in record.history[1:]]
    wanted = [(patch.subject, patch.status) for patch in run.patches()]
    if [name for name, _ in found] != [name for name, _ in wanted]:
        more = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
        yield f"not every patch was tried once: without {_without(wanted, found)}, twice {more}"
        return
    for (name, status), (_, right) in zip(found, wanted, strict=True):
        if right and status != right:
            yield f"{name}: {status} instead of {right}"


def _without(wanted: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]) -> list[str]:
    there = {name for name, _ in found}
    return [name for name, _ in wanted if name not in there]


def _branch_faults(place: Path, record: Journal, run: Run) -> Iterator[str]:
    root, branch, base = place / "app", f"autoresearch/{run.name}", str(record.header["base"])
    kept = [past.commit for past in record.history if past.status.value == "keep"]
    line = _git(root, "rev-list", "--reverse", f"{base}..{branch}").split()
    if line != kept:
        yield f"its branch has {len(line)} commits, {len(set(line) & set(kept))} of the {len(kept)} kept"
    refs = _git(root, "for-each-ref", "--format=%(refname)", f"refs/autoopt/{run.name}").split()
    written = _git(root, "log", "--name-only", "--format=", branch, *refs, f"^{base}").split("\n")
    if strange := {path for path in written if path and not path.startswith(f"{run.part}/")}:
        yield f"its commits hold what is not in its scope: {sorted(strange)[:3]}"
    if not run.timed and record.history:
        said = _git(root, "grep", "-h", "-E", "^[0-9]+$", branch, "--", f"{run.part}/v*").split()
        if (value := sum(map(int, said))) != record.incumbent.value:
            yield f"its branch has {value}, its journal {record.incumbent.value}"


def place_faults(place: Path, runs: Sequence[Run]) -> Iterator[str]:
    """What is wrong with the repository, with locks, worktrees and processes."""
    yield from twins.state_faults(place)
    yield from twins.git_faults(place)
    found, _ = twins.left_running(place)
    yield from (f"still running: {one}" for one in found)
    known = {path.parent.name for path in (place / "state").glob("autoopt/*/*/journal.jsonl")}
    admins = [path.name for path in (place / "app" / ".git" / "worktrees").glob("*")]
    for name in known:
        own = [admin for admin in admins if admin.startswith(f"{name}-")]
        if len(own) != 1:
            yield f"{name} has {len(own)} worktrees"
    for run in runs:
        if run.name not in known:
            yield f"{run.name} has no journal"


def leftover_faults(place: Path) -> Iterator[str]:
    """What is still there of runs that were removed, all of them."""
    yield from (told for told in twins.leftovers(place) if "refs/heads" not in told)  # merges stay
    known = _git(place / "app", "for-each-ref", "--format=%(refname)", "refs/heads/autoresearch").split()
    yield from (f"{ref} is still there" for ref in known if "/r" in ref.removeprefix("refs/heads/"))


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=root, env=environment(root.parent), capture_output=True, text=True, check=False
    )
    return done.stdout
