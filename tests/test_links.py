"""Untracked things that commands need, in checkouts: found, copied or linked, and never written through."""

import os
import shutil
import subprocess

import pytest
from support.workspace_repos import git, make_repository, open_workspace, propose, referee, state_of

from autoopt.errors import RepositoryError, UsageError
from autoopt.schema import LinkBy
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.copies import Copy, listing
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.links import LARGEST_COPY, MOST_COPIED, Links, find
from autoopt.workspaces.repository import discover


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")


def needs(root, *commands, wanted=(), by=LinkBy.auto):
    repository = discover(root)
    return find(repository.root, repository.files, wanted, by, commands, root.parent)


def discarded(workspace, number):
    with workspace.attempt(propose(content=b"%d\n" % number), number) as attempt:
        return attempt.change.commit


def test_environments_beside_every_project_file_are_found(tmp_path):
    root = make_repository(tmp_path, {"src/a.py": "", "web/package.json": "{}", "jobs/pyproject.toml": ""})
    put(root, "web/node_modules/x/index.js", "jobs/.venv/pyvenv.cfg", "venv/pyvenv.cfg", "src/node_modules/y")

    assert needs(root).names == ("venv", "jobs/.venv", "web/node_modules")


def test_data_that_the_commands_name_is_found_and_results_are_not(root):
    put(
        root,
        "big/train/a.csv",
        "big/test/b.csv",
        "scores.json",
        "out/x.csv",
        "report.xml",
        "held.parquet",
        "plain",
    )

    found = needs(
        root,
        "python bench.py --data big/train --report=report.xml --json scores.json plain > out/run",
        "python holdout.py --data=held.parquet ../elsewhere /etc/passwd missing/x 'unclosed",
        "python holdout.py --data=./held.parquet",
    )

    assert found.names == ("big/train", "held.parquet")


def test_what_is_tracked_and_what_lies_in_another_one_is_not_listed_twice(tmp_path):
    root = make_repository(tmp_path, {"src/a.py": "", "data/small.csv": "1\n"})
    put(root, "data/big/x.csv", "models/m.pt", "models/deep/n.pt")

    assert needs(root, "run models/deep data/big").names == ("models", "data/big")


def test_small_things_are_copied_and_environments_and_large_ones_linked(root):
    put(root, "data/x.csv", ".venv/pyvenv.cfg", "node_modules/a/index.js", "weights/w.bin")
    (root / "models").mkdir()
    for number in range(MOST_COPIED + 1):
        os.mknod(root / "models" / str(number))

    assert needs(root).copied == ("node_modules", "data", "weights")
    assert needs(root, by=LinkBy.link).copied == ()
    assert needs(root, by=LinkBy.copy).copied == needs(root).names


def test_each_checkout_has_its_own_copy_and_the_users_stays_as_it_is(root):
    put(root, "data/x.csv", "data/sub/y.csv")
    before = listing(root / "data")
    workspace = open_workspace(root)
    arms = [workspace.checkout(workspace.base), workspace.checkout(discarded(workspace, 1))]
    for arm in (*arms, workspace.desk):
        assert (arm / "data" / "sub" / "y.csv").read_text() == "content of data/sub/y.csv\n"
        (arm / "data" / "x.csv").write_text("overwritten\n")
        (arm / "data" / "cache.bin").write_text("answers\n")

    assert listing(root / "data") == before
    again = workspace.checkout(discarded(workspace, 2))
    assert (again / "data" / "x.csv").read_text() == "content of data/x.csv\n"
    assert not (again / "data" / "cache.bin").exists()
    workspace.tidy()
    assert not (workspace.desk / "data" / "cache.bin").exists()


def test_a_resumed_run_copies_and_links_what_it_did(root):
    put(root, "data/x.csv", ".venv/pyvenv.cfg")
    open_workspace(root)
    put(root, "weights/w.bin")

    found = Layout.load(state_of(root))

    assert (found.links, found.copied) == ((".venv", "data"), ("data",))


def test_the_layout_of_an_earlier_version_is_read(root):
    layout = open_workspace(root)._layout
    path = state_of(root) / "workspace.json"
    path.write_text(path.read_text().replace('"copied": []', '"links": []'))

    assert Layout.load(state_of(root)) == layout


def test_a_link_in_a_copy_leads_into_the_copy(tmp_path):
    source, target = tmp_path / "data", tmp_path / "arm" / "data"
    put(tmp_path, "data/real", "outside")
    (source / "absolute").symlink_to(source / "real")
    (source / "relative").symlink_to("real")
    (source / "away").symlink_to(tmp_path / "outside")
    Copy(source).settle(target)
    (target / "absolute").write_text("changed")

    assert (source / "real").read_text() == "content of data/real\n"
    assert (target / "relative").read_text() == "changed"
    assert (target / "away").readlink() == tmp_path / "outside"


@pytest.mark.parametrize("how", ["content", "mode", "gone", "new", "link", "folder", "deep link"])
def test_whatever_became_of_a_copy_it_is_made_again(tmp_path, how):
    put(tmp_path, "data/a", "data/sub/b", "victim/b")
    (tmp_path / "data" / "a").chmod(0o755)
    copy, target = Copy(tmp_path / "data"), tmp_path / "copy"
    copy.settle(target)
    match how:
        case "content":
            (target / "a").write_text("content of data/b\n")
        case "mode":
            (target / "a").chmod(0o600)
        case "gone":
            (target / "a").unlink()
        case "new":
            put(target, "x/y/z")
        case "link":
            (target / "a").unlink()
            (target / "a").symlink_to(tmp_path / "victim" / "b")
        case "folder":
            (target / "a").unlink()
            put(target, "a/b")
        case "deep link":
            (target / "sub" / "b").unlink()
            (target / "sub").rmdir()
            (target / "sub").symlink_to(tmp_path / "victim")
    copy.settle(target)

    assert {path.relative_to(target).as_posix() for path in target.rglob("*")} == {"a", "sub", "sub/b"}
    assert (target / "a").read_text() == "content of data/a\n"
    assert (target / "a").stat().st_mode & 0o777 == 0o755
    assert (target / "sub" / "b").read_text() == "content of data/sub/b\n"
    assert (tmp_path / "victim" / "b").read_text() == "content of victim/b\n"


@pytest.mark.parametrize("known", [True, False])
def test_a_link_put_in_place_of_a_copy_or_on_its_way_costs_nothing_behind_it(tmp_path, known):
    """Making the copy again removed what was behind the link: files of the user's, or of anybody."""
    put(tmp_path, "app/data/x", "app/big/train/x", "home/precious", "home/train/mine")
    before = {path: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()}
    links = Links(tmp_path / "app", ("data", "big/train"), ("data", "big/train"))
    arm = tmp_path / "arm"
    arm.mkdir()
    links.place(arm)
    for name in ("data", "big"):
        shutil.rmtree(arm / name)
        (arm / name).symlink_to(tmp_path / "home")
    if not known:
        links = Links(tmp_path / "app", ("data", "big/train"), ("data", "big/train"))

    links.place(arm)

    assert {path: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()} == before
    assert not (arm / "data").is_symlink() and not (arm / "big").is_symlink()
    assert (arm / "data" / "x").read_text() == "content of app/data/x\n"
    assert (arm / "big" / "train" / "x").read_text() == "content of app/big/train/x\n"


def test_data_behind_a_tracked_link_is_the_users_in_every_checkout_and_never_copied(tmp_path):
    put(tmp_path, "shared/train.csv")
    root = make_repository(tmp_path)
    (root / "data").symlink_to(tmp_path / "shared")
    git(root, "add", "data")
    git(root, "commit", "-q", "-m", "data")

    workspace = open_workspace(root, commands=["python bench.py data/train.csv"])
    workspace.checkout(workspace.base)

    assert needs(root, "python bench.py data/train.csv").names == ()
    assert (tmp_path / "shared" / "train.csv").read_text() == "content of shared/train.csv\n"
    with pytest.raises(UsageError, match=r"data/train\.csv is behind data, a tracked link"):
        needs(root, wanted=["data/train.csv"])


def test_a_copy_that_is_as_it_was_is_left_alone(tmp_path):
    put(tmp_path, "data/a", "data/sub/b")
    copy, target = Copy(tmp_path / "data"), tmp_path / "copy"
    copy.settle(target)
    before = listing(target)
    copy.settle(target)

    assert listing(target) == before


def test_an_original_that_changes_during_the_run_is_never_mixed_with_what_it_was(tmp_path):
    put(tmp_path, "data/a")
    copy = Copy(tmp_path / "data")
    copy.settle(tmp_path / "one")
    put(tmp_path, "data/a")

    with pytest.raises(RepositoryError, match=r"^workspace\.link: .*data/a has changed since the run began"):
        copy.settle(tmp_path / "two")


def test_a_single_file_is_copied_too(root):
    put(root, "set.csv")
    workspace = open_workspace(root, links=["set.csv"])
    arm = workspace.checkout(workspace.base)
    (arm / "set.csv").write_text("written")

    assert (root / "set.csv").read_text() == "content of set.csv\n"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda data: (data / "x.csv").write_text("other"), "data/x.csv"),
        (lambda data: (data / "new").write_text(""), "data/new"),
        (lambda data: (data / "x.csv").unlink(), "data/x.csv"),
        (lambda data: (data / "x.csv").chmod(0o600), "data/x.csv"),
        (lambda data: (data / "deep").mkdir(), "data/deep"),
    ],
)
def test_what_is_written_through_a_link_is_told_once(root, act, said):
    put(root, "data/x.csv")
    workspace = open_workspace(root, link_by=LinkBy.link)
    arm = workspace.checkout(workspace.base)
    assert workspace.written() == ()
    act(arm / "data")

    assert workspace.written() == (said,)
    assert workspace.written() == ()


def test_links_stay_links_and_are_not_told_when_only_read(root):
    put(root, "data/x.csv")
    links = Links(root, ["data"])
    links.place(root.parent / "arm")
    assert (root.parent / "arm" / "data" / "x.csv").read_text()

    assert (root.parent / "arm" / "data").readlink() == root / "data"
    assert links.written() == ()


def test_a_copy_of_an_ignored_directory_leaves_the_desk_clean(root):
    put(root, ".venv/bin/python")
    workspace = open_workspace(root, link_by=LinkBy.copy)

    assert not (workspace.desk / ".venv").is_symlink()
    assert git(workspace.desk, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["missing", "../x", "/etc", "", "src", "README", ".git"])
def test_a_name_that_cannot_be_given_is_refused(root, name):
    with pytest.raises(UsageError, match=r"^workspace\.link: "):
        open_workspace(root, links=[name])


def test_reopening_copies_anew_and_goes_on(root):
    put(root, "data/x.csv")
    workspace = open_workspace(root)
    arm = workspace.checkout(workspace.base)
    (arm / "data" / "x.csv").write_text("left by a killed process")
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]))

    assert (again.checkout(again.base) / "data" / "x.csv").read_text() == "content of data/x.csv\n"


def test_a_linked_directory_that_is_ignored_leaves_the_desk_clean(root):
    put(root, ".venv/pyvenv.cfg")
    workspace = open_workspace(root)
    referee(workspace, root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()

    referee(workspace, root)
    assert (workspace.desk / ".venv").readlink() == root / ".venv"


def test_what_git_does_not_ignore_is_seen_in_the_desk_and_never_committed(root):
    put(root, "weights/w.bin")
    workspace = open_workspace(root, links=["weights"])
    with workspace.attempt(propose(), 1) as attempt:
        assert attempt.change.paths == ("src/fast.py",)

    assert git(workspace.desk, "status", "--porcelain") == "?? weights/\n"


@pytest.fixture
def sharing(tmp_path):
    """A directory on a file system whose files can share blocks."""
    image, place = tmp_path / "image", tmp_path / "xfs"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("needs root and mkfs.xfs to make a file system with shared blocks (apt install xfsprogs)")
    with image.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, place], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no loop device can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_where_files_can_share_blocks_large_things_are_copied_for_nothing(sharing):
    root = make_repository(sharing)
    (root / "data").mkdir()
    with (root / "data" / "large.bin").open("wb") as file:
        file.write(os.urandom(1 << 20) * 120)
    free = os.statvfs(sharing).f_bfree
    workspace = open_workspace(root)
    arms = [workspace.checkout(workspace.base), workspace.checkout(discarded(workspace, 1))]

    assert Layout.load(state_of(root)).copied == ("data",)
    assert (free - os.statvfs(sharing).f_bfree) * os.statvfs(sharing).f_frsize < 20 << 20
    (arms[0] / "data" / "large.bin").write_bytes(b"overwritten")
    assert (root / "data" / "large.bin").stat().st_size == 120 << 20
    assert (arms[1] / "data" / "large.bin").stat().st_size == 120 << 20


def test_without_shared_blocks_the_same_is_linked(root):
    (root / "data").mkdir()
    with (root / "data" / "large.bin").open("wb") as file:
        file.truncate(LARGEST_COPY + 1)
    open_workspace(root)

    assert Layout.load(state_of(root)).copied == ()
