"""`workspace.mode=inplace` as a person uses it: real processes in their own checkout."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_commands import RECIPE, Project
from test_inplace import content

IN_PLACE = ("recipe=boxes", "run_id=first", "workspace.mode=inplace")
SLOW = RECIPE.replace("awk", "sleep 0.2; awk")
OURS = ("autoresearch-first", ".git/info")
"""What every run leaves in the repository: its table, its log, and the line that hides them."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root)
    (root / "notes.txt").write_text("committed\n")
    made.recipe(SLOW)
    (root / "notes.txt").write_text("edited, not committed\n")
    (root / "staged.txt").write_text("staged\n")
    made.git("add", "staged.txt")
    return made


def users(project: Project) -> dict[str, object]:
    return {name: what for name, what in content(project.root).items() if not name.startswith(OURS)}


def stopped_at(project: Project, event: str, count: int, number: int) -> subprocess.Popen[str]:
    """A run in place, sent a signal after the count-th event of a kind."""
    running = project.start(*IN_PLACE)
    project.wait_for("first", event, count)
    running.send_signal(number)
    running.output, _ = running.communicate(timeout=120)  # type: ignore[attr-defined]
    return running


def test_a_run_in_place_ends_with_the_checkout_as_it_was_and_says_how_to_take_the_result(
    project: Project,
) -> None:
    before = users(project)
    done = project.autoopt(*IN_PLACE)

    assert done.returncode == 0, done.stderr
    assert "your own checkout" in done.stdout
    assert "Your checkout is at main again, as it was." in done.stdout
    assert "git merge autoresearch/first" in done.stdout
    assert "Remove its records" in done.stdout
    assert users(project) == before
    brief = project.autoopt("brief", "first").stdout
    assert "autoopt resume first" in brief
    assert "autoopt try" not in brief
    assert users(project) == before
    assert project.git("worktree", "list").count("\n") == 0
    project.git("merge", "-q", "autoresearch/first")
    assert (project.root / "settings.ini").read_text() != "# kept\n[box]\nwidth = 5\ndepth = 3\n"
    assert (project.root / "notes.txt").read_text() == "edited, not committed\n"


def test_an_interrupt_gives_the_checkout_back_and_a_resume_borrows_it_again(project: Project) -> None:
    before = users(project)
    running = stopped_at(project, "BEGIN", 3, signal.SIGINT)

    assert running.returncode == 130
    assert users(project) == before
    again = project.autoopt("resume", "first")
    assert again.returncode == 0, again.stderr
    assert users(project) == before
    assert len((project.root / "autoresearch-first.tsv").read_text().splitlines()) == 6


def test_after_a_kill_a_resume_goes_on_and_gives_the_checkout_back(project: Project) -> None:
    before = users(project)
    stopped_at(project, "EDITED", 2, signal.SIGKILL)
    assert project.git("symbolic-ref", "--short", "HEAD") == "autoresearch/first"

    again = project.autoopt("resume", "first")
    assert again.returncode == 0, again.stderr
    assert users(project) == before
    assert len((project.root / "autoresearch-first.tsv").read_text().splitlines()) == 6


def test_after_a_kill_clean_gives_the_checkout_back(project: Project) -> None:
    before = users(project)
    stopped_at(project, "EDITED", 1, signal.SIGKILL)
    done = project.autoopt("clean", "first", "--yes", "--keep-branch")

    assert done.returncode == 0, done.stderr
    assert users(project) == before
    assert not list(project.state.glob("autoopt/*/first"))


def test_after_a_kill_what_was_kept_is_not_cleaned_away_because_the_checkout_is_on_it(
    project: Project,
) -> None:
    stopped_at(project, "EDITED", 3, signal.SIGKILL)
    assert project.git("log", "--format=%s", "main..autoresearch/first") != ""
    finished = project.autoopt("finish", "first", "--unconfirmed")
    assert finished.returncode == 0, finished.stderr
    assert "autoopt resume first    # gives your checkout back" in finished.stdout
    project.git("branch", "-D", "autoresearch/first-final")
    done = project.autoopt("clean", "first", "--yes")

    assert done.returncode == 3
    assert "what it kept is on no other branch" in done.stderr


def test_a_second_run_in_the_checkout_is_told_who_has_it(project: Project) -> None:
    running = project.start(*IN_PLACE)
    project.wait_for("first", "BEGIN", 1)
    other = project.autoopt("recipe=boxes", "run_id=second", "workspace.mode=inplace", "allow_overlap=race")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)

    assert other.returncode == 5, other.stdout
    assert not list(project.state.glob("autoopt/*/second"))


def test_a_dirty_scope_is_refused_before_anything_is_shown(project: Project) -> None:
    (project.root / "settings.ini").write_text("mine\n")
    before = content(project.root)
    done = project.autoopt(*IN_PLACE)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("autoopt: settings.ini: not as committed")
    assert content(project.root) == before


def test_edits_in_scope_meanwhile_end_the_run_with_one_line_and_stay(project: Project) -> None:
    running = project.start(*IN_PLACE)
    project.wait_for("first", "EDITED", 1)
    (project.root / "settings.ini").write_text("mine\n")
    output, _ = running.communicate(timeout=120)

    assert running.returncode == 3, output
    assert "settings.ini: edited while the run has your checkout" in output
    assert "Traceback" not in output
    assert (project.root / "settings.ini").read_text() == "mine\n"
    assert project.git("symbolic-ref", "--short", "HEAD") == "main"


@pytest.mark.parametrize(
    "words",
    [
        ("start", *IN_PLACE),
        (*IN_PLACE, "workspace.desk=../elsewhere"),
    ],
)
def test_what_makes_no_sense_in_place_is_refused(project: Project, words: tuple[str, ...]) -> None:
    before = content(project.root)
    done = project.autoopt(*words)

    assert done.returncode == 2
    assert "workspace." in done.stderr
    assert content(project.root) == before


AGENT = """\
import json, pathlib, sys
prompt = sys.stdin.read().partition("# Your task")[2]
if "Edit nothing yet" in prompt:
    names = ("wide", "mean", "deep")
    print(json.dumps({"ideas": [
        {"hypothesis": f"{name} edits should lower the sum because {name} numbers are too large",
         "area": name, "impact": 9 - at, "feasibility": 8, "novelty": 8, "assumption": "none", "risk": "none"}
        for at, name in enumerate(names)]}))
    sys.exit()
settings = pathlib.Path("settings.ini")
text = settings.read_text()
if "mean edits" in prompt:
    pathlib.Path("notes.txt").write_text("ruined")
    settings.write_text("ruined")
else:
    name = "width" if "wide edits" in prompt else "depth"
    settings.write_text(text.replace(f"{name} = ", f"{name} = -"))
print(json.dumps({"description": "as it was thought"}))
"""


def test_an_agent_that_ruins_a_file_out_of_scope_is_refused_and_the_file_can_be_had_back(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    program = f"agent.command={sys.executable} -I -S {tmp_path / 'agent.py'}"
    words = ("propose.use=[agent]", "agent=command", program, "agent.answer={format: text}")
    done = project.autoopt(*IN_PLACE, *words, "budget.experiments=3")

    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in (project.root / "autoresearch-first.tsv").read_text().splitlines()]
    assert [row[3] for row in rows[1:]] == ["baseline", "keep", "inspector-reject", "keep"]
    assert (project.root / "settings.ini").read_text() == "# kept\n[box]\nwidth = 5\ndepth = 3\n"
    assert project.git("status", "--porcelain") == "M notes.txt\nA  staged.txt"
    shown = project.autoopt("show", "first", "2").stdout
    assert "notes.txt" in shown
    (copy,) = project.state.glob("autoopt/*/first/your-files/notes.txt")
    assert copy.read_text() == "edited, not committed\n"
