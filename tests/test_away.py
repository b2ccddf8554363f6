"""Runs of a repository that has an address only: cloned, run, sent back while the network comes and goes."""

import json
import os
import signal
import time

import pytest
from support.away import World, cut, served
from support.workspace_repos import git

from autoopt import journal
from autoopt.commands import posting
from autoopt.errors import BusyError, RepositoryError, ResourceError, UsageError
from autoopt.journal import Journal
from autoopt.workspaces import clones, meeting_away, transport
from autoopt.workspaces.addresses import Address, address_of
from autoopt.workspaces.meeting_away import AwayMeeting
from autoopt.workspaces.store import Store
from autoopt.workspaces.transport import AwayError, Transport


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("git://h:9418/x/y.git", Address("git://h:9418/x/y.git")),
        ("ssh://git@h/x.git@feature/a", Address("ssh://git@h/x.git", "feature/a")),
        ("git@h:x/y.git@v1.2", Address("git@h:x/y.git", "v1.2")),
        ("HTTPS://h/x@refs/heads/main", Address("https://h/x", "refs/heads/main")),
        (".", None),
        ("/some/path@x", None),
        ("~/app", None),
    ],
)
def test_an_address_is_told_from_a_path_and_its_ref_from_both(text, address):
    assert address_of(text) == address


def test_a_file_address_may_have_an_at_in_its_path(tmp_path):
    (tmp_path / "a@b").mkdir()

    assert address_of(f"file://{tmp_path}/a@b") == Address(f"file://{tmp_path}/a@b")
    assert address_of(f"file://{tmp_path}/a@b@main") == Address(f"file://{tmp_path}/a@b", "main")


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter22@h/x",
        "https://hunter22@h/x",
        "ssh://me:hunter22@h/x",
        "ext://sh -c hunter22/x",
        "ssh://-oProxyCommand=hunter22/x",
        "ssh://git@-hunter22/x",
        "-hunter22:x",
        "me:hunter22@h:x",
        "https:/me:hunter22@h/x",
        "https://h:hunter22/x",
        "ssh://h:22 -oProxyCommand=hunter22/x",
        "h:--upload-pack=hunter22",
    ],
)
def test_an_address_with_a_password_or_a_command_is_refused_without_repeating_it(text):
    with pytest.raises(UsageError) as refusal:
        address_of(text)

    assert "hunter22" not in str(refusal.value)


def test_a_run_comes_home_and_is_there_as_any_other(world, monkeypatch, capsys):
    away, home = world.machine("away"), world.machine("home")
    away.recipe("a", values="7, 5, 8", count=3)
    away.environ["APP_TOKEN"] = token = "tok4f9a8b7c6d5e4f3a2b1c"
    words = ("recipe=a", f"repo={world.url}@main", "run_id=r1", f"goal=smaller than {token}")
    code, told = away.run(monkeypatch, capsys, *words)

    assert code == 0, told
    assert f"Sent to {world.url}" in told
    assert set(world.refs()) == {
        "refs/heads/main",
        "refs/heads/autoresearch/r1",
        "refs/autoopt/r1/records",
    }
    assert git(world.hub, "show", "autoresearch/r1:src/a/n") == "5\n"
    assert git(world.hub, "fsck", "--strict", "--no-dangling") == ""
    names = git(world.hub, "ls-tree", "--name-only", "refs/autoopt/r1/records").split()
    assert {"journal.jsonl", "config.yaml", "report.md", "table.tsv", "about.json"} <= set(names)

    for name in names:
        assert token not in git(world.hub, "show", f"refs/autoopt/r1/records:{name}"), name
    git(home.here, "clone", "-q", str(world.hub), ".")
    assert "No runs yet" in home.run(monkeypatch, capsys, "runs")[1]
    code, told = home.run(monkeypatch, capsys, "runs", "--fetch")
    assert code == 0
    assert "finished" in told and "9 → 5" in told and "sent just now" in told
    (state,) = home.states()
    (worked,) = away.states()
    assert Journal(state / "journal.jsonl").history == Journal(worked / "journal.jsonl").history
    assert "n 7 → 5" in home.run(monkeypatch, capsys, "show", "r1")[1]
    assert "-7" in home.run(monkeypatch, capsys, "show", "r1", "2")[1]
    assert home.run(monkeypatch, capsys, "show", "r1", "3")[0] == 0  # a discard, whose commit stayed there
    code, told = home.run(monkeypatch, capsys, "resume", "r1")
    assert (code, "autoopt resume r1" in told) == (BusyError.exit_code, True)
    assert home.run(monkeypatch, capsys, "finish", "r1")[0] == 0
    assert home.run(monkeypatch, capsys, "clean", "r1", "--yes", "--force")[0] == 0
    assert not home.states()
    assert "No runs yet" in home.run(monkeypatch, capsys, "runs")[1]
    assert git(home.here, "fsck", "--strict", "--no-dangling") == ""
    assert git(home.here, "status", "--porcelain") == ""


def test_a_run_outlives_its_network_and_a_resume_sends_it(world, monkeypatch, capsys):
    away, home = world.machine("away"), world.machine("home")
    monkeypatch.setattr(posting, "_PAUSES_S", (0.0,))
    gate = away.home / "gate"
    away.recipe("a")
    path = away.home / "config/autoopt/recipes/a.yaml"
    path.write_text(
        path.read_text().replace("echo METRIC", f"test $(cat src/a/n) = 9 || touch {gate}; echo METRIC")
    )
    with served(world.hub) as port:
        url = f"git://127.0.0.1:{port}/hub.git"
        real = Transport.push
        monkeypatch.setattr(
            Transport,
            "push",
            lambda self, *words: (_gone() if gate.exists() else None, real(self, *words))[1],
        )
        words = ("recipe=a", f"repo={url}", "run_id=r1", "sandbox=none")
        code, told = away.run(monkeypatch, capsys, *words)
        monkeypatch.undo()
        assert code == 0, told
        assert told.count("not sent for now") == 1
        assert "autoopt resume r1 sends it" in told
        assert world.refs()["refs/heads/autoresearch/r1"] == world.refs()["refs/heads/main"]

        git(home.here, "clone", "-q", str(world.hub), ".")
        assert "away" in home.run(monkeypatch, capsys, "runs", "--fetch")[1]  # as it was last heard of
        code, told = away.run(monkeypatch, capsys, "resume", "r1")
        assert (code, "already finished" in told) == (0, True)
    assert git(world.hub, "show", "autoresearch/r1:src/a/n") == "7\n"
    assert "finished" in home.run(monkeypatch, capsys, "runs", "--fetch")[1]


def _gone():
    raise AwayError("nobody answers")


def test_a_killed_run_is_resumed_and_sent(world, monkeypatch, capsys):
    away = world.machine("away")
    away.recipe("a", values="7, 5, 4, 3, 2, 1", count=6)
    path = away.home / "config/autoopt/recipes/a.yaml"
    path.write_text(path.read_text().replace("echo METRIC", "sleep 0.2; echo METRIC"))
    process = away.begin("recipe=a", f"repo={world.url}", "run_id=r1")
    deadline = time.monotonic() + 60
    main = world.refs()["refs/heads/main"]
    while world.refs().get("refs/heads/autoresearch/r1", main) == main and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert world.refs()["refs/heads/autoresearch/r1"] != main  # what was kept is there already
    code, told = away.run(monkeypatch, capsys, "resume", "r1")
    assert code == 0, told
    (state,) = away.states()
    record = Journal(state / "journal.jsonl")
    assert world.refs()["refs/heads/autoresearch/r1"] == record.incumbent.commit
    assert git(world.hub, "show", "autoresearch/r1:src/a/n") == "1\n"
    assert git(world.hub, "fsck", "--strict", "--no-dangling") == ""


def test_two_machines_and_two_runs_of_one_machine_send_at_once(world):
    east, west = world.machine("east"), world.machine("west")
    begun = [
        east.begin("recipe=a", f"repo={world.url}", "run_id=ea"),
        east.begin("recipe=b", f"repo={world.url}", "run_id=eb"),
        west.begin("recipe=b", f"repo={world.url}"),
    ]
    outputs = [one.communicate(timeout=120)[0] for one in begun]

    assert [one.returncode for one in begun] == [0, 0, 0], outputs
    branches = [name for name in world.refs() if name.startswith("refs/heads/autoresearch/")]
    assert len(branches) == 3
    assert len(east.clones()) == 1  # one for both
    assert all("+7" in git(world.hub, "diff", "main", branch) for branch in branches)
    assert git(world.hub, "fsck", "--strict", "--no-dangling") == ""


def test_a_sweep_over_two_addresses_sends_each_run_to_its_own(world, monkeypatch, capsys):
    away = world.machine("away")
    other = world.folder / "other.git"
    git(world.folder, "clone", "-q", "--bare", str(world.hub), str(other))
    code, told = away.run(monkeypatch, capsys, "-m", "recipe=a", f"repo={world.url},file://{other}@main")

    assert code == 0, told
    assert len(away.clones()) == 2
    for hub in (world.hub, other):
        (branch,) = git(hub, "for-each-ref", "--format=%(refname)", "refs/heads/autoresearch").split()
        assert "+7" in git(hub, "diff", "main", branch)


def test_a_name_that_is_taken_there_is_refused_before_anything_is_spent(world, monkeypatch, capsys):
    away = world.machine("away")
    tree = git(world.hub, "rev-parse", "main^{tree}").strip()
    theirs = git(world.hub, "commit-tree", tree, "-m", "theirs").strip()
    git(world.hub, "update-ref", "refs/heads/autoresearch/r1", theirs)
    before = world.refs()
    code, told = away.run(monkeypatch, capsys, "recipe=a", f"repo={world.url}", "run_id=r1")

    assert code == 3
    assert "autoresearch/r1 is at" in told and "Traceback" not in told
    assert "#0" not in told
    assert world.refs() == before
    assert not away.states()


@pytest.mark.parametrize(
    ("repo", "said"),
    [
        ("{url}@nowhere", "no branch, tag or commit 'nowhere'; its branches: main"),
        ("file:///nowhere/at/all", "no git repository"),
        ("git://127.0.0.1:1/x", "cannot pull"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_in_one_line(world, monkeypatch, capsys, repo, said):
    away = world.machine("away")
    code, told = away.run(monkeypatch, capsys, "recipe=a", "repo=" + repo.format(url=world.url))

    assert code in (3, 4)
    assert said in told
    assert told.count("\n") == 1
    assert not away.states()


def test_a_push_that_is_cut_off_anywhere_leaves_the_old_or_the_new(world, tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    with served(world.hub) as port, cut(port) as (way, limits):
        url = f"git://127.0.0.1:{way}/hub.git"
        clones.settled(url, environ)
        (control,) = tmp_path.glob("state/autoopt/clones/*/*.git")
        base = world.refs()["refs/heads/main"]
        store = Store(control)
        blob = store.add_blob(os.urandom(20_000))
        store.close()
        commit = git(control, "commit-tree", _tree(control, blob), "-p", base, "-m", "new").strip()
        for limit in (40, 200, 300, 2_000, 15_000):
            limits[:] = [limit]
            with pytest.raises(AwayError):
                Transport(url, environ).push(control, lambda there: {"refs/heads/new": commit})
            assert "refs/heads/new" not in world.refs()
        limits.clear()
        assert Transport(url, environ).push(control, lambda there: {"refs/heads/new": commit}) == {}
    assert world.refs()["refs/heads/new"] == commit
    assert git(world.hub, "fsck", "--strict", "--no-dangling") == ""


def _tree(control, blob):
    import subprocess

    line = f"100644 blob {blob}\tnew\n"
    made = subprocess.run(
        ["git", "mktree"], cwd=control, input=line, text=True, capture_output=True, check=True
    )
    return made.stdout.strip()


def test_a_branch_that_somebody_has_checked_out_there_is_not_moved(world, tmp_path):
    origin = world.folder / "source/app"
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    clones.settled(f"file://{origin}", environ)
    (control,) = tmp_path.glob("state/autoopt/clones/*/*.git")
    commit = _commit(control, git(origin, "rev-parse", "main").strip(), "new")

    with pytest.raises(RepositoryError, match="checked out there"):
        Transport(f"file://{origin}", environ).push(control, lambda there: {"refs/heads/main": commit})
    assert git(origin, "status", "--porcelain") == ""


def _commit(control, parent, message):
    tree = git(control, "rev-parse", f"{parent}^{{tree}}").strip()
    return git(control, "commit-tree", tree, "-p", parent, "-m", message).strip()


@pytest.mark.parametrize("scheme", ["file", "git"])
def test_two_clones_meet_and_the_second_to_come_does_not_advance(world, tmp_path, scheme):
    with served(world.hub) as port:
        url = world.url if scheme == "file" else f"git://127.0.0.1:{port}/hub.git"
        meetings = []
        for name in ("east", "west"):
            environ = {"XDG_STATE_HOME": str(tmp_path / name), "HOME": str(tmp_path)}
            clones.settled(url, environ)
            (control,) = (tmp_path / name).glob("autoopt/clones/*/*.git")
            meetings.append((control, AwayMeeting(control, "s", environ)))
        (east, here), (west, there) = meetings
        base = world.refs()["refs/heads/main"]

        assert here.tip() is None
        assert here.advance(None, base)
        assert there.advance(None, base)  # it is there: as asked for
        first, second = _commit(east, base, "first"), _commit(west, base, "second")
        assert here.advance(base, first)
        assert not there.advance(base, second)
        assert there.tip() == first
        assert git(west, "log", "-1", "--format=%s", first) == "first\n"
        assert here.advance(base, first)  # an answer that was lost is asked for again
        assert there.advance(first, third := _commit(west, first, "third"))
        assert here.tip() == third


def test_a_fetch_tells_of_nothing_that_came_there_while_it_was_under_way(world, tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    clones.settled(world.url, environ)
    (control,) = tmp_path.glob("state/autoopt/clones/*/*.git")
    before = world.refs()["refs/heads/main"]

    def choose(there):
        tree = git(world.hub, "rev-parse", "main^{tree}").strip()
        git(
            world.hub, "update-ref", "refs/heads/main", git(world.hub, "commit-tree", tree, "-m", "x").strip()
        )
        return []

    assert Transport(world.url, environ).fetch(control, choose)["refs/heads/main"] == before


def test_a_lock_that_a_killed_run_left_is_waited_for_and_removed_and_nobody_elses(
    world, tmp_path, monkeypatch
):
    monkeypatch.setattr(transport, "LEFT_S", 0.3)
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    clones.settled(world.url, environ)
    (control,) = tmp_path.glob("state/autoopt/clones/*/*.git")
    base = world.refs()["refs/heads/main"]
    ours, theirs = "refs/heads/autoresearch/r", "refs/heads/theirs"
    for name in (ours, theirs):
        lock = world.hub / f"{name}.lock"
        lock.parent.mkdir(exist_ok=True)
        lock.touch()

    assert Transport(world.url, environ).push(control, lambda there: {ours: base}) == {}
    assert world.refs()[ours] == base
    with pytest.raises(AwayError, match=r"theirs\.lock is locked by another git process"):
        Transport(world.url, environ).push(control, lambda there: {theirs: base})
    assert (world.hub / f"{theirs}.lock").exists()


def test_a_meeting_that_stays_out_of_reach_is_an_error_to_resume_from(world, tmp_path, monkeypatch):
    monkeypatch.setattr(meeting_away, "_PAUSES_S", (0.0,))
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    with served(world.hub) as port:
        clones.settled(f"git://127.0.0.1:{port}/hub.git", environ)
    (control,) = tmp_path.glob("state/autoopt/clones/*/*.git")

    with pytest.raises(ResourceError, match="Resume the run"):
        AwayMeeting(control, "s", environ).tip()


def test_a_sign_of_life_that_was_cut_short_holds_nobody_up(tmp_path):
    (tmp_path / "lock").write_text("process 1 on elsewhere\n11111111-1111-4111-")

    assert not journal.is_held(tmp_path)
    with journal.held(tmp_path):
        assert journal.is_held(tmp_path)


def test_a_run_that_another_machine_works_on_is_busy_until_that_falls_silent(tmp_path):
    lock = tmp_path / "lock"
    lock.write_text("process 1 on elsewhere\n11111111-1111-4111-8111-111111111111\n")

    assert journal.is_held(tmp_path)
    with pytest.raises(BusyError, match="on elsewhere, another machine"), journal.held(tmp_path):
        pass
    past = time.time() - 600
    os.utime(lock, (past, past))
    assert not journal.is_held(tmp_path)
    with journal.held(tmp_path):
        assert journal.is_held(tmp_path)
    assert not journal.is_held(tmp_path)
    assert list(tmp_path.iterdir()) == [lock]


def test_a_holder_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(journal.lock, "BEAT_S", 0.02)
    with journal.held(tmp_path):
        os.utime(tmp_path / "lock", (0, 0))
        deadline = time.monotonic() + 10
        while (tmp_path / "lock").stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / "lock").stat().st_mtime > 0
    assert (tmp_path / "lock").read_text() == ""


def test_records_of_a_later_version_are_left_alone(world, monkeypatch, capsys):
    home = world.machine("home")
    git(home.here, "clone", "-q", str(world.hub), ".")
    (home.here / "about.json").write_text(json.dumps({"version": 99, "run_id": "r1"}))
    git(home.here, "add", "about.json")
    tree = git(home.here, "write-tree").strip()
    git(
        home.here,
        "update-ref",
        "refs/autoopt/r1/records",
        git(home.here, "commit-tree", tree, "-m", "x").strip(),
    )
    code, told = home.run(monkeypatch, capsys, "runs")

    assert (code, "No runs yet" in told) == (0, True)
    assert not home.states()
