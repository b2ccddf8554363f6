import pytest
from support.workspace_repos import ENVIRONMENT, git, make_repository, open_workspace, propose, referee

from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.fingerprint import fingerprint
from autoopt.records import FileChange
from autoopt.workspaces.store import blob_id


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def commit(root, message="more", **files):
    for name, text in files.items():
        (root / "src" / f"{name}.py").write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD").strip()


def test_the_tree_of_a_commit_is_gits(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        change = attempt.change

    assert workspace.tree(change.commit) == change.tree
    assert workspace.tree(workspace.base) == git(root, "rev-parse", "HEAD^{tree}").strip()


def test_the_same_change_made_by_two_runs_in_one_second_is_two_commits(root, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    made = []
    for run_id in ("one", "two"):
        workspace = open_workspace(root, run_id=run_id)
        with workspace.attempt(propose(), 1) as attempt:
            made.append(attempt.change)

    assert made[0].tree == made[1].tree and made[0].commit != made[1].commit
    shown = [git(root, "log", "-1", "--format=%an %s %b", one.commit) for one in made]
    assert shown[0] == shown[1]
    assert git(root, "fsck", "--strict", "--no-dangling") == ""


def test_tidying_leaves_what_git_ignores(root):
    workspace = open_workspace(root)
    (workspace.desk / "src/fast.py").unlink()
    (workspace.desk / "src/extra").mkdir()
    (workspace.desk / "src/extra/new.py").write_text("new\n")
    (workspace.desk / "notes.log").write_text("ignored\n")
    workspace.tidy()

    referee(workspace, root)
    assert not (workspace.desk / "src/extra").exists()
    assert (workspace.desk / "notes.log").read_text() == "ignored\n"


def test_a_change_carries_its_fingerprint(root):
    workspace = open_workspace(root)
    before = (workspace.desk / "src/fast.py").read_bytes()
    with workspace.attempt(propose(content=before + b"more = 1\n"), 1) as attempt:
        first = attempt.change.fingerprint
        second = attempt.amend(propose(content=before + b"less = 1\n")).fingerprint
    with workspace.attempt(propose(content=None), 2) as attempt:
        removed = attempt.change.fingerprint

    assert first == fingerprint([("src/fast.py", before, before + b"more = 1\n")])
    assert second == fingerprint([("src/fast.py", before, before + b"less = 1\n")])
    assert removed == fingerprint([("src/fast.py", before, None)])


def test_what_differs_between_commits_comes_with_its_contents(root):
    workspace = open_workspace(root)
    (root / "src/fast.py").write_text("faster\n")
    (root / "src/new.py").write_text("new\n")
    (root / "bench.py").unlink()
    head = commit(root)

    assert workspace.commits.changes(workspace.base, head) == (
        FileChange("bench.py", b"print(1)\n", None),
        FileChange("src/fast.py", b"def work():\n    return 1\n", b"faster\n"),
        FileChange("src/new.py", None, b"new\n"),
    )
    assert workspace.commits.changes(head, head) == ()


@pytest.mark.parametrize("kind", ["a symbolic link", "changes who may execute", "a submodule"])
def test_what_no_edit_can_express_is_refused(root, kind):
    workspace = open_workspace(root)
    if kind == "a symbolic link":
        (root / "src/link").symlink_to("fast.py")
    elif kind == "a submodule":
        git(root, "clone", "-q", str(root), "src/sub")
    else:
        (root / "src/fast.py").chmod(0o755)
    head = commit(root)

    with pytest.raises(OutOfScopeError, match=kind):
        workspace.commits.changes(workspace.base, head)
    with pytest.raises(OutOfScopeError, match=kind):
        workspace.commits.changes(head, workspace.base)


def test_contents_are_found_by_commit_and_path(root):
    commits = open_workspace(root).commits

    assert commits.content(commits.base, "src/deep/slow.py") == b"import time\n"
    for path in ("src/none.py", "src/deep", "src/fast.py/below", "none/at/all", ""):
        assert commits.content(commits.base, path) is None


@pytest.mark.parametrize("packed", [False, True])
def test_contents_are_found_by_the_beginning_of_their_id(root, packed):
    if packed:
        git(root, "gc", "-q")
    commits = open_workspace(root).commits
    sha = git(root, "rev-parse", "HEAD:src/fast.py").strip()

    for length in (4, 7, 9, 40):
        assert commits.blob(sha[:length]) == b"def work():\n    return 1\n"
    for prefix in ("", sha[:3], "0" * 40, "0000", git(root, "rev-parse", "HEAD").strip(), "../x", "zzzz"):
        assert commits.blob(prefix) is None


def test_contents_stored_after_the_start_are_found(root):
    commits = open_workspace(root).commits
    assert commits.blob("abcdef") is None
    commit(root, fast="newer\n")
    sha = git(root, "rev-parse", "HEAD:src/fast.py").strip()
    git(root, "gc", "-q")

    assert commits.blob(sha[:8]) == b"newer\n"


def test_a_beginning_that_two_contents_share_names_neither(root):
    seen = {}
    for number in range(2000):
        sha = blob_id(f"{number}\n".encode())
        if sha[:4] in seen:
            break
        seen[sha[:4]] = number
    for text in (seen[sha[:4]], number):
        (root / "x").write_text(f"{text}\n")
        git(root, "hash-object", "-w", "x")
    commits = open_workspace(root).commits

    assert commits.blob(sha[:4]) is None
    assert commits.blob(sha[:12]) == f"{number}\n".encode()


def test_a_branch_is_its_commits_since_it_left_the_base(root):
    git(root, "checkout", "-q", "-b", "idea")
    first = commit(root, "first\n\nbecause", one="1\n")
    git(root, "checkout", "-q", "main")
    commit(root, "elsewhere", two="2\n")
    git(root, "checkout", "-q", "idea")
    second = commit(root, "second", three="3\n")
    git(root, "checkout", "-q", "main")
    commits = open_workspace(root).commits
    found = commits.branch("idea")

    assert [revision.commit for revision in found] == [first, second]
    assert (found[0].author, found[0].message) == ("Someone", "first\n\nbecause\n")
    assert found[1].parent == first
    assert commits.branch("main") == ()
    assert commits.branch("refs/heads/idea") == found


def test_what_a_branch_merged_is_one_change_and_what_the_base_has_is_none(root):
    git(root, "checkout", "-q", "-b", "idea")
    commit(root, "side", one="1\n")
    git(root, "checkout", "-q", "-b", "topic", "main")
    commit(root, "on topic 1", two="2\n")
    commit(root, "on topic 2", two="2b\n")
    git(root, "checkout", "-q", "main")
    commit(root, "on main", four="4\n")
    git(root, "checkout", "-q", "idea")
    git(root, "merge", "-q", "--no-ff", "-m", "merge topic", "topic")
    git(root, "merge", "-q", "--no-ff", "-m", "merge main", "main")
    last = commit(root, "last", three="3\n")
    git(root, "checkout", "-q", "main")
    commits = open_workspace(root).commits
    found = commits.branch("idea")
    listed = git(root, "log", "--first-parent", "--reverse", "--format=%H", "main..idea").split()

    assert [revision.commit for revision in found] == listed
    assert found[-1].commit == last
    assert [c.path for c in commits.changes(found[1].parent, found[1].commit)] == ["src/two.py"]


def test_a_branch_the_base_came_from_has_nothing_new(root):
    git(root, "branch", "old")
    for number in range(3):
        commit(root, f"{number}", fast=f"{number}\n")

    assert open_workspace(root).commits.branch("old") == ()


def test_wrong_clocks_do_not_bring_back_what_the_base_has(root, monkeypatch):
    for number, date in enumerate(("2020-01-03", "2020-01-01", "2020-01-02", "2019-12-30")):
        monkeypatch.setitem(ENVIRONMENT, "GIT_COMMITTER_DATE", f"{date}T00:00:00")
        commit(root, f"{number}", fast=f"{number}\n")
    monkeypatch.delitem(ENVIRONMENT, "GIT_COMMITTER_DATE")
    git(root, "checkout", "-q", "-b", "idea", "HEAD~1")
    new = commit(root, "new", one="1\n")
    git(root, "checkout", "-q", "main")

    assert [revision.commit for revision in open_workspace(root).commits.branch("idea")] == [new]


def test_remote_branches_and_packed_ones_are_found(root, tmp_path):
    git(tmp_path, "clone", "-q", str(root), "clone")
    git(tmp_path / "clone", "checkout", "-q", "-b", "feature/x")
    new = commit(tmp_path / "clone", "new", one="1\n")
    git(root, "remote", "add", "colleague", str(tmp_path / "clone"))
    git(root, "fetch", "-q", "colleague")
    git(root, "pack-refs", "--all")

    assert [r.commit for r in open_workspace(root).commits.branch("colleague/feature/x")] == [new]


def test_a_shallow_clone_ends_where_it_ends(root, tmp_path):
    for number in range(3):
        commit(root, f"{number}", fast=f"{number}\n")
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{root}", "clone")
    git(tmp_path / "clone", "checkout", "-q", "-b", "idea")
    new = commit(tmp_path / "clone", "new", one="1\n")
    git(tmp_path / "clone", "checkout", "-q", "main")

    assert [r.commit for r in open_workspace(tmp_path / "clone").commits.branch("idea")] == [new]


def test_a_branch_that_is_not_there_or_not_related_is_refused(root):
    git(root, "checkout", "-q", "--orphan", "pages")
    commit(root, "page")
    git(root, "checkout", "-q", "main")
    commits = open_workspace(root).commits

    with pytest.raises(RepositoryError, match="none: no such branch"):
        commits.branch("none")
    for name in ("../../x", "HEAD", "", "refs/../HEAD", "-x"):
        with pytest.raises(RepositoryError, match="no such branch"):
            commits.branch(name)
    with pytest.raises(RepositoryError, match="pages: shares no commit"):
        commits.branch("pages")
