"""What every workspace must do, as tests to inherit."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoopt.errors import NothingChangedError, OutOfScopeError
from autoopt.protocols import Workspace
from autoopt.records import Edit, Proposal


class WorkspaceSuite:
    """Inherit, name two files and implement `make_workspace`.

    Attributes:
        in_scope: A text file of the base that may be edited.
        out_of_scope: A text file of the base that may not.
    """

    in_scope: str
    out_of_scope: str

    def make_workspace(self, directory: Path) -> Workspace:
        """A new workspace somewhere in this empty directory."""
        raise NotImplementedError

    def proposal(self, content: bytes | None, path: str | None = None) -> Proposal:
        """A proposal that makes one file (by default the one in scope) have this content."""
        edit = Edit(path=path or self.in_scope, content=content)
        return Proposal(
            description="change a file", hypothesis="it helps", area="test", source="suite", edits=(edit,)
        )

    def test_a_new_workspace_stands_at_its_base(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)

        assert workspace.incumbent == workspace.base
        assert (workspace.desk / self.in_scope).is_file()
        assert (workspace.desk / self.out_of_scope).is_file()

    def test_files_are_those_that_may_be_edited(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        files = workspace.files(workspace.base)

        assert self.in_scope in files
        assert self.out_of_scope not in files
        assert list(files) == sorted(files)

    def test_an_attempt_is_a_change_on_top_of_the_incumbent(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        with workspace.attempt(self.proposal(b"one\ntwo\n"), 1) as attempt:
            change = attempt.change
            edited = (workspace.desk / self.in_scope).read_bytes()

        assert edited == b"one\ntwo\n"
        assert change.parent == workspace.base
        assert change.commit != change.parent
        assert change.paths == (self.in_scope,)
        assert change.added == 2

    def test_an_attempt_reverts_by_default(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        before = (workspace.desk / self.in_scope).read_bytes()
        with workspace.attempt(self.proposal(b"changed\n"), 1):
            pass

        assert (workspace.desk / self.in_scope).read_bytes() == before
        assert workspace.incumbent == workspace.base

    def test_an_interrupted_attempt_reverts(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        before = (workspace.desk / self.in_scope).read_bytes()
        with pytest.raises(KeyboardInterrupt), workspace.attempt(self.proposal(b"changed\n"), 1):
            raise KeyboardInterrupt

        assert (workspace.desk / self.in_scope).read_bytes() == before
        assert workspace.incumbent == workspace.base

    def test_a_kept_attempt_is_the_next_incumbent(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        with workspace.attempt(self.proposal(b"better\n"), 1) as attempt:
            attempt.keep()

        assert workspace.incumbent == attempt.change.commit
        assert (workspace.desk / self.in_scope).read_bytes() == b"better\n"
        with workspace.attempt(self.proposal(b"even better\n"), 2) as second:
            assert second.change.parent == attempt.change.commit

    def test_an_edit_out_of_scope_is_refused_and_leaves_no_trace(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        before = (workspace.desk / self.out_of_scope).read_bytes()
        with (
            pytest.raises(OutOfScopeError, match=self.out_of_scope),
            workspace.attempt(self.proposal(b"cheat\n", self.out_of_scope), 1),
        ):
            raise AssertionError("the attempt must not open")

        assert (workspace.desk / self.out_of_scope).read_bytes() == before

    def test_an_edit_that_changes_nothing_is_refused(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        same = (workspace.desk / self.in_scope).read_bytes()
        with pytest.raises(NothingChangedError), workspace.attempt(self.proposal(same), 1):
            raise AssertionError("the attempt must not open")

    def test_edits_made_in_the_desk_by_other_means_count(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        (workspace.desk / self.in_scope).write_bytes(b"by an editor\n")
        nothing = Proposal(description="edited", hypothesis="", area="", source="suite")
        with workspace.attempt(nothing, 1) as attempt:
            assert attempt.change.paths == (self.in_scope,)
            measured = workspace.checkout(attempt.change.commit)

            assert (measured / self.in_scope).read_bytes() == b"by an editor\n"

    def test_tidying_puts_back_whatever_was_edited(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        before = {name: (workspace.desk / name).read_bytes() for name in (self.in_scope, self.out_of_scope)}
        (workspace.desk / self.in_scope).write_bytes(b"half done\n")
        (workspace.desk / self.out_of_scope).unlink()
        (workspace.desk / "stray").write_bytes(b"new\n")
        workspace.tidy()
        workspace.tidy()

        assert {name: (workspace.desk / name).read_bytes() for name in before} == before
        assert not (workspace.desk / "stray").exists()
        assert workspace.incumbent == workspace.base

    def test_tidying_after_a_keep_leaves_what_was_kept(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        with workspace.attempt(self.proposal(b"better\n"), 1) as attempt:
            attempt.keep()
        (workspace.desk / self.in_scope).write_bytes(b"half done\n")
        workspace.tidy()

        assert (workspace.desk / self.in_scope).read_bytes() == b"better\n"

    def test_commits_with_the_same_files_have_one_tree(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        changes = []
        for number, content in enumerate((b"one\n", b"two\n", b"one\n"), start=1):
            with workspace.attempt(self.proposal(content), number) as attempt:
                changes.append(attempt.change)
        trees = [workspace.tree(change.commit) for change in changes]

        assert trees == [change.tree for change in changes]
        assert trees[0] == trees[2] != trees[1]
        assert workspace.tree(workspace.base) not in trees

    def test_the_same_edit_has_one_fingerprint(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        marks = []
        for number, content in enumerate((b"one\n", b"two\n", b"one  \n"), start=1):
            with workspace.attempt(self.proposal(content), number) as attempt:
                marks.append(attempt.change.fingerprint)

        assert all(marks)
        assert marks[0] == marks[2] != marks[1]

    def test_amending_replaces_the_change_on_the_same_parent(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        with workspace.attempt(self.proposal(b"crashes\n"), 1) as attempt:
            first = attempt.change
            second = attempt.amend(self.proposal(b"works\n"))
            attempt.keep()

        assert second == attempt.change
        assert second.commit != first.commit
        assert second.parent == first.parent
        assert workspace.incumbent == second.commit

    def test_both_arms_hold_their_own_commit_at_once(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        with workspace.attempt(self.proposal(b"challenger\n"), 1) as attempt:
            incumbent = workspace.checkout(workspace.base)
            challenger = workspace.checkout(attempt.change.commit)
            before = (workspace.checkout(workspace.base) / self.in_scope).read_bytes()

            assert incumbent != challenger
            assert len(str(incumbent)) == len(str(challenger))
            assert workspace.checkout(workspace.base) == incumbent
            assert workspace.checkout(attempt.change.commit) == challenger
            assert (challenger / self.in_scope).read_bytes() == b"challenger\n"
            assert before != b"challenger\n"

    def test_what_a_command_left_is_gone_for_the_next_commit(self, tmp_path: Path) -> None:
        workspace = self.make_workspace(tmp_path)
        workspace.checkout(workspace.base)
        with workspace.attempt(self.proposal(b"first\n"), 1) as attempt:
            arm = workspace.checkout(attempt.change.commit)
            (arm / "leftover").mkdir()
            (arm / "leftover" / "cache").write_text("stale")
            (arm / self.out_of_scope).write_text("tampered")
            (workspace.scratch(attempt.change.commit) / "dotfile").write_text("stale")
        with workspace.attempt(self.proposal(b"second\n"), 2) as attempt:
            arm = workspace.checkout(attempt.change.commit)
            scratch = workspace.scratch(attempt.change.commit)

            assert not (arm / "leftover").exists()
            assert (arm / self.out_of_scope).read_text() != "tampered"
            assert (arm / self.in_scope).read_bytes() == b"second\n"
            assert list(scratch.iterdir()) == []
