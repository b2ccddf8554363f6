"""Every state a user's repository can be in: a whole cycle of a run in it, or one line that says why not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.parallel_runs import FILES, here, recipe
from support.workspace_repos import git, make_repository, open_workspace, propose, referee, snapshot, state_of

from autoopt.errors import NothingChangedError, RepositoryError, UsageError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.history import diff
from autoopt.workspaces.layout import as_stored
from autoopt.workspaces.merges import Merges
from autoopt.workspaces.repository import discover, exclude, forget_excluded
from autoopt.workspaces.undo import undo

FETCH = ("-c", "protocol.file.allow=always")


def commit_all(root: Path, message: str = "more") -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def cycle(root: Path, where: Path | None = None, scope: str = "src", path: str = "src/fast.py") -> None:
    """Everything a run does to a repository: make, keep, discard, measure, reopen, undo a keep, merge."""
    before = bytes_of(root)
    refs = user_refs(root)
    state = state_of(root)
    state.mkdir(parents=True)
    workspace = GitWorkspace.create(where or root, "r1", state, Scope([scope]))
    with workspace.attempt(propose(path, b"kept\n"), 1) as attempt:
        kept = attempt.change.commit
        assert (workspace.checkout(kept) / path).read_bytes() == b"kept\n"
        attempt.keep()
    with workspace.attempt(propose(path, b"discarded\n"), 2) as attempt:
        assert (workspace.checkout(attempt.change.commit) / path).read_bytes() == b"discarded\n"
    with workspace.attempt(propose(f"{scope}/new/file.txt", b"new\n"), 3) as attempt:
        attempt.keep()
    assert (workspace.desk / path).read_bytes() == b"kept\n"
    assert workspace.without(kept) is not None
    assert "+kept" in diff(discover(root).control, workspace.base, workspace.incumbent)
    workspace.close()
    again = GitWorkspace.reopen(state, Scope([scope]))
    assert again.incumbent == workspace.incumbent
    with pytest.raises(NothingChangedError), again.attempt(propose(path, b"kept\n"), 4):
        raise AssertionError("must not open")
    referee(again, root)
    assert git(again.desk, "fsck", "--strict", "--no-dangling") == ""
    merged(root, again)
    again.close()
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert bytes_of(root) == before
    assert user_refs(root) == refs


def bytes_of(root: Path) -> dict[str, object]:
    """The user's bytes and times, but for the time of a shared index: git itself renews it when it looks."""
    found = snapshot(root)
    return {name: it[0] if name.startswith(".git/sharedindex") else it for name, it in found.items()}


def listed_by_git(root: Path) -> set[str]:
    words = ("status", "--porcelain", "-z", "-uall", "--no-renames", "--ignore-submodules=none")
    return {line[3:] for line in git(root, *words).split("\0") if line}


def merged(root: Path, workspace: GitWorkspace) -> None:
    """Merge two of the run's commits that lie beside each other; git reads the result."""
    control = discover(root).control
    merges = Merges(control, "states")
    discarded = workspace.commit_of(2)
    assert discarded is not None
    found = merges.join(discarded, [workspace.base], workspace.incumbent, "merge\n")
    assert isinstance(found, tuple) and found[0].path.endswith("fast.py")
    third = merges.join(workspace.base, [workspace.base], workspace.incumbent, "merge\n")
    assert third == workspace.incumbent
    branch = merges.publish(workspace.incumbent)
    merges.close()
    assert git(root, "rev-parse", branch).strip() == workspace.incumbent
    git(root, "update-ref", "-d", f"refs/heads/{branch}")


def user_refs(root: Path) -> list[str]:
    listed = git(root, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return [line for line in listed if "autoopt" not in line and "autoresearch" not in line]


State = Callable[[Path], Path | None]
GOOD: dict[str, State] = {}
BAD: dict[str, tuple[State, str]] = {}


def good(state: State) -> State:
    GOOD[state.__name__] = state
    return state


def bad(reason: str) -> Callable[[State], State]:
    def note(state: State) -> State:
        BAD[state.__name__] = (state, reason)
        return state

    return note


@good
def as_usual(root):
    pass


@good
def detached_head(root):
    git(root, "checkout", "-q", "--detach")


@good
def dirty_and_staged(root):
    (root / "README").write_text("staged\n")
    git(root, "add", "README")
    (root / "README").write_text("and edited\n")
    (root / "src" / "fast.py").write_text("edited in scope\n")
    (root / "bench.py").unlink()


@good
def shallow(root):
    for number in range(3):
        git(root, "commit", "-q", "--allow-empty", "-m", str(number))
    git(root.parent, "clone", "-q", "--depth=1", f"file://{root}", "clone")
    return root.parent / "clone"


@good
def partial_clone(root):
    git(root, "config", "uploadpack.allowFilter", "true")
    git(root.parent, *FETCH, "clone", "-q", "--filter=blob:none", f"file://{root}", "clone")
    return root.parent / "clone"


@good
def borrowed_objects(root):
    git(root.parent, "clone", "-q", "--shared", str(root), "clone")
    return root.parent / "clone"


@good
def borrowed_objects_of_a_quoted_relative_place(root):
    (root.parent / "odd\nplace").mkdir()
    shutil.move(root, root.parent / "odd\nplace")
    git(root.parent, "init", "-q", "-b", "main", "clone")
    clone = root.parent / "clone"
    info = clone / ".git" / "objects" / "info"
    (info / "alternates").write_text('# borrowed\n"../../../odd\\nplace/app/.git/objects"\n')
    git(clone, *FETCH, "fetch", "-q", str(root.parent / "odd\nplace" / "app"), "main")
    git(clone, "reset", "-q", "--hard", "FETCH_HEAD")
    assert not list(clone.glob(".git/objects/??"))
    return clone


@good
def borrowing_from_each_other(root):
    clone = borrowed_objects(root)
    (root / ".git" / "objects" / "info" / "alternates").write_text(f"{clone}/.git/objects\n")
    return clone


@good
def packed_refs_and_objects(root):
    git(root, "tag", "-a", "v1", "-m", "one")
    git(root, "gc", "-q", "--prune=now")
    assert not (root / ".git" / "refs" / "heads" / "main").exists()


@good
def commit_graph_and_multi_pack_index(root):
    git(root, "repack", "-adq")
    (root / "src" / "more.py").write_text("1\n")
    commit_all(root)
    git(root, "repack", "-q")
    git(root, "multi-pack-index", "write", "--bitmap")
    git(root, "commit-graph", "write", "--reachable")


@good
def linked_worktree(root):
    git(root, "worktree", "add", "-q", "-b", "other", "../linked")
    return root.parent / "linked"


@good
def submodule_as_the_repository(root):
    outer = make_repository(root.parent / "outer")
    git(outer, *FETCH, "submodule", "add", "-q", str(root), "vendor")
    commit_all(outer)
    return outer / "vendor"


@good
def nested_in_another_repository(root):
    outer = make_repository(root.parent / "outer")
    shutil.move(root, outer / "inner")
    return outer / "inner"


@good
def separate_git_directory(root):
    git(root, "init", "-q", "--separate-git-dir", str(root.parent / "elsewhere.git"))


@good
def symlinked_git_directory(root):
    (root / ".git").rename(root.parent / "elsewhere")
    (root / ".git").symlink_to(root.parent / "elsewhere")


@good
def symlinked_root(root):
    root.rename(root.parent / "real")
    root.symlink_to(root.parent / "real")


@good
def sha256(root):
    return make_sha256(root)


def make_sha256(root):
    shutil.rmtree(root / ".git")
    git(root, "init", "-q", "-b", "main", "--object-format=sha256")
    commit_all(root, "start")


@good
def sha256_packed(root):
    make_sha256(root)
    git(root, "gc", "-q", "--prune=now")


@good
def sha256_borrowed(root):
    make_sha256(root)
    git(root.parent, "clone", "-q", "--shared", str(root), "clone")
    return root.parent / "clone"


def conflicted(root, *how):
    git(root, "checkout", "-q", "-b", "side")
    (root / "README").write_text("theirs\n")
    commit_all(root)
    git(root, "checkout", "-q", "main")
    (root / "README").write_text("ours\n")
    commit_all(root)
    with pytest.raises(AssertionError):
        git(root, *how)


@good
def in_the_middle_of_a_merge(root):
    conflicted(root, "merge", "-q", "side")


@good
def in_the_middle_of_a_rebase(root):
    conflicted(root, "rebase", "-q", "side")


@good
def in_the_middle_of_a_cherry_pick(root):
    conflicted(root, "cherry-pick", "side")


@good
def in_the_middle_of_a_revert(root):
    (root / "README").write_text("once\n")
    commit_all(root)
    (root / "README").write_text("twice\n")
    commit_all(root)
    with pytest.raises(AssertionError):
        git(root, "revert", "--no-edit", "HEAD~1")


@good
def in_the_middle_of_a_bisection(root):
    for number in range(4):
        git(root, "commit", "-q", "--allow-empty", "-m", str(number))
    git(root, "bisect", "start", "HEAD", "HEAD~4")


@good
def sparse_checkout(root):
    (root / "docs").mkdir()
    (root / "docs" / "text").write_text("x\n")
    commit_all(root)
    git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "src")
    assert not (root / "docs").exists()


@good
def split_index(root):
    git(root, "update-index", "--split-index")
    (root / "README").write_text("more\n")
    git(root, "add", "README")


@good
def untracked_cache_and_monitor(root):
    git(root, "update-index", "--force-untracked-cache")
    git(root, "config", "core.fsmonitor", "true")
    git(root, "config", "core.untrackedCache", "true")
    git(root, "config", "feature.manyFiles", "true")
    git(root, "config", "index.version", "4")
    git(root, "config", "core.fsmonitor", "false")


@good
def hidden_bits(root):
    git(root, "update-index", "--assume-unchanged", "README")
    git(root, "update-index", "--skip-worktree", "bench.py")
    (root / "README").write_text("unseen\n")
    (root / "bench.py").unlink()


@good
def configuration_per_worktree(root):
    git(root, "config", "extensions.worktreeConfig", "true")
    git(root, "config", "--worktree", "core.sparseCheckout", "false")
    git(root, "config", "--worktree", "core.bare", "false")


@good
def bare_with_a_worktree(root):
    git(root.parent, "clone", "-q", "--bare", str(root), "bare.git")
    git(root.parent / "bare.git", "worktree", "add", "-q", "../linked", "main")
    return root.parent / "linked"


@good
def line_endings(root):
    (root / ".gitattributes").write_text(
        "*.txt text eol=crlf\n*.id ident\n*.wide working-tree-encoding=UTF-16LE\n* text=auto\n"
    )
    git(root, "config", "core.autocrlf", "true")
    git(root, "config", "core.safecrlf", "false")
    (root / "src" / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    (root / "src" / "mark.id").write_bytes(b"$Id$\n")
    (root / "src" / "text.wide").write_bytes("wide\n".encode("utf-16-le"))
    commit_all(root)
    git(root, "checkout", "-q", "--", ".")


@good
def file_modes_off(root):
    git(root, "config", "core.fileMode", "false")
    (root / "src" / "fast.py").chmod(0o755)


@good
def names_that_are_not_text(root):
    for name in (b"src/caf\xe9.py", b"src/new\nline", b'src/quo"te', b"src/ tail ", b"-rf"):
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text("x\n")
    commit_all(root)


@good
def case_twins(root):
    (root / "src" / "Twin.py").write_text("1\n")
    (root / "src" / "twin.py").write_text("2\n")
    commit_all(root)


@good
def very_deep(root):
    folder = root / "src"
    for _ in range(18):
        folder = folder / ("d" * 200)
    folder.mkdir(parents=True)
    (folder / "x").write_text("1\n")
    commit_all(root)


@good
def links_and_submodules(root):
    (root / "src" / "link").symlink_to("../README")
    (root / "src" / "dangling").symlink_to("/nowhere")
    other = make_repository(root.parent / "other")
    git(root, *FETCH, "submodule", "add", "-q", str(other), "vendor")
    commit_all(root)


@good
def replaced_history(root):
    git(root, "commit", "-q", "--allow-empty", "-m", "second")
    git(root, "replace", "--graft", "HEAD")
    (root / ".git" / "info" / "grafts").write_text("")


@good
def gitattributes_with_lfs_out_of_scope(root):
    (root / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (root / "model.bin").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 1\n"
    )
    commit_all(root)


@good
def signed_commits(root):
    sha = git(root, "rev-parse", "HEAD").strip()
    raw = git(root, "cat-file", "commit", sha)
    head, _, tail = raw.partition("\n\n")
    signed = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n{tail}"
    (root.parent / "signed").write_text(signed)
    new = git(root, "hash-object", "-t", "commit", "-w", str(root.parent / "signed")).strip()
    git(root, "update-ref", "HEAD", new)


@good
def odd_commit(root):
    """No newline at the end, an encoding, a zone that is none."""
    tree = git(root, "rev-parse", "HEAD^{tree}").strip()
    text = f"tree {tree}\nauthor A <> 1 +0000\n"
    text += "committer \xe9 <x@y> 99999999999 -1437\nencoding latin1\n\nno \xe9nd"
    (root.parent / "odd").write_bytes(text.encode("latin1"))
    new = git(root, "hash-object", "-t", "commit", "-w", str(root.parent / "odd")).strip()
    git(root, "update-ref", "HEAD", new)


@good
def shared_with_a_group(root):
    git(root, "config", "core.sharedRepository", "group")
    git(root, "config", "core.logAllRefUpdates", "always")


@pytest.mark.parametrize("state", GOOD)
def test_a_run_goes_through_in_a_repository_with(state, tmp_path):
    root = make_repository(tmp_path)
    other = GOOD[state](root)
    cycle(other or root)


def test_a_git_environment_leads_nowhere_else(tmp_path, monkeypatch):
    root, other = make_repository(tmp_path), make_repository(tmp_path / "other")
    before = snapshot(other)
    inside = {
        "GIT_DIR": "",
        "GIT_COMMON_DIR": "",
        "GIT_INDEX_FILE": "index",
        "GIT_OBJECT_DIRECTORY": "objects",
    }
    for name, place in inside.items():
        monkeypatch.setenv(name, str(other / ".git" / place))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root))
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    cycle(root, root / "src" / "deep")

    assert snapshot(other) == before


UNSEEN = {"hidden_bits": {"README"}}
"""Changes that the user has told git not to look at; they are no part of a run all the same."""


@pytest.mark.parametrize("state", GOOD)
def test_what_is_left_out_of_a_run_is_what_git_lists_in_a_repository_with(state, tmp_path):
    root = make_repository(tmp_path)
    root = GOOD[state](root) or root
    before = bytes_of(root)

    assert set(discover(root).changes) == listed_by_git(root) | UNSEEN.get(state, set())
    assert bytes_of(root) == before


@bad("no commit yet")
def unborn(root):
    git(root, "checkout", "-q", "--orphan", "new")


@bad("bare")
def bare(root):
    git(root.parent, "clone", "-q", "--bare", str(root), "bare.git")
    return root.parent / "bare.git"


@bad("bare")
def bare_by_configuration(root):
    git(root, "config", "core.bare", "true")


@bad("not in a git repository|HEAD")
def without_head(root):
    (root / ".git" / "HEAD").unlink()


@bad("HEAD")
def torn_head(root):
    (root / ".git" / "HEAD").write_text("")


@bad("HEAD")
def garbage_head(root):
    (root / ".git" / "HEAD").write_bytes(b"\0\0\0")


@bad("circle")
def head_in_a_circle(root):
    (root / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")


@bad("main")
def garbage_branch(root):
    (root / ".git" / "refs" / "heads" / "main").write_text("not an id\n")


@bad("fetch it|not in")
def missing_commit(root):
    (root / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")


@bad("damaged|fsck")
def torn_object(root):
    sha = git(root, "rev-parse", "HEAD").strip()
    path = root / ".git" / "objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:20])


@bad("damaged|fsck")
def empty_object(root):
    sha = git(root, "rev-parse", "HEAD^{tree}").strip()
    path = root / ".git" / "objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.write_bytes(b"")


@bad("(?i)refstorage")
def reftable(root):
    git(root, "config", "core.repositoryFormatVersion", "1")
    git(root, "config", "extensions.refStorage", "reftable")


@bad("(?i)objectformat")
def unknown_hash(root):
    git(root, "config", "core.repositoryFormatVersion", "1")
    (root / ".git" / "config").open("a").write("[extensions]\n\tobjectFormat = md5\n")


@bad("repositoryformatversion")
def newer_format(root):
    git(root, "config", "core.repositoryFormatVersion", "7")


@bad("extensions.wormhole")
def unknown_extension(root):
    git(root, "config", "core.repositoryFormatVersion", "1")
    git(root, "config", "extensions.wormhole", "true")


@bad("config")
def garbage_configuration(root):
    (root / ".git" / "config").write_text("[core\nx = ")


@bad("worktree repair")
def git_file_to_nowhere(root):
    (root / ".git").rename(root.parent / "gone")
    (root / ".git").write_text("gitdir: /nowhere\n")


@bad("worktree repair")
def git_file_with_garbage(root):
    (root / ".git").rename(root.parent / "gone")
    (root / ".git").write_bytes(b"\xff\0garbage")


@bad("escape|unsafe|outside")
def hostile_tree(root):
    hostile(root, b"..")


def hostile(root, name):
    """A commit whose tree has a file under a name that would leave the checkout."""
    blob = git(root, "hash-object", "-w", "README").strip()
    inner = tree_of(root, b"100644 evil\0" + bytes.fromhex(blob))
    src = git(root, "rev-parse", "HEAD:src").strip()
    raw = sorted([(name, bytes.fromhex(inner)), (b"src", bytes.fromhex(src))])
    outer = tree_of(root, b"".join(b"40000 " + n + b"\0" + sha for n, sha in raw))
    commit = git(root, "commit-tree", "-m", "hostile", outer).strip()
    git(root, "update-ref", "HEAD", commit)


def tree_of(root, raw):
    (root.parent / "raw").write_bytes(raw)
    return git(root, "hash-object", "--literally", "-t", "tree", "-w", str(root.parent / "raw")).strip()


@bad("escape|unsafe|outside")
def hostile_tree_of_git(root):
    hostile(root, b".GIT")


@bad("escape|unsafe|outside")
def hostile_tree_with_a_slash(root):
    hostile(root, b"a/../..")


@bad("replace")
def replaced_content(root):
    new = git(root, "hash-object", "-w", "bench.py").strip()
    git(root, "replace", "HEAD:src/fast.py", new)


@bad("scope|autoresearch")
def branch_in_the_way(root):
    git(root, "branch", "autoresearch")


@pytest.mark.parametrize("state", BAD)
def test_no_run_starts_in_a_repository_with(state, tmp_path):
    root = make_repository(tmp_path)
    make, reason = BAD[state]
    where = make(root) or root
    state_of(root).mkdir(parents=True)
    before = snapshot(root)
    with pytest.raises(RepositoryError, match=reason) as refusal:
        GitWorkspace.create(where, "r1", state_of(root), Scope(["src"]))

    assert refusal.value.exit_code == 3
    assert "\n" not in str(refusal.value)
    assert snapshot(root) == before
    assert not (tmp_path / "app-r1").exists()
    assert not (tmp_path / "evil").exists()


def test_a_directory_called_git_that_is_none_is_passed_over_as_git_does(tmp_path):
    root = make_repository(tmp_path)
    (root / "src" / ".git").mkdir()

    assert discover(root / "src").root == root


@pytest.mark.parametrize("inside", ["", "hooks"])
def test_nobody_runs_from_inside_a_git_directory(inside, tmp_path):
    root = make_repository(tmp_path)
    (root / ".git" / "hooks").mkdir(exist_ok=True)

    with pytest.raises(RepositoryError, match="run in a checkout"):
        discover(root / ".git" / inside)


def test_configuration_of_the_user_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    root = make_repository(tmp_path)
    config = tmp_path / "gitconfig"
    config.write_text("[user\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    state_of(root).mkdir(parents=True)

    with pytest.raises(RepositoryError, match="your git configuration"):
        GitWorkspace.create(root, "r1", state_of(root), Scope(["src"]))


ANOTHER = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("strange", ["", ".git"])
@pytest.mark.parametrize(
    ("trusted", "enough"),
    [
        ("{root}", True),
        ("*", True),
        ("{root}/../*", False),
        ("{above}/*", True),
        ("{root}\n\tdirectory =", False),
    ],
)
def test_files_of_somebody_else_are_trusted_where_the_user_says_so(
    strange, trusted, enough, tmp_path, monkeypatch
):
    root = make_repository(tmp_path)
    os.chown(root / strange, ANOTHER, ANOTHER)
    config = tmp_path / "gitconfig"
    config.write_text(f"[safe]\n\tdirectory = {trusted.format(root=root, above=tmp_path)}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))

    if enough:
        assert discover(root).root == root
        return
    with pytest.raises(RepositoryError, match=r"safe\.directory"):
        discover(root)


def test_a_replacement_that_shows_the_same_files_is_harmless(tmp_path):
    root = make_repository(tmp_path)
    git(root, "commit", "-q", "--allow-empty", "-m", "second")
    git(root, "replace", "HEAD~1", "HEAD")

    assert discover(root).head == git(root, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("place", [".git/info/attributes", "user", ".gitattributes"])
@pytest.mark.parametrize("line", ["*.py filter=lfs", '[attr]big filter=lfs\n"src/*.py" big'])
def test_files_in_scope_that_git_would_convert_by_a_program_are_refused(line, place, tmp_path, monkeypatch):
    root = make_repository(tmp_path)
    if place == "user":
        config = tmp_path / "gitconfig"
        config.write_text(f"[core]\n\tattributesFile = {tmp_path}/user\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    file = tmp_path / "user" if place == "user" else root / place
    file.write_text(f"{line}\n")
    if place == ".gitattributes":
        commit_all(root)
    state_of(root).mkdir(parents=True)

    with pytest.raises(UsageError, match=r"src/\S+\.py is stored through a git filter"):
        GitWorkspace.create(root, "r1", state_of(root), Scope(["src"]))
    assert set(as_stored(discover(root)).values()) == {"filter=lfs"}


@pytest.mark.parametrize("undone", ["src/** -filter", "src/** !filter", "*.py filter"])
def test_an_attribute_that_is_taken_back_converts_nothing(undone, tmp_path):
    root = make_repository(tmp_path)
    (root / ".gitattributes").write_text("*.py filter=lfs\n[")
    (root / ".git" / "info" / "attributes").write_text(f"{undone}\nbench.py -filter\n")
    commit_all(root)

    assert as_stored(discover(root)) == {}


def test_attribute_files_deeper_down_count_more(tmp_path):
    root = make_repository(
        tmp_path, {"-x/.gitattributes": "* -filter\n", ".gitattributes": "* filter=a\n", "-x/a": ""}
    )

    assert as_stored(discover(root)) == {".gitattributes": "filter=a"}


def reopened(root):
    return GitWorkspace.reopen(state_of(root), Scope(["src"]))


def test_locks_of_somebody_else_in_the_users_checkout_do_not_stop_a_run(tmp_path):
    root = make_repository(tmp_path)
    locks = [
        root / ".git" / name for name in ("index.lock", "HEAD.lock", "refs/heads/main.lock", "config.lock")
    ]
    for lock in locks:
        lock.write_text("theirs")
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    workspace.close()
    reopened(root).close()

    assert [lock.read_text() for lock in locks] == ["theirs"] * len(locks)


@pytest.mark.parametrize("name", ["refs/autoopt/r1/2.lock", "refs/heads/autoresearch/r1.lock"])
def test_a_lock_of_somebody_else_on_a_ref_of_the_run_is_named_and_stays(name, tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    lock = root / ".git" / name
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("theirs")

    with (
        pytest.raises(RepositoryError, match=r"\.lock: locked by .*made by \S+ \d+ s ago"),
        workspace.attempt(propose(), 2) as attempt,
    ):
        attempt.keep()
    assert lock.read_text() == "theirs"
    lock.unlink()
    workspace.close()
    referee(reopened(root), root)


def by_deleting(desk):
    shutil.rmtree(desk)


def by_pruning(desk):
    shutil.rmtree(desk)
    git(desk.parent / "app", "worktree", "prune")


def by_removing(desk):
    git(desk.parent / "app", "worktree", "remove", "--force", str(desk))


def by_moving(desk):
    git(desk.parent / "app", "worktree", "move", str(desk), str(desk.parent / "moved"))


def by_collecting(desk):
    shutil.rmtree(desk)
    git(desk.parent / "app", "worktree", "prune")
    git(desk.parent / "app", "reflog", "expire", "--expire=now", "--all")
    git(desk.parent / "app", "gc", "-q", "--prune=now")


@pytest.mark.parametrize("lose", [by_deleting, by_pruning, by_removing, by_moving, by_collecting])
def test_a_desk_that_the_user_took_away_comes_back_and_no_experiment_is_lost(lose, tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    with workspace.attempt(propose(content=b"worse\n"), 2):
        pass
    tried = workspace.commit_of(2)
    lose(workspace.desk)
    with workspace.attempt(propose(content=b"again\n"), 3):
        pass
    workspace.close()
    again = reopened(root)

    assert again.commit_of(2) == tried
    assert (again.desk / "src" / "fast.py").read_bytes() == b"better\n"
    referee(again, root)


def to_another_commit(root):
    git(
        root,
        "update-ref",
        "refs/heads/autoresearch/r1",
        git(root, "commit-tree", "-m", "x", "HEAD^{tree}").strip(),
    )


def to_nowhere(root):
    git(root, "update-ref", "-d", "refs/heads/autoresearch/r1")


def by_renaming(root):
    git(root.parent / "app-r1", "branch", "-m", "mine")


@pytest.mark.parametrize("move", [to_another_commit, to_nowhere, by_renaming])
def test_a_run_branch_that_was_moved_stops_the_run_and_the_old_commit_is_printed(move, tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    move(root)

    with (
        pytest.raises(RepositoryError, match=f"branch moved.*{workspace.incumbent}") as refusal,
        workspace.attempt(propose(content=b"more\n"), 2),
    ):
        raise AssertionError("must not open")
    assert refusal.value.exit_code == 3


def test_the_run_branch_checked_out_by_the_user_stays_theirs(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    git(root, "checkout", "-q", "--ignore-other-worktrees", "autoresearch/r1")
    (root / "README").write_text("theirs\n")
    commit_all(root, "of the user")

    with (
        pytest.raises(RepositoryError, match="branch moved"),
        workspace.attempt(propose(content=b"more\n"), 2),
    ):
        raise AssertionError("must not open")
    assert (root / "README").read_text() == "theirs\n"


def test_a_list_of_ignored_files_behind_a_link_is_written_where_it_is(tmp_path):
    root = make_repository(tmp_path)
    (tmp_path / "mine").write_text("*.mine\n")
    place = root / ".git" / "info" / "exclude"
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(tmp_path / "mine")
    exclude(root / ".git", ["/a.tsv"])
    forget_excluded(root / ".git", ["*.mine"])

    assert place.is_symlink()
    assert (tmp_path / "mine").read_text() == "/a.tsv\n"


def test_a_run_is_undone_with_packed_refs_and_nothing_of_it_stays(tmp_path):
    root = make_repository(tmp_path)
    git(root, "tag", "-a", "v1", "-m", "one")
    git(root, "pack-refs", "--all")
    before = git(root, "for-each-ref")
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1):
        pass
    git(root, "pack-refs", "--all")
    workspace.close()
    undo(state_of(root))

    assert git(root, "for-each-ref") == before
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert git(root, "show-ref", "-d") == git(root, "show-ref", "--dereference")
    assert not list((root / ".git").rglob("*intent*"))


def test_a_lock_of_somebody_else_on_packed_refs_is_named_and_stays(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1):
        pass
    git(root, "pack-refs", "--all")
    (root / ".git" / "packed-refs.lock").write_text("theirs")
    workspace.close()

    with pytest.raises(RepositoryError, match=r"packed-refs\.lock: locked"):
        undo(state_of(root))
    (root / ".git" / "packed-refs.lock").unlink()
    undo(state_of(root))
    assert "auto" not in git(root, "for-each-ref")


RECIPES = {"a": recipe("a", 1), "b": recipe("b", 2)}


def test_everything_works_in_a_repository_with_long_ids(tmp_path, monkeypatch, capsys):
    project = here(tmp_path, monkeypatch, RECIPES)
    make_sha256(project.root)
    for words in (
        ("recipe=a", "run_id=one"),
        ("recipe=b", "run_id=two"),
        ("resume", "one", "budget.experiments=2"),
        ("show", "one", "1"),
        ("report", "one"),
        ("merge", "one", "two"),
        ("finish", "one", "--unconfirmed"),
        ("doctor", "recipe=a"),
    ):
        code, out, err = project.run(capsys, *words)
        assert code == 0, (words, out + err)

    project.in_order()
    assert len(project.git("rev-parse", "autoresearch/one-final")) == 64
    assert project.git("show", "autoresearch/one-final:src/a/n") == "1"
    assert project.run(capsys, "clean", "one", "two", "--yes", "--force")[0] == 0
    project.in_order()


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        (unborn, 3, "no commit yet"),
        (bare_by_configuration, 3, "bare repository"),
        (reftable, 3, "refStorage is 'reftable'"),
        (torn_object, 3, "damaged"),
        (garbage_configuration, 3, "config"),
    ],
)
def test_a_person_reads_one_line_and_nothing_is_written(state, code, said, tmp_path, monkeypatch, capsys):
    project = here(tmp_path, monkeypatch, RECIPES)
    state(project.root)
    before = snapshot(project.root)
    for words in (("recipe=a",), ("doctor", "recipe=a"), ("start", "recipe=a")):
        found, _, err = project.run(capsys, *words)
        assert (found, err.count("\n"), said in err) == (code, 1, True), err

    assert snapshot(project.root) == before
    assert project.records() == []


def test_what_is_not_part_of_the_run_or_not_as_in_a_checkout_is_said(tmp_path, monkeypatch, capsys):
    project = here(
        tmp_path, monkeypatch, RECIPES, FILES | {".gitattributes": "*.bin filter=lfs\n", "x.bin": "id\n"}
    )
    (project.root / "README").write_text("mine\n")
    project.git("checkout", "-q", "--detach")
    code, out, _ = project.run(capsys, "recipe=a", "run_id=one")
    assert "recipes are read" not in out

    assert code == 0
    assert "your 1 uncommitted change, first README" in out
    assert "x.bin (filter=lfs): checkouts have it as it is committed" in out
    assert "detached HEAD" in out
    assert (project.root / "README").read_text() == "mine\n"


def test_a_recipe_that_is_not_committed_is_no_reason_to_worry(tmp_path, monkeypatch, capsys):
    project = here(tmp_path, monkeypatch, RECIPES)
    (project.root / ".autoopt" / "recipes").mkdir(parents=True, exist_ok=True)
    (project.root / ".autoopt" / "recipes" / "zz.yaml").write_text("goal: Another\n")

    code, out, _ = project.run(capsys, "recipe=a", "run_id=one")

    assert code == 0
    assert "recipes are read as they are here" in " ".join(out.split())
