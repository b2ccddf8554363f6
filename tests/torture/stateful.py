"""Good, bad and hostile edits, mixed with what people do to their repository meanwhile; kills and resumes.

`python -m tests.torture.stateful [--examples 200] [--steps 30] [--seed N]` draws so many histories of so many
steps. After each step nothing of the user's may have changed but by themselves, every keep is where it was,
the journal tells what the model expects, no lock is left, and at the end git agrees with everything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from autoopt import journal as journals
from autoopt.errors import BusyError, RepositoryError
from autoopt.records import Edit, Experiment, Proposal
from autoopt.workspaces import locks

from .misdeeds import CONFIG, HARMLESS, HISTORY, LOCKS, REFUSED, TO_THE_BENCH, TO_THE_BRANCH, TO_THE_DESK
from .world import REF, RUN, Life, World, git, make, proposal

_YEAR_S = 365 * 86_400.0
_DATES = ("0 +0000", "1700000000 +0000", "4102444800 -0500")
DONE: Counter[str] = Counter()
"""How often each thing was done."""


class Run(RuleBasedStateMachine):
    """One repository, one run in it, and everything that can happen to both."""

    template: Path
    places: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="r", dir=self.places))
        self.world = World(self.folder, self.template)
        self.serial = 0
        self.tidy = True

    def teardown(self) -> None:
        try:
            self.world.close()
            with self.world.ours():
                assert self.world.life.workspace.incumbent == self.world.kept[-1].commit
            self.world.check(whole=True)
        finally:
            self.world.close()
            shutil.rmtree(self.folder)

    @invariant()
    def nothing_is_lost(self) -> None:
        self.world.check(whole=self.tidy and self.serial % 4 == 0)

    def better(self) -> Proposal:
        return proposal(f"{self.world.value - 1}\n")

    def by_hand(self) -> Proposal:
        """The same by an agent, who edits in the desk; the proposal lists no edits."""
        path = self.world.desk / "src" / "value.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"{self.world.value - 1}\n")
        return proposal(None)

    def worse(self) -> Proposal:
        self.serial += 1
        return proposal(f"{10_000 + self.serial}\n")

    def tried(self, idea: Proposal, expected: str, repairs: Sequence[Proposal] = ()) -> Experiment:
        """Make an experiment, and see that it ends as it has to."""
        with self.world.ours():
            decided = self.world.life.experiment(idea, repairs)
        assert decided.status.value == expected, (decided.status, expected, decided.findings, decided.failure)
        self.world.decided(decided)
        self.serial += 1
        self.tidy = True
        self.world.check_desk()
        return decided

    @rule()
    def improve(self) -> None:
        self.count("keep")
        self.tried(self.better(), "keep")

    @rule()
    def improve_by_hand(self) -> None:
        self.count("keep, by hand")
        with self.world.ours():
            assert self.world.life
        if self.tidy:
            self.tried(self.by_hand(), "keep")

    @rule()
    def worsen(self) -> None:
        self.count("discard")
        self.tried(self.worse(), "discard")

    @rule(mended=some.booleans())
    def crash(self, mended: bool) -> None:
        self.count("crash")
        self.serial += 1
        repairs = [self.better()] if mended else []
        self.tried(proposal(f"broken {self.serial}\n"), "keep" if mended else "crash", repairs)

    @rule()
    def change_nothing(self) -> None:
        self.count("nothing changed")
        self.tried(proposal(f"{self.world.value}\n"), "discard")

    @rule()
    def add_and_delete_files(self) -> None:
        self.count("files added and deleted")
        self.serial += 1
        new = Edit(path=f"src/more/{self.serial % 3}/m.py", content=b"m = 1\n")
        gone = Edit(path="src/pkg/deep/er.py", content=None if self.serial % 2 else b"y = 3\n")
        self.tried(proposal(f"{self.world.value - 1}\n", new, gone), "keep")

    @rule(kind=some.sampled_from(sorted(REFUSED)))
    def edit_what_may_not_be(self, kind: str) -> None:
        self.count(f"refused: {kind}")
        with self.world.ours():
            desk = self.world.life.workspace.desk
        assert desk == self.world.desk
        if self.tidy:
            REFUSED[kind](self.world)
            self.tried(proposal(None), "inspector-reject")

    @rule(kind=some.sampled_from(sorted(HARMLESS)))
    def edit_beside_harmless_things(self, kind: str) -> None:
        self.count(f"harmless: {kind}")
        with self.world.ours():
            assert self.world.life
        if self.tidy:  # else there may be no desk to do it in
            HARMLESS[kind](self.world)
            self.tried(self.by_hand(), "keep")

    @rule()
    def commit_as_an_agent(self) -> None:
        self.count("keep, committed by an agent")
        with self.world.ours():
            workspace = self.world.life.workspace
        if not self.tidy:
            return
        with workspace.lent():
            idea = self.by_hand()
            git(self.world.desk, "commit", "-qam", "by the agent")
        with self.world.ours():
            assert workspace.reclaim() is not None
        self.tried(idea, "keep")

    @rule(words=some.sampled_from(HISTORY), date=some.sampled_from(_DATES))
    def work_in_the_checkout(self, words: tuple[str, ...], date: str) -> None:
        self.count(f"git {' '.join(words)}")
        git(self.world.root, *words, check=False, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    @rule(number=some.integers(0, 99))
    def edit_the_checkout(self, number: int) -> None:
        self.count("files of the user edited")
        for name in ("src/value.txt", "notes.txt", "src/mine/own.py"):
            path = self.world.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}\n")

    @rule(kind=some.sampled_from(sorted(TO_THE_DESK)))
    def take_the_places_away(self, kind: str) -> None:
        self.count(f"desk: {kind}")
        TO_THE_DESK[kind](self.world)
        self.tidy = False

    @rule(kind=some.sampled_from(sorted(TO_THE_BENCH)))
    def tamper_with_the_bench(self, kind: str) -> None:
        self.count(f"bench: {kind}")
        self.world.close()
        TO_THE_BENCH[kind](self.world)

    @rule(kind=some.sampled_from(sorted(TO_THE_BRANCH)), reopened=some.booleans())
    @precondition(lambda self: self.tidy)
    def take_the_branch_away(self, kind: str, reopened: bool) -> None:
        self.count(f"branch: {kind}")
        world = self.world
        with world.ours():
            assert world.life
        TO_THE_BRANCH[kind](world)
        if world.tip() == world.kept[-1].commit:
            return
        if reopened:
            world.close()
        with world.ours():
            told = self.refused(self.better())
        assert reopened or world.kept[-1].commit[:12] in told, told
        assert world.tip() != world.kept[-1].commit
        world.close()
        self.put_the_branch_back()
        self.tidy = False

    @rule(reopened=some.booleans())
    @precondition(lambda self: self.tidy)
    def check_out_the_branch(self, reopened: bool) -> None:
        self.count("branch: checked out by the user")
        world = self.world
        git(world.root, "stash", "-q", check=False)
        before = (world.root / ".git" / "HEAD").read_bytes()
        git(world.root, "checkout", "-qf", "--ignore-other-worktrees", f"autoresearch/{RUN}")
        if reopened:
            world.close()
        with world.ours():
            told = self.refused(self.better())
        assert str(world.root) in told
        world.close()
        git(world.root, "checkout", "-qf", "--detach")
        (world.root / ".git" / "HEAD").write_bytes(before)
        git(world.root, "reset", "-q", "--hard", check=False)

    def refused(self, idea: Proposal) -> str:
        """The one line with which an experiment stops the run for the state of the repository."""
        try:
            self.world.life.experiment(idea)
        except RepositoryError as error:
            assert error.exit_code == 3
            assert "\n" not in str(error)
            return str(error)
        raise AssertionError("it went on")

    def meanwhile(self, deed: Callable[[], object]) -> None:
        """Have somebody do something between two samples of the next challenger."""
        with self.world.ours():
            life = self.world.life
        life.meter.afterwards = lambda: self.world.meanwhile(deed)

    @rule(words=some.sampled_from(HISTORY), kept=some.booleans())
    def work_in_the_checkout_meanwhile(self, words: tuple[str, ...], kept: bool) -> None:
        self.count("meanwhile: git")
        self.meanwhile(lambda: git(self.world.root, *words, check=False))
        self.tried(self.better() if kept else self.worse(), "keep" if kept else "discard")

    @rule(kind=some.sampled_from(sorted(TO_THE_DESK)), kept=some.booleans())
    def take_the_places_away_meanwhile(self, kind: str, kept: bool) -> None:
        self.count(f"meanwhile: desk: {kind}")
        self.meanwhile(lambda: TO_THE_DESK[kind](self.world))
        self.tried(self.better() if kept else self.worse(), "keep" if kept else "discard")

    @rule(kind=some.sampled_from(sorted(TO_THE_BRANCH.keys() - {"committed to"})))
    def take_the_branch_away_meanwhile(self, kind: str) -> None:
        self.count(f"meanwhile: branch: {kind}")
        world = self.world
        with world.ours():
            at_once = world.kept[-1].commit != git(world.root, "rev-parse", "refs/heads/old~0").strip()
        if not at_once:  # it would be where it has to be
            return
        self.meanwhile(lambda: TO_THE_BRANCH[kind](world))
        with world.ours():
            told = self.refused(self.better())
        assert world.kept[-1].commit[:12] in told, told
        world.close()
        self.put_the_branch_back()
        self.resumed("keep")

    def put_the_branch_back(self) -> None:
        world = self.world
        (world.root / ".git" / REF).unlink(missing_ok=True)
        git(world.root, "update-ref", "--no-deref", REF, world.kept[-1].commit)

    @rule(setting=some.sampled_from(CONFIG), reopened=some.booleans())
    def configure(self, setting: tuple[str, str], reopened: bool) -> None:
        self.count(f"config: {setting[0]}")
        config = self.world.root / ".git" / "config"
        before = config.read_bytes()
        git(self.world.root, "config", *setting)
        if reopened:
            self.world.close()
        try:
            self.tried(self.better(), "keep")
        finally:
            config.write_bytes(before)

    @rule(name=some.sampled_from(LOCKS))
    def leave_a_lock(self, name: str) -> None:
        self.count(f"foreign lock: {name}")
        lock = self.world.root / ".git" / name
        if lock.exists():
            return
        lock.write_text("")
        self.world.foreign.add(lock)
        try:
            self.tried(self.better(), "keep")
            self.world.check()
        finally:
            self.world.foreign.clear()
            lock.unlink()

    @rule(on_index=some.booleans())
    def leave_a_lock_in_our_way(self, on_index: bool) -> None:
        self.count(f"lock in our way: {'index' if on_index else 'branch'}")
        world = self.world
        with world.ours():
            assert world.life
        if not world.is_registered:
            return
        lock = world.admin / "index.lock" if on_index else world.root / ".git" / f"{REF}.lock"
        lock.write_text("")
        with world.ours():
            told = self.refused(self.better())
        assert str(lock) in told, told
        assert lock.exists()
        world.close()
        lock.unlink()
        self.resumed("keep")

    def resumed(self, expected: str) -> None:
        """Go on after something was cut short, which was decided or was not."""
        world = self.world
        with world.ours():
            history = world.life.journal.history
        new = history[len(world.statuses) :]
        assert [past.status.value for past in new] in ([], [expected]), new
        for past in new:
            world.decided(past)
        self.tidy = True
        world.check(whole=True)

    @rule(
        idea=some.sampled_from(["keep", "discard", "crash", "inspector-reject"]), dies_at=some.integers(1, 60)
    )
    def be_killed(self, idea: str, dies_at: int) -> None:
        self.count(f"killed: {idea}")
        self.serial += 1
        ideas = {
            "keep": self.better(),
            "discard": self.worse(),
            "crash": proposal(f"broken {self.serial}\n"),
            "inspector-reject": proposal("1\n", Edit(path="bench.py", content=b"")),
        }
        with self.world.ours():
            code = self.world.in_a_child(lambda: Life(self.world).experiment(ideas[idea]), dies_at)
        assert code in (0, None), "the child failed"
        self.count("killed" if code is None else "lived")
        self.resumed(idea)

    @rule(dies_at=some.integers(1, 25))
    def be_killed_while_resuming(self, dies_at: int) -> None:
        self.count("killed while resuming")
        with self.world.ours():
            code = self.world.in_a_child(lambda: Life(self.world), dies_at)
        assert code in (0, None), "the child failed"
        self.resumed("nothing new")

    @rule()
    def resume(self) -> None:
        self.count("resumed")
        self.world.close()
        self.resumed("nothing new")

    @rule()
    def start_twice(self) -> None:
        self.count("second start")
        with self.world.ours():
            assert self.world.life
        child = os.fork()
        if child == 0:
            try:
                with journals.held(self.world.state):
                    os._exit(0)
            except BusyError as error:
                told = f"process {os.getppid()} on " in str(error) and "\n" not in str(error)
                os._exit(error.exit_code if told else 71)
            finally:
                os._exit(72)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5

    @rule(seconds=some.sampled_from([0.0, 40 * _YEAR_S, -20 * _YEAR_S, 3600.0]))
    def turn_the_clock(self, seconds: float) -> None:
        self.count("clock")
        self.world.jump_s = seconds

    @rule(reopened=some.booleans())
    def leave_a_file_in_the_desk(self, reopened: bool) -> None:
        self.count("stranger in the desk")
        with self.world.ours():
            self.world.life.workspace.tidy()
        stranger = self.world.desk / "mine.txt"
        stranger.write_text(f"{self.serial}\n")
        if not reopened:
            self.tried(self.by_hand(), "inspector-reject")
            return
        self.world.close()
        with self.world.ours():
            aside = self.world.life.workspace.set_aside
        assert aside is not None
        assert (aside / "mine.txt").read_text() == f"{self.serial}\n"
        assert not stranger.exists()
        self.tidy = True

    def count(self, what: str) -> None:
        DONE[what] += 1


@contextmanager
def prepared() -> Iterator[None]:
    """Where machines can be made; in memory, as most of the time went into waiting for disks."""
    patience = locks._PATIENCE_S
    locks._PATIENCE_S = 0.05  # nobody will let go of the locks that are left here
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    try:
        with tempfile.TemporaryDirectory(prefix="stateful-", dir=memory) as folder:
            Run.places = Path(folder)
            Run.template = make(Path(folder, "template"))
            yield
    finally:
        locks._PATIENCE_S = patience


def torture(examples: int, steps: int, number: int | None = None, *, shrink: bool = True) -> None:
    """Run so many histories; AssertionError, with the steps that lead there, when something breaks."""
    phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])]
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        derandomize=number is None,
    )
    with prepared():
        machine = seed(number)(Run) if number is not None else Run
        run_state_machine_as_test(machine, settings=how)


def main(argv: Sequence[str]) -> int:
    """Torture, and say how much of what."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--no-shrink", action="store_true", help="show the first failure as it came")
    given = parser.parse_args(argv)
    started = monotonic()
    torture(given.examples, given.steps, given.seed, shrink=not given.no_shrink)
    for what, count in sorted(DONE.items()):
        print(f"{count:7}  {what}")
    print(f"{sum(DONE.values()):7}  steps in {monotonic() - started:.0f} s, nothing broken")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
