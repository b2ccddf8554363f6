"""A suspect is never kept unattended, is told apart everywhere, and a person may overrule the suspicion."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoopt.cli import main
from autoopt.journal import Journal, held
from autoopt.records import Experiment

REASON = "the number did fall so far"


class Project:
    """A repository whose metric is the number in a file; a fall by a factor of 1000 is suspect."""

    def __init__(self, folder: Path) -> None:
        self.root, self.desk, self.veto = folder / "app", folder / "app-r1", folder / "veto"
        self.state = folder / "state"
        self.root.mkdir()
        (self.root / "value.txt").write_text("10")
        (self.root / "notes.txt").write_text("one\n")
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=self.root, check=True)
        subprocess.run(["git", "add", "."], cwd=self.root, check=True)
        named = ("-c", "user.name=t", "-c", "user.email=t@t")
        subprocess.run(["git", *named, "commit", "-qm", "start"], cwd=self.root, check=True)

    def autoopt(self, *words: str, code: int = 0) -> str:
        """What the command says on standard output, or on standard error where it fails."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(self.root):
            ended = main(list(words))
        assert ended == code, (out.getvalue(), err.getvalue())
        return out.getvalue() if code == 0 else err.getvalue()

    def start(self) -> None:
        settings = (
            "scope=[value.txt,notes.txt]",
            "run_id=r1",
            "metric.command=echo METRIC t=$(cat value.txt)",
            "metric.extract.kind=named",
            "metric.extract.pattern=t",
            "metric.warmups=0",
            "metric.baseline_samples=2",
            "metric.probe=false",
            "final.leave_one_out=false",
            "final.max_pairs=2",
            f"guards.veto.command=test ! -e {self.veto}",
            "confirm=no",
        )
        self.autoopt("start", *settings)

    def attempt(self, path: str, content: str) -> dict[str, Any]:
        (self.desk / path).write_text(content)
        found: dict[str, Any] = json.loads(
            self.autoopt("try", "r1", "--hypothesis", f"{path} is {content.strip()}", "--json")
        )
        return found

    def keep(self, number: int) -> dict[str, Any]:
        said = self.autoopt("show", "r1", str(number), "--keep", REASON, "--json")
        found: dict[str, Any] = json.loads(said)
        return found

    @property
    def journal(self) -> Path:
        (path,) = self.state.glob("autoopt/*/r1/journal.jsonl")
        return path

    def history(self) -> list[Experiment]:
        return list(Journal(self.journal).history)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(made.state))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made.start()
    return made


def test_a_suspect_is_put_back_told_apart_wherever_it_is_told_and_kept_by_a_persons_word_alone(
    project: Project,
) -> None:
    decided = project.attempt("value.txt", "0.001")

    assert (decided["status"], decided["suspect"]) == ("inspector-reject", True)
    assert [one["guard"] for one in decided["findings"] if one["suspect"]] == ["clocks"]
    assert decided["findings"][-1]["guard"] == "veto"  # the others were asked all the same
    assert (project.desk / "value.txt").read_text() == "10"
    table = (project.root / "autoresearch-r1.tsv").read_text()
    assert table.splitlines()[-1].endswith("\tinspector-reject\tvalue.txt is 0.001 (suspect: clocks)")
    assert "SUSPECT clocks: a gain by a factor of 1e+04" in (project.root / "autoresearch-r1.log").read_text()
    assert json.loads(project.autoopt("runs", "--json"))["runs"][0]["suspects"] == [1]
    summary = project.autoopt("show", "r1")
    assert "1 inspector-reject (1 suspect)" in summary and "autoopt show r1 1 --keep" in summary
    shown = project.autoopt("show", "r1", "1")
    assert "Experiment 1 inspector-reject (suspect)" in shown and "+0.001" in shown
    assert "### inspector-reject (suspect) (1)" in project.autoopt("report", "r1")
    _refused_without_a_reason_or_beside_another_process(project)
    _asked_for_on_a_terminal(project)


def test_a_person_has_it_made_again_on_what_was_kept_since_and_measured_afresh(project: Project) -> None:
    project.attempt("value.txt", "0.001")
    project.attempt("value.txt", "9")
    assert project.attempt("notes.txt", "two\n")["status"] == "discard"
    conflict = project.autoopt("show", "r1", "1", "--keep", REASON, code=2)
    assert "cannot be made again on what was kept since: value.txt" in conflict
    assert project.attempt("value.txt", "0.0001\n\n")["suspect"]

    decided = project.keep(4)

    assert (decided["status"], decided["number"], decided["value"]) == ("keep", 5, 0.0001)
    last = project.history()[-1]
    assert last.overrule is not None and last.measurement is not None
    assert (last.overrule.number, last.overrule.guards, last.overrule.reason) == (4, ("clocks",), REASON)
    assert last.overrule.by and last.overrule.when.endswith("+00:00")
    assert len(last.measurement.samples) >= 2 and last.parent == project.history()[2].commit
    begun = [json.loads(line) for line in project.journal.read_bytes().splitlines()]
    assert [line["overrule"]["reason"] for line in begun if "overrule" in line] == [REASON]
    assert "#4 was suspect (clocks)" in project.autoopt("show", "r1", "5")
    report = project.autoopt("report", "r1").replace("\\", "")
    assert "overruled: #4 was suspect" in report
    assert "1 suspect waits for you (#1)" in report  # nobody has overruled that one
    assert "(#4 overruled)" in (project.root / "autoresearch-r1.tsv").read_text()
    assert (project.desk / "value.txt").read_text() == "0.0001\n\n"


def test_whatever_else_stands_against_it_is_not_overruled_and_the_claim_stays(project: Project) -> None:
    project.attempt("value.txt", "9")
    project.attempt("value.txt", "0.001")
    project.autoopt("report", "r1", "--confirm")
    claimed = Journal(project.journal).confirmation
    assert claimed is not None
    project.veto.touch()

    decided = project.keep(2)

    assert (decided["status"], decided["suspect"]) == ("inspector-reject", False)
    found = {one["guard"]: (one["passed"], one["suspect"]) for one in decided["findings"]}
    assert (found["clocks"], found["veto"]) == ((True, True), (False, False))
    assert Journal(project.journal).confirmation == claimed
    said = project.autoopt("show", "r1", "3", "--keep", "x", code=2)
    assert "experiment 3: " in said and "so there is nothing to overrule" in said
    project.veto.unlink()
    assert project.keep(2)["status"] == "keep"
    confirmed = Journal(project.journal).confirmation
    assert confirmed is not None and confirmed.final == 0.001  # measured again, as there was a claim


def _refused_without_a_reason_or_beside_another_process(project: Project) -> None:
    before = project.journal.read_bytes()

    assert "there is no reason" in project.autoopt("show", "r1", "1", "--keep", code=2)
    assert "its status is baseline" in project.autoopt("show", "r1", "0", "--keep", "x", code=2)
    assert "about one experiment" in project.autoopt("show", "r1", "--keep", "x", code=2)
    assert "no such experiment" in project.autoopt("show", "r1", "7", "--keep=x", code=2)
    with held(project.journal.parent):
        assert "is being worked on" in project.autoopt("show", "r1", "1", "--keep", "x", code=5)
    (project.desk / "notes.txt").write_text("mine\n")
    assert "notes.txt is edited there" in project.autoopt("show", "r1", "1", "--keep", "x", code=2)
    assert (project.desk / "notes.txt").read_text() == "mine\n"
    (project.desk / "notes.txt").write_text("one\n")
    assert len(project.history()) == 2 and project.journal.read_bytes().startswith(before)


def _asked_for_on_a_terminal(project: Project) -> None:
    inner, outer = pty.openpty()
    words = [sys.executable, "-m", "autoopt", "show", "r1", "1", "--keep"]
    running = subprocess.Popen(words, cwd=project.root, stdin=outer, stdout=outer, stderr=outer)
    os.close(outer)
    os.write(inner, b"seen and believed\n")
    said = b""
    with contextlib.suppress(OSError):  # the terminal is closed at its end
        while more := os.read(inner, 4096):
            said += more
    assert running.wait() == 0, said
    os.close(inner)

    assert b"Keep it all the same?" in said and b"suspect: clocks" in said
    last = project.history()[-1]
    assert last.overrule is not None and last.overrule.reason == "seen and believed"
