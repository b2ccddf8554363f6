"""A few of the kills of `python -m tests.torture.kills`, and whether it would notice what must not be."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys

import pytest
from torture import kills, strace, twins
from torture.scenarios import build, environment

from autoopt import files, journal
from autoopt.commands.lookup import is_cut_short
from autoopt.places import RunFiles

needs_strace = pytest.mark.skipif(strace.missing() is not None, reason=strace.missing() or "")


def told(tally: kills.Tally) -> list[str]:
    return [f"{fault.kind}: {where}: {fault.told}" for where, fault in tally.faults]


@needs_strace
def test_a_run_killed_at_a_call_or_at_any_moments_goes_on_as_if_nothing_had_been(tmp_path):
    place = kills.Place(tmp_path / "made", "queue")
    statuses = {status for _, _, status, _ in place.twin.decided["r"]}
    assert statuses == {"baseline", "keep", "discard", "crash", "inspector-reject"}

    calls = place.points()
    while_made = ("r/lock", "/worktrees/", "rename.*workspace.json", "rename.*journal.jsonl")
    chosen = [
        next(call for call in calls if re.search(name, f"{call.call}({call.told}")) for name in while_made
    ]
    chosen += [calls[at * len(calls) // 3] for at in (1, 2)]
    tallies = [place.exact(call) for call in chosen]

    assert len(calls) > 50
    assert [fault for tally in tallies for fault in told(tally)] == []
    assert [tally.unreached for tally in tallies] == [0] * 6
    assert [tally.anew for tally in tallies] == [1, 0, 0, 0, 0, 0]  # the first has nothing to go on with
    assert told(place.at_random(random.Random("6 queue 0"))) == []

    (path,) = place.path.glob("state/autoopt/*/r/journal.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"keep"', b'"discard"', 1))
    assert any("journal" in fault for fault in twins.state_faults(place.path))  # it would be noticed


@needs_strace
def test_a_removal_killed_at_a_call_goes_on_as_if_nothing_had_been(tmp_path):
    calls, tally = kills.exact(tmp_path, "clean", 2)

    assert told(tally) == []
    assert (tally.cases, tally.unreached) == (2, 0)
    assert calls > 50


@pytest.mark.parametrize("name", ["agent", "merge"])
def test_what_is_killed_at_any_moments_goes_on_as_if_nothing_had_been(tmp_path, name):
    tally = kills.at_random(tmp_path, name, 1, seed=6)

    assert told(tally) == []
    assert tally.cases == 1


def test_only_a_run_that_was_never_made_counts_as_cut_short(tmp_path):
    run = RunFiles(tmp_path / "r")
    run.state.mkdir()
    assert is_cut_short(run)
    with journal.held(run.state):
        assert not is_cut_short(run)
    assert is_cut_short(run)
    (run.state / "notes").touch()
    assert not is_cut_short(run)  # its journal may have been lost
    run.making.touch()
    assert is_cut_short(run)
    run.journal.touch()
    assert not is_cut_short(run)


def test_what_a_dead_process_had_half_written_is_swept_away_and_nothing_else(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    kept = (".a.1.tmp", f".b.{os.getpid()}.tmp", ".c.new.tmp", "d.tmp", ".tmp", f".e.{dead.pid}.txt")
    for name in (*kept, f".config.yaml.{dead.pid}.tmp"):
        (tmp_path / name).touch()
    files.sweep(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == set(kept)


@needs_strace
def test_a_program_is_killed_at_the_very_call_and_not_after_it(tmp_path):
    place = tmp_path / "place"
    (place / "app").mkdir(parents=True)
    writes = [sys.executable, "-c", "for name in 'abcd': open(name, 'w').close()"]
    found = strace.points(writes, place, place / "app", os.environ)
    third = [point for point in found if "/c" in point.told or '"c"' in point.told]
    for name in "abcd":
        (place / "app" / name).unlink()

    code, _ = strace.kill_at(third[0], writes, place / "app", os.environ)

    assert code == -signal.SIGKILL
    assert sorted(path.name for path in (place / "app").iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    "harm",
    [
        "rm src/a",
        "touch src/a",
        "chmod 600 src/a",
        "echo x > new",
        "git branch mine",
        "git stash drop -q",
        "git config a.b c",
        "git add -A",
        "mkdir empty",
        "rm -r build/empty",
        "sed -i 1d .git/info/exclude",
    ],
)
def test_whatever_is_done_to_the_user_is_noticed(tmp_path, harm):
    build(tmp_path)
    before = twins.snapshot(tmp_path / "app")
    subprocess.run(["sh", "-euc", harm], cwd=tmp_path / "app", env=environment(tmp_path), check=True)

    assert list(twins.user_faults(before, twins.snapshot(tmp_path / "app"), gone=False))


@pytest.mark.parametrize(
    "left", ["app/.git/index.lock", "state/autoopt/x/r/.config.yaml.7.tmp", "app-r/half.lock"]
)
def test_what_a_killed_run_leaves_is_noticed(tmp_path, left):
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).touch()

    assert list(twins.state_faults(tmp_path)) == [f"{left} was left"]


def test_a_process_that_outlives_its_run_is_noticed(tmp_path):
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as process:
        found, _ = twins.left_running(tmp_path, patience_s=0.1)
        process.kill()

    assert [line.partition(":")[0] for line in found] == [str(process.pid)]
