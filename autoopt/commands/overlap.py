"""Keeping parallel runs apart: whose files are whose, before any of them starts."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from autoopt import compose, files, journal, overlaps
from autoopt.commands import lookup
from autoopt.compose import Planned
from autoopt.errors import DamagedStateError, UsageError
from autoopt.overlaps import Claim
from autoopt.places import RunFiles, repository_id, state_root
from autoopt.schema import Config, Overlap
from autoopt.scope import Scope
from autoopt.workspaces.repository import Repository, discover

THIS = "this run"
_SHOWN = 3
_LAST_BYTES = 1 << 13
_PLAIN = re.compile(r"[\w./+*?-]+")


def check_sweep(planned: Sequence[Planned], environ: Mapping[str, str]) -> None:
    """Refuse a sweep whose runs would edit the same files, or those of a live run.

    Raises:
        UsageError: naming runs and files, with a split that would do.
    """
    names = compose.labels([one.words for one in planned])
    repositories = [discover(Path(one.config.repo)) for one in planned]
    for control in dict.fromkeys(one.control for one in repositories):
        here = [index for index, one in enumerate(repositories) if one.control == control]
        _check(
            {names[index]: planned[index].config for index in here},
            repositories[here[0]],
            folder_of(repositories[here[0]], environ),
        )


def check_start(config: Config, repository: Repository, environ: Mapping[str, str], own: str = "") -> None:
    """Refuse a run that would edit the files of a live one.

    Args:
        own: The run's id, where it has one already.

    Raises:
        UsageError: naming runs and files, with what could be left to this one.
    """
    _check({THIS: config}, repository, folder_of(repository, environ), own)


def folder_of(repository: Repository, environ: Mapping[str, str]) -> Path:
    """Where the runs of a repository keep their state."""
    return state_root(environ) / repository_id(repository.control)


@contextmanager
def gate(folder: Path) -> Iterator[None]:
    """Let one process at a time look at the live runs of a repository and become one of them."""
    files.make_directory(folder)
    with files.alone(folder):
        yield


def _check(new: Mapping[str, Config], repository: Repository, folder: Path, own: str = "") -> None:
    begun = dict(live(folder, own))
    if len(new) + len(begun) < 2:
        return
    patterns = [word for config in (*new.values(), *begun.values()) for word in config.scope]
    paths = overlaps.with_new(repository.tracked, patterns)
    claims = [_claim(name, config, paths) for name, config in new.items()]
    claims += [_claim(f"run {run_id}", config, paths, begun=True) for run_id, config in begun.items()]
    pairs = overlaps.conflicts(claims)
    if not pairs:
        return
    involved = [claim for claim in claims if any(claim in pair for pair in pairs)]
    raise UsageError(
        f"scope: {_shared(pairs)}, and what both change could not be put together; nothing was started. "
        f"Shared out, to paste in place of each run's scope:\n{_split(involved, new, paths)}\n"
        f"{_waiting(involved, folder)}"
        "or let them race for the same files, of which `autoopt merge` takes the winner: allow_overlap=race"
    )


def live(folder: Path, own: str = "") -> Iterator[tuple[str, Config]]:
    """Id and settings of every run that some process works on now, without the one with the id `own`.

    One that waits for its next try counts, too: whoever drives it has edits in its desk.
    """
    for state in sorted(folder.iterdir()) if folder.is_dir() else ():
        if state.name in ("", own) or state.name.startswith("."):
            continue
        if not journal.is_held(state) and not _waits(state):
            continue
        try:
            yield state.name, compose.load(RunFiles(state).config.read_text())
        except (OSError, DamagedStateError):
            continue  # it has just ended or never began, or belongs to another version: it claims nothing


def _waits(state: Path) -> bool:
    """Whether the run's last word is that it waits for a try: the end of its journal is enough for that."""
    try:
        with RunFiles(state).journal.open("rb") as journal_file:
            journal_file.seek(max(0, journal_file.seek(0, os.SEEK_END) - _LAST_BYTES))
            *_, last, rest = [b"", *journal_file.read().split(b"\n")]
    except OSError:
        return False
    return not rest and b'"STOPPED"' in last and lookup.WAITING.encode() in last


def _waiting(claims: Sequence[Claim], folder: Path) -> str:
    """How to be rid of runs that nobody may drive any more."""
    ids = [claim.name.removeprefix("run ") for claim in claims if claim.begun]
    idle = [run_id for run_id in ids if not journal.is_held(folder / run_id)]
    lines = [f"(run {run_id} waits for its next try; `autoopt clean {run_id}` ends it)\n" for run_id in idle]
    return "".join(lines)


def _claim(name: str, config: Config, tracked: Collection[str], *, begun: bool = False) -> Claim:
    scope = Scope(config.scope, config.off_limits)
    return Claim(
        name=name,
        files=frozenset(path for path in tracked if scope.contains(path)),
        begun=begun,
        races=config.allow_overlap is Overlap.race,
        search=config.search,
    )


def _shared(pairs: Sequence[tuple[Claim, Claim]]) -> str:
    """As in "recipe=a and recipe=b would both edit src/a.py, src/b.py and 3 more files"."""
    one, other = pairs[0]
    shared = one.files & other.files
    paths = sorted(path for path in shared if not overlaps.is_new(path))
    hidden = len(paths) - _SHOWN
    more = f" and {hidden} more file{'s' if hidden > 1 else ''}" if hidden > 0 else ""
    if not paths:
        paths = [f"new files such as {min(shared)}"]
    also = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
    return f"{one.name} and {other.name} would both edit {', '.join(paths[:_SHOWN])}{more}{also}"


def _split(claims: Sequence[Claim], new: Mapping[str, Config], tracked: Collection[str]) -> str:
    shares = overlaps.split(claims)
    asked = [claim for claim in claims if not claim.begun]
    width = max(len(claim.name) for claim in asked)
    lines = []
    for claim in asked:
        mine = shares[claim.name]
        words = _words(new[claim.name], claim.files, mine, tracked) if mine else "(nothing is left for it)"
        lines.append(f"  {claim.name:<{width}}  {words}")
    return "\n".join(lines)


def _words(config: Config, asked: Collection[str], mine: frozenset[str], tracked: Collection[str]) -> str:
    """The scope with what others have taken off, said in the shorter way of two."""
    others = set(asked) - mine
    if not others:
        return _word("scope", config.scope)
    off_limits = overlaps.covering(others, mine)
    scope = [one for one in overlaps.covering(mine, set(tracked) - mine) if not overlaps.is_new(one)]
    if (len(off_limits) <= len(scope) or not scope) and not any(map(overlaps.is_new, off_limits)):
        return f"{_word('scope', config.scope)} {_word('off_limits', [*config.off_limits, *off_limits])}"
    return _word("scope", scope) if scope else "(nothing is left for it)"


def _word(option: str, paths: Sequence[str]) -> str:
    quoted = (path if _PLAIN.fullmatch(path) else "'" + path.replace("'", "\\'") + "'" for path in paths)
    return shlex.quote(f"{option}=[{','.join(quoted)}]")
