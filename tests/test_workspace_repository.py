import os

import pytest
from support.workspace_repos import git, make_repository, snapshot

from autoopt.errors import RepositoryError, UsageError
from autoopt.workspaces import discover, exclude, init_repository


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def test_a_repository_is_found_from_below(root):
    found = discover(root / "src" / "deep")

    assert (found.root, found.control, found.branch) == (root, root / ".git", "main")
    assert found.head == git(root, "rev-parse", "HEAD").strip()


def test_a_detached_head_has_no_branch(root):
    git(root, "checkout", "-q", "--detach")

    assert discover(root).branch is None


def test_a_linked_worktree_shares_the_control_directory(root):
    git(root, "worktree", "add", "-q", "-b", "other", "../linked")
    found = discover(root.parent / "linked")

    assert (found.root, found.control, found.branch) == (root.parent / "linked", root / ".git", "other")


def test_a_submodule_is_a_repository_of_its_own(root, tmp_path):
    other = make_repository(tmp_path / "other", {"lib.c": "int x;\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "vendor")

    assert discover(root / "vendor").control == root / ".git" / "modules" / "vendor"


def test_a_shallow_clone_will_do(root, tmp_path):
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")

    assert discover(tmp_path / "shallow").head == git(root, "rev-parse", "HEAD").strip()


def test_a_packed_head_is_found(root):
    git(root, "pack-refs", "--all")

    assert discover(root).head == git(root, "rev-parse", "HEAD").strip()


def test_no_repository_is_one_line(tmp_path):
    with pytest.raises(RepositoryError, match="git init") as refusal:
        discover(tmp_path)

    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 3


def test_a_bare_repository_is_refused(root, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")

    with pytest.raises(RepositoryError, match="bare"):
        discover(tmp_path / "bare.git")


def test_a_repository_without_a_commit_is_refused(tmp_path):
    git(tmp_path, "init", "-q", "empty")

    with pytest.raises(RepositoryError, match="no commit yet"):
        discover(tmp_path / "empty")


def test_a_broken_git_file_is_refused(tmp_path):
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")

    with pytest.raises(RepositoryError, match="worktree repair"):
        discover(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_refused_until_the_user_trusts_it(root, tmp_path, monkeypatch):
    os.chown(root / ".git", 65534, 65534)
    config = tmp_path / "gitconfig"
    config.write_text("")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))

    with pytest.raises(RepositoryError, match=r"safe\.directory"):
        discover(root)
    config.write_text(f"[safe]\n\tdirectory = {root}\n")
    assert discover(root).root == root


def listed_by_git(root):
    lines = git(root, "status", "--porcelain", "-uall", "--no-renames").splitlines()
    return tuple(sorted(line[3:] for line in lines))


def test_uncommitted_changes_are_those_git_lists(root):
    assert discover(root).changes == ()
    (root / "README").write_text("modified\n")
    (root / "src" / "fast.py").unlink()
    (root / "src" / "staged.py").write_text("")
    git(root, "add", "src/staged.py")
    (root / "untracked").mkdir()
    (root / "untracked" / "file").write_text("")
    (root / "debug.log").write_text("ignored")
    (root / ".venv").mkdir()
    (root / ".venv" / "pyvenv.cfg").write_text("ignored")
    before = snapshot(root)

    assert discover(root).changes == listed_by_git(root)
    assert discover(root).changes == ("README", "src/fast.py", "src/staged.py", "untracked/file")
    assert snapshot(root) == before


def test_ignore_rules_nest_and_negate_as_in_git(tmp_path):
    root = make_repository(
        tmp_path,
        {
            ".gitignore": "*.tmp\n/build\ndocs/*.html\n!keep.tmp\n",
            "sub/.gitignore": "!*.tmp\nlocal\n",
            "x": "",
        },
    )
    exclude(root / ".git", ["*.bak"])
    names = ["a.tmp", "keep.tmp", "build/x", "sub/build/x", "docs/a.html", "docs/b/c.html", "sub/a.tmp"]
    names += ["sub/local", "local", "a.bak", "sub/deep/a.bak"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")

    assert discover(root).changes == listed_by_git(root)


def test_a_size_preserving_edit_right_after_the_commit_is_seen(root):
    (root / "README").write_text("HELLO\n")

    assert discover(root).changes == ("README",)


def test_excluding_appends_each_name_once(root):
    file = root / ".git" / "info" / "exclude"
    file.write_bytes(b"# mine\n*.mine")
    exclude(root / ".git", ["/a.tsv", "/a.log"])
    exclude(root / ".git", ["/a.log", "/b.tsv"])

    assert file.read_bytes() == b"# mine\n*.mine\n/a.tsv\n/a.log\n/b.tsv\n"


def test_excluding_nothing_writes_nothing(root):
    before = snapshot(root)
    exclude(root / ".git", [])

    assert snapshot(root) == before


def test_a_directory_becomes_a_repository_with_one_commit(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("1\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("src/a.py")
    (tmp_path / "out.csv").write_text("ignored")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("")
    commit = init_repository(tmp_path, "a demo", ["out.csv", "__pycache__/"])

    assert git(tmp_path, "status", "--porcelain") == ""
    assert git(tmp_path, "fsck", "--strict") == ""
    assert git(tmp_path, "log", "--format=%H %s") == f"{commit} a demo\n"
    listed = git(tmp_path, "ls-tree", "-r", "HEAD", "--format=%(objectmode) %(path)").splitlines()
    assert listed == ["120000 link", "100755 run.sh", "100644 src/a.py"]
    assert discover(tmp_path).changes == ()


def test_a_repository_is_not_made_twice(root):
    with pytest.raises(UsageError, match="already"):
        init_repository(root, "again", [])


def test_an_empty_directory_cannot_be_committed(tmp_path):
    with pytest.raises(UsageError, match="no file"):
        init_repository(tmp_path, "empty", [])
    assert not (tmp_path / ".git").exists()
