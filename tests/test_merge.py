import json
import math
import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from support.parallel_runs import SUM, Project, here, recipe
from support.workspace_repos import git, snapshot

from autoopt import compose, journal
from autoopt.journal import Journal
from autoopt.places import RunFiles, repository_id
from autoopt.processes import machine
from autoopt.records import Confirmation, Edit, Experiment, Proposal, Status
from autoopt.schema import (
    Config,
    ConstraintConfig,
    ExtractConfig,
    Extraction,
    FinalConfig,
    GuardConfig,
    HoldoutConfig,
    MetricConfig,
    Overlap,
)
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.merges import Merges

LEAST = "echo METRIC n=$(cat src/a/n src/b/n | sort -n | head -1)"


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {"a": recipe("a", 1), "b": recipe("b", 4)})


def made(
    project: Project,
    name: str,
    files: dict[str, str | None],
    gain: tuple[float, float] | None = (18, 10),
    command: str = SUM,
    elsewhere: bool = False,
    **options,
) -> None:
    """A run as it lies there when it has ended: one kept change, confirmed to gain what is given."""
    state = RunFiles(project.state / "autoopt" / repository_id(project.root / ".git") / name)
    state.state.mkdir(parents=True)
    extract = ExtractConfig(kind=Extraction.named, pattern="n")
    metric = MetricConfig(command=command, extract=extract, warmups=0)
    config = Config(**{"goal": f"a smaller {name}", "scope": ["src"], "metric": metric} | options)
    state.config.write_text(compose.dump(config))
    workspace = GitWorkspace.create(project.root, name, state.state, Scope(config.scope))
    record = Journal.create(state.journal, run_id=name, base=workspace.base, goal="g")
    here = machine.conditions(metric)
    record.measured_on(here | {"host": "far away"} if elsewhere else here)
    decide(record, 0, Status.baseline, workspace.base, workspace.base)
    edits = tuple(Edit(path=path, content=text and text.encode()) for path, text in files.items())
    if edits:
        idea = Proposal(description="d", hypothesis="", area="", source="t", edits=edits)
        with workspace.attempt(idea, 1) as attempt:
            decide(record, 1, Status.keep, attempt.change.commit, workspace.base)
            attempt.keep()
    if gain is not None and edits:
        effect = math.log(gain[0] / gain[1])
        record.confirmed(
            Confirmation(
                baseline=gain[0],
                final=gain[1],
                effect=effect,
                low=effect,
                high=effect,
                pairs=2,
                is_ratio=True,
            )
        )
    record.stop("the budget is spent")
    workspace.close()


def decide(record: Journal, number: int, status: Status, commit: str, parent: str) -> None:
    plain = {"description": "d", "hypothesis": "", "area": "", "source": "t"}
    record.begin(number, parent, "d")
    record.decided(Experiment(number=number, status=status, commit=commit, parent=parent, **plain))
    record.done(number)


def two(project: Project, **options) -> None:
    """Two runs that compose."""
    made(project, "a", {"src/a/n": "1\n"}, (18, 10), **options)
    made(project, "b", {"src/b/n": "4\n"}, (18, 13), **options)


def start(project, capsys, name, *words):
    code, out, err = project.run(capsys, f"recipe={name}", f"run_id={name}", *words)
    assert code == 0, out + err


def merged_branch(project):
    (branch,) = [name for name in project.branches() if name.startswith("autoresearch/merge-")]
    return branch


def test_what_composes_is_on_a_branch_of_its_own_with_its_gain_confirmed(project, capsys):
    start(project, capsys, "a")
    start(project, capsys, "b")
    before = snapshot(project.root)

    code, out, _ = project.run(capsys, "merge", "b", "a")

    assert code == 0
    branch = merged_branch(project)
    assert project.git("show", f"{branch}:src/a/n") == "1"
    assert project.git("show", f"{branch}:src/b/n") == "4"
    assert project.git("log", "--format=%s", "--first-parent", "main.." + branch).splitlines() == [
        "merge b",
        "experiment: n 9 → 1",
    ]
    rows = [line for line in out.splitlines() if "merged: " in line]
    assert [row.split()[0] for row in rows] == ["a", "b"]  # the larger gain first
    assert "merged: 50.0 % lower" in rows[1]  # 10 → 5, where it was 18 → 13 by itself
    assert "18 → 5: 72.2 % lower, 2 fresh pairs" in out
    assert f"git merge --ff-only {branch}" in out
    assert snapshot(project.root) == before
    project.in_order()
    assert [path.name for path in project.state.glob("autoopt/*/.*")] == []


def test_merging_again_gives_the_same_branch(project, capsys):
    two(project)
    _, first, _ = project.run(capsys, "merge", "a", "b")
    refs = project.git("for-each-ref")
    left = project.states()[0].parent / ".merging-1"
    left.mkdir()
    (left / "cut-short").touch()

    code, second, _ = project.run(capsys, "merge", "b", "a")

    assert (code, second) == (0, first)
    assert project.git("for-each-ref") == refs
    assert not left.exists()


def test_what_does_not_pay_on_top_of_the_others_is_left_out(project, capsys):
    made(project, "a", {"src/a/n": "1\n"}, (9, 1), LEAST)
    made(project, "b", {"src/b/n": "5\n"}, (9, 5), LEAST)

    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "left out: does not pay any more on top of a: 1 → 1: 0.0 % lower" in out
    assert project.git("rev-parse", merged_branch(project)) == project.git("rev-parse", "autoresearch/a")
    assert "9 → 1: 88.9 % lower" in out


def test_what_costs_another_run_its_gain_is_left_out(project, capsys):
    made(
        project, "a", {"src/a/n": "1\n"}, (20, 12), "echo METRIC n=$(($(cat src/a/n) + 20 - $(cat src/b/n)))"
    )
    made(project, "b", {"src/b/n": "4\n"}, (18, 13))

    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "left out: costs what a gained: 12 → 17: 41.7 % higher" in out


def test_a_guard_that_fails_on_the_merge_leaves_its_run_out(project, capsys):
    guard = GuardConfig(command="test $(cat src/a/n) -gt 4 || test $(cat src/b/n) -gt 4")
    made(project, "a", {"src/a/n": "1\n"}, (18, 10), guards={"one": guard})
    made(project, "b", {"src/b/n": "4\n"}, (18, 13))

    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "left out: does not pass on top of a: a's guard one: " in out


def test_a_conflict_is_shown_and_never_guessed(project, capsys):
    made(project, "a", {"src/a/n": "1\n"}, (18, 10))
    made(project, "a-less", {"src/a/n": "5\n"}, (18, 14))

    code, out, _ = project.run(capsys, "merge", "a-less", "a")

    assert code == 0
    assert "left out: conflict: src/a/n: the same lines were changed since" in out
    assert project.git("show", f"{merged_branch(project)}:src/a/n") == "1"


def test_runs_from_different_commits_of_one_line_meet_at_the_newest(project, capsys):
    made(project, "a", {"src/a/n": "1\n"})
    (project.root / "README").write_text("more\n")
    git(project.root, "commit", "-qam", "more")
    made(project, "b", {"src/b/n": "4\n"}, (18, 13))

    _, out, _ = project.run(capsys, "merge", "a", "b")

    branch = merged_branch(project)
    assert project.git("show", f"{branch}:README") == "more"
    assert project.git("show", f"{branch}:src/a/n") == "1"
    assert project.git("show", f"{branch}:src/b/n") == "4"
    assert project.git("merge-base", branch, "main") == project.git("rev-parse", "main")
    assert "18 → 5" in out


def test_runs_from_different_lines_of_history_meet_on_the_branch_that_is_named(project, capsys):
    made(project, "a", {"src/a/n": "1\n"})
    git(project.root, "commit", "-q", "--amend", "-m", "another start")
    made(project, "b", {"src/b/n": "4\n"}, (18, 13))
    (project.root / "README").write_text("more\n")
    git(project.root, "commit", "-qam", "more")

    code, _, err = project.run(capsys, "merge", "a", "b")
    assert code == 3
    assert "different lines of history" in err
    assert "--onto BRANCH" in err
    assert len(project.branches()) == 3
    assert project.run(capsys, "merge", "a", "--onto", "nowhere")[0] == 2

    code, out, _ = project.run(capsys, "merge", "a", "b", "--onto", "main")

    branch = merged_branch(project)
    assert code == 0
    assert "18 → 5" in out
    assert f"git merge --ff-only {branch}" in out
    files = ("README", "src/a/n", "src/b/n")
    assert [project.git("show", f"{branch}:{path}") for path in files] == ["more", "1", "4"]
    # What a stood on is no part of main, and does not become one.
    assert project.git("log", "--format=%s", f"main..{branch}").splitlines() == [
        "merge b",
        "merge a",
        "experiment: d",
    ]


def test_a_run_that_kept_nothing_or_whose_result_is_gone_is_left_out(project, capsys):
    made(project, "none", {})
    made(project, "gone", {"src/a/n": "1\n"})
    git(project.root, "worktree", "remove", "--force", f"{project.root}-gone")
    git(project.root, "branch", "-D", "autoresearch/gone")
    git(project.root, "update-ref", "-d", "refs/autoopt/gone/1")
    git(project.root, "reflog", "expire", "--expire=now", "--all")
    git(project.root, "gc", "-q", "--prune=now")

    code, out, _ = project.run(capsys, "merge", "none", "gone")

    assert code == 0
    assert "left out: nothing was kept" in out
    assert "left out: its commits are not in the repository any more" in out
    assert "Nothing was merged" in out


def test_a_gain_that_was_never_confirmed_is_confirmed_first(project, capsys):
    start(project, capsys, "a")
    (state,) = project.states()
    lines = (state / "journal.jsonl").read_bytes().splitlines(keepends=True)
    confirmed = next(at for at, line in enumerate(lines) if b"CONFIRMED" in line)
    (state / "journal.jsonl").write_bytes(b"".join(lines[:confirmed]))

    code, out, _ = project.run(capsys, "merge", "a")

    assert code == 0
    assert "18 → 10: 44.4 % lower" in out
    assert journal.Journal(state / "journal.jsonl").confirmation is not None


@pytest.mark.parametrize("words", [[], ["a", "--force"], ["a", "x=1"]])
def test_merge_wants_runs(project, capsys, words):
    assert project.run(capsys, "merge", *words)[0] == 2


def test_a_run_that_is_worked_on_is_not_merged(project, capsys):
    made(project, "a", {"src/a/n": "1\n"})
    with journal.held(project.states()[0]):
        code, _, err = project.run(capsys, "merge", "a")

    assert code == 5
    assert "is being worked on" in err


def test_no_merge_driver_hook_or_filter_ever_runs(project, capsys):
    marker = project.root.parent / "ran"
    git(project.root, "config", "merge.evil.driver", f"touch {marker}")
    git(project.root, "config", "filter.evil.clean", f"touch {marker}; cat")
    (project.root / ".git" / "info" / "attributes").write_text("src/** merge=evil\nREADME filter=evil\n")
    for name in ("post-commit", "post-merge", "reference-transaction"):
        hook = project.root / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
        hook.chmod(0o755)
    two(project)
    marker.unlink(missing_ok=True)

    code, _, _ = project.run(capsys, "merge", "a", "b")

    assert code == 0
    assert not marker.exists()


def test_what_all_of_it_costs_counts_not_what_each_step_does(project, capsys):
    costly = f"{SUM}; echo METRIC cost=$((200 - 3 * $(cat src/a/n) - 4 * $(cat src/b/n)))"
    bound = ConstraintConfig(max_regression=0.2)  # 137 → 161 is 18 %, 161 → 181 another 12 %
    made(project, "a", {"src/a/n": "1\n"}, (18, 10), costly, constraints={"cost": bound})
    made(project, "b", {"src/b/n": "4\n"}, (18, 13))

    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "does not pass on top of a: a's guard constraints.cost: 137 → 181, 32.1 % worse" in out


def test_the_holdout_is_measured_on_the_merge_and_may_refuse_a_run(project, capsys):
    rest = "echo METRIC n=$((20 + $(cat src/a/n) - $(cat src/b/n)))"  # worse with what b does
    final = FinalConfig(holdout=HoldoutConfig(command=rest))
    two(project, final=final)

    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "  a smaller a: 18 → 5: 72.2 % lower, 2 fresh pairs\n" in out
    assert "  holdout of a: 20 → 17: 15.0 % lower, 2 fresh pairs\n" in out

    for state in project.states():
        config = Config(**vars_of(state))
        held = replace(config.final, holdout=replace(config.final.holdout, each_keep=True))
        (state / "config.yaml").write_text(compose.dump(replace(config, final=held)))
    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "left out: is worse on its holdout on top of a" in out


def vars_of(state):
    config = compose.load((state / "config.yaml").read_text())
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def test_a_run_that_another_went_on_from_is_in_it_already(project, capsys):
    made(project, "a", {"src/a/n": "5\n"}, None)  # its gain was never confirmed, and need not be
    git(project.root, "checkout", "-q", "autoresearch/a~0")
    made(project, "b", {"src/a/n": "1\n"}, (14, 10))
    made(project, "c", {"src/b/n": "4\n"}, (14, 9))
    git(project.root, "checkout", "-q", "main")

    _, out, err = project.run(capsys, "merge", "a", "b", "c")

    rows = {line.split()[0]: line for line in out.splitlines()[1:4]}
    assert rows["a"].split(maxsplit=1)[1].strip() in ("b went on from it", "c went on from it")
    assert "left out" not in rows["a"]
    assert "14 → 5" in out
    assert "autoopt clean c b a" in out
    assert err.startswith("c ...\nb ...\n")


def test_numbers_of_another_machine_are_taken_again_here(project, capsys):
    made(project, "a", {"src/a/n": "1\n"}, (18, 2), elsewhere=True)
    made(project, "b", {"src/b/n": "4\n"}, None, elsewhere=True)
    for state in project.states():
        away = {"commit": "", "host": "far", "sent": 0}
        (state / "away.json").write_text(json.dumps(away))
    project.run(capsys, "recipes", "trust", "run=a", "run=b", "--yes")

    _, out, _ = project.run(capsys, "merge", "a", "b")

    assert "left out: its gain is not confirmed; it works on far" in out
    assert "88.9 % lower  merged: 44.4 % lower" in out
    assert "18 → 10: 44.4 % lower, 2 fresh pairs" in out


def test_a_run_that_cannot_be_measured_is_left_out_and_the_rest_goes_on(project, capsys):
    made(project, "a", {"src/a/n": "1\n"})
    broken = f"test $(cat src/a/n) -gt 4 && {SUM}"
    made(project, "b", {"src/b/n": "4\n"}, (18, 13), broken)
    made(project, "c", {"src/both": "x\n"}, (18, 17), "echo METRIC n=$(cat src/both | wc -c)")
    (project.root / "README").write_text("more\n")
    git(project.root, "commit", "-qam", "more")

    code, out, _ = project.run(capsys, "merge", "a", "b", "c")

    rows = {line.split()[0]: line for line in out.splitlines()[1:4]}
    assert code == 0
    assert "left out: cannot be measured on top of a: " in rows["b"]
    assert "merged: 66.7 % lower" in rows["c"]
    assert "a smaller a: 18 → 10" in out
    assert "a smaller c: 6 → 2" in out
    assert (
        "it merges cleanly there, but was not measured there; autoopt merge a c --onto main measures it"
        in out
    )


def test_the_report_beside_the_winners_own_says_what_composed_and_what_did_not(project, capsys):
    race = {"allow_overlap": Overlap.race, "scope": ["src/a"]}
    for name, value in (("a", 5), ("b", 1), ("c", 3)):
        made(project, name, {"src/a/n": f"{value}\n"}, (18, 9 + value), **race)
    made(project, "d", {"src/b/n": "2\n"}, (18, 11), scope=["src/b"])
    git(project.root, "remote", "add", "origin", "git@github.com:somebody/something.git")

    _, out, _ = project.run(capsys, "merge", "a", "b", "c", "d")

    (path,) = project.state.glob("autoopt/*/b/merge-*.md")
    assert out.splitlines()[-1] == f"Report: {path}"
    report = path.read_text()
    assert report.startswith("# Merge of b, d\n")
    assert "- **18 → 3: 83.3 % lower, 2 fresh pairs**" in report
    assert "| d | a smaller d | 18 → 11: 38.9 % lower, 2 fresh pairs | 10 → 3: 70.0 % lower" in report
    assert report.count("lost the race against b: ") == 2
    assert "22.2 % lower by itself, not 44.4 % lower" in report
    push = [line for line in report.splitlines() if line.startswith(("git push", "gh pr"))]
    assert push[0].startswith("git push -u origin autoresearch/merge-")
    assert push[1].endswith(f"--body-file {path}")


def test_a_merge_that_is_killed_leaves_nothing_that_the_next_does_not_take_away(project, capsys):
    two(project, command=f"sleep 0.2; {SUM}")
    merging = project.begin("merge", "a", "b")
    for _ in range(600):
        if held := project.git("for-each-ref", "--format=%(objectname)", "refs/autoopt-merging"):
            break
        time.sleep(0.05)
    git(project.root, "gc", "-q", "--prune=now")
    assert project.git("cat-file", "-t", held) == "commit"
    merging.send_signal(signal.SIGKILL)
    merging.wait()

    code, _, _ = project.run(capsys, "merge", "a", "b")

    assert code == 0
    assert project.git("show", f"{merged_branch(project)}:src/b/n") == "4"
    assert project.git("for-each-ref", "refs/autoopt-merging") == ""
    assert [path.name for path in project.state.glob("autoopt/*/.*")] == []
    project.in_order()


def commit(root, parent, **files):
    """A commit on top of another one, made by git, with files as given; None removes one."""
    index = {**os.environ, "GIT_INDEX_FILE": str(root.parent / "index")}

    def run(*words, data=None):
        done = subprocess.run(
            ["git", *words], cwd=root, env=index, capture_output=True, text=True, input=data, check=True
        )
        return done.stdout.strip()

    run("read-tree", parent)
    for name, text in files.items():
        path = name.replace("__", "/")
        if text is None:
            run("update-index", "--force-remove", path)
        else:
            blob = run("hash-object", "-w", "--stdin", data=text)
            run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    tree = run("write-tree")
    return run("-c", "user.name=t", "-c", "user.email=t@t", "commit-tree", tree, "-p", parent, "-m", "x")


@pytest.fixture
def merges(project):
    found = Merges(project.root / ".git", "test")
    yield found
    found.close()


def test_both_sides_of_one_file_are_merged_by_lines(project, merges):
    lines = [f"{n}\n" for n in range(9)]
    base = commit(project.root, "HEAD", src__long="".join(lines))
    ours = commit(project.root, base, src__long="".join(["first\n", *lines[1:]]))
    theirs = commit(project.root, base, src__long="".join([*lines[:8], "last\n"]), src__new="new\n")

    joined = merges.join(ours, [base], theirs, "m")

    assert project.git("show", f"{joined}:src/long").split() == ["first", *"1234567", "last"]
    assert project.git("show", f"{joined}:src/new") == "new"
    assert project.git("rev-list", "--parents", "-1", str(joined)).split()[1:] == [ours, theirs]


def test_a_file_where_the_other_side_has_a_directory_is_a_conflict(project, merges):
    base = project.git("rev-parse", "HEAD")
    folder = commit(project.root, base, src__x__y="1\n")
    file = commit(project.root, base, src__x="1\n")

    assert [str(one) for one in merges.join(folder, [base], file, "m")] == [
        "src/x/y: is a file on one side and a directory on the other"
    ]
    assert [str(one) for one in merges.join(file, [base], folder, "m")] == [
        "src/x: is a file on one side and a directory on the other"
    ]


def test_every_conflict_is_named(project, merges):
    base = project.git("rev-parse", "HEAD")
    ours = commit(project.root, base, src__a__n="2\n", src__b__n=None)
    theirs = commit(project.root, base, src__a__n="3\n", src__b__n="3\n", src__both="other\n")

    assert [str(one) for one in merges.join(ours, [base], theirs, "m")] == [
        "src/a/n: the same lines were changed since (line 1)",
        "src/b/n: is gone",
    ]


def test_a_mode_that_one_side_changed_stays(project, merges):
    base = project.git("rev-parse", "HEAD")
    (project.root / "src/both").chmod(0o755)
    git(project.root, "commit", "-qam", "mode")
    changed = project.git("rev-parse", "HEAD")
    other = commit(project.root, base, src__both="edited\n")

    for onto, tip in ((other, changed), (changed, other)):
        joined = str(merges.join(onto, [base], tip, "m"))
        assert project.git("ls-tree", joined, "src/both").split()[0] == "100755"
        assert project.git("show", f"{joined}:src/both") == "edited"


def test_a_file_that_both_sides_moved_is_a_conflict(project, merges):
    text = "".join(f"{n}\n" for n in range(9))
    base = commit(project.root, "HEAD", src__old=text, src__dead="x\n")
    ours = commit(project.root, base, src__old=None, src__dead=None, src__new=f"{text}more\n")
    theirs = commit(project.root, base, src__old=None, src__dead=None, src__other=text)

    assert [str(one) for one in merges.join(ours, [base], theirs, "m")] == [
        "src/old: was moved to src/new on one side, to src/other on the other"
    ]
    same = commit(project.root, base, src__old=None, src__dead=None, src__extra="y\n")
    assert isinstance(merges.join(ours, [base], same, "m"), str)  # one moved it, one deleted it


def test_names_that_differ_in_case_alone_are_a_conflict(project, merges):
    base = project.git("rev-parse", "HEAD")
    ours = commit(project.root, base, src__new="1\n")
    theirs = commit(project.root, base, src__New__x="1\n", README="changed\n")

    assert [str(one) for one in merges.join(ours, [base], theirs, "m")] == [
        "src/New/x: is there as src/new, which is the same name where case does not count"
    ]


def test_what_went_on_from_a_merged_result_is_merged_from_there(project, merges):
    base = project.git("rev-parse", "HEAD")
    first = commit(project.root, base, src__a__n="5\n")
    second = commit(project.root, first, src__a__n="1\n")
    other = commit(project.root, base, src__b__n="4\n")
    joined = str(merges.join(other, [base], first, "m"))

    assert isinstance(merges.join(joined, [base], second, "m"), tuple)  # 9 → 5 and 9 → 1 are a conflict
    further = str(merges.join(joined, [base, first], second, "m"))

    assert project.git("show", f"{further}:src/a/n") == "1"
    assert merges.join(further, [base], first, "m") == further


def test_a_branch_that_somebody_moved_is_left_alone(project, capsys):
    made(project, "a", {"src/a/n": "1\n"})
    project.run(capsys, "merge", "a")
    branch = merged_branch(project)
    code, _, err = project.run(capsys, "finish", branch)
    assert code == 2
    assert "a merge needs no finish" in err
    git(project.root, "branch", "-f", branch, "main")

    code, _, err = project.run(capsys, "merge", "a")

    assert code == 3
    assert "rename it" in err
    assert project.git("rev-parse", branch) == project.git("rev-parse", "main")
