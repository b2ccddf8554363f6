"""The command line as a person uses it: real processes in a real repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.trusting import trust

from autoopt import cli
from autoopt.workspaces.store import Store

RECIPE = """\
goal: Make the sum of the settings smaller
scope: [settings.ini]
metric:
  command: awk -F= '/=/ {s += $2} END {print "METRIC sum=" s}' settings.ini
  extract: {kind: named, pattern: sum}
  warmups: 0
  baseline_samples: 2
params:
  width: {file: settings.ini, key: box.width, low: 1, high: 9}
  depth: {file: settings.ini, key: box.depth, choices: [1, 2, 3], first: [2]}
budget: {experiments: 4}
"""
PARAMETER = ("params.size.file=a.ini", "params.size.key=a.size", "params.size.choices=[1,2]")


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root.parent / "state"
        (root / ".autoopt" / "recipes").mkdir(parents=True)
        (root / "settings.ini").write_text("# kept\n[box]\nwidth = 5\ndepth = 3\n")
        self.git("init", "-q", "-b", "main")
        self.recipe(RECIPE)

    def recipe(self, text: str) -> None:
        (self.root / ".autoopt" / "recipes" / "boxes.yaml").write_text(text)
        self.git("add", ".")
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a recipe")
        trust(self.root, self.environ, "boxes")

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state), "COLUMNS": "100"}

    def autoopt(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autoopt", *words],
            cwd=cwd or self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def events(self, run: str) -> list[str]:
        found = list(self.state.glob(f"autoopt/*/{run}/journal.jsonl"))
        return [json.loads(line)["event"] for line in found[0].read_text().splitlines()] if found else []

    def wait_for(self, run: str, event: str, count: int) -> None:
        deadline = time.monotonic() + 60
        while self.events(run).count(event) < count:
            assert time.monotonic() < deadline, f"no {event} number {count}: {self.events(run)}"
            time.sleep(0.02)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


def test_a_run_from_start_to_report(project: Project) -> None:
    done = project.autoopt("recipe=boxes", "run_id=first")

    assert done.returncode == 0, done.stderr
    assert "Kept commits" in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.endswith(" ")]
    assert project.git("status", "--porcelain") == ""
    assert project.git("fsck", "--strict", "--no-dangling") == ""
    rows = [line.split("\t") for line in (project.root / "autoresearch-first.tsv").read_text().splitlines()]
    assert rows[1][2:4] == ["8", "baseline"]
    assert len(rows) == 6
    assert {row[3] for row in rows[2:]} <= {"keep", "discard"}
    text = project.git("show", "autoresearch/first:settings.ini")
    assert text.startswith("# kept\n[box]\n")
    assert sum(int(line.split("=")[1]) for line in text.splitlines() if "=" in line) < 8
    assert project.git("diff", "--stat", "main", "autoresearch/first", "--", ".autoopt") == ""

    shown = project.autoopt("show", "first", "1")
    assert "depth 3 → 2" in shown.stdout
    assert "-depth = 3" in shown.stdout
    listed = project.autoopt("runs")
    assert "first" in listed.stdout
    assert "finished" in listed.stdout
    report = project.autoopt("report", "fir")
    assert report.stdout.startswith("# ")
    assert "depth 3 → 2" in report.stdout

    page = Path(project.autoopt("report", "first", "--html").stdout.strip())
    page.unlink()
    assert project.autoopt("report", "--html", "first").stdout == f"{page}\n"
    shown = page.read_text()
    assert "depth 3 → 2" in shown
    assert shown.count('class="diff"') == len(rows) - 2  # of what was not kept, too
    assert all(f"<h2>{name}</h2>" in shown for name in ("How the gain came together", "Where the time went"))
    assert 'class="slice"' in shown


def test_whatever_is_done_lets_go_of_the_repository(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Store] = []
    begin, close = Store.__init__, Store.close

    def beginning(self: Store, control: Path) -> None:
        begin(self, control)
        held.append(self)

    def closing(self: Store) -> None:
        close(self)
        held[:] = [other for other in held if other is not self]

    monkeypatch.setattr(Store, "__init__", beginning)
    monkeypatch.setattr(Store, "close", closing)
    monkeypatch.chdir(project.root)
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)

    for line, code in {
        "recipe=boxes run_id=r1 budget.experiments=2": 0,
        "resume r1 budget.experiments=3": 0,
        "start recipe=boxes run_id=r2 propose.use=[]": 0,
        "brief r2": 0,
        "try r2": 2,
        "runs": 0,
        "show r1 1": 0,
        "report r1": 0,
        "review r1": 0,
        "export r1 --to csv": 0,
        "merge r1": 0,
        "finish r1": 0,
        "clean r1 r2 --yes --force": 0,
        "recipe=boxes run_id=r3 scope=[nothing]": 2,
    }.items():
        assert cli.main(line.split()) == code, line
        assert not held, line


def test_a_finished_run_resumes_only_with_more_budget(project: Project) -> None:
    project.autoopt("recipe=boxes", "run_id=first", "budget.experiments=2")

    again = project.autoopt("resume", "first")
    assert again.returncode == 0
    assert "already finished" in again.stdout
    more = project.autoopt("resume", "first", "budget.experiments=4")
    assert more.returncode == 0, more.stderr
    table = (project.root / "autoresearch-first.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in table[1:]] == ["0", "1", "2", "3", "4"]


def test_an_interrupt_ends_with_a_report_and_a_resume_goes_on(project: Project) -> None:
    project.recipe(RECIPE.replace("awk", "sleep 0.3; awk"))
    running = project.start("recipe=boxes", "run_id=first")
    project.wait_for("first", "DONE", 2)
    project.wait_for("first", "BEGIN", 3)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=120)

    assert running.returncode == 130, output
    assert "interrupted" in output
    assert "Traceback" not in output
    assert project.events("first")[-1] == "STOPPED"
    resumed = project.autoopt("resume", "first")
    assert resumed.returncode == 0, resumed.stderr
    table = (project.root / "autoresearch-first.tsv").read_text().splitlines()
    assert len(table) == 6


@pytest.mark.parametrize("events", [("BEGIN", 1), ("DONE", 1), ("EDITED", 2), ("DECIDED", 2)])
def test_a_kill_at_any_moment_loses_nothing(project: Project, events: tuple[str, int]) -> None:
    project.recipe(RECIPE.replace("awk", "sleep 0.1; awk"))
    running = project.start("recipe=boxes", "run_id=first")
    project.wait_for("first", *events)
    running.kill()
    running.communicate(timeout=120)

    resumed = project.autoopt("resume", "first")

    assert resumed.returncode == 0, resumed.stderr
    assert project.git("fsck", "--strict", "--no-dangling") == ""
    assert project.git("status", "--porcelain") == ""
    table = (project.root / "autoresearch-first.tsv").read_text().splitlines()
    assert len(table) == 6
    assert {path.name for path in project.root.iterdir() if "autoresearch" in path.name} == {
        "autoresearch-first.tsv",
        "autoresearch-first.log",
    }
    kept = [line.split("\t")[1] for line in table if line.split("\t")[3] == "keep"]
    log = project.git(
        "log", "--format=%h", "--abbrev=10", "--reverse", "main..autoresearch/first"
    ).splitlines()
    assert log == kept


def test_two_processes_do_not_work_on_one_run(project: Project) -> None:
    project.recipe(RECIPE.replace("awk", "sleep 0.3; awk"))
    running = project.start("recipe=boxes", "run_id=first")
    project.wait_for("first", "DONE", 1)

    second = project.autoopt("resume", "first")
    listed = project.autoopt("runs")
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=120)

    assert second.returncode == 5
    assert str(running.pid) in second.stderr
    assert "running" in listed.stdout
    assert running.returncode == 143


def _everything(root: Path) -> dict[Path, bytes]:
    """All files but the one about what this machine can do, which is no run's."""
    known = root / "state" / "autoopt" / "sandbox.json"
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and path != known}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["recipe=boxs"], 2, "boxes"),
        (["recipe=boxes", "metric.comand=true"], 2, "command"),
        (["recipe=boxes", "budget.experiments=0"], 2, "budget.experiments"),
        (["recipe=boxes", "budget.wall=soon"], 2, "budget.wall"),
        (["recipe=boxes", "scope=../elsewhere"], 2, "scope"),
        (["recipe=boxes", "scope=nothing/here"], 2, "scope"),
        (["recipe=boxes", "scope=.autoopt"], 2, "settings.ini is not in scope"),
        (["recipe=boxes", "params.width.key=box.height"], 2, "params.width.key"),
        (["recipe=boxes", "propose.optuna.sampler=magic"], 2, "propose.optuna.sampler"),
        (["recipe=boxes", "metric.command=exit 3"], 2, "exit code 3"),
        (["recipe=boxes", "metric.command=no-such-program"], 2, "command not found"),
        (["recipe=boxes", "metric.extract.pattern=total"], 2, "total"),
        (["recipe=boxes", "metric.command=echo METRIC sum=4"], 2, "garbage"),
        (["recipe=boxes", "guards.tests.command=true", "guards.tests.expect=("], 2, "guards.tests.expect"),
        (["recipe=boxes", "workspace.link=[missing]"], 2, "workspace.link"),
        (["recipe=boxes", "workspace.setup=exit 4"], 2, "workspace.setup"),
        (["recipe=boxes", "propose.discover=echo no"], 2, "propose.discover"),
        (["recipe=boxes", "run_id=a b"], 2, "run_id"),
        (["recipe=boxes", "run_id="], 2, "run_id"),
        (["recipe=boxes", "run_id=.."], 2, "run_id"),
        (["recipe=boxes", "run_id=7"], 2, "run_id"),
        (["recipe=boxes", "run_id=a/b"], 2, "run_id"),
        (["recipe=boxes", "run_id=" + "x" * 300], 2, "run_id"),
        (["recipe=boxes", "metric.baseline_samples=0"], 2, "metric.baseline_samples"),
        (["recipe=boxes", "metric.timeout_s=-5"], 2, "metric.timeout_s"),
        (["recipe=boxes", "metric.variation=x"], 2, "metric.variation"),
        (["recipe=boxes", "metric.seeds=1"], 2, "metric.seeds"),
        (["recipe=boxes", "metric.test_share=1.5"], 2, "metric.test_share"),
        (["recipe=boxes", "verdict.max_pairs=1"], 2, "verdict.max_pairs"),
        (["recipe=boxes", "final.max_pairs=0"], 2, "final.max_pairs"),
        (["recipe=boxes", "final.holdout.kind=regex"], 2, "final.holdout.command"),
        (["recipe=boxes", "final.holdout.command= "], 2, "final.holdout.command"),
        (
            ["recipe=boxes", "final.holdout.command=true", "final.holdout.kind=regex"],
            2,
            "final.holdout.pattern",
        ),
        (["recipe=boxes", "final.holdout.command=true", "final.holdout.file=/x"], 2, "final.holdout.file"),
        (["recipe=boxes", "final.holdout.command=true", "final.holdout.timeout_s=0"], 2, "holdout.timeout_s"),
        (["recipe=boxes", "seed=-4"], 2, "seed"),
        (["recipe=boxes", "guards.g.command=true", "guards.g.timeout_s=0"], 2, "guards.g.timeout_s"),
        (["recipe=boxes", "guards.g.command=false"], 2, "guards.g: does not pass"),
        (["recipe=boxes", "propose.optuna.options={n_startup_trials: many}"], 2, "propose.optuna"),
        (["recipe=command", "metric.command=true", "scope=."], 2, "propose.use: nobody could have an idea"),
        (
            ["recipe=command", "metric.command=true", "scope=."],
            2,
            ": list values to search under params, or choose an agent with agent=NAME, or name patches with",
        ),
        (
            ["recipe=command", "metric.command=true", "scope=.", "propose.use=[queue]"],
            2,
            "no branch): name patches with propose.queue.patches=DIRECTORY.",
        ),
        (
            ["recipe=command", "metric.command=true", "scope=.", "propose.use=[]"],
            2,
            "(it is empty): name somebody, as in propose.use=[codemods,agent].",
        ),
        (["recipe=command", "metric.command=true", "scope=.", "repo=/", *PARAMETER], 3, "git"),
        (["resume", "nothing"], 2, "no runs here yet"),
        (["show", "last"], 2, "no runs here yet"),
        (["demo", "nonesuch"], 2, "sql-latency"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line_and_changes_nothing(
    project: Project, words: list[str], code: int, said: str
) -> None:
    before = _everything(project.root.parent)

    done = project.autoopt(*words)

    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("autoopt: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert _everything(project.root.parent) == before
    assert [path.name for path in project.root.parent.iterdir() if path.name.startswith("project-")] == []


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (
            "box.sql",
            "scope: box.sql matches no committed file; paths count from the repository root, also in "
            "src/deep: scope=src/deep/box.sql.",
        ),
        ("[./box.sql,x]", "also in src/deep: scope=[src/deep/box.sql,src/deep/x]."),
        ("nothing", "nothing matches no committed file; write paths relative to the repository root."),
    ],
)
def test_a_scope_without_files_is_refused_before_its_settings_are_shown(
    project: Project, scope: str, said: str
) -> None:
    folder = project.root / "src" / "deep"
    folder.mkdir(parents=True)
    (folder / "box.sql").write_text("SELECT 1;\n")
    project.recipe(RECIPE)

    done = project.autoopt("recipe=boxes", f"scope={scope}", cwd=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_bash_nothing_is_shown_for_approval(project: Project, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autoopt", "recipe=boxes"],
        cwd=project.root,
        env={**project.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("autoopt: bash is not on the PATH")


def test_an_existing_run_id_is_not_started_again(project: Project) -> None:
    project.autoopt("recipe=boxes", "run_id=first", "budget.experiments=1")

    again = project.autoopt("recipe=boxes", "run_id=first")

    assert again.returncode == 2
    assert "autoopt resume first" in again.stderr


def test_hydra_writes_nothing_into_the_repository(project: Project) -> None:
    project.autoopt("recipe=boxes", "run_id=first", "budget.experiments=1")

    names = {path.name for path in project.root.iterdir()}

    assert names == {".git", ".autoopt", "settings.ini", "autoresearch-first.tsv", "autoresearch-first.log"}


def test_multirun_makes_a_run_of_each(project: Project) -> None:
    done = project.autoopt("-m", "recipe=boxes", "seed=1,2", "budget.experiments=1", "allow_overlap=race")

    assert done.returncode == 0, done.stderr
    assert len(list(project.root.glob("autoresearch-*.tsv"))) == 2
    assert len(project.git("branch", "--list", "autoresearch/*").splitlines()) == 2
    assert not (project.root / "multirun").exists()


def test_parameters_can_come_from_a_command_and_the_environment(project: Project) -> None:
    recipe = textwrap.dedent("""\
        scope: [settings.ini, knobs.env]
        metric:
          command: echo METRIC sum=$((${WIDTH:-5} + $(grep depth settings.ini | tr -dc 0-9)))
          extract: {kind: named, pattern: sum}
          env_file: knobs.env
          warmups: 0
          baseline_samples: 2
        propose:
          discover: >-
            echo '{"depth": {"file": "settings.ini", "key": "box.depth", "choices": [1, 2, 3], "first": [1]},
            "WIDTH": {"env": "WIDTH", "choices": [null, 3], "first": [3]}}'
        """)
    project.recipe(recipe.replace("${WIDTH:-5}", "\\${WIDTH:-5}"))

    done = project.autoopt("recipe=boxes", "run_id=first")

    assert done.returncode == 0, done.stderr
    assert project.git("show", "autoresearch/first:knobs.env") == "WIDTH=3"
    assert "depth = 1" in project.git("show", "autoresearch/first:settings.ini")


def test_what_a_person_lists_as_worth_trying_comes_before_what_a_command_finds(project: Project) -> None:
    project.recipe("""\
scope: settings.ini
metric:
  command: grep width settings.ini
  extract: {kind: regex, pattern: 'width = (\\d+)'}
  warmups: 0
  baseline_samples: 2
params:
  width: {file: settings.ini, key: box.width, choices: [1, 2, 5], first: [2]}
propose:
  use: [optuna]
  discover: >-
    echo '{"depth": {"file": "settings.ini", "key": "box.depth", "choices": [1, 2, 3], "first": [1]}}'
""")

    done = project.autoopt("recipe=boxes", "run_id=first", "budget.experiments=1")

    assert done.returncode == 0, done.stderr
    assert "width = 2" in project.git("show", "autoresearch/first:settings.ini")


@pytest.mark.parametrize("run_id", ["{victim}", "", ".", "first"])
def test_a_start_that_fails_removes_nothing_it_did_not_make(project: Project, run_id: str) -> None:
    victim = project.root.parent / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    project.autoopt("recipe=boxes", "run_id=first", "budget.experiments=1")
    for journal in project.state.glob("autoopt/*/first/journal.jsonl"):
        journal.unlink()  # not even a run without its journal is another one's to remove
    (project.root.parent / "project-first" / "note.txt").write_text("mine")
    before = _everything(project.root.parent)

    done = project.autoopt("recipe=boxes", f"run_id={run_id.format(victim=victim)}", "metric.command=exit 3")

    assert done.returncode == 2
    assert _everything(project.root.parent) == before


def test_one_damaged_run_does_not_hide_the_others(project: Project) -> None:
    for name in ("first", "second", "third"):
        project.autoopt("recipe=boxes", f"run_id={name}", "budget.experiments=1")
    (state,) = project.state.glob("autoopt/*/first")
    (state / "workspace.json").write_text("{")
    (state.parent / "second" / "config.yaml").unlink()

    listed = project.autoopt("runs")

    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("damaged") >= 2
    assert "finished" in listed.stdout
    assert project.autoopt("show", "third").returncode == 0
    broken = project.autoopt("show", "second")
    assert broken.returncode == 6
    assert "Traceback" not in broken.stderr


def test_subcommands_explain_themselves(project: Project) -> None:
    for name in ("runs", "show", "resume", "report", "demo", "recipes"):
        done = project.autoopt(name, "--help")

        assert done.returncode == 0
        assert f"autoopt {name}" in done.stdout


def test_a_table_that_cannot_be_written_does_not_end_the_run(project: Project) -> None:
    (project.root / "autoresearch-first.tsv").mkdir()

    done = project.autoopt("recipe=boxes", "run_id=first", "budget.experiments=2")

    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout
    assert "Kept commits" in done.stdout


def test_an_interrupted_final_comparison_is_made_up_for(project: Project) -> None:
    project.recipe(RECIPE.replace("awk", "sleep 0.3; awk"))
    running = project.start("recipe=boxes", "run_id=first", "budget.experiments=1")
    project.wait_for("first", "DONE", 2)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 130, output

    resumed = project.autoopt("resume", "first")

    assert resumed.returncode == 0, resumed.stderr
    assert "CONFIRMED" in project.events("first")
