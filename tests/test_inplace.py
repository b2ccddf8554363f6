"""Runs in the user's own checkout: what they refuse, what they touch, and what they give back."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from support.workspace_repos import ENVIRONMENT, by_hand, git, make_repository, propose, state_of
from test_workspace_crash import in_a_child

from autoopt.errors import BusyError, NothingChangedError, OutOfScopeError, RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.borrowing import commits_of, give_back
from autoopt.workspaces.checkout import RECORD
from autoopt.workspaces.inscope import InScope
from autoopt.workspaces.layout import FILE_NAME, Layout
from autoopt.workspaces.repository import discover
from autoopt.workspaces.store import FILE, Entry, Store, blob_id
from autoopt.workspaces.user_index import UserIndex

SCOPE = Scope(["src"])


def make(root: Path, run_id: str = "r1", scope: Scope = SCOPE) -> GitWorkspace:
    state = state_of(root, run_id)
    state.mkdir(parents=True, exist_ok=True)
    return GitWorkspace.create(root, run_id, state, scope, in_place=True)


def reopen(root: Path) -> GitWorkspace:
    return GitWorkspace.reopen(state_of(root), SCOPE)


def content(root: Path) -> dict[str, object]:
    """Everything of the user's that has to be the same afterwards: files, index, HEAD, refs, settings."""
    ours = ("objects", "refs/autoopt", "refs/heads/autoresearch")
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith(tuple(f".git/{one}" for one in ours)) or name in (".git/refs", ".git"):
            continue
        mode = path.lstat().st_mode
        if path.is_symlink():
            found[name] = (mode, os.readlink(path))  # noqa: PTH115
        else:
            found[name] = (mode, path.read_bytes() if path.is_file() else b"")
    return found


def dirty(root: Path) -> None:
    """What users have lying about: staged, unstaged and untracked changes, a stash, all out of scope."""
    (root / "bench.py").write_text("print(2)\n")
    git(root, "stash")
    (root / "README").write_text("staged\n")
    git(root, "add", "README")
    (root / "README").write_text("staged, and edited again\n")
    (root / "notes.txt").write_text("mine\n")
    (root / "new.txt").write_text("added\n")
    git(root, "add", "new.txt")
    (root / "x.log").write_text("ignored\n")


def keep(workspace: GitWorkspace, number: int, proposal) -> str:
    with workspace.attempt(proposal, number) as attempt:
        workspace.checkout(attempt.change.commit)
        attempt.keep()
    return attempt.change.commit


def said() -> list[str]:
    return []


def test_the_checkout_is_on_the_run_branch_meanwhile_and_as_it_was_afterwards(tmp_path):
    root = make_repository(tmp_path)
    dirty(root)
    before, status = content(root), git(root, "status", "--porcelain")
    workspace, lines = make(root), said()
    with workspace.borrowed(lines.append):
        assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/autoresearch/r1"
        assert git(root, "status", "--porcelain") == status
        with workspace.attempt(propose(content=b"tried\n"), 1):
            assert (root / "src" / "fast.py").read_text() == "tried\n"
        assert git(root, "status", "--porcelain") == status
        keep(workspace, 2, propose("src/new/x.py", b"kept\n"))
        assert (root / "src" / "new" / "x.py").read_text() == "kept\n"
        assert git(root, "status", "--porcelain") == status
        assert git(root, "diff-index", "--cached", "--name-only", "HEAD", "--", "src") == ""

    assert content(root) == before
    assert lines == ["Your checkout is at main again, as it was."]
    assert git(root, "show", "autoresearch/r1:src/new/x.py") == "kept\n"
    assert git(root, "diff", "--name-only", "main", "autoresearch/r1").split() == ["src/new/x.py"]
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert git(root, "worktree", "list").count("\n") == 1


def test_a_detached_checkout_is_detached_again(tmp_path):
    root = make_repository(tmp_path)
    git(root, "checkout", "-q", "--detach")
    before, workspace = content(root), make(root)
    with workspace.borrowed(said().append):
        keep(workspace, 1, propose())

    assert content(root) == before


def test_a_linked_worktree_can_be_the_checkout(tmp_path):
    root = make_repository(tmp_path)
    linked = tmp_path / "linked"
    git(root, "worktree", "add", "-q", "-b", "side", str(linked))
    before, of_linked, workspace = content(root), content(linked), make(linked)
    with workspace.borrowed(said().append):
        keep(workspace, 1, propose())
        assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
        assert git(linked, "symbolic-ref", "HEAD").strip() == "refs/heads/autoresearch/r1"

    assert (content(root), content(linked)) == (before, of_linked)


def test_permissions_come_back(tmp_path):
    root = make_repository(tmp_path)
    (root / "src" / "fast.py").chmod(0o600)
    before, workspace = content(root), make(root)
    with workspace.borrowed(said().append), workspace.attempt(propose(), 1):
        pass

    assert content(root) == before


def half_merged(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "other")
    (root / "src" / "fast.py").write_text("theirs\n")
    git(root, "commit", "-qam", "theirs")
    git(root, "checkout", "-q", "main")
    (root / "src" / "fast.py").write_text("ours\n")
    git(root, "commit", "-qam", "ours")
    subprocess.run(["git", "merge", "other"], cwd=root, env=ENVIRONMENT, capture_output=True, check=False)


def merged_by_hand(root: Path) -> None:
    """Half merged by the index alone."""
    half_merged(root)
    (root / ".git" / "MERGE_HEAD").unlink()


def staged(root: Path) -> None:
    (root / "src" / "fast.py").write_text("staged\n")
    git(root, "add", "src")
    git(root, "restore", "--worktree", "--source=HEAD", "src/fast.py")


def split(root: Path) -> None:
    git(root, "update-index", "--split-index")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda root: (root / "src" / "fast.py").write_text("edited\n"), r"src/fast\.py: not as committed"),
        (lambda root: (root / "src" / "fast.py").unlink(), r"src/fast\.py: not as committed"),
        (lambda root: (root / "src" / "mine.py").write_text(""), r"src/mine\.py: not as committed"),
        (staged, r"src/fast\.py: staged"),
        (half_merged, "a merge is not finished"),
        (merged_by_hand, r"src/fast\.py: half merged"),
        (lambda root: (root / "src" / "fast.py").chmod(0o755), r"src/fast\.py: not as committed"),
        (lambda root: os.link(root / "src" / "fast.py", root / "twin"), r"src/fast\.py: linked"),
        (split, "split"),
        (lambda root: (root / ".git" / "index").write_bytes(b"DIRC\0\0\0\2\0\0"), "cannot be read"),
    ],
)
def test_a_scope_that_is_not_clean_is_refused_and_nothing_is_touched(tmp_path, spoil, named):
    root = make_repository(tmp_path)
    spoil(root)
    before = content(root)

    with pytest.raises(RepositoryError, match=named):
        make(root)
    assert content(root) == before
    assert not (state_of(root) / FILE_NAME).exists()


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_an_index_of_any_version_comes_back_and_keeps_its_flags(tmp_path, version):
    root = make_repository(tmp_path)
    git(root, "update-index", "--index-version", version)
    git(root, "update-index", "--skip-worktree", "bench.py")
    git(root, "update-index", "--assume-unchanged", "README")
    (root / "later.txt").write_text("")
    git(root, "add", "-N", "later.txt")
    before, flags, workspace = content(root), git(root, "ls-files", "-v", "-s"), make(root)
    with workspace.borrowed(said().append):
        keep(workspace, 1, propose())
        assert git(root, "ls-files", "-v", "-s", "--", ":!src") == "".join(
            line for line in flags.splitlines(keepends=True) if "src/" not in line
        )
        assert git(root, "diff-index", "--cached", "--name-only", "HEAD", "--", "src") == ""

    assert content(root) == before


def test_a_file_changed_in_the_second_it_was_staged_in_stays_changed_for_git(tmp_path):
    root = make_repository(tmp_path)
    index = UserIndex(root / ".git" / "index", root, root / ".git" / "x.lock", "sha1")
    while True:
        (root / "bench.py").write_text("print(2)\n")
        git(root, "add", "bench.py")
        (root / "bench.py").write_text("print(3)\n")
        staged_s = int(index.path.stat().st_mtime)
        if int((root / "bench.py").stat().st_mtime) == staged_s:
            break
    time.sleep(max(0, staged_s + 1.01 - time.time()))
    index.change({"README": None})

    assert {"MM bench.py", "D  README"} <= set(git(root, "status", "--porcelain").splitlines())


def test_what_the_user_stages_and_edits_out_of_scope_meanwhile_stays(tmp_path):
    root = make_repository(tmp_path)
    workspace, lines = make(root), said()
    with workspace.borrowed(lines.append):
        keep(workspace, 1, propose())
        (root / "README").write_text("during the run\n")
        git(root, "add", "README")
        (root / "bench.py").write_text("print(3)\n")
        keep(workspace, 2, propose(content=b"better still\n"))

    assert git(root, "status", "--porcelain") == "M  README\n M bench.py\n"
    assert (root / "README").read_text() == "during the run\n"
    assert (root / "src" / "fast.py").read_text() == "def work():\n    return 1\n"


def test_an_agent_that_edits_out_of_scope_is_refused_and_its_edit_stays(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    with workspace.borrowed(said().append):
        (root / "README").write_text("by an agent, or by you\n")
        (root / "src" / "fast.py").write_text("by an agent\n")
        with pytest.raises(OutOfScopeError, match="README: out of scope"), workspace.attempt(by_hand(), 1):
            pass
        assert (root / "README").read_text() == "by an agent, or by you\n"
        assert (root / "src" / "fast.py").read_text() == "def work():\n    return 1\n"
        (root / "src" / "fast.py").write_text("again\n")
        with workspace.attempt(by_hand(), 2) as attempt:  # what is there by now is not held against it
            assert attempt.change.paths == ("src/fast.py",)

    copies = [path.read_text() for path in (state_of(root) / "refused").rglob("*.py")]
    assert copies == ["by an agent\n"]


@pytest.mark.parametrize("name", ["hooks/post-commit", "config", "info/attributes"])
def test_an_agent_that_changes_what_git_runs_is_refused(tmp_path, name):
    root = make_repository(tmp_path)
    workspace = make(root)
    with workspace.borrowed(said().append):
        (root / ".git" / name).parent.mkdir(exist_ok=True)
        with (root / ".git" / name).open("a") as file:
            file.write("# changed\n")
        (root / "src" / "fast.py").write_text("by an agent\n")
        with pytest.raises(OutOfScopeError, match=name), workspace.attempt(by_hand(), 1):
            pass


def test_a_file_of_the_user_that_git_does_not_know_is_never_overwritten(tmp_path):
    root = make_repository(tmp_path)
    (root / "src" / "x.log").write_text("mine\n")
    (root / "src" / "__pycache__").mkdir()
    (root / "src" / "__pycache__" / "y.pyc").write_text("mine\n")
    before, workspace = content(root), make(root)
    with workspace.borrowed(said().append):
        for number, edited in enumerate(("src/x.log", "src/__pycache__/y.pyc", "src/x.log/deep", "src/deep")):
            for data in (b"overwritten\n", None):
                with (
                    pytest.raises((OutOfScopeError, NothingChangedError)),
                    workspace.attempt(propose(edited, data), number),
                ):
                    pass

    assert content(root) == before


def test_edits_by_the_user_in_scope_stop_the_run_and_stay(tmp_path):
    root = make_repository(tmp_path)
    workspace, lines = make(root), said()
    with (
        pytest.raises(RepositoryError, match=r"src/fast\.py: edited while"),
        workspace.borrowed(lines.append),
    ):
        keep(workspace, 1, propose("src/deep/slow.py", b"kept\n"))
        with workspace.attempt(propose(), 2):
            (root / "src" / "fast.py").write_text("by the user\n")

    assert (root / "src" / "fast.py").read_text() == "by the user\n"
    assert (root / "src" / "deep" / "slow.py").read_text() == "import time\n"
    assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert git(root, "status", "--porcelain") == " M src/fast.py\n"
    assert lines == ["Edited by somebody and left as they are: src/fast.py."]


def test_edits_by_the_user_between_experiments_are_seen_before_anything_is_written(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    with pytest.raises(RepositoryError, match=r"src/mine\.py: edited"), workspace.borrowed(said().append):
        (root / "src" / "mine.py").write_text("new, by the user\n")
        with workspace.attempt(propose(), 1):
            pass

    assert (root / "src" / "mine.py").read_text() == "new, by the user\n"
    assert git(root, "status", "--porcelain") == "?? src/mine.py\n"


@pytest.mark.parametrize("tracked", [True, False])
def test_what_the_user_saves_while_files_are_being_restored_stays(tmp_path, tracked):
    """All of the scope is looked at first, and in a large one there is time to press Ctrl-S."""
    root = make_repository(tmp_path)
    theirs = root / ("src/fast.py" if tracked else "src/new.py")

    class Restoring(Store):
        def blob(self, sha):  # of the file before it
            theirs.write_text("mine\n")
            return super().blob(sha)

    store = Restoring(root / ".git")
    inside = InScope(root, root / ".git", store, SCOPE)
    expected = inside.files(store.tree_of(discover(root).head))
    for path in ("src/deep/slow.py", theirs.relative_to(root).as_posix()):
        (root / path).write_bytes(b"experiment\n")
        inside.know(path, Entry(FILE, blob_id(b"experiment\n")))
    if not tracked:
        expected = {**expected, "src/new.py": expected["src/fast.py"]}

    assert inside.bring(expected) == [theirs.relative_to(root).as_posix()]
    assert theirs.read_text() == "mine\n"


def test_a_user_who_switches_the_branch_stops_the_run_and_keeps_what_they_chose(tmp_path):
    root = make_repository(tmp_path)
    git(root, "branch", "other")
    workspace, lines = make(root), said()
    with pytest.raises(RepositoryError, match="HEAD is at"), workspace.borrowed(lines.append):
        keep(workspace, 1, propose("src/deep/slow.py", b"kept\n"))
        with workspace.attempt(propose(), 2) as attempt:
            git(root, "checkout", "-q", "other")  # takes the edits of the experiment along
            attempt.keep()

    assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/other"
    assert git(root, "status", "--porcelain") == ""
    assert lines == ["Your checkout stays at other, where you have moved it; it was at main before."]
    assert git(root, "log", "--format=%s", "main..autoresearch/r1") == "experiment: a try\n"


def test_a_user_who_merges_the_result_while_it_runs_keeps_it(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    with pytest.raises(RepositoryError, match="HEAD is at"), workspace.borrowed(said().append):
        keep(workspace, 1, propose())
        git(root, "checkout", "-q", "main")
        git(root, "merge", "-q", "autoresearch/r1")
        with workspace.attempt(propose(content=b"more\n"), 2):
            pass

    assert (root / "src" / "fast.py").read_text() == "better\n"
    assert git(root, "status", "--porcelain") == ""


def test_a_user_who_commits_on_the_run_branch_stops_the_run(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    with pytest.raises(RepositoryError, match="branch moved"), workspace.borrowed(said().append):
        (root / "README").write_text("committed meanwhile\n")
        git(root, "commit", "-qam", "by the user")
        with workspace.attempt(propose(), 1):
            pass

    assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert (root / "README").read_text() == "committed meanwhile\n"
    assert git(root, "log", "-1", "--format=%s", "autoresearch/r1") == "by the user\n"


def test_an_interrupted_agent_leaves_nothing_in_the_checkout_and_its_edits_are_kept_aside(tmp_path):
    root = make_repository(tmp_path)
    before, workspace, lines = content(root), make(root), said()
    with pytest.raises(KeyboardInterrupt), workspace.borrowed(lines.append):
        (root / "src" / "fast.py").write_text("half an edit\n")
        os.mkfifo(root / "src" / "pipe")
        workspace.tidy()
        raise KeyboardInterrupt

    assert content(root) == before
    (line,) = lines
    assert Path(line.split()[-1].rstrip("."), "src", "fast.py").read_text() == "half an edit\n"


def test_an_agent_that_replaces_directories_by_links_is_undone(tmp_path):
    root = make_repository(tmp_path)
    before, workspace = content(root), make(root)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with workspace.borrowed(said().append):
        (root / "src" / "deep" / "slow.py").rename(elsewhere / "slow.py")
        (root / "src" / "deep").rmdir()
        (root / "src" / "deep").symlink_to(elsewhere)
        (root / "src" / "fast.py").unlink()
        (root / "src" / "fast.py").mkdir()
        (root / "src" / "fast.py" / "x.py").write_text("")
        with pytest.raises(OutOfScopeError), workspace.attempt(by_hand(), 1):
            pass

    assert content(root) == before
    assert (elsewhere / "slow.py").read_text() == "import time\n"


def test_a_second_run_in_one_checkout_is_refused(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    other = make(root, "r2")
    with workspace.borrowed(said().append):
        with pytest.raises(BusyError, match="r1 has this checkout"), other.borrowed(said().append):
            pass
        with pytest.raises(BusyError, match="r1 has this checkout"):
            make(root, "r3")
    with other.borrowed(said().append):
        assert git(root, "symbolic-ref", "HEAD").strip() == "refs/heads/autoresearch/r2"


def test_a_checkout_whose_run_has_lost_its_records_is_refused_with_the_way_out(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    held = [workspace.borrowed(print)]
    in_a_child(held[0].__enter__, 0)
    (state_of(root) / RECORD).unlink()

    with pytest.raises(BusyError, match=r"records in .* are gone; .* delete autoopt-inplace"):
        make(root, "r2")


def test_a_lock_of_somebody_else_is_left_and_the_checkout_can_be_given_back_later(tmp_path):
    root = make_repository(tmp_path)
    before, workspace = content(root), make(root)
    lock = root / ".git" / "index.lock"
    held = pytest.raises(RepositoryError, match=r"index\.lock.* still at autoresearch/r1")
    with held, workspace.borrowed(said().append):
        keep(workspace, 1, propose())
        lock.write_text("")
    assert lock.exists()
    lock.unlink()

    assert give_back(Layout.load(state_of(root)), state_of(root)) == []
    assert content(root) == before


def test_what_an_agent_staged_is_not_staged_afterwards(tmp_path):
    root = make_repository(tmp_path)
    before, workspace = content(root), make(root)
    with workspace.borrowed(said().append):
        (root / "src" / "fast.py").write_text("first\n")
        git(root, "add", "src")
        (root / "src" / "fast.py").write_text("second\n")
        with workspace.attempt(by_hand(), 1):
            pass
        assert git(root, "status", "--porcelain") == ""

    assert content(root) == before


def test_what_an_agent_commits_is_taken_back(tmp_path):
    root = make_repository(tmp_path)
    (root / "README").write_text("staged by the user\n")
    git(root, "add", "README")
    before, workspace = content(root), make(root)
    with workspace.borrowed(said().append):
        (root / "src" / "fast.py").write_text("by an agent\n")
        git(root, "commit", "-qam", "all of it")
        assert workspace.reclaim() is not None
        with workspace.attempt(by_hand(), 1) as attempt:
            assert attempt.change.paths == ("src/fast.py",)

    after = content(root)
    assert git(root, "status", "--porcelain") == "M  README\n"
    assert {name: what for name, what in after.items() if name in before and "COMMIT" not in name} == {
        name: what for name, what in before.items() if "COMMIT" not in name and "logs/HEAD" not in name
    } | {".git/logs/HEAD": after[".git/logs/HEAD"]}


def test_a_run_taken_up_again_starts_from_its_best_and_gives_back_what_it_found(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    with workspace.borrowed(said().append):
        keep(workspace, 1, propose())
    (root / "README").write_text("edited since\n")
    git(root, "checkout", "-q", "-b", "later")
    before, again = content(root), reopen(root)
    with again.borrowed(said().append):
        assert (root / "src" / "fast.py").read_text() == "better\n"
        keep(again, 2, propose("src/deep/slow.py", b"kept\n"))

    assert content(root) == before
    assert [subject for _, subject in again.kept()] == ["experiment: a try"] * 2


def test_a_run_taken_up_again_on_a_commit_that_differs_out_of_scope_is_refused(tmp_path):
    root = make_repository(tmp_path)
    with make(root).borrowed(said().append):
        pass
    (root / "bench.py").write_text("print(5)\n")
    git(root, "commit", "-qam", "another benchmark")
    before = content(root)

    with (
        pytest.raises(RepositoryError, match=r"differs out of scope .*bench\.py"),
        reopen(root).borrowed(print),
    ):
        pass
    assert content(root) == before


def borrow_and_work(root: Path) -> None:
    """Creation, a discarded experiment, a keep with a new file, another experiment, and the end."""
    workspace = make(root)
    with workspace.borrowed(said().append):
        with workspace.attempt(propose(content=b"discarded\n"), 1):
            pass
        with workspace.attempt(propose("src/new/x.py", b"first\n"), 2) as attempt:
            attempt.amend(propose("src/new/x.py", b"kept\n"))
            attempt.keep()
        (root / "src" / "fast.py").write_text("by an agent\n")
        with workspace.attempt(by_hand(), 3):
            pass


def killed(root: Path, dies_at: int) -> dict[str, object]:
    """What the checkout was before a run in it that was killed at one of its writes."""
    dirty(root)
    before = content(root)
    in_a_child(lambda: borrow_and_work(root), dies_at)
    return before


def count_writes(folder: Path) -> int:
    root = make_repository(folder)
    dirty(root)
    total = in_a_child(lambda: borrow_and_work(root), 0)
    assert total is not None and total > 60
    return total


def test_a_run_killed_at_any_write_gives_the_checkout_back_when_it_is_cleaned(tmp_path):
    for dies_at in range(1, count_writes(tmp_path / "whole"), 13):
        root = make_repository(tmp_path / str(dies_at))
        before = killed(root, dies_at)
        if not (state_of(root) / FILE_NAME).exists():
            make(root)  # it was not even made, and starting it again makes it
        lines = give_back(Layout.load(state_of(root)), state_of(root))
        after = content(root)
        if lines == ["Edited by somebody and left as they are: src/fast.py."]:
            # In the middle of an edit nobody can tell whose it is.
            after["src/fast.py"] = before["src/fast.py"]
        else:
            assert lines == [], dies_at

        assert after == before, dies_at
        assert git(root, "fsck", "--strict", "--no-dangling") == ""


def test_a_run_killed_at_any_write_goes_on_and_gives_the_checkout_back(tmp_path):
    for dies_at in range(3, count_writes(tmp_path / "whole"), 13):
        root = make_repository(tmp_path / str(dies_at))
        before = killed(root, dies_at)
        workspace = reopen(root) if (state_of(root) / FILE_NAME).exists() else make(root)
        with workspace.borrowed(said().append):
            assert git(root, "diff", "--name-only", "HEAD", "--", "src") == "", dies_at
            assert git(root, "ls-files", "--others", "--exclude-standard", "--", "src") == "", dies_at
            keep(workspace, 4, propose(content=b"after\n"))

        assert content(root) == before, dies_at
        assert not list((root / ".git").rglob("*.lock"))
        assert git(root, "show", "autoresearch/r1:src/fast.py") == "after\n"
        assert git(root, "fsck", "--strict", "--no-dangling") == ""


def test_what_a_killed_run_may_have_left_is_known_also_where_git_packed_its_refs(tmp_path):
    root = make_repository(tmp_path)
    workspace = make(root)
    commits = [workspace.base]
    with workspace.borrowed(lambda line: None):
        commits += [keep(workspace, number, propose(content=b"%d\n" % number)) for number in (1, 2, 3)]
        before = set(commits_of(Layout.load(state_of(root)), Store(root / ".git")))
        with workspace.attempt(propose(content=b"discarded\n"), 4) as attempt:
            commits.append(attempt.change.commit)
    git(root, "pack-refs", "--all")

    assert before == set(commits[:-1])
    assert set(commits_of(Layout.load(state_of(root)), Store(root / ".git"))) == set(commits)
