import pytest
from support.workspace_repos import git, make_repository, open_workspace, propose, referee, snapshot

LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def root(tmp_path):
    return make_repository(
        tmp_path,
        {"src/many.py": LINES, "src/one.py": "1\n", "src/tool.sh": "#!/bin/sh\n", "bench.py": "print(1)\n"},
    )


def keep(workspace, number, path, content):
    content = content if content is None else content.encode()
    with workspace.attempt(propose(path, content, description=f"try {number}"), number) as attempt:
        attempt.keep()
        return attempt.change.commit


def shown(root, commit, path):
    return git(root, "show", f"{commit}:{path}")


def test_a_kept_change_is_taken_back_and_those_around_it_stay(root):
    workspace = open_workspace(root)
    first = keep(workspace, 1, "src/many.py", LINES.replace("line 3\n", "third\n"))
    keep(workspace, 2, "src/many.py", LINES.replace("line 3\n", "third\n").replace("line 15\n", "more\n"))

    without = workspace.without(first)

    assert shown(root, without, "src/many.py") == LINES.replace("line 15\n", "more\n")
    assert git(root, "rev-parse", f"{without}^").strip() == workspace.incumbent
    referee(workspace, root)


def test_it_is_what_git_revert_makes_of_it(root):
    workspace = open_workspace(root)
    first = keep(workspace, 1, "src/many.py", LINES.replace("line 3\n", "third\n"))
    second = keep(workspace, 2, "src/one.py", "2\n")
    keep(workspace, 3, "src/many.py", "new\n" + LINES.replace("line 3\n", "third\n"))
    without = workspace.without(first, second)

    git(root, "merge", "-q", "--ff-only", "autoresearch/r1")
    git(root, "revert", "--no-edit", second, first)

    assert git(root, "rev-parse", "HEAD^{tree}").strip() == workspace.tree(without)


def test_a_change_that_later_ones_stand_on_stays(root):
    workspace = open_workspace(root)
    first = keep(workspace, 1, "src/one.py", "2\n")
    second = keep(workspace, 2, "src/one.py", "3\n")

    assert workspace.without(first) is None
    assert shown(root, workspace.without(second), "src/one.py") == "2\n"
    assert shown(root, workspace.without(first, second), "src/one.py") == "1\n"


def test_a_change_that_was_undone_later_leaves_the_final_commit_as_it_is(root):
    workspace = open_workspace(root)
    first = keep(workspace, 1, "src/one.py", "2\n")
    keep(workspace, 2, "src/one.py", "1\n")

    assert workspace.without(first) == workspace.incumbent


def test_new_files_go_and_deleted_ones_come_back_as_they_were(root):
    (root / "src/tool.sh").chmod(0o755)
    git(root, "commit", "-qam", "executable")
    workspace = open_workspace(root)
    added = keep(workspace, 1, "src/deep/new.py", "new\n")
    deleted = keep(workspace, 2, "src/tool.sh", None)

    listed = git(root, "ls-tree", "-r", workspace.without(added, deleted))

    assert "deep" not in listed
    assert listed == git(root, "ls-tree", "-r", workspace.base)
    assert "100755" in listed


def test_a_file_does_not_come_back_where_a_directory_is_now(root):
    workspace = open_workspace(root)
    deleted = keep(workspace, 1, "src/one.py", None)
    keep(workspace, 2, "src/one.py/inner.py", "inner\n")

    assert workspace.without(deleted) is None


def test_nothing_of_the_users_is_touched_and_the_commit_is_the_same_when_asked_again(root):
    workspace = open_workspace(root)
    first = keep(workspace, 1, "src/one.py", "2\n")
    keep(workspace, 2, "src/many.py", "few\n")
    tip, before = git(root, "rev-parse", "autoresearch/r1"), snapshot(root)

    without = workspace.without(first)

    assert workspace.without(first) == without
    assert snapshot(root) == before
    assert git(root, "rev-parse", "autoresearch/r1") == tip
    assert without in git(root, "for-each-ref", "--format=%(objectname)", "refs/autoopt")
