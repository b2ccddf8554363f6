"""Watching a run: from the inside while it works, and from another terminal, by its records alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from autoopt import budget, journal
from autoopt.assemble import confining, keeping
from autoopt.commands import fetching
from autoopt.commands.lookup import WAITING, Found, runs, settings
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import DamagedStateError, UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.protocols import Reporter
from autoopt.records import WAIT
from autoopt.reporters import words
from autoopt.reporters.console import Watcher, reporter_for
from autoopt.reporters.live import status
from autoopt.reporters.live.glance import Glance, Stage
from autoopt.reporters.live.region import Region, redraws
from autoopt.reporters.live.screen import overview
from autoopt.reporters.live.status import Now, StatusFile
from autoopt.reporters.notify import Notifier
from autoopt.reporters.summary import summary
from autoopt.reporters.together import Together
from autoopt.schema import Config
from autoopt.workspaces.layout import Layout

_LOOK_S = 0.5
_LOOK_ALL_S = 1.0
_SPARING = 20.0
"""How many times longer than reading a journal takes it is left alone."""


def begun(config: Config, record: Journal) -> Glance:
    """What there is to see where the run begins or goes on."""
    glance = Glance(
        run_id=str(record.header["run_id"]),
        goal=config.goal,
        unit=config.metric.unit,
        direction=config.metric.direction,
        budget=config.budget,
        usage=budget.total(record.calls),
        worked_s=record.elapsed_s,
        worked_at=time.time(),
    )
    return replace(glance.after(record.history), confirmation=record.confirmation)


def told(
    reporter: Reporter,
    config: Config,
    files: RunFiles,
    layout: Layout,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
) -> Together:
    """The reporter, and whoever else wants to hear: watchers in other terminals, the user's own command."""
    everybody = [reporter, StatusFile(files.now, lambda: record.elapsed_s)]
    if config.notify.command and config.notify.on:
        everybody.append(
            Notifier(
                config.notify,
                keeping.without_secrets(config, environ),
                run_id=layout.run_id,
                goal=str(record.header.get("goal", "")),
                unit=config.metric.unit,
                direction=config.metric.direction,
                cwd=Path(layout.root),
                logs=files.logs / "notify",
                baseline=record.history[0].value if record.history else None,
                turns=confining.turns_of(config, files, environ),
                tell=lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
            )
        )
    return Together(*everybody)


class Follower:
    """Reads what a run's process writes, and has it told as if it came from here."""

    def __init__(self, found: Found, config: Config, console: Console) -> None:
        """Begin with what is decided by now.

        Raises:
            DamagedStateError: the journal does not add up.
        """
        self._found = found
        self.record = Journal(found.files.journal)
        self._seen = len(self.record.history), len(self.record.calls)
        self._size = self._read_at = self._took_s = 0.0
        now = status.read(found.files.now)
        self._noted = (now.pid, now.notes[-1].place) if now and now.notes else (0, 0)
        self._reporter: Watcher = reporter_for(console, begun(config, self.record))
        run_id, unit = found.layout.run_id, config.metric.unit
        self._reporter.on_start(run_id, config.goal, unit, config.budget.experiments)

    def look(self, *, last: bool = False) -> None:
        """Tell what is new. A long journal is not read all the time: what is measured is not to be disturbed.

        Args:
            last: Whether nothing more will come, so that nothing may be missed.
        """
        size, clock = self._found.files.journal.stat().st_size, time.monotonic()
        if size != self._size and (last or clock - self._read_at >= _SPARING * self._took_s):
            self.record = Journal(self._found.files.journal)
            self._size, self._read_at, self._took_s = size, clock, time.monotonic() - clock
            self._tell()
        if (now := status.read(self._found.files.now)) is not None:
            self._note(now)
        elif self.record.stopped == WAITING:
            waits = Stage(name=WAIT, detail="for the next try", began=time.time())
            now = Now(pid=0, at=0.0, worked_s=self.record.elapsed_s, stage=waits)
        if now is not None:
            self._reporter.at(now)

    def latest(self) -> Journal:
        """Everything there is, told too: what lets go of a run may only have made way for somebody else."""
        self.look(last=True)
        return self.record

    def _note(self, now: Now) -> None:
        """What was said since the last look, as far as it is still there."""
        pid, place = self._noted
        new = [note for note in now.notes if now.pid != pid or note.place > place]
        for note in new:
            self._reporter.on_note(note.number, note.text)
        self._noted = (now.pid, new[-1].place) if new else self._noted

    def _tell(self) -> None:
        """What was decided and asked since the last look."""
        history, calls = self.record.history, self.record.calls
        decided, asked = self._seen
        for call in calls[asked:]:
            self._reporter.on_call(call, budget.total(calls))
        for past in history[decided:]:
            self._reporter.on_experiment(past, self.record.incumbent)
        self._seen = len(history), len(calls)

    def leave(self, why: str) -> None:
        """Stop watching, although the run goes on."""
        self._reporter.leave(why)

    def end(self, reason: str) -> None:
        """Tell why there is nothing more to watch."""
        self._reporter.on_finish(reason, tuple(self.record.history), self.record.confirmation)


def follow(found: Found, environ: Mapping[str, str]) -> None:
    """Show what the run does until it ends; nothing is written, and nothing keeps it from going on.

    Raises:
        DamagedStateError: its records do not add up.
    """
    console, config = terminal(environ), settings(found)
    _await_journal(found, console)
    record = Journal(found.files.journal)
    if _goes_on(found, record):
        follower = Follower(found, config, console)
        if not _followed(found, follower):
            return
        record = follower.record
    else:
        console.print(_why(found, record), markup=False, highlight=False, soft_wrap=True)
    console.print(summary(account_of(config, record, found.layout)))


def _await_journal(found: Found, console: Console) -> None:
    """Wait for a run that somebody is making: its setup may take its time, and has no journal yet."""
    if found.files.journal.exists() or not journal.is_held(found.files.state):
        return
    console.print(f"{found.layout.run_id} is being made", markup=False, highlight=False)
    while not found.files.journal.exists() and journal.is_held(found.files.state):
        time.sleep(_LOOK_S)


def _followed(found: Found, follower: Follower) -> bool:
    """Tell of the run until it ends; False where something else ended the watching.

    Raises:
        DamagedStateError: what was written meanwhile does not add up.
    """
    try:
        while _goes_on(found, follower.record) or _goes_on(found, follower.latest()):
            follower.look()
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        follower.leave("not watched any more; the run goes on")
        return False
    except FileNotFoundError:  # it waited for a try, and somebody has cleaned it away
        follower.leave(f"{found.layout.run_id} was removed")
        return False
    except DamagedStateError:
        follower.leave("not watched any more")
        raise
    follower.end(_why(found, follower.record))
    return True


def _goes_on(found: Found, record: Journal) -> bool:
    """Whether somebody works on the run, or it waits for somebody to."""
    return journal.is_held(found.files.state) or record.stopped == WAITING


def _why(found: Found, record: Journal) -> str:
    """Why nobody works on the run any more."""
    run_id, away = found.layout.run_id, fetching.told(found)
    if away is not None and journal.was_cut_short(record.stopped):
        return words.one_line(f"{run_id} works {away}; autoopt runs --fetch asks for what is new")
    if record.stopped is None:
        return f"nobody works on {run_id} any more: its process was killed; autoopt resume {run_id} goes on"
    if journal.was_cut_short(record.stopped):
        return f"{words.one_line(record.stopped)}; autoopt resume {run_id} goes on with it"
    return words.one_line(record.stopped)


class _Seen:
    """A live run as it was last looked at."""

    def __init__(self, found: Found) -> None:
        """Begin with its name."""
        self._found = found
        self._size = -1
        self.glance = Glance(run_id=found.layout.run_id)

    def look(self) -> None:
        """Take in what is new; what cannot be read says so, and keeps no other run from being seen."""
        size = self._found.files.journal.stat().st_size
        if size != self._size:
            self._size = size
            try:
                self.glance = begun(settings(self._found), Journal(self._found.files.journal))
            except DamagedStateError:
                self.glance = replace(self.glance, over="its records do not add up: autoopt show tells more")
        if (now := status.read(self._found.files.now)) is not None:
            self.glance = replace(self.glance, stage=now.stage, worked_s=now.worked_s, worked_at=now.at)


def follow_all(environ: Mapping[str, str]) -> None:
    """Show all runs here that are at work, until none is; Ctrl-C stops watching them.

    Raises:
        UsageError: there is no terminal that could be drawn on, or nothing to see.
    """
    console = terminal(environ)
    if not redraws(console):
        raise UsageError(
            "runs --follow needs a terminal; `autoopt show RUN --follow` writes lines about one run, and "
            "`autoopt runs --json` tells how all of them are."
        )
    if not (live := _live(environ)):
        raise UsageError("no run is at work here; `autoopt runs` lists those there are.")
    seen: dict[Path, _Seen] = {}
    region = Region(console, lambda size: overview([one.glance for one in seen.values()], size, time.time()))
    region.open()
    try:
        while live:
            seen = {one.files.state: seen.get(one.files.state) or _Seen(one) for one in live}
            for one in seen.values():
                with suppress(FileNotFoundError):  # it has just ended and been removed
                    one.look()
            time.sleep(_LOOK_ALL_S)
            live = _live(environ)
    except KeyboardInterrupt:
        pass
    finally:
        region.close()


def _live(environ: Mapping[str, str]) -> list[Found]:
    """The runs here that somebody works on, and that have begun."""
    known = runs(environ, Path.cwd())
    return [one for one in known if journal.is_held(one.files.state) and one.files.journal.exists()]
