"""What the commands of a whole run are given, what bounds it, and what is cleaned up after it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.processes.surroundings import Surroundings
from autoopt.schema import MetricConfig

# The smaller the size the better, but each step down costs training time and one more table on the server.
BENCH = """\
import os, sys
size = int(open("size.txt").read())
print(f"METRIC error={size}")
print(f"METRIC train_s={100 - size}")
assert os.environ["AUTOOPT_RUN"] == "r1" and os.environ["TOKEN_OF_MINE"] == "s3cret"
assert "OTHER" not in os.environ
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "server").mkdir()
    (root / "bench.py").write_text(BENCH)
    (root / "size.txt").write_text("50\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "start"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", *identity, *words], cwd=root, check=True)
    return root


def autoopt(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "XDG_STATE_HOME": str(project.parent / "state")}
    environ |= {"TOKEN_OF_MINE": "s3cret", "OTHER": "x", "SERVER": str(project.parent / "server")}
    command = [sys.executable, "-m", "autoopt", *words]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return autoopt(
        project,
        *("recipe=command", "scope=size.txt", f"metric.command={sys.executable} bench.py", "run_id=r1"),
        *("metric.extract.kind=named", "metric.extract.pattern=error", "metric.pass_env=[TOKEN_*,SERVER]"),
        *("params.size.file=size.txt", "params.size.regex=(\\d+)", "params.size.choices=[50,40,20]"),
        *("metric.prepare=mkdir -p $SERVER/$AUTOOPT_RUN", "metric.cleanup=rm -r $SERVER/$AUTOOPT_RUN"),
        *("budget.experiments=4", f"writable=[{project.parent}/server]", *words),
    )


def statuses(project: Path) -> list[str]:
    rows = (project / "autoresearch-r1.tsv").read_text().splitlines()[1:]
    return [f"{row.split(chr(9))[3]} {row.split(chr(9))[2]}" for row in rows]


def test_a_gain_that_breaks_a_constraint_is_rejected_with_the_reason(project: Path) -> None:
    done = run(project, "constraints.train_s.max=70")

    assert done.returncode == 0, done.stderr
    assert sorted(statuses(project)) == ["baseline 50", "inspector-reject 20", "keep 40"]
    assert "constraints.train_s: 80 is more than max=70" in (project / "autoresearch-r1.log").read_text()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("missing", "writable: {0}/missing is not there; make it, or leave it out."),
        ("", "writable: {0} and git's own directory, {0}/project/.git, lie in one another, "),
        ("state/autoopt", "writable: {0}/state/autoopt and the records of runs, {0}/state/autoopt, lie in"),
    ],
)
def test_nobody_lets_commands_write_what_judges_them(project: Path, place: str, message: str) -> None:
    (project.parent / "state" / "autoopt").mkdir(parents=True)
    done = run(project, f"writable=[{project.parent / place}]")

    assert done.returncode == 2
    assert f"autoopt: {message.format(project.parent)}" in done.stderr


def test_a_constraint_that_the_base_breaks_is_refused_before_anything_is_tried(project: Path) -> None:
    done = run(project, "constraints.train_s.max=40")

    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert (
        "constraints.train_s: does not pass at the commit the run starts from: 50 is more than max=40; "
        "raise or lower the bound, or take it away." in said
    )
    assert not (project.parent / "server" / "r1").exists()


def test_what_prepare_made_elsewhere_is_taken_away_at_the_end(project: Path) -> None:
    assert run(project).returncode == 0

    assert (project.parent / "server").is_dir()
    assert not (project.parent / "server" / "r1").exists()


def test_a_cleanup_that_fails_is_told_and_the_run_is_none_the_worse(project: Path) -> None:
    done = run(project, "metric.cleanup=echo no server >&2; exit 7")

    assert done.returncode == 0
    assert "metric.cleanup: exit code 7" in done.stdout
    assert "keep 20" in statuses(project)


def test_a_secret_that_is_passed_on_is_not_written_down(project: Path) -> None:
    assert run(project).returncode == 0

    kept = [path for path in project.parent.rglob("*") if path.is_file() and path.name != "bench.py"]
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]


def test_clean_takes_away_what_a_killed_run_has_left_elsewhere(project: Path) -> None:
    assert run(project, "metric.target=40").returncode == 0
    (project.parent / "server" / "r1").mkdir()

    done = autoopt(project, "clean", "r1", "--yes", "--force")

    assert done.returncode == 0, done.stderr
    assert not (project.parent / "server" / "r1").exists()


def test_what_an_instrument_says_in_one_line_is_the_whole_refusal(project: Path) -> None:
    done = run(project, "metric.command=echo 'autoopt: ty is not installed: install it.' >&2; exit 4")

    assert done.returncode == 2
    assert done.stderr.splitlines() == ["autoopt: ty is not installed: install it."]


def test_what_any_other_command_prints_before_it_fails_is_shown_below_the_reason(project: Path) -> None:
    done = run(project, "metric.command=echo 'no such table' >&2; exit 4")

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "autoopt: metric.command: exit code 4, so there is no baseline to compare with",
        "no such table",
    ]


def test_what_was_said_of_one_checkout_is_not_believed_of_another_nor_after_it_was_emptied(
    tmp_path: Path,
) -> None:
    surroundings = Surroundings(MetricConfig(command="true"), {}, "r1", compiled=tmp_path / "compiled")
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        surroundings.private(folder)
    surroundings.private(one).said.add("prepared")

    assert surroundings.private(one).said == {"prepared"}
    old = (one / "since").read_bytes()
    (other / "since").write_bytes(old)
    assert surroundings.private(other).said == set()
    (one / "since").unlink()
    assert surroundings.private(one).said == set()
    (one / "since").write_bytes(old)  # by a command that had read it
    assert surroundings.private(one).said == set()
