"""Driving a run from outside, as an agent or a person does: start, brief, edit the desk, try, report."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoopt.cli import SUBCOMMANDS, main
from autoopt.journal import Journal
from autoopt.records import Call, Usage

METRIC = "while [ -e {hold} ]; do sleep 0.02; done; wc -c work.txt"
TEXT = "aaaaaaaaa\nbbbbbbbbb\n"


class Project:
    """A repository whose metric is the size of `work.txt`, and which must keep a line of `a`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "app"
        self.desk = folder / "app-r1"
        self.hold = folder / "hold"
        self.state = folder / "state"
        self.root.mkdir()
        (self.root / "work.txt").write_text(TEXT)
        (self.root / "notes.txt").write_text("notes\n")
        self.git("init", "-q", "-b", "main")
        self.commit(self.root)

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, folder: Path) -> None:
        self.git("add", ".", cwd=folder)
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "mine", cwd=folder)

    def process(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def autoopt(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The command in this process, which saves a second of imports."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(self.root):
            ended = main(list(words))
        assert ended == code, (out.getvalue(), err.getvalue())
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def facts(self, *words: str) -> dict[str, Any]:
        out = self.autoopt(*words, "--json").stdout
        assert out.count("\n") == 1
        return json.loads(out)

    def start(self, *words: str) -> dict[str, Any]:
        settings = (
            "scope=work.txt",
            "run_id=r1",
            "goal=Make it smaller",
            "metric.warmups=0",
            "metric.unit=B",
        )
        reading = ("metric.extract.kind=regex", r"metric.extract.pattern=(\d+)", "metric.baseline_samples=2")
        command = f"metric.command={METRIC.format(hold=self.hold)}"
        return self.facts(
            "start", command, *settings, *reading, "guards.a.command=grep -q a work.txt", *words
        )

    def edit(self, text: str, name: str = "work.txt") -> None:
        (self.desk / name).write_text(text)

    def attempt(self, hypothesis: str = "Less text should be smaller because it is less") -> dict[str, Any]:
        return self.facts("try", "r1", "--hypothesis", hypothesis)

    def refused(self, *words: str, code: int = 2) -> str:
        """What a refusal says, which must be one line, do nothing and leave the desk alone."""
        before = self.desk_files(), self.events()
        done = self.autoopt("try", "r1", *words, code=code)
        said = [line for line in done.stderr.splitlines() if line.startswith("autoopt: ")]
        assert (self.desk_files(), self.events()) == before
        assert len(said) == 1
        return said[0]

    def desk_files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.desk.iterdir() if path.is_file()}

    @property
    def journal(self) -> Path:
        return next(self.state.glob("autoopt/*/r1/journal.jsonl"))

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.journal.read_text().splitlines()]

    def measuring(self, *words: str) -> subprocess.Popen[str]:
        """A try that has made its commit and waits in its metric command."""
        self.hold.touch()
        seen = self.events().count("EDITED")
        process = self.process("try", "r1", "--hypothesis", "It should be smaller because it is", *words)
        deadline = time.monotonic() + 60
        while self.events().count("EDITED") == seen:
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.02)
        return process


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    return Project(tmp_path)


@pytest.fixture
def started(project: Project) -> Project:
    project.start()
    return project


def test_a_start_measures_the_baseline_and_leaves_the_desk_ready(project: Project) -> None:
    told = project.start()

    assert told["run"] == "r1"
    assert told["desk"] == str(project.desk)
    assert told["baseline"] == 20
    assert told["state"] == "waiting"
    assert project.desk_files()["work.txt"] == TEXT
    assert project.events()[-3:] == ["DECIDED", "DONE", "STOPPED"]
    assert "waiting" in project.autoopt("runs").stdout


def test_a_start_whose_metric_fails_leaves_nothing_behind(project: Project) -> None:
    said = project.autoopt("start", "scope=work.txt", "run_id=r1", "metric.command=exit 3", code=2)

    assert "no baseline" in said.stderr
    assert not project.desk.exists()
    assert project.git("branch", "--list", "autoresearch/*") == ""


def test_a_better_edit_is_kept_and_becomes_the_incumbent(started: Project) -> None:
    started.edit("aaaaaaaaa\n")
    told = started.attempt()

    assert (told["number"], told["status"], told["value"]) == (1, "keep", 10)
    assert told["incumbent"]["value"] == 10
    assert told["verdict"].startswith("KEEP")
    assert started.git("show", "autoresearch/r1:work.txt") == "aaaaaaaaa"
    assert started.git("status", "--porcelain", cwd=started.desk) == ""
    assert "\tkeep\t" in (started.root / "autoresearch-r1.tsv").read_text()
    shown = json.loads(started.autoopt("show", "r1", "1", "--json").stdout)
    assert shown["source"] == "try"
    assert "-bbbbbbbbb" in shown["diff"]


def test_a_worse_edit_is_put_back_and_stays_reachable(started: Project) -> None:
    started.edit(TEXT * 2)
    told = started.attempt()

    assert told["status"] == "discard"
    assert told["incumbent"]["number"] == 0
    assert started.desk_files()["work.txt"] == TEXT
    assert started.git("show", "refs/autoopt/r1/1:work.txt") == (TEXT * 2).strip()
    assert started.git("status", "--porcelain", cwd=started.desk) == ""


def test_a_guard_and_a_crash_are_told_with_what_they_said(started: Project) -> None:
    started.edit("b\n")
    rejected = started.attempt()
    (started.desk / "work.txt").unlink()
    crashed = started.attempt()

    assert rejected["status"] == "inspector-reject"
    assert rejected["findings"][-1]["guard"] == "a"
    assert crashed["status"] == "crash"
    assert "work.txt: No such file" in crashed["failure"]["tail"]
    assert crashed["still_edited"] == []
    assert started.desk_files()["work.txt"] == TEXT


def test_the_verdict_is_told_in_words(started: Project) -> None:
    started.edit("aaa\n")
    done = started.autoopt("try", "--hypothesis", "Less text should be smaller because it is less")

    assert "#1 keep" in done.stdout
    assert "incumbent 4 B (#1), baseline 20 B" in done.stdout
    assert "autoopt show r1 1" in done.stdout


@pytest.mark.parametrize("hypothesis", [(), ("--hypothesis", " ")])
def test_an_edit_without_a_hypothesis_is_refused(started: Project, hypothesis: tuple[str, ...]) -> None:
    started.edit("aaa\n")

    assert "because Z" in started.refused(*hypothesis)


def test_an_untouched_desk_is_refused(started: Project) -> None:
    assert "nothing is edited" in started.refused("--hypothesis", "x")


def test_an_edit_out_of_scope_is_refused_and_stays(started: Project) -> None:
    started.edit("aaa\n")
    started.edit("mine\n", "notes.txt")

    assert "notes.txt: out of scope" in started.refused("--hypothesis", "x")
    assert started.desk_files()["notes.txt"] == "mine\n"


def test_a_name_that_is_no_text_is_refused_and_stays(project: Project) -> None:
    project.start("scope=.")
    odd = project.desk / "caf\udce9.txt"
    odd.write_text("x\n")
    project.edit("aaa\n")

    assert "not UTF-8" in project.refused("--hypothesis", "x")
    assert odd.read_text() == "x\n"
    assert project.facts("brief")["not_allowed"].startswith("caf?.txt")


def test_a_spent_budget_refuses_and_can_be_raised(project: Project) -> None:
    project.start("budget.experiments=1")
    project.edit("aaa\n")
    assert project.attempt()["experiments_left"] == 0
    project.edit("aa\n")

    assert "budget of 1 experiment is spent" in project.refused("--hypothesis", "x")
    told = project.facts("try", "budget.experiments=2", "--hypothesis", "x")
    assert (told["number"], told["status"]) == (2, "keep")


def test_a_commit_in_the_desk_is_never_taken_for_a_measured_one(started: Project) -> None:
    base = started.git("rev-parse", "HEAD")
    started.edit("aaa\n")
    started.commit(started.desk)

    said = started.refused("--hypothesis", "x", code=3)
    keeps, takes = re.findall(r"`(git [^`]+)`", said)
    subprocess.run(keeps.replace("NAME", "mine"), shell=True, check=True)
    subprocess.run(takes, shell=True, check=True)
    assert started.git("show", "mine:work.txt") == "aaa"
    assert started.git("rev-parse", "autoresearch/r1") == base
    assert started.attempt()["status"] == "keep"


def test_only_one_try_at_a_time(started: Project) -> None:
    started.edit("aaa\n")
    first = started.measuring()
    second = started.autoopt("try", "--hypothesis", "x", code=5)
    started.hold.unlink()
    out, err = first.communicate(timeout=60)

    assert "being worked on" in second.stderr
    assert first.returncode == 0, err
    assert "#1 keep" in out


@pytest.mark.parametrize(("text", "status"), [("aaa\n", "keep"), (TEXT * 2, "discard")])
def test_what_is_edited_during_the_measurement_stays(started: Project, text: str, status: str) -> None:
    started.edit(text)
    process = started.measuring("--json")
    started.edit("a\n")
    started.hold.unlink()
    told = json.loads(process.communicate(timeout=60)[0])

    assert told["status"] == status
    assert told["still_edited"] == ["work.txt"]
    assert started.desk_files()["work.txt"] == "a\n"
    assert "work.txt" in started.git("status", "--porcelain", cwd=started.desk)
    assert started.attempt()["value"] == 2


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_try_that_is_ended_keeps_its_edits_and_is_tried_again(started: Project, ending: int) -> None:
    started.edit("aaa\n")
    process = started.measuring()
    process.send_signal(ending)
    process.communicate(timeout=60)
    started.hold.unlink()

    assert process.returncode != 0
    assert started.desk_files()["work.txt"] == "aaa\n"
    told = started.attempt()
    assert (told["number"], told["status"]) == (2, "keep")


def test_a_resume_says_where_the_edits_of_a_killed_try_are(started: Project) -> None:
    started.edit("aaa\n")
    process = started.measuring()
    process.kill()
    process.communicate(timeout=60)
    started.hold.unlink()
    started.edit("aa\n", "new.txt")
    said = started.autoopt("resume", "r1").stdout

    commit = started.git("rev-parse", "refs/autoopt/r1/1")
    assert commit[:12] in said
    assert started.git("show", f"{commit}:work.txt") == "aaa"
    assert started.desk_files() == {
        ".git": started.desk_files()[".git"],
        "notes.txt": "notes\n",
        "work.txt": TEXT,
    }
    saved = next(path for path in started.state.rglob("set-aside/1/*") if path.is_file())
    assert str(saved.parent) in said
    assert (saved.name, saved.read_text()) == ("new.txt", "aa\n")


def test_a_decision_that_was_not_carried_out_is_carried_out_by_the_next_try(started: Project) -> None:
    started.edit(TEXT * 2)
    started.attempt()
    lines = started.journal.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["event"] for line in lines[-3:]] == ["DECIDED", "DONE", "STOPPED"]
    started.journal.write_bytes(
        b"".join(lines[:-2])
    )  # as if killed after the decision, before the desk was put back
    started.edit(TEXT * 2)

    assert "nothing is edited" in started.autoopt("try", "--hypothesis", "x", code=2).stderr
    assert started.desk_files()["work.txt"] == TEXT


def test_a_keep_that_was_not_carried_out_keeps_later_edits(started: Project) -> None:
    base = started.git("rev-parse", "HEAD")
    started.edit("aaa\n")
    kept = started.attempt()["commit"]
    lines = started.journal.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["event"] for line in lines[-4:]] == ["DECIDED", "MOVED", "DONE", "STOPPED"]
    started.journal.write_bytes(b"".join(lines[:-3]))
    started.git("update-ref", "refs/heads/autoresearch/r1", base)
    started.edit("a\n")
    told = started.attempt()

    assert told["status"] == "keep"
    assert started.git("rev-parse", f"{told['commit']}^") == kept
    assert started.git("show", "autoresearch/r1:work.txt") == "a"


def test_a_brief_tells_what_is_known_and_touches_nothing(started: Project) -> None:
    started.edit(TEXT * 2)
    started.attempt("Twice the text should be smaller because who knows")
    started.edit("aaa\n")
    before = started.desk_files()
    text = started.autoopt("brief").stdout
    told = started.facts("brief", "r1")

    assert "Make it smaller" in text
    assert f"`{started.desk}`" in text
    assert "Twice the text should be smaller" in text
    assert told["number"] == 2
    assert told["files"] == ["work.txt"]
    assert told["edited"] == ["work.txt"]
    assert [one["status"] for one in told["experiments"]] == ["discard"]
    assert started.desk_files() == before


def test_a_report_confirms_the_total_with_fresh_pairs(started: Project) -> None:
    started.edit("aaaaaaaaa\n")
    started.attempt()
    started.edit("half done\n")
    assert "Not confirmed" in started.autoopt("report", "r1").stdout
    report = started.autoopt("report", "r1", "--confirm").stdout

    assert "20 B → 10 B: 50.0 % lower" in report
    assert started.facts("show", "r1")["confirmed"] == {"baseline": 20, "final": 10, "pairs": 2}
    assert started.desk_files()["work.txt"] == "half done\n"


def test_a_resume_of_a_run_without_proposers_confirms_and_ends(started: Project) -> None:
    started.edit("aaaaaaaaa\n")
    started.attempt()
    done = started.autoopt("resume", "r1")

    assert "20 B → 10 B" in done.stdout
    assert started.facts("show", "r1")["state"] == "finished"


def test_the_loop_goes_on_from_what_a_try_kept(project: Project) -> None:
    regex = {"file": "work.txt", "regex": "(a+)", "choices": ["aaaaaaaaa", "aa"]}
    project.start(*(f"params.a.{name}={value}".replace("'", "") for name, value in regex.items()))
    project.edit("aaaaaaaaa\n")
    assert project.attempt()["status"] == "keep"
    project.autoopt("resume", "r1", "budget.experiments=2")
    told = project.facts("show", "r1")

    assert [(one["source"], one["status"]) for one in told["experiments"]] == [
        ("try", "keep"),
        ("optuna", "keep"),
    ]
    assert project.git("show", "autoresearch/r1:work.txt") == "aa"
    assert told["state"] == "finished"
    assert told["confirmed"]["final"] == 3


def test_the_prompt_of_an_experiment_is_shown(started: Project) -> None:
    started.edit("aaa\n")
    started.attempt()
    assert "no agent was asked" in started.autoopt("show", "r1", "1", "--prompt", code=2).stderr
    usage = Usage(calls=1, cost_usd=0.25)
    Journal(started.journal).spent(
        Call(number=1, stage="think", agent="claude", transcript="0001-1-think", usage=usage)
    )
    prompts = started.journal.parent / "prompts"
    prompts.mkdir()
    (prompts / "0001-1-think.prompt.md").write_text("Have an idea\n")
    (prompts / "0001-1-think.answer.md").write_text("Here is one\n")

    asked = started.autoopt("show", "r1", "1", "--prompt").stdout
    both = started.autoopt("show", "r1", "1", "--prompt", "--answers").stdout
    assert "think by claude" in asked
    assert "Have an idea" in asked
    assert "Here is one" not in asked
    assert both.index("Have an idea") < both.index("Here is one")


def test_run_ids_are_completed(started: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_LINE", "autoopt try r")

    assert started.autoopt("-sc", "query=bash").stdout.split() == ["r1"]


def test_the_skill_is_printed_and_written_but_never_over_another(project: Project, tmp_path: Path) -> None:
    text = project.autoopt("skill").stdout
    written = Path(project.autoopt("skill", str(tmp_path / "skills")).stdout.strip())
    project.autoopt("skill", str(tmp_path / "skills"))
    again = written.read_text()
    written.write_text("mine")
    said = project.autoopt("skill", str(tmp_path / "skills"), code=2).stderr

    head = yaml.safe_load(text.split("---\n")[1])
    assert (head["name"], len(head["description"]) < 1024) == ("autoopt", True)
    assert set(re.findall(r"(?:^|`)autoopt (\w+)", text, re.MULTILINE)) <= {*SUBCOMMANDS}
    assert again == text
    assert "says something else" in said
    assert written.read_text() == "mine"
