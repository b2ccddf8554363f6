import os
import shutil
import sys
import time

import pytest
from support.workspace_repos import git, make_repository, open_workspace, propose, state_of

from autoopt.errors import RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace, products


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def files_below(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def discarded(workspace, number, content):
    """A commit that was tried and not kept."""
    with workspace.attempt(propose(content=content), number) as attempt:
        return attempt.change.commit


def test_a_checkout_holds_exactly_the_commits_files(root):
    workspace = open_workspace(root)
    arm = workspace.checkout(workspace.base)

    listed = git(root, "ls-tree", "-r", "--name-only", workspace.base).split()
    assert sorted(files_below(arm)) == sorted(listed)
    assert not (arm / ".git").exists()


def test_the_incumbents_arm_is_never_displaced(root):
    workspace = open_workspace(root)
    incumbent = workspace.checkout(workspace.base)
    arms = {workspace.checkout(discarded(workspace, n, b"%d\n" % n)) for n in range(1, 5)}

    assert incumbent not in arms
    assert len(arms) == 1
    assert workspace.checkout(workspace.base) == incumbent


def test_the_base_can_be_measured_against_the_final_incumbent(root):
    workspace = open_workspace(root)
    workspace.checkout(workspace.base)
    for number in (1, 2):
        with workspace.attempt(propose(content=b"%d\n" % number), number) as attempt:
            workspace.checkout(attempt.change.commit)
            attempt.keep()
    final, base = workspace.checkout(workspace.incumbent), workspace.checkout(workspace.base)

    assert (final / "src" / "fast.py").read_bytes() == b"2\n"
    assert (base / "src" / "fast.py").read_bytes() == b"def work():\n    return 1\n"
    assert workspace.checkout(workspace.incumbent) == final


def test_files_that_do_not_differ_are_not_rewritten(root):
    workspace = open_workspace(root)
    workspace.checkout(workspace.base)
    arm = workspace.checkout(discarded(workspace, 1, b"1\n"))
    before = (arm / "bench.py").lstat()
    workspace.checkout(discarded(workspace, 2, b"2\n"))

    assert (arm / "bench.py").lstat().st_ctime_ns == before.st_ctime_ns


def tamper(arm):
    (arm / "bench.py").write_text("print(0)\n")


def tamper_in_place_with_the_old_times(arm):
    path = arm / "bench.py"
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"print(0)\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap_for_a_link(arm):
    (arm / "bench.py").unlink()
    (arm / "bench.py").symlink_to("/etc/hostname")


def link_a_folder_outside(arm):
    outside = arm.parent.parent.parent / "outside"
    outside.mkdir()
    (outside / "fast.py").write_text("outside")
    for path in sorted((arm / "src").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (arm / "src").rmdir()
    (arm / "src").symlink_to(outside)


def take_away_permissions(arm):
    (arm / "src" / "deep" / "more").mkdir()
    (arm / "src" / "deep" / "more" / "x").write_text("")
    (arm / "src" / "deep" / "more").chmod(0o500)
    (arm / "src" / "deep").chmod(0)


def replace_a_folder_by_a_file(arm):
    (arm / "src" / "deep" / "slow.py").unlink()
    (arm / "src" / "deep").rmdir()
    (arm / "src" / "deep").write_text("file")


def replace_a_file_by_a_folder(arm):
    (arm / "bench.py").unlink()
    (arm / "bench.py").mkdir()
    (arm / "bench.py" / "x").write_text("")


def replace_everything_by_a_link(arm):
    outside = arm.parent.parent.parent / "outside"
    arm.rename(outside)
    arm.symlink_to(outside)


def leave_caches(arm):
    (arm / "src" / "__pycache__").mkdir()
    (arm / "src" / "__pycache__" / "fast.cpython-311.pyc").write_text("poison")
    (arm / "debug.log").write_text("ignored by git, but not by us")
    os.mkfifo(arm / "pipe")


@pytest.mark.parametrize(
    "misdeed",
    [
        *(tamper, tamper_in_place_with_the_old_times, swap_for_a_link, link_a_folder_outside, leave_caches),
        *(
            take_away_permissions,
            replace_a_folder_by_a_file,
            replace_a_file_by_a_folder,
            replace_everything_by_a_link,
        ),
    ],
)
def test_whatever_a_command_did_to_its_checkout_is_undone_for_the_next_command_and_commit(root, misdeed):
    workspace = open_workspace(root)
    clean = files_below(workspace.checkout(workspace.base))
    challenger = discarded(workspace, 1, b"1\n")
    misdeed(workspace.checkout(challenger))
    again = files_below(workspace.checkout(challenger))
    shutil.rmtree(state_of(root) / "outside", ignore_errors=True)
    misdeed(workspace.checkout(challenger))
    arm = workspace.checkout(discarded(workspace, 2, b"2\n"))

    assert again == {**clean, "src/fast.py": b"1\n"}
    assert files_below(arm) == {**clean, "src/fast.py": b"2\n"}
    assert not any(path.is_symlink() or path.is_fifo() for path in [arm, *arm.rglob("*")])
    outside = state_of(root) / "outside"
    assert not outside.exists() or (outside / "fast.py").exists() or (outside / "src" / "fast.py").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs extended attributes")
def test_neither_files_nor_directories_can_be_marked_for_the_next_command(root):
    workspace = open_workspace(root)
    places = ["", "src", "src/deep", "src/deep/slow.py"]

    def traits():
        workspace.checkout(workspace.base)  # all of it is looked at from the second time on
        arm = workspace.checkout(workspace.base)
        found = [(arm / place).stat() for place in places]
        times = [one.st_mtime_ns for one in found[:-1]]
        return arm, [one.st_mode for one in found], times, [os.listxattr(arm / place) for place in places]

    arm, *before = traits()
    for place in places:
        os.setxattr(arm / place, "user.cache", b"42")
        (arm / place).chmod(0o750)
        os.utime(arm / place, ns=(42, 42))

    assert [arm, *before] == list(traits())
    assert (arm / places[-1]).stat().st_mtime_ns != 42


def test_a_command_in_one_checkout_cannot_change_what_the_next_finds_in_the_other(root):
    workspace = open_workspace(root)
    challenger = discarded(workspace, 1, b"1\n")
    incumbent = workspace.checkout(workspace.base)
    clean = files_below(incumbent)
    workspace.checkout(challenger)
    (incumbent / "bench.py").write_text("import time; time.sleep(1)\n")

    assert files_below(workspace.checkout(workspace.base)) == clean


def prepare(arm, scratch):
    """New files and folders, a changed and a removed file of the commit, and something in scratch."""
    (arm / "build" / "deep").mkdir(parents=True)
    (arm / "build" / "deep" / "lib.so").write_text("built")
    (arm / "src" / "generated.py").write_text("made")
    (arm / "bench.py").write_text("patched by prepare")
    (arm / "README").unlink()
    (arm / "latest").symlink_to("build/deep")
    (scratch / "kept").mkdir()
    (scratch / "kept" / "data.db").write_text("loaded")


def test_what_was_prepared_is_what_every_command_finds(root):
    workspace = open_workspace(root)
    arm, scratch = workspace.checkout(workspace.base), workspace.scratch(workspace.base)
    prepare(arm, scratch)
    workspace.prepared(workspace.base)
    before = [files_below(arm), files_below(scratch)]
    workspace.checkout(workspace.base)
    untouched = workspace.traces(workspace.base)
    (arm / "build" / "deep" / "lib.so").write_text("cache of answers")
    (arm / "build" / "more").write_text("cache")
    (arm / "src" / "generated.py").unlink()
    (arm / "bench.py").write_text("print(0)")
    (arm / "README").write_text("back again")
    (arm / "latest").unlink()
    (scratch / "kept" / "data.db").write_text("with an index")
    (scratch / "kept" / "answers").write_text("cache")
    workspace.checkout(workspace.base)

    assert [files_below(arm), files_below(scratch)] == before
    assert (arm / "latest").readlink().as_posix() == "build/deep"
    assert untouched.undone == untouched.lasting == frozenset()
    found = {"build", "src/generated.py", "bench.py", "README", "latest"}
    assert workspace.traces(workspace.base).undone == found | {
        "$AUTOOPT_SCRATCH/data.db",
        "$AUTOOPT_SCRATCH/answers",
    }


def test_what_was_prepared_for_one_commit_does_not_serve_another(root):
    workspace = open_workspace(root)
    clean = files_below(workspace.checkout(workspace.base))
    challenger = discarded(workspace, 1, b"1\n")
    prepare(workspace.checkout(challenger), workspace.scratch(challenger))
    workspace.prepared(challenger)
    following = discarded(workspace, 2, b"2\n")

    assert files_below(workspace.checkout(following)) == {**clean, "src/fast.py": b"2\n"}
    assert files_below(workspace.scratch(following)) == {}


def test_what_is_too_large_to_put_back_is_told_of_whoever_changed_it(root, monkeypatch):
    monkeypatch.setattr(products, "LARGEST_COPY", 3)
    monkeypatch.setattr(products, "can_clone", lambda product, folder: False)
    workspace = open_workspace(root)
    challenger = discarded(workspace, 1, b"1\n")
    for commit in (challenger, workspace.base):  # the incumbent's is renewed when a challenger comes
        prepare(workspace.checkout(commit), workspace.scratch(commit))
        workspace.prepared(commit)
    workspace.checkout(workspace.base)
    arm = workspace.checkout(challenger)
    (arm / "build" / "answers").write_text("cache")
    (workspace.scratch(challenger) / "kept" / "data.db").write_text("with an index")
    workspace.checkout(challenger)
    traces = workspace.traces(challenger)

    assert traces.lasting == {"build", "$AUTOOPT_SCRATCH/data.db"}
    assert workspace.traces(challenger) == traces
    assert workspace.traces(workspace.base).lasting == frozenset()
    assert workspace.traces("0" * 40).lasting == frozenset()


def test_scratch_is_private_and_beside_the_files(root):
    workspace = open_workspace(root)
    scratch = workspace.scratch(workspace.base)

    assert scratch.stat().st_mode & 0o077 == 0
    assert scratch.parent == workspace.checkout(workspace.base).parent


def test_read_only_directories_in_scratch_are_emptied(root):
    workspace = open_workspace(root)
    workspace.checkout(workspace.base)
    first = discarded(workspace, 1, b"1\n")
    cache = workspace.scratch(first) / "go" / "mod"
    cache.mkdir(parents=True)
    (cache / "x").write_text("")
    cache.chmod(0o500)
    cache.parent.chmod(0o500)

    assert list(workspace.scratch(discarded(workspace, 2, b"2\n")).iterdir()) == []


def test_out_of_scope_files_are_the_bases_whatever_the_commit_says(root):
    workspace = open_workspace(root)
    (root / "bench.py").write_text("print(0)\n")
    (root / "src" / "fast.py").write_text("theirs\n")
    git(root, "commit", "-q", "-a", "-m", "both")
    arm = workspace.checkout(git(root, "rev-parse", "HEAD").strip())

    assert (arm / "bench.py").read_text() == "print(1)\n"
    assert (arm / "src" / "fast.py").read_text() == "theirs\n"


def test_setup_runs_once_for_each_new_checkout_on_the_base(root):
    seen = []

    def setup(tree, scratch):
        seen.append((tree, (tree / "src" / "fast.py").read_bytes(), scratch.is_dir()))

    workspace = open_workspace(root, setup=setup)
    base = workspace.checkout(workspace.base)
    arms = [workspace.checkout(discarded(workspace, n, b"%d\n" % n)) for n in (1, 2)]

    original = b"def work():\n    return 1\n"
    assert seen == [(base, original, True), (arms[0], original, True)]


def test_what_setup_made_stays_and_what_it_changed_does_not(root):
    def setup(tree, scratch):
        (tree / "build" / "lib").mkdir(parents=True)
        (tree / "build" / "lib" / "x.so").write_text("compiled")
        (tree / "src" / "ext.so").write_text("compiled")
        (tree / "src" / "__pycache__").mkdir()
        (tree / "src" / "__pycache__" / "a.pyc").write_text("stale")
        (tree / "README").write_text("changed")

    workspace = open_workspace(root, setup=setup)
    workspace.checkout(workspace.base)
    for number in (1, 2):
        arm = workspace.checkout(discarded(workspace, number, b"%d\n" % number))

    assert (arm / "build" / "lib" / "x.so").read_text() == "compiled"
    assert (arm / "src" / "ext.so").read_text() == "compiled"
    assert not (arm / "src" / "__pycache__").exists()
    assert (arm / "README").read_text() == "hello\n"


def test_what_a_command_did_to_the_products_of_the_setup_does_not_reach_the_next_commit(root):
    def setup(tree, scratch):
        (tree / "build" / "lib").mkdir(parents=True)
        (tree / "build" / "lib" / "x.so").write_text("compiled")
        (tree / "build" / "current").symlink_to(tree / "build" / "lib")
        (tree / "src" / "ext.so").write_text("compiled")

    def misuse(arm):
        (arm / "build" / "lib" / "x.so").write_text("cheating")
        (arm / "build" / "__pycache__").mkdir()
        (arm / "build" / "__pycache__" / "sitecustomize.cpython-311.pyc").write_text("poison")
        (arm / "src" / "ext.so").unlink()

    workspace = open_workspace(root, setup=setup)
    workspace.checkout(workspace.base)
    arm = workspace.checkout(discarded(workspace, 1, b"1\n"))
    made = files_below(arm)
    misuse(arm)
    assert files_below(workspace.checkout(discarded(workspace, 2, b"2\n"))) == {**made, "src/fast.py": b"2\n"}
    assert (arm / "build" / "current").readlink() == arm / "build" / "lib"
    misuse(arm)
    (arm / "build").rename(arm.parent / "outside")
    (arm / "build").symlink_to(arm.parent / "outside")
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]))
    third = again.checkout(discarded(again, 3, b"3\n"))

    assert files_below(third) == {**made, "src/fast.py": b"3\n"}
    assert (arm.parent / "outside" / "lib" / "x.so").read_text() == "cheating"


def test_a_setup_cut_short_is_done_again(root):
    def breaks(tree, scratch):
        (tree / "half").write_text("")
        raise KeyboardInterrupt

    workspace = open_workspace(root, setup=breaks)
    with pytest.raises(KeyboardInterrupt):
        workspace.checkout(workspace.base)
    done = []
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]), setup=lambda tree, home: done.append(tree))
    arm = again.checkout(again.base)

    assert done == [arm]
    assert not (arm / "half").exists()


def test_a_checkout_of_an_earlier_process_is_verified_not_trusted(root):
    calls = []
    workspace = open_workspace(root, setup=lambda tree, home: calls.append(tree))
    arm = workspace.checkout(workspace.base)
    (arm / "bench.py").write_text("tampered")
    (arm / "leftover").write_text("")
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]), setup=lambda tree, home: calls.append(tree))
    arm = again.checkout(again.base)

    assert (arm / "bench.py").read_text() == "print(1)\n"
    assert not (arm / "leftover").exists()
    assert len(calls) == 1


def test_breaking_the_scope_breaks_every_file_in_it_and_mends_them(root):
    workspace = open_workspace(root)
    clean = files_below(workspace.checkout(workspace.base))
    with workspace.break_scope(workspace.base) as arm:
        assert workspace.checkout(workspace.base) == arm
        broken = files_below(arm)
        (arm / "leftover").write_text("")

    changed = {name for name in clean if broken[name] != clean[name]}
    assert changed == {"src/fast.py", "src/deep/slow.py"}
    with pytest.raises(SyntaxError):
        compile(broken["src/fast.py"], "fast.py", "exec")
    assert files_below(workspace.checkout(workspace.base)) == clean


def test_a_scope_broken_by_an_error_is_mended_too(root):
    workspace = open_workspace(root)
    clean = files_below(workspace.checkout(workspace.base))
    with pytest.raises(RuntimeError), workspace.break_scope(workspace.base):
        raise RuntimeError

    assert files_below(workspace.checkout(workspace.base)) == clean


def test_a_file_that_a_command_touched_is_a_new_file_for_the_next_commit(root):
    """Its content was the commit's, but attributes and times told the next commit's command something."""
    workspace = open_workspace(root)
    workspace.checkout(workspace.base)
    arm = workspace.checkout(discarded(workspace, 1, b"1\n"))
    time.sleep(0.02)  # no command starts in the tick in which its checkout was written
    os.setxattr(arm / "bench.py", "user.answer", b"42")
    os.utime(arm / "src" / "deep" / "slow.py", ns=(1, 1))
    os.link(arm / "README", arm.parent / "another name")
    assert workspace.checkout(discarded(workspace, 2, b"2\n")) == arm

    assert os.listxattr(arm / "bench.py") == []
    assert (arm / "src" / "deep" / "slow.py").stat().st_mtime_ns > 1
    assert (arm / "README").stat().st_nlink == 1


def test_what_a_command_wrote_into_the_checkout_beside_its_own_is_undone(root):
    """A checkout that was mended for the incumbent counted as untouched until it was handed out itself."""
    workspace = open_workspace(root)
    base, twin = workspace.base, workspace.twin(workspace.base)
    workspace.checkout(twin)
    with workspace.break_scope(base) as arm:
        pass
    other = workspace.checkout(twin)
    (other / ".." / ".." / arm.parent.name / "tree" / "bench.py").resolve().write_text("print(0)\n")

    assert (workspace.checkout(base) / "bench.py").read_text() == "print(1)\n"


def test_an_object_with_another_content_than_its_name_says_is_never_measured(root):
    """Objects lie where agents and commands can write, and the library does not look at their ids."""
    workspace = open_workspace(root)
    commit = discarded(workspace, 1, b"better\n")
    blob = git(root, "rev-parse", f"{commit}:src/fast.py").strip()
    (root / "other").write_text("cheating\n")
    other = git(root, "hash-object", "-w", "other").strip()
    objects = root / ".git" / "objects"
    target = objects / blob[:2] / blob[2:]
    target.unlink()
    target.write_bytes((objects / other[:2] / other[2:]).read_bytes())

    with pytest.raises(RepositoryError, match="its content has another id"):
        workspace.checkout(commit)
