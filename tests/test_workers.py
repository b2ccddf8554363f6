"""Runs that share one search meet at a ref and follow each other's keeps; none is lost or counted twice."""

import json
import os
import signal
import time

import pytest
from support.parallel_runs import Project, here
from support.workspace_repos import git

from autoopt import journal
from autoopt.journal import Journal
from autoopt.records import Status
from autoopt.workspaces.meeting import LocalMeeting, ref_of
from autoopt.workspaces.peers import Group, SearchPeers

FIND = """
import glob, json
found = []
for path in sorted(glob.glob("src/*.txt")):
    text = open(path).read()
    if len(text) > 2:
        found.append({"description": f"shorten {path} to {len(text) - 1}", "hypothesis": "smaller",
                      "area": path, "edits": {path: text[1:]}})
print(json.dumps(found))
"""
FILES = {"find.py": FIND, "README": "hello\n"} | {f"src/{name}.txt": "xxx\n" for name in "abcd"}
WORDS = (
    "goal=smaller",
    "scope=src",
    "propose.use=[rewrites]",
    "propose.rewrites=python3 find.py",
    "metric.command=cat src/*.txt | wc -c",
    "metric.extract.kind=line",
    "metric.extract.pattern=1",
    "metric.variation=none",
    "metric.baseline_samples=1",
    "metric.warmups=0",
    "metric.probe=no",
    "final.leave_one_out=no",
    "sandbox=none",
    "turns=no",
    "confirm=no",
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {}, FILES)


def history(project, run):
    (path,) = project.state.glob(f"autoopt/*/{run}/journal.jsonl")
    return Journal(path)


def line(project, search="s"):
    return project.git("rev-list", "--first-parent", "--reverse", f"main..{ref_of(search)}").split()


def kept_by_another(project, path, text):
    """A commit on the base, as a worker elsewhere would have kept it."""
    other = project.root.parent / "other"
    project.git("worktree", "add", "-q", "--detach", str(other), "main")
    (other / path).write_text(text)
    git(other, "commit", "-qam", "experiment: by another")
    commit = git(other, "rev-parse", "HEAD").strip()
    project.git("worktree", "remove", str(other))
    return commit


def overtaking(commit):
    """A metric command in whose second run somebody else's keep comes in between."""
    once = (
        f"test -e $AUTOOPT_ONCE || {{ echo > $AUTOOPT_ONCE; git -C $APP update-ref {ref_of('s')} {commit}; }}"
    )
    counted = "cat src/*.txt | wc -c"
    return f"metric.command=if test $(cat src/*.txt | wc -c) -lt 16; then {once}; fi; {counted}"


def test_of_two_that_advance_from_one_commit_the_second_is_refused(project):
    base, control = project.git("rev-parse", "main"), project.root / ".git"
    commit = kept_by_another(project, "src/a.txt", "x\n")
    one, other = LocalMeeting(control, "s"), LocalMeeting(control, "s")

    assert one.tip() is None
    assert one.advance(None, base)
    assert not other.advance(None, commit)
    assert other.advance(base, commit)
    assert not one.advance(base, commit)
    project.git("gc", "-q", "--prune=now")
    assert one.tip() == commit


def test_a_lock_that_a_killed_worker_left_stops_nobody(project):
    base, control = project.git("rev-parse", "main"), project.root / ".git"
    meeting = LocalMeeting(control, "s")
    meeting.advance(None, base)
    intent = control / "autoopt-search-intent"
    intent.write_text("torn")
    os.link(intent, control / f"{ref_of('s')}.lock")
    commit = kept_by_another(project, "src/a.txt", "x\n")

    assert LocalMeeting(control, "s").advance(base, commit)
    project.in_order()


def test_what_a_live_worker_tries_is_left_to_it_and_what_a_dead_one_tried_is_not(tmp_path):
    one, other = (Group(folder=tmp_path / ".searches/s", run=run) for run in ("r1", "r2"))
    one.join()
    (tmp_path / "r1").mkdir()
    with journal.held(tmp_path / "r1"):
        one.tell(number=1, tree="", fingerprint="f", commit="", status="begun")
        with (tmp_path / ".searches/s/tried.jsonl").open("a") as file:
            file.write('{"run": "r1", "nu')  # killed in the middle of a line
        lives = peers(other).claim(1, "f")
        other.join()
        last = other.leave()

    assert lives == "run r1 tries the same now (#1)"
    assert not last
    assert peers(other).claim(1, "f") is None
    assert other.leave()
    other.tell(number=1, tree="t", fingerprint="f", commit="c", status="discard")
    assert peers(one).claim(2, "f") == "#1 of run r2 was the same (discard)"


def peers(group):
    return SearchPeers("s", group, None, None)


def test_a_keep_that_comes_second_is_measured_again_on_the_first(project, monkeypatch, capsys):
    commit = kept_by_another(project, "src/d.txt", "x\n")
    monkeypatch.setenv("AUTOOPT_ONCE", str(project.root.parent / "once"))
    monkeypatch.setenv("APP", str(project.root))
    env = ["metric.env.AUTOOPT_ONCE=" + str(project.root.parent / "once"), f"metric.env.APP={project.root}"]
    code, out, err = project.run(
        capsys,
        *WORDS,
        *env,
        overtaking(commit),
        "search=s",
        "run_id=w",
        "budget.experiments=1",
    )

    assert code == 0, err
    tried = history(project, "w").history
    assert [past.status.value for past in tried] == ["baseline", "discard", "follow", "keep"]
    assert tried[1].overtaken == tried[2].commit == tried[3].parent == commit
    assert tried[1].description == tried[3].description
    assert line(project) == [commit, tried[3].commit]
    assert project.git("rev-parse", "autoresearch/w") == tried[3].commit
    assert "another machine was first" in out
    assert "follows another machine's keep: by another" in out
    assert "16 → 13: 18.7 % lower" in out  # of all that is on the line, against the base
    project.in_order()

    code, out, err = project.run(capsys, "finish", "w", "--commits", "each")
    assert (code, "only together was it confirmed" in err) == (2, True)
    code, out, err = project.run(capsys, "finish", "w")
    assert code == 0, err
    assert project.git("diff", "--stat", "autoresearch/w", "autoresearch/w-final") == ""


def test_a_worker_that_kept_nothing_itself_can_be_finished_with_what_it_follows(project, capsys):
    commit = kept_by_another(project, "src/d.txt", "x\n")
    project.git("update-ref", ref_of("s"), commit)
    words = [*WORDS, "propose.rewrites=echo []", "search=s", "run_id=w", "budget.experiments=1"]
    ran, _, said = project.run(capsys, *words)
    code, out, err = project.run(capsys, "finish", "w")

    assert (ran, code) == (0, 0), said + err
    assert [past.status.value for past in history(project, "w").history] == ["baseline", "follow"]
    assert "Merges cleanly" in out
    assert project.git("diff", "--stat", commit, "autoresearch/w-final") == ""


def test_a_keep_that_was_offered_when_the_worker_was_killed_is_kept_once(project, capsys):
    code, _, err = project.run(capsys, *WORDS, "search=s", "run_id=w", "budget.experiments=1")
    assert code == 0, err
    base, path = project.git("rev-parse", "main"), history(project, "w").path
    commit = history(project, "w").history[1].commit
    whole = path.read_bytes().splitlines(keepends=True)
    cut = [json.loads(one)["event"] for one in whole].index("OFFERED") + 1
    other = kept_by_another(project, "src/d.txt", "x\n")

    for tip, others in ((base, []), (commit, []), (other, [other])):
        path.write_bytes(b"".join(whole[:cut]))
        project.git("update-ref", "refs/heads/autoresearch/w", base)
        project.git("update-ref", ref_of("s"), tip)
        if tip == commit:
            code, _, err = project.run(capsys, "clean", "w", "--yes", "--keep-branch")
            assert code == 3
            assert f"stands at {commit[:12]}, which no branch has" in err
        code, _, err = project.run(capsys, "resume", "w")

        assert code == 0, err
        tried = history(project, "w").history
        kept = [past.commit for past in tried if past.status is Status.keep]
        assert line(project) == [*others, *kept]
        assert len(kept) == 1
        assert (commit in kept) == (not others)
        assert project.git("rev-parse", "autoresearch/w") == kept[-1]
    project.in_order()


def test_three_workers_extend_one_line_though_one_is_killed(tmp_path):
    project = Project(tmp_path, {}, FILES)
    gate = tmp_path / "gate"  # no experiment ends before one of the second worker's has begun
    waits = f"[ $n = 16 ] || until [ -e {gate} ]; do sleep 0.1; done"
    started = project.begin(
        *WORDS,
        f"metric.command=n=$(cat src/*.txt | wc -c); {waits}; echo $n",
        "metric.timeout_s=300",
        "workers=3",
        "search=s",
        "budget.experiments=8",
    )
    deadline = time.monotonic() + 240
    while not _tries(project, "s-w2") and time.monotonic() < deadline:
        time.sleep(0.05)
    (lock,) = project.state.glob("autoopt/*/s-w2/lock")
    os.kill(int(lock.read_text().split()[1]), signal.SIGKILL)
    gate.touch()
    out = started.communicate(timeout=240)[0]
    resumed = project.autoopt("resume", "s-w2")

    assert started.returncode != 0
    assert "with 3, 3 and 2 experiments" in out
    assert "s-w2 (killed by signal 9)" in out
    assert resumed.returncode == 0, resumed.stderr
    runs = [f"s-w{place}" for place in (1, 2, 3)]
    kept = [
        past.commit for run in runs for past in history(project, run).history if past.status is Status.keep
    ]
    assert sorted(kept) == sorted(line(project))
    assert len(kept) >= 6  # what the killed one had begun may be another's by now
    for run in runs:
        tried = history(project, run).history
        assert [past.number for past in tried] == sorted({past.number for past in tried})
        assert project.git("rev-parse", f"autoresearch/{run}") in line(project)
    claims = [history(project, run).confirmation for run in runs]
    assert claims[1] is not None and claims[1].baseline == 16
    assert claims[1].final == 16 - len(kept)
    project.in_order()

    told = json.loads(project.autoopt("show", "s-w2", "--json").stdout)
    followed = [past.number for past in history(project, "s-w2").history if past.status is Status.follow]
    assert followed and [one["number"] for one in told["followed"]] == followed
    listed = project.autoopt("runs").stdout
    assert listed.count("search s") == 3
    assert listed.count("whose") == 2  # gain the third one tells
    states = json.loads(project.autoopt("runs", "--json").stdout)["runs"]
    assert [one["state"] for one in states] == ["finished"] * 3
    assert any("were still at work" in (history(project, run).stopped or "") for run in runs)
    gone = project.autoopt("clean", *runs, "--force", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert project.git("for-each-ref", "refs/autoopt", "refs/heads/autoresearch") == ""
    assert not list(project.state.glob("autoopt/*/.searches"))


def _tries(project, run):
    """Whether it is in the middle of its first experiment."""
    return any(
        '"EDITED"' in path.read_text() for path in project.state.glob(f"autoopt/*/{run}/journal.jsonl")
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("workers=0",), "workers: 0 is too few"),
        (("search=a b",), "cannot name a search"),
        (("search=s", "workspace.mode=inplace"), "workspace.mode=inplace"),
        (("workers=3", "budget.experiments=2"), "cannot share budget.experiments=2"),
        (("-m", "workers=2", "seed=1,2", "allow_overlap=race"), "give them search=NAME"),
    ],
)
def test_what_cannot_be_shared_is_refused(project, capsys, words, said):
    code, _, err = project.run(capsys, *WORDS, *words)

    assert code == 2
    assert said in err
    assert not project.records()


def test_a_search_without_a_name_gets_one_from_the_runs(project, capsys):
    code, out, err = project.run(capsys, *WORDS, "workers=2", "run_id=a.b", "metric.command=false")

    assert "a-b: 2 workers" in out
    assert (code, "2 of 2 workers failed: a-b-w1" in err) == (2, True)


def test_a_worker_that_measures_something_else_or_starts_elsewhere_is_refused(project, capsys):
    first = project.run(capsys, *WORDS, "search=s", "run_id=w", "budget.experiments=1")
    other = project.run(capsys, *WORDS, "search=s", "run_id=v", "metric.direction=higher")
    project.git("commit", "-q", "--allow-empty", "-m", "later")
    later = project.run(capsys, *WORDS, "search=s", "run_id=v")

    assert first[0] == 0
    assert (other[0], "its runs have metric.direction=lower, this one higher" in other[2]) == (2, True)
    assert (later[0], "which does not come from" in later[2]) == (3, True)
    assert [state.name for state in project.states()] == ["w"]
