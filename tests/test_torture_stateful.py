"""A short run of the state machine, and proof that its oracle notices what it is there to notice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from torture import stateful
from torture.misdeeds import HARMLESS, HISTORY, REFUSED, TO_THE_BENCH, TO_THE_BRANCH, TO_THE_DESK
from torture.world import REF, World, git, proposal

from autoopt.errors import DamagedStateError


def test_whatever_is_edited_and_whatever_the_user_does_nothing_is_lost() -> None:
    stateful.torture(examples=5, steps=12, shrink=False)


def test_each_misdeed_is_answered_as_it_has_to_be() -> None:
    with stateful.prepared():
        run = stateful.Run()
        for kind in REFUSED:
            run.edit_what_may_not_be(kind=kind)
        for kind in HARMLESS:
            run.edit_beside_harmless_things(kind=kind)
        for kind in TO_THE_DESK:
            run.take_the_places_away(kind=kind)
            run.improve()
            run.take_the_places_away_meanwhile(kind=kind, kept=True)
        for kind in TO_THE_BENCH:
            run.tamper_with_the_bench(kind=kind)
            run.worsen()
        for number, kind in enumerate(TO_THE_BRANCH):
            run.take_the_branch_away(kind=kind, reopened=number % 2 == 0)
            run.improve()
        for reopened in (False, True):
            run.check_out_the_branch(reopened=reopened)
            run.leave_a_lock_in_our_way(on_index=reopened)
            run.leave_a_file_in_the_desk(reopened=reopened)
        run.commit_as_an_agent()
        run.teardown()


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path)
    found.decided(found.life.experiment(proposal("999\n")))
    return found


def _lose_the_keep(world: World) -> None:
    git(world.root, "update-ref", REF, world.kept[0].commit)
    for ref in git(world.root, "for-each-ref", "--format=%(refname)", "refs/autoopt").split():
        git(world.root, "update-ref", "-d", ref)
    for name in ("logs", "worktrees"):
        git(world.root, "config", f"gc.{name}", "0")
    git(world.root, "reflog", "expire", "--expire=now", "--all")
    (world.admin / "HEAD").write_text(f"{world.kept[0].commit}\n")
    (world.admin / "index").unlink()
    git(world.root, "gc", "-q", "--prune=now")


LOSSES: dict[str, Callable[[World], object]] = {
    "a lock left behind": lambda w: (w.root / ".git" / f"{REF}.lock").write_text(""),
    "another's lock removed": lambda w: w.foreign.add(w.root / ".git" / "index.lock"),
    "a keep lost": _lose_the_keep,
    "the branch moved": lambda w: git(w.root, "update-ref", REF, w.kept[0].commit),
    "a line of the journal cut off": lambda w: os.truncate(w.state / "journal.jsonl", 300),
    "a stranger in the desk": lambda w: (w.desk / "src" / "x.py").write_text(""),
    "a broken object": lambda w: _break_the_tree(w),
}


def _break_the_tree(world: World) -> None:
    tree = git(world.root, "rev-parse", f"{REF}^{{tree}}").strip()
    path = world.root / ".git" / "objects" / tree[:2] / tree[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize("loss", LOSSES)
def test_the_oracle_notices(world: World, loss: str) -> None:
    world.check(whole=True)
    LOSSES[loss](world)

    with pytest.raises((AssertionError, DamagedStateError)):
        world.check(whole=True)


@pytest.mark.parametrize(
    "name", ["bench.py", "notes.txt", "run.log", ".git/config", ".git/index", ".git/refs/stash"]
)
def test_the_oracle_notices_a_change_of_anything_of_the_users(world: World, name: str) -> None:
    with pytest.raises(AssertionError, match="changed by autoopt"), world.ours():
        (world.root / name).touch()


def test_the_oracle_lets_through_what_changes_nothing(world: World) -> None:
    with world.ours():
        world.close()
        assert world.life.workspace.incumbent == world.kept[-1].commit
    world.check(whole=True)


def test_there_is_a_good_deal_that_can_happen() -> None:
    assert min(map(len, (REFUSED, HARMLESS, TO_THE_DESK, HISTORY))) >= 8
