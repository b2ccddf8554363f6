import os
import quopri
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.workspace_repos import git, make_repository, open_workspace

from autoopt.errors import OutOfScopeError, UsageError
from autoopt.proposers.patches import parsing
from autoopt.proposers.patches.carrying import UnfitError
from autoopt.proposers.patches.queue import LARGEST_PATCH, PatchQueue
from autoopt.records import Edit, Experiment, Proposal, Status
from autoopt.scope import Scope
from autoopt.testing.proposer_suite import ProposerSuite, apply, brief, crashed
from autoopt.workspaces.history import StoredCommits
from autoopt.workspaces.store import Store

CODE = "".join(f"line {number}\n" for number in range(1, 31))
FILES = {"src/code.py": CODE, "src/other.py": "one\ntwo\nthree\n", "bench.py": "print(1)\n"}


class Home:
    """A repository with a run in it, somebody's clone of it, and a directory of patches."""

    def __init__(self, folder, files=FILES):
        self.root = make_repository(folder, files)
        self.clone = folder / "clone"
        git(folder, "clone", "-q", str(self.root), str(self.clone))
        self.patches = folder / "patches"
        self.patches.mkdir()
        self.workspace = open_workspace(self.root, scope=Scope(["src"]))
        self.history = ()
        self.queue = PatchQueue(self.workspace.commits, patches=self.patches)

    def edit(self, old, new, path="src/code.py"):
        file = self.clone / path
        content = file.read_bytes()
        assert content.count(old.encode()) == 1
        file.write_bytes(content.replace(old.encode(), new.encode()))

    def mail(self, name, message="Make it faster", *options):
        """The clone's changes as `git format-patch` sends them; the clone goes back to where it was."""
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "-m", message)
        (self.patches / name).write_bytes(raw(self.clone, "format-patch", "--stdout", "-1", *options))
        git(self.clone, "reset", "-q", "--hard", "HEAD~1")

    def diff(self, name, *options):
        """The clone's changes as `git diff` shows them."""
        git(self.clone, "add", "-A")
        (self.patches / name).write_bytes(raw(self.clone, "diff", "--cached", *options))
        git(self.clone, "reset", "-q", "--hard")

    def brief(self):
        incumbent, desk = self.workspace.incumbent, self.workspace.desk
        return replace(brief(desk, self.history), incumbent=incumbent, number=len(self.history) + 1)

    def ask(self):
        return self.queue.ask(self.brief())

    def attempt(self, proposal, *, keep=False):
        """Try the proposal as the loop does; return what became of the files."""
        number = len(self.history) + 1
        with self.workspace.attempt(proposal, number) as attempt:
            change = attempt.change
            if keep:
                attempt.keep()
        experiment = Experiment(
            number=number,
            status=Status.keep if keep else Status.discard,
            commit=change.commit,
            parent=change.parent,
            description=proposal.description,
            hypothesis=proposal.hypothesis,
            area=proposal.area,
            source=proposal.source,
            tree=change.tree,
            fingerprint=change.fingerprint,
        )
        self.history = (*self.history, experiment)
        self.queue.tell(experiment)
        return {edit.path: edit.content for edit in proposal.edits}

    def by_somebody(self, path, content):
        """A keep of another proposer's."""
        edit = Edit(path=path, content=content)
        self.attempt(
            Proposal(description=f"to {path}", hypothesis="", area="", source="x", edits=(edit,)), keep=True
        )


def raw(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True).stdout


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


class TestPatchQueue(ProposerSuite):
    def proposer(self, state):
        root = state / "app"
        if not root.exists():
            make_repository(state, {"a.txt": CODE})
            (state / "patches").mkdir()
            for number in (5, 15, 25):
                (root / "a.txt").write_text(CODE.replace(f"line {number}\n", f"changed {number}\n"))
                (state / "patches" / f"{number:02}.patch").write_bytes(raw(root, "diff"))
        base = git(root, "rev-parse", "HEAD").strip()
        commits = StoredCommits(Store(root / ".git"), root / ".git", base)
        return PatchQueue(commits, patches=state / "patches")

    def fill(self, desk):
        (desk / "a.txt").write_text(CODE)


def test_a_mail_of_git_becomes_a_proposal_in_its_own_words(home):
    home.edit("line 7\n", "line seven\n")
    message = "Spell seven\n\nSpelling should make reading faster because words\nare words. More follows.\n"
    home.mail("0001.patch", message)
    proposal = home.ask()

    assert proposal.description == "Spell seven"
    assert proposal.hypothesis == "Spelling should make reading faster because words are words."
    assert proposal.source == "queue"
    assert proposal.area == "src/code.py"
    assert home.attempt(proposal) == {"src/code.py": CODE.replace("7\n", "seven\n", 1).encode()}


@pytest.mark.parametrize(
    "options", [(), ("--no-prefix",), ("--src-prefix=old/", "--dst-prefix=new/"), ("-U1",)]
)
def test_a_diff_of_git_is_known_by_its_file_name(home, options):
    home.edit("line 7\n", "line seven\n")
    home.diff("seven.diff", *options)
    proposal = home.ask()

    assert proposal.description == "seven.diff"
    assert proposal.hypothesis == "seven.diff should improve the metric because seven.diff proposed it"
    assert home.attempt(proposal) == {"src/code.py": CODE.replace("7\n", "seven\n", 1).encode()}


def test_git_show_is_read_too(home):
    home.edit("line 7\n", "line seven\n")
    git(home.clone, "commit", "-qam", "Spell seven\n\nHypothesis: reading gets faster")
    (home.patches / "x.patch").write_bytes(raw(home.clone, "show"))
    proposal = home.ask()

    assert (proposal.description, proposal.hypothesis) == ("Spell seven", "reading gets faster")


def test_a_plain_diff_applies_whatever_its_files_were_called(home, tmp_path):
    for before, after in (("src/code.py.orig", "src/code.py"), ("src/code.py", "src/code.py.new")):
        folder = tmp_path / after.replace("/", "-")
        (folder / "src").mkdir(parents=True)
        (folder / before).write_text(CODE)
        (folder / after).write_text(CODE.replace("line 7\n", "line seven\n"))
        done = subprocess.run(["diff", "-u", before, after], cwd=folder, capture_output=True, check=False)
        (home.patches / "plain.diff").write_bytes(done.stdout)

        assert home.attempt(home.ask()) == {"src/code.py": CODE.replace("7\n", "seven\n", 1).encode()}
        home.history = ()
        home.queue = PatchQueue(home.workspace.commits, patches=home.patches)


def test_a_diff_of_two_trees_changes_makes_and_removes_files(home, tmp_path):
    for name in ("old", "new"):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src/code.py").write_text(CODE)
    (tmp_path / "old/src/other.py").write_text(FILES["src/other.py"])
    (tmp_path / "new/src/code.py").write_text(CODE.replace("line 7\n", ""))
    (tmp_path / "new/src/made.py").write_text("made\n")
    done = subprocess.run(["diff", "-ruN", "old", "new"], cwd=tmp_path, capture_output=True, check=False)
    (home.patches / "tree.diff").write_bytes(done.stdout)
    proposal = home.ask()

    assert proposal.area == "src"
    assert home.attempt(proposal) == {
        "src/code.py": CODE.replace("line 7\n", "").encode(),
        "src/made.py": b"made\n",
        "src/other.py": None,
    }


def test_several_files_new_removed_and_renamed_ones_in_one_patch(home):
    home.edit("line 7\n", "")
    (home.clone / "src/new.py").write_text("new\n")
    (home.clone / "src/empty.py").write_text("")
    git(home.clone, "mv", "src/other.py", "src/renamed.py")
    home.edit("two", "2", "src/renamed.py")
    home.diff("all.patch", "-M10%")

    assert b"rename from src/other.py" in (home.patches / "all.patch").read_bytes()
    assert home.attempt(home.ask()) == {
        "src/code.py": CODE.replace("line 7\n", "").encode(),
        "src/new.py": b"new\n",
        "src/empty.py": b"",
        "src/other.py": None,
        "src/renamed.py": b"one\n2\nthree\n",
    }


def test_a_mere_rename_and_a_removal(home):
    git(home.clone, "mv", "src/other.py", "src/renamed.py")
    home.diff("a.patch", "-M")
    git(home.clone, "rm", "-q", "src/code.py")
    home.diff("b.patch")

    assert home.attempt(home.ask()) == {"src/other.py": None, "src/renamed.py": b"one\ntwo\nthree\n"}
    assert home.attempt(home.ask()) == {"src/code.py": None}


def test_names_with_spaces_quotes_and_accents(tmp_path):
    names = ["src/my file.py", 'src/a "b".py', "src/é.py", "src/tab\there.py"]
    home = Home(tmp_path, {**FILES, **dict.fromkeys(names, "old\n")})
    for name in names:
        (home.clone / name).write_text("new\n")
    home.diff("x.patch")

    assert home.attempt(home.ask()) == dict.fromkeys(names, b"new\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("one\ntwo", "one\n2"),
        ("one\ntwo", "one\ntwo\n"),
        ("one\ntwo\n", "one\ntwo"),
        ("one", ""),
        ("", "one"),
    ],
)
def test_a_last_line_without_an_end_stays_so(tmp_path, before, after):
    home = Home(tmp_path, {**FILES, "src/short.py": before})
    (home.clone / "src/short.py").write_text(after)
    home.diff("x.patch")

    assert home.attempt(home.ask()) == {"src/short.py": after.encode()}


def test_files_with_windows_line_ends_keep_them(tmp_path):
    home = Home(tmp_path, {**FILES, "src/code.py": CODE.replace("\n", "\r\n")})
    home.edit("line 7\r\n", "line seven\r\n")
    home.diff("x.patch")

    assert home.attempt(home.ask()) == {
        "src/code.py": CODE.replace("7\n", "seven\n", 1).replace("\n", "\r\n").encode()
    }


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_patch_converted_on_its_way_takes_the_line_ends_of_the_file(tmp_path, end):
    home = Home(tmp_path, {**FILES, "src/code.py": CODE.replace("\n", end)})
    home.edit(f"line 7{end}", f"line seven{end}")
    home.diff("x.patch")
    file = home.patches / "x.patch"
    file.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    assert home.attempt(home.ask()) == {
        "src/code.py": CODE.replace("7\n", "seven\n", 1).replace("\n", end).encode()
    }


def test_a_mail_encoded_for_transport_is_decoded(home):
    home.edit("line 7\n", "line = 7  # ünï\n")
    home.mail("x.patch", "Schöner machen")
    head, _, body = (home.patches / "x.patch").read_bytes().partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if b"Transfer-Encoding" not in line]
    lines.append(b"Content-Transfer-Encoding: quoted-printable")
    (home.patches / "x.patch").write_bytes(b"\n".join(lines) + b"\n\n" + quopri.encodestring(body))
    proposal = home.ask()

    assert proposal.description == "Schöner machen"
    assert home.attempt(proposal) == {"src/code.py": CODE.replace("7\n", "= 7  # ünï\n", 1).encode()}


def test_a_mailbox_holds_several_each_of_which_is_an_experiment(home):
    for number in (5, 15):
        home.edit(f"line {number}\n", f"changed {number}\n")
        git(home.clone, "commit", "-qam", f"Change {number}")
    (home.patches / "series.patch").write_bytes(raw(home.clone, "format-patch", "--stdout", "-2"))
    said = []
    while proposal := home.ask():
        said.append(proposal.description)
        home.attempt(proposal)

    assert said == ["Change 5", "Change 15"]


def test_patches_come_by_name_and_late_ones_too(home):
    for number, name in ((5, "b.patch"), (15, "a.diff"), (25, "ignored.txt")):
        home.edit(f"line {number}\n", f"changed {number}\n")
        home.diff(name)
    first = home.ask()
    home.attempt(first)
    second = home.ask()
    home.attempt(second)
    nothing = home.ask()
    home.edit("line 8\n", "changed 8\n")
    home.diff("0.patch")

    assert (first.description, second.description, nothing) == ("a.diff", "b.patch", None)
    assert home.ask().description == "0.patch"


def test_a_patch_from_an_older_commit_applies_where_its_lines_are_now(home):
    home.edit("line 25\n", "line twenty-five\n")
    home.mail("old.patch")
    now = (
        "\n".join(["new first line"] * 40) + "\n" + CODE.replace("line 3\n", "").replace("line 22\n", "22\n")
    )
    home.by_somebody("src/code.py", now.encode())  # context of the patch changed: only three-way can do it

    assert home.attempt(home.ask()) == {"src/code.py": now.replace("25\n", "twenty-five\n").encode()}


def test_without_the_named_content_the_file_of_the_base_serves(home):
    home.edit("line 25\n", "line twenty-five\n")
    home.diff("old.patch")
    file = home.patches / "old.patch"
    text = "".join(line for line in file.read_text().splitlines(True) if not line.startswith("index "))
    file.write_text(text)
    now = CODE.replace("line 3\n", "").replace("line 22\n", "22\n")
    home.by_somebody("src/code.py", now.encode())

    assert home.attempt(home.ask()) == {"src/code.py": now.replace("25\n", "twenty-five\n").encode()}


def test_a_patch_made_from_the_incumbent_without_an_index_applies_by_context(home):
    now = "new first line\n" + CODE.replace("line 22\n", "22\n")
    home.by_somebody("src/code.py", now.encode())
    hunk = " line 20\n line 21\n-22\n+twenty-two\n line 23\n line 24\n"
    (home.patches / "x.diff").write_text(f"--- src/code.py\n+++ src/code.py\n@@ -18,5 +18,5 @@\n{hunk}")

    assert home.attempt(home.ask()) == {"src/code.py": now.replace("\n22\n", "\ntwenty-two\n").encode()}


def notes(home):
    assert home.ask() is None
    return home.queue.notes


def test_a_conflicting_patch_waits_until_it_fits(home):
    home.by_somebody("src/code.py", CODE.replace("line 7\n", "line VII\n").encode())
    home.edit("line 7\n", "line seven\n")
    home.diff("x.patch")

    assert notes(home) == ("x.patch: src/code.py: the same lines were changed since (line 7)",)
    home.by_somebody("src/code.py", CODE.replace("line 20\n", "").encode())
    assert home.ask().description == "x.patch"
    assert home.queue.notes == ()


def test_what_the_incumbent_has_already_is_passed_over(home):
    home.edit("line 7\n", "line seven\n")
    home.diff("x.patch")
    home.edit("line 7\n", "line seven\n")
    home.diff("y.patch", "--full-index", "--no-renames")
    home.by_somebody("src/code.py", CODE.replace("line 7\n", "line seven\n").encode())

    assert notes(home) == tuple(f"{n}.patch: changes nothing: the incumbent has it all" for n in "xy")


def test_a_kept_patch_is_not_told_to_change_nothing(home):
    home.edit("line 7\n", "line seven\n")
    home.diff("x.patch")
    home.attempt(home.ask(), keep=True)

    assert notes(home) == ()


def test_a_patch_that_was_tried_is_known_again_after_the_incumbent_moved_and_after_a_resume(home):
    home.edit("line 7\n", "line seven\n")
    home.diff("x.patch")
    home.attempt(home.ask())
    home.by_somebody("src/code.py", ("first\n" + CODE).encode())
    home.queue = PatchQueue(home.workspace.commits, patches=home.patches)

    assert home.ask() is None


def test_a_place_that_could_be_another_is_not_guessed(home, tmp_path):
    block = "def f():\n    a\n    b\n    c\n\n"
    home = Home(tmp_path / "two", {**FILES, "src/code.py": block * 3})
    hunk = " def f():\n     a\n-    b\n+    B\n     c\n \n"
    (home.patches / "x.diff").write_text(f"--- a/src/code.py\n+++ b/src/code.py\n@@ -3,5 +3,5 @@\n{hunk}")
    (home.patches / "y.diff").write_text(
        "--- a/src/code.py\n+++ b/src/code.py\n@@ -3,0 +4 @@\n+    no context\n"
    )

    assert notes(home) == (
        "x.diff: src/code.py: hunk 1 (line 3) fits in 3 places (lines 1, 6, 11)",
        "y.diff: src/code.py: hunk 1 (line 4) has no context to find its place by",
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../../etc/passwd", "'../../etc/passwd': not a path inside the repository"),
        ("/etc/passwd", "'/etc/passwd': not a path inside the repository"),
        ("src/../../up", "'src/../../up': not a path inside the repository"),
        ("src/./code.py", "'src/./code.py': not a path inside the repository"),
        ("src/code.py/below", "src/code.py/below: code.py on its way is not a directory"),
        ("link/below", "link/below: link on its way is not a directory"),
        ("src", "src: not a regular file"),
        (".git/hooks/post-commit", ".git/hooks/post-commit: .git on its way is not a directory"),
    ],
)
@pytest.mark.parametrize("prefixes", [("a/", "b/"), ("", "")])
def test_a_path_that_leads_elsewhere_is_refused(home, path, reason, prefixes):
    (home.workspace.desk / "link").symlink_to("src")
    old, new = prefixes
    (home.patches / "new.patch").write_text(f"--- /dev/null\n+++ {new}{path}\n@@ -0,0 +1 @@\n+evil\n")
    (home.patches / "old.patch").write_text(f"--- {old}{path}\n+++ {new}{path}\n@@ -1 +1 @@\n-root\n+evil\n")

    assert notes(home) == (f"new.patch: {reason}", f"old.patch: {reason}")


def test_what_is_out_of_scope_is_left_to_the_workspace_to_refuse(home):
    home.edit("print(1)", "print(0)", "bench.py")
    home.diff("x.patch")
    proposal = home.ask()
    with pytest.raises(OutOfScopeError, match=r"bench\.py"), home.workspace.attempt(proposal, 1):
        raise AssertionError("the attempt must not open")
    refused = crashed(proposal, 1)
    home.history = (replace(refused, status=Status.inspector_reject, commit="", failure=None),)

    assert notes(home) == ("x.patch: was refused under this subject; once mended it needs another one",)


def test_a_patch_that_repeats_what_is_elsewhere_is_no_patch_that_is_there(tmp_path):
    twice = "def f():\n    a\n    b\n    c\n\n\ndef g():\n    a\n    new\n    b\n    c\n"
    home = Home(tmp_path, {**FILES, "src/code.py": twice})
    hunk = " def f():\n     a\n+    new\n     b\n     c\n"
    (home.patches / "x.diff").write_text(f"--- a/src/code.py\n+++ b/src/code.py\n@@ -1,4 +1,5 @@\n{hunk}")

    assert home.ask().edits[0].content == twice.replace("a\n", "a\n    new\n", 1).encode()


def test_links_submodules_modes_and_binary_files_are_refused(home):
    (home.clone / "src/link").symlink_to("code.py")
    home.diff("a-link.patch")
    (home.clone / "src/code.py").chmod(0o755)
    home.diff("b-mode.patch")
    (home.clone / "src/tool").write_text("#!/bin/sh\n")
    (home.clone / "src/tool").chmod(0o755)
    home.diff("c-tool.patch")
    (home.clone / "src/data").write_bytes(b"\0\1")
    home.diff("d-binary.patch", "--binary")
    (home.clone / "src/data").write_bytes(b"\0\1")
    home.diff("e-binary.patch")
    git(home.clone, "clone", "-q", str(home.root), "src/sub")
    home.diff("f-submodule.patch")
    subprocess.run(["rm", "-rf", "src/sub"], cwd=home.clone, check=True)

    assert notes(home) == (
        "a-link.patch: src/link: a symbolic link; proposals change regular files only",
        "b-mode.patch: src/code.py: changes who may execute it; proposals change contents only",
        "c-tool.patch: src/tool: changes who may execute it; proposals change contents only",
        "d-binary.patch: src/data: a binary file, which no edit can express",
        "e-binary.patch: src/data: a binary file, which no edit can express",
        "f-submodule.patch: src/sub: a submodule; proposals change regular files only",
    )


def test_what_is_no_patch_says_so(home):
    (home.patches / "a.patch").write_text("")
    (home.patches / "b.patch").write_text("Hello,\n\nplease make it faster.\n")
    (home.patches / "c.patch").write_text("--- a/src/code.py\n+++ b/src/code.py\n@@ -1,3 +1,3 @@\n line 1\n")
    (home.patches / "d.patch").mkdir()
    (home.patches / "e.patch").symlink_to("nowhere")
    os.mkfifo(home.patches / "f.patch")
    with (home.patches / "g.patch").open("wb") as file:
        file.truncate(LARGEST_PATCH + 1)

    assert notes(home) == (
        "a.patch: holds no unified diff",
        "b.patch: holds no unified diff",
        "c.patch: cannot be read: 'Hunk is shorter than expected'",
        "d.patch: not a regular file",
        "e.patch: cannot be read: No such file or directory",
        "f.patch: not a regular file",
        f"g.patch: {LARGEST_PATCH + 1} bytes; a patch may have {LARGEST_PATCH}",
    )


def test_a_directory_that_goes_away_is_told_and_no_disaster(home):
    home.patches.rename(home.patches.with_name("gone"))

    assert notes(home) == (f"{home.patches}: cannot be read: No such file or directory",)


def test_places_that_are_not_there_are_refused_at_the_start(home, tmp_path):
    commits = home.workspace.commits
    PatchQueue(commits, patches=home.patches, branch="main").check()

    with pytest.raises(UsageError, match=r"propose\.queue\.patches: .*none is no directory"):
        PatchQueue(commits, patches=tmp_path / "none").check()
    with pytest.raises(UsageError, match=r"propose\.queue\.branch: none: no such branch"):
        PatchQueue(commits, branch="none").check()


def on_branch(home, *edits):
    git(home.clone, "checkout", "-q", "-b", "idea")
    for message, old, new in edits:
        home.edit(old, new)
        git(home.clone, "commit", "-qam", message)


def test_each_commit_of_a_branch_is_tried_on_its_own_oldest_first(home):
    on_branch(home, ("experiment: five", "line 5\n", "5\n"), ("fifteen", "line 15\n", "15\n"))
    git(home.root, "fetch", "-q", str(home.clone), "idea:refs/remotes/colleague/idea")
    home.queue = PatchQueue(home.workspace.commits, branch="colleague/idea")
    home.queue.check()
    first = home.ask()
    edits = [home.attempt(first), home.attempt(home.ask())]

    assert edits == [
        {"src/code.py": CODE.replace("line 5\n", "5\n").encode()},
        {"src/code.py": CODE.replace("line 15\n", "15\n").encode()},
    ]
    assert first.description == "five"
    assert first.hypothesis == "five should improve the metric because Someone proposed it"
    assert home.ask() is None


def test_a_commit_that_builds_on_another_waits_for_it(home):
    on_branch(home, ("first", "line 5\n", "5\n"), ("second", "5\nline 6", "five\nline 6"))
    git(home.root, "fetch", "-q", str(home.clone), "idea:idea")
    home.queue = PatchQueue(home.workspace.commits, branch="idea")
    home.attempt(home.ask())

    assert home.ask() is None
    assert len(home.queue.notes) == 1
    home.history = ()
    home.queue = PatchQueue(home.workspace.commits, branch="idea")
    home.attempt(home.ask(), keep=True)
    assert home.attempt(home.ask()) == {"src/code.py": CODE.replace("line 5\n", "five\n").encode()}


def test_a_branch_may_grow_and_go_while_the_run_goes_on(home):
    on_branch(home, ("first", "line 5\n", "5\n"))
    git(home.root, "fetch", "-q", str(home.clone), "idea:idea")
    home.queue = PatchQueue(home.workspace.commits, branch="idea")
    home.attempt(home.ask())
    nothing = home.ask()
    home.edit("line 20\n", "20\n")
    git(home.clone, "commit", "-qam", "second")
    git(home.root, "fetch", "-q", str(home.clone), "idea:idea")
    second = home.ask()
    git(home.root, "branch", "-D", "-q", "idea")

    assert nothing is None
    assert second.description == "second"
    assert home.ask() is None
    assert home.queue.notes == ("idea: idea: no such branch; git branch -a lists those there are.",)


def test_two_changes_with_one_subject_are_told_apart(home):
    for number in (5, 15):
        home.edit(f"line {number}\n", f"changed {number}\n")
        home.mail(f"{number:02}.patch", "wip")
    first = home.ask()
    home.attempt(first)

    assert [first.description, home.ask().description] == ["wip", "wip (15.patch)"]


def test_a_huge_patch_is_applied_in_moderate_time(tmp_path):
    lines = [f"value {number}\n" for number in range(60_000)]
    home = Home(tmp_path, {**FILES, "src/table.py": "".join(lines)})
    lines[::20] = [f"other {number}\n" for number in range(0, 60_000, 20)]
    (home.clone / "src/table.py").write_text("".join(lines))
    home.diff("x.patch")

    assert home.ask().edits[0].content == "".join(lines).encode()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_patch_or_refused(data):
    for text in (
        data,
        b"diff --git a/x b/x\n" + data,
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + data,
        b"Subject: \n" + data,
    ):
        for part in parsing.parts(text):
            try:
                parsing.parse(part)
            except UnfitError as refusal:
                assert str(refusal)


LINES = [
    "diff --git a/x b/x",
    "--- a/x",
    "+++ b/x",
    "@@ -1 +1 @@",
    "@@ -0,0 +1 @@",
    "-a",
    "+b",
    " c",
    "",
    "\\ No newline",
    "new file mode 100644",
    "deleted file mode 100644",
    "old mode 100644",
    "index 12..34 100644",
    "rename from x",
    "rename to y",
    "GIT binary patch",
    "Binary files a/x and b/x differ",
    "--- /dev/null",
    "+++ /dev/null",
]


@given(st.lists(st.sampled_from(LINES), max_size=14))
def test_any_order_of_the_lines_of_a_patch_is_read_or_refused(lines):
    try:
        parsing.parse("\n".join(lines).encode())
    except UnfitError as refusal:
        assert str(refusal)


def test_the_suite_applies_what_it_is_given(tmp_path):
    home = Home(tmp_path)
    home.edit("line 7\n", "line seven\n")
    home.diff("x.patch")
    copy = Path(tmp_path / "copy")
    subprocess.run(["cp", "-r", str(home.workspace.desk), str(copy)], check=True)
    apply(home.ask(), copy)
    done = subprocess.run(
        ["git", "apply", str(home.patches / "x.patch")], cwd=home.clone, capture_output=True, check=False
    )

    assert done.returncode == 0
    assert (copy / "src/code.py").read_bytes() == (home.clone / "src/code.py").read_bytes()
