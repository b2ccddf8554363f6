import shlex
import signal
import subprocess
import sys

import pytest
from support.kept_runs import Kept, Step
from support.parallel_runs import here, recipe
from support.workspace_repos import ENVIRONMENT, git, snapshot

from autoopt import journal
from autoopt.workspaces.finishing import disjoint

LINES = "".join(f"line {number}\n" for number in range(1, 21))
FILES = {
    "src/a": LINES,
    "src/b": LINES,
    "src/c/d": "d\n",
    "README": "hello\n",
}
ONE = Step(description="index the orders", files={"src/a": LINES.replace("line 2\n", "two\n")})
TWO = Step(description="read the file once", files={"src/b": LINES.replace("line 9\n", "nine\n")})
BOTH = Step(
    description="cache the rows",
    files={"src/a": LINES.replace("line 2\n", "two\n").replace("line 18\n", "eighteen\n"), "src/new": "n\n"},
)
GONE = Step(description="drop what nobody calls", files={"src/c/d": None})


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {}, FILES)


def message(project, branch):
    return project.git("log", "-1", "--format=%B", branch)


def text_of(project, name="autoresearch-r-final"):
    (path,) = project.state.glob(f"autoopt/*/*/pull-requests/{name}.md")
    return path.read_text()


def commands(out):
    listed = out.split("\nNext\n")[1].splitlines()
    return [line.strip().partition("    #")[0] for line in listed if line.strip()]


def refs(project):
    return project.git("for-each-ref")


# -- commits


def test_one_commit_holds_everything_that_was_kept(project, capsys):
    Kept(steps=[ONE, TWO, BOTH, GONE]).make(project)
    before = snapshot(project.root)

    code, out, err = project.run(capsys, "finish", "r")

    assert (code, err) == (0, "")
    assert project.git("rev-parse", "autoresearch/r-final^") == project.git("rev-parse", "main")
    assert project.git("diff", "autoresearch/r", "autoresearch/r-final") == ""
    assert "Merges cleanly into main" in out
    assert snapshot(project.root) == before
    project.in_order()


def test_its_message_says_what_changed_why_and_what_it_brought(project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    project.run(capsys, "finish", "r")

    text = message(project, "autoresearch/r-final")
    told = " ".join(text.split())
    assert text.splitlines()[0] == "Make the queries faster"
    assert max(map(len, text.splitlines())) <= 72
    assert "412 ms → 318 ms: 22.8 % faster (95 % 21.9–23.7 %), 8 fresh pairs" in told
    assert "- index the orders (experiment 1) it should help because it does less" in told
    assert "When kept: 3.1 % faster (95 % 1.8–4.4 %), 4 pairs." in told
    assert "6.0 %" not in told  # steps are never added up
    assert text.rstrip().endswith("Autoopt-Run: r")


def test_the_only_change_is_the_subject(project, capsys):
    Kept(steps=[ONE]).make(project)
    project.run(capsys, "finish", "r")

    text = message(project, "autoresearch/r-final")
    assert text.splitlines()[0] == "index the orders"
    assert "All" not in text
    assert text.count("index the orders") == 1


def test_each_kept_change_can_have_its_commit(project, capsys):
    Kept(steps=[ONE, TWO, BOTH]).make(project)

    code, out, _ = project.run(capsys, "finish", "r", "--commits", "each")

    assert code == 0
    assert f"  {project.git('rev-parse', '--short=12', 'autoresearch/r-final')} 3 commits\n" in out
    said = project.git("log", "--reverse", "--format=%s", "main..autoresearch/r-final").splitlines()
    assert said == ["index the orders", "read the file once", "cache the rows"]
    for made, kept in (("~2", "~2"), ("~1", "~1"), ("", "")):
        assert project.git("diff", f"autoresearch/r{kept}", f"autoresearch/r-final{made}") == ""
    assert "All 3 changes of the run together: 412 ms" in " ".join(
        message(project, "autoresearch/r-final~2").split()
    )
    project.in_order()


def test_groups_share_no_file_and_together_are_the_result(project, capsys):
    Kept(steps=[ONE, TWO, BOTH, GONE]).make(project)

    code, out, _ = project.run(capsys, "finish", "r", "--commits=groups")

    assert code == 0
    made = [name for name in project.branches() if "-final" in name]
    assert made == [f"autoresearch/r-final-{number}" for number in (1, 2, 3)]
    files = [project.git("diff", "--name-only", "main", name).split() for name in made]
    assert files == [["src/a", "src/new"], ["src/b"], ["src/c/d"]]
    git(project.root, "switch", "-qc", "all")
    git(project.root, "merge", "-q", "--no-edit", *made)
    assert project.git("diff", "all", "autoresearch/r") == ""
    assert "part 1 of 3" in text_of(project, "autoresearch-r-final-1")
    assert "measured together, not by themselves" in text_of(project, "autoresearch-r-final-2")
    assert "of which these are 2" in message(project, "autoresearch/r-final-1")
    assert out.count("Merges cleanly into main") == 3


@pytest.mark.parametrize(
    ("touched", "groups"),
    [
        ({"1": {"a"}, "2": {"b"}, "3": {"a", "b"}}, [["1", "2", "3"]]),
        ({"1": {"a"}, "2": {"b"}, "3": {"a"}}, [["1", "3"], ["2"]]),
        ({"1": {"x"}, "2": {"x/y"}}, [["1", "2"]]),
        ({"1": {"x/y"}, "2": {"b"}, "3": {"x"}}, [["1", "3"], ["2"]]),
        ({"1": {"x/y"}, "2": {"x/z"}}, [["1"], ["2"]]),
    ],
)
def test_what_shares_a_file_is_one_group(touched, groups):
    found = disjoint({key: frozenset(paths) for key, paths in touched.items()})

    assert [list(group) for group in found] == groups


# -- leaving out


def test_what_no_longer_pays_can_be_left_out(project, capsys):
    Kept(steps=[ONE, TWO, GONE], idle=[2]).make(project)

    code, _, _ = project.run(capsys, "finish", "r", "--drop", "idle")

    assert code == 0
    assert project.git("diff", "--name-only", "autoresearch/r", "autoresearch/r-final") == "src/b"
    told = " ".join(message(project, "autoresearch/r-final").split())
    assert "Left out, although it was measured with: read the file once (experiment 2)." in told
    assert "What it was still worth: 0.1 % slower (95 % −0.6 to 0.4 %), 4 pairs." in told


@pytest.mark.parametrize("how", ["one", "each", "groups"])
def test_a_change_in_the_middle_can_be_left_out(project, capsys, how):
    Kept(steps=[ONE, TWO, BOTH]).make(project)

    code, _, err = project.run(capsys, "finish", "r", "--drop=1", f"--commits={how}", "--name=mine")

    assert code == 0, err
    branch = "mine-2" if how == "groups" else "mine"
    assert "line 2\n" in git(project.root, "show", f"{branch}:src/a")
    assert "eighteen\n" in git(project.root, "show", f"{branch}:src/a")
    assert "was not measured without it" in " ".join(message(project, branch).split())


def test_a_change_that_others_stand_on_cannot_be_left_out(project, capsys):
    later = Step(description="again", files={"src/a": LINES.replace("line 2\n", "zwei\n")})
    Kept(steps=[ONE, later]).make(project)
    before = refs(project)

    code, _, err = project.run(capsys, "finish", "r", "--drop", "1")

    assert code == 3
    assert "later changes stand on the same lines" in err
    assert refs(project) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--drop", "7"], "those are 1, 2, or idle"),
        (["--drop", "1,2"], "nothing would be left"),
        (["--commits", "two"], "one of one, each, groups"),
        (["--commits"], "needs a value"),
        (["--name="], "is empty"),
        (["--name", "-x"], "no branch name"),
        (["--name", "a..b"], "no branch name"),
        (["--onto", "nowhere"], "no such branch"),
        (["--squash"], "no such option"),
        (["other"], "finish takes one run"),
    ],
)
def test_finish_says_what_is_wrong_with_its_words(project, capsys, words, said):
    Kept(steps=[ONE, TWO]).make(project)
    before = refs(project)

    code, out, err = project.run(capsys, "finish", "r", *words)

    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert refs(project) == before


# -- once more, at once, cut short


@pytest.mark.parametrize("how", ["one", "each", "groups"])
def test_the_same_again_changes_nothing(project, capsys, how):
    Kept(steps=[ONE, TWO]).make(project)
    _, first, _ = project.run(capsys, "finish", "r", "--commits", how)
    before = refs(project)

    code, second, _ = project.run(capsys, "finish", "r", "--commits", how)

    assert (code, second) == (0, first)
    assert refs(project) == before


def test_a_branch_with_something_else_on_it_is_left_alone(project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    git(project.root, "branch", "autoresearch/r-final-2", "main")
    before = refs(project)

    code, _, err = project.run(capsys, "finish", "r", "--commits", "groups")

    assert code == 3
    assert "exists already" in err
    assert "--name" in err
    assert refs(project) == before  # not even the first of the two was made


@pytest.mark.parametrize("name", ["main", "main/x", "autoresearch"])
def test_a_name_that_is_taken_is_refused(project, capsys, name):
    Kept(steps=[ONE]).make(project)
    before = snapshot(project.root)

    assert project.run(capsys, "finish", "r", "--name", name)[0] == 3
    assert snapshot(project.root) == before


def test_a_name_that_is_checked_out_unborn_is_refused(project, capsys):
    Kept(steps=[ONE]).make(project)
    git(project.root, "switch", "-q", "--orphan", "new")

    code, _, err = project.run(capsys, "finish", "r", "--name", "new")

    assert code == 3
    assert "unborn" in err


def test_a_live_run_is_not_finished(project, capsys):
    Kept(steps=[ONE]).make(project)
    with journal.held(project.states()[0]):
        code, _, err = project.run(capsys, "finish", "r")

    assert code == 5
    assert "is being worked on" in err


def test_a_run_that_kept_nothing_has_nothing_to_finish(project, capsys):
    Kept(steps=[]).make(project)

    code, _, err = project.run(capsys, "finish", "r")

    assert code == 3
    assert "autoopt clean r" in err


def test_a_run_cut_short_at_a_keep_is_resumed_first(project, capsys):
    Kept(steps=[ONE, TWO], pending=True).make(project)

    code, _, err = project.run(capsys, "finish", "r", "--unconfirmed")

    assert code == 3
    assert "autoopt resume r" in err


@pytest.mark.parametrize("act", [["branch", "-D"], ["branch", "-f"]])
def test_a_run_branch_that_was_moved_is_not_finished(project, capsys, act):
    Kept(steps=[ONE]).make(project)
    git(project.root.parent / "app-r", "checkout", "-q", "--detach")
    git(project.root, *act, "autoresearch/r", *(["main"] if act[1] == "-f" else []))

    code, _, err = project.run(capsys, "finish", "r")

    assert code == 3
    assert "branch moved" in err


def test_what_was_never_confirmed_claims_nothing(project, capsys):
    Kept(steps=[ONE, TWO], claim=None).make(project)

    code, out, _ = project.run(capsys, "finish", "r", "--unconfirmed")

    assert code == 0
    assert "Not confirmed" in out
    assert "Not confirmed" in message(project, "autoresearch/r-final")


KILLED = """
import os, signal, sys
from autoopt import cli
WRITES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}
left = int(sys.argv[1])
def count(event, arguments):
    global left
    if event in WRITES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
code = cli.main(sys.argv[2:])
print(int(sys.argv[1]) - left, file=sys.stderr)
sys.exit(code)
"""


def killed_at(project, number, *words):
    return subprocess.run(
        [sys.executable, "-B", "-c", KILLED, str(number), *words],
        cwd=project.root,
        env=project.environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_finish_killed_at_any_write_is_made_up_for(tmp_path, project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    words = ("finish", "r", "--commits", "groups")
    total = int(killed_at(project, 10**6, *words).stderr.split()[-1])
    wanted = refs(project)
    assert total > 20

    for number in range(2, total + 1, max(1, total // 6)):
        for branch in ("autoresearch/r-final-1", "autoresearch/r-final-2"):
            git(project.root, "branch", "-qD", branch)
        git(project.root, "prune", "--expire=now")
        assert killed_at(project, number, *words).returncode == -signal.SIGKILL, number
        assert git(project.root, "fsck", "--strict", "--no-dangling") == ""

        assert project.run(capsys, *words)[0] == 0
        assert refs(project) == wanted
        project.in_order()


def test_a_text_that_a_killed_finish_left_half_written_is_made_up_for(project, capsys):
    Kept(steps=[ONE]).make(project)
    project.run(capsys, "finish", "r")
    (text,) = project.root.parent.rglob("pull-requests/*.md")
    (text.parent / f".{text.name}.text.tmp").write_text("half")

    assert project.run(capsys, "finish", "r")[0] == 0
    assert list(text.parent.iterdir()) == [text]


def test_a_lock_that_a_killed_finish_left_on_another_branch_is_taken_back(project, capsys):
    Kept(steps=[ONE]).make(project)
    git(project.root, "branch", "other")
    project.run(capsys, "finish", "r", "--name", "mine")
    (admin,) = (project.root / ".git" / "worktrees").iterdir()
    intent = project.root / ".git" / f"autoopt-finish-intent-{admin.name}"
    intent.write_text("half")
    (project.root / ".git/refs/heads/mine.lock").hardlink_to(intent)
    (project.root / ".git/refs/heads/other.lock").write_text("somebody else's")

    assert project.run(capsys, "finish", "r", "--name", "yours")[0] == 0
    assert not (project.root / ".git/refs/heads/mine.lock").exists()
    assert (project.root / ".git/refs/heads/other.lock").exists()


# -- where it is to go


def grown(project, path, text, said="theirs"):
    (project.root / path).write_text(text)
    git(project.root, "commit", "-qam", said)


def test_a_conflict_with_the_base_branch_is_named_by_file_and_lines(project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    grown(project, "src/a", "new\n" + LINES.replace("line 2\n", "zwei\n"))

    code, out, _ = project.run(capsys, "finish", "r")

    assert code == 0
    assert "Conflicts with main" in out
    assert "src/a: the same lines were changed since (line 3)" in out
    assert "git merge autoresearch/r-final    # and resolve" in out
    done = subprocess.run(
        ["git", "merge", "autoresearch/r-final"], cwd=project.root, env=ENVIRONMENT, capture_output=True
    )
    assert done.returncode == 1  # git agrees


def test_the_trial_merge_says_what_git_does(project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    grown(project, "src/a", LINES.replace("line 12\n", "twelve\n"))

    _, out, _ = project.run(capsys, "finish", "r")

    assert "Merges cleanly into main" in out
    (take,) = [line for line in commands(out) if line.startswith("git merge")]
    git(project.root, *shlex.split(take)[1:], "--no-edit")
    assert "two\n" in (project.root / "src/a").read_text()
    assert "twelve\n" in (project.root / "src/a").read_text()


@pytest.mark.parametrize("how", ["one", "each", "groups"])
def test_the_result_can_stand_on_the_base_branch_as_it_is_now(project, capsys, how):
    Kept(steps=[ONE, TWO]).make(project)
    grown(project, "src/a", LINES.replace("line 12\n", "twelve\n"))

    code, out, _ = project.run(capsys, "finish", "r", "--onto", "main", "--commits", how)

    assert code == 0
    branch = "autoresearch/r-final-1" if how == "groups" else "autoresearch/r-final"
    assert project.git("merge-base", "main", branch) == project.git("rev-parse", "main")
    made = git(project.root, "show", f"{branch}:src/a")
    assert made == LINES.replace("line 12\n", "twelve\n").replace("line 2\n", "two\n")
    assert "Carried over onto main at" in message(project, branch)
    for line in commands(out):
        if line.startswith("git merge"):
            git(project.root, *shlex.split(line)[1:])
    assert project.git("diff", "--name-only", "autoresearch/r", "main") == "src/a"


def test_standing_on_a_branch_that_conflicts_makes_nothing(project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    grown(project, "src/a", LINES.replace("line 2\n", "zwei\n"))
    before = refs(project)

    code, _, err = project.run(capsys, "finish", "r", "--onto", "main")

    assert code == 3
    assert "src/a: the same lines were changed since (line 2)" in err
    assert refs(project) == before


@pytest.mark.parametrize(
    ("step", "theirs", "said"),
    [
        (Step(description="n", files={"src/new": "n\n"}), "src/new/x", "src/new/x: is a file on one side"),
        (Step(description="n", files={"src/new/x": "n\n"}), "src/new", "src/new: is a file on one side"),
        (Step(description="n", files={"src/new": "n\n"}), "src/new", "src/new: is there already"),
    ],
)
def test_files_and_directories_in_each_others_way_are_a_conflict(project, capsys, step, theirs, said):
    Kept(steps=[step]).make(project)
    (project.root / theirs).parent.mkdir(exist_ok=True)
    (project.root / theirs).write_text("theirs\n")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "theirs")

    _, out, _ = project.run(capsys, "finish", "r")
    code, _, err = project.run(capsys, "finish", "r", "--onto", "main", "--name", "mine")

    assert said in out
    assert code == 3
    assert said in err


def test_a_base_branch_that_was_rewritten_is_said(project, capsys):
    Kept(steps=[ONE]).make(project)
    git(project.root, "commit", "-q", "--amend", "-m", "another start")

    _, out, _ = project.run(capsys, "finish", "r")

    assert "does not have" in out
    assert "autoopt finish r --onto main" in out
    assert project.run(capsys, "finish", "r", "--onto", "main", "--name", "mine")[0] == 0
    assert project.git("rev-parse", "mine^") == project.git("rev-parse", "main")


def test_what_a_merge_alone_does_not_do_is_said_with_the_branch_and_in_its_text(project, capsys):
    Kept(steps=[ONE, TWO], adopt={"src/b": "load b\nagain"}).make(project)

    code, out, _ = project.run(capsys, "finish", "r")

    assert code == 0
    assert "  git show autoresearch/r-final:src/b    # load b again\n" in out
    assert "## After the merge\n\n- `src/b`: load b again\n" in text_of(project)


@pytest.mark.parametrize(
    ("url", "tool"),
    [
        ("git@github.com:who/app.git", "gh pr create --base main --head autoresearch/r-final"),
        ("https://user:secret@gitlab.example.org/who/app", "glab mr create --target-branch main"),
        ("/srv/git/app.git", ""),
    ],
)
def test_the_commands_that_push_and_open_it_are_printed(project, capsys, url, tool):
    Kept(steps=[ONE, TWO]).make(project)
    git(project.root, "remote", "add", "origin", url)

    _, out, _ = project.run(capsys, "finish", "r")

    listed = commands(out)
    assert "git push -u origin autoresearch/r-final" in listed
    opening = [line for line in listed if line.startswith(("gh ", "glab "))]
    assert [line.startswith(tool) for line in opening] == ([True] if tool else [])
    assert "secret" not in out


def test_it_can_stand_on_what_a_remote_had(project, capsys):
    Kept(steps=[ONE]).make(project)
    git(project.root, "remote", "add", "origin", "git@github.com:who/app.git")
    git(project.root, "update-ref", "refs/remotes/origin/main", "main")

    code, out, _ = project.run(capsys, "finish", "r", "--onto", "origin/main")

    assert code == 0
    assert any(line.startswith("gh pr create --base main ") for line in commands(out))
    assert "git switch" not in out
    assert "git merge" not in out


def test_a_failing_confirmation_says_how_to_go_without(project, capsys):
    Kept(steps=[ONE], claim=None).make(project)
    (state,) = project.states()
    (state / "config.yaml").unlink()

    code, _, err = project.run(capsys, "finish", "r")

    assert code == 6
    assert len(err.splitlines()) == 1
    assert "--unconfirmed" in err


def test_the_text_of_the_pull_request_tells_it_all(project, capsys):
    Kept(steps=[ONE, TWO], goal="Make *queries* faster").make(project)
    project.run(capsys, "finish", "r")

    text = text_of(project)
    assert text.startswith(
        "**All 2 changes of the run together: 412 ms → 318 ms: 22.8 % faster (95 % 21.9–23.7 %)"
    )
    assert "- **index the orders** (`src/a`, +1 −1)" in text
    assert "Merges cleanly into main" in text
    assert "## Checks that every change passed when it was kept\n\n- tests" in text
    assert "`python bench.py`" in text


# -- nothing of the user's, nothing of the repository's


def test_nothing_of_the_repository_is_run(project, capsys):
    Kept(steps=[ONE, TWO]).make(project)
    grown(project, "src/a", LINES.replace("line 12\n", "twelve\n"))
    marker = project.root.parent / "ran"
    git(project.root, "config", "merge.evil.driver", f"touch {marker}")
    git(project.root, "config", "filter.evil.clean", f"touch {marker}; cat")
    git(project.root, "config", "commit.gpgSign", "true")
    git(project.root, "config", "gpg.program", f"touch {marker}")
    (project.root / ".git" / "info" / "attributes").write_text("src/** merge=evil filter=evil\n")
    for name in ("post-commit", "commit-msg", "post-rewrite", "reference-transaction"):
        hook = project.root / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
        hook.chmod(0o755)

    assert project.run(capsys, "finish", "r", "--onto", "main")[0] == 0
    assert not marker.exists()


def test_it_works_where_another_branch_or_none_is_checked_out(project, capsys):
    Kept(steps=[ONE]).make(project)
    git(project.root, "checkout", "-q", "--detach")

    code, out, _ = project.run(capsys, "finish", "r")

    assert code == 0
    assert "Merges cleanly into main" in out
    assert "git switch main" in commands(out)


def test_a_gain_that_was_never_confirmed_is_confirmed_first(tmp_path, monkeypatch, capsys):
    project = here(tmp_path / "other", monkeypatch, {"a": recipe("a", 1)})
    assert project.run(capsys, "recipe=a", "run_id=a")[0] == 0
    (state,) = project.states()
    lines = (state / "journal.jsonl").read_bytes().splitlines(keepends=True)
    confirmed = next(at for at, line in enumerate(lines) if b"CONFIRMED" in line)
    (state / "journal.jsonl").write_bytes(b"".join(lines[:confirmed]))

    code, out, _ = project.run(capsys, "finish", "a")

    assert code == 0
    assert "18 → 10: 44.4 % lower" in out
    assert "18 → 10" in message(project, "autoresearch/a-final")
    for line in commands(out):
        if line.startswith("git merge"):
            git(project.root, *shlex.split(line)[1:])
    assert project.run(capsys, "clean", "a", "--yes")[0] == 0
    assert project.branches() == ["main"]
    assert (project.root / "src/a/n").read_text() == "1\n"
    project.in_order()
