"""Whole runs from the command line in which a scripted agent, a search and codemods share one budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

# The metric counts the bytecode instructions that the work takes: exact, and better for code-level edits too.
METRIC = """\
import sys
import settings, work

count = 0
def step(frame, event, argument):
    global count
    frame.f_trace_opcodes = True
    count += event == "opcode"
    return step

sys.settrace(step)
result = work.total(range(40)) + settings.WIDTH * work.spin(settings.WIDTH)
sys.settrace(None)
assert result >= 780
print("METRIC steps=", count, sep="")
"""
WORK = """\
def total(numbers):
    found = []
    for number in numbers:
        found.append(number)
    return sum(found)


def spin(width):
    left = 0
    for _ in range(width * 20):
        left = left + 0
    return left
"""
# Thinks of two ideas, then edits: the first time spin() goes, the second time it breaks the program.
AGENT = """\
import json, pathlib, sys

prompt = sys.stdin.read()
done = pathlib.Path("work.py").read_text()
if "Edit nothing yet" in prompt:
    ideas = [
        {"hypothesis": f"{what} should lower the steps because they are not needed", "area": area,
         "impact": 8, "feasibility": 8, "novelty": 8, "assumption": "nothing reads them", "risk": "none"}
        for what, area in (("Spinning never", "spin"), ("Importing gears lazily", "imports"))
    ]
    answer = json.dumps({"ideas": ideas})
elif "Importing gears" in prompt:
    pathlib.Path("work.py").write_text("import gears\\n" + done)
    answer = json.dumps({"description": "import the gears when they are needed"})
else:
    head = done.partition("def spin")[0]
    pathlib.Path("work.py").write_text(head + "def spin(width):\\n    return 0\\n")
    answer = json.dumps({"description": "return from spin() at once"})
print(json.dumps({"answer": answer, "cost": 0.25, "in": 100, "out": 10}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "bench.py").write_text('import sys\nsys.path.insert(0, "src")\n' + METRIC)
    (root / "src" / "work.py").write_text(WORK)
    (root / "src" / "settings.py").write_text("WIDTH = 4\n")
    (tmp_path / "agent.py").write_text(AGENT.replace('"work.py"', '"src/work.py"'))
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def autoopt(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "XDG_STATE_HOME": str(project.parent / "state"), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "autoopt", *words],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return autoopt(
        project,
        "recipe=command",
        "scope=src",
        "run_id=shared",
        f"metric.command={sys.executable} bench.py",
        "metric.extract.kind=named",
        "metric.extract.pattern=steps",
        "metric.baseline_samples=2",
        "params.width={file: src/settings.py, python: WIDTH, choices: [1, 2, 4], first: [2]}",
        "agent=command",
        f"agent.command={sys.executable} {project.parent / 'agent.py'}",
        "agent.answer={format: json, text: answer, cost_usd: cost, input_tokens: in, output_tokens: out}",
        "suspicions.ignore=[constant]",  # what the scripted agents find is just that
        *words,
    )


def journal(project: Path) -> list[dict[str, object]]:
    (path,) = project.parent.glob("state/autoopt/*/shared/journal.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def decided(project: Path) -> list[dict[str, object]]:
    return [event["experiment"] for event in journal(project) if event["event"] == "DECIDED"]  # type: ignore[misc]


def test_agent_search_and_codemods_share_one_budget_and_one_journal(project: Path) -> None:
    done = run(project, "propose.use=[optuna,codemods,agent]", "budget.experiments=8")

    assert done.returncode == 0, done.stderr
    kept = {str(past["source"]) for past in decided(project) if past["status"] == "keep"}
    assert kept == {"optuna", "codemods", "agent"}
    assert "Where the budget went" in done.stdout
    assert "think by command: 1 call, $0.25, 110 tokens" in done.stdout
    by_agent = next(past for past in decided(project) if past["source"] == "agent")
    assert by_agent["description"] == "return from spin() at once"
    assert by_agent["thought"]["impact"] == 8  # type: ignore[index]
    assert by_agent["usage"]["cost_usd"] == 0.5  # type: ignore[index]
    crash = next(past for past in decided(project) if past["status"] == "crash")
    assert crash["description"] == "import the gears when they are needed"


def test_what_was_sent_to_the_agent_can_be_read_afterwards(project: Path) -> None:
    run(project, "propose.use=[agent]", "budget.experiments=1")

    shown = autoopt(project, "show", "shared", "1", "--prompt")
    answered = autoopt(project, "show", "shared", "1", "--prompt", "--answers")

    assert "Edit nothing yet" in shown.stdout
    assert "make this one change" in shown.stdout
    assert "def spin(width):" in shown.stdout
    assert "return from spin() at once" in answered.stdout


def test_no_call_is_made_that_could_exceed_the_budget_and_the_others_go_on(project: Path) -> None:
    done = run(project, "propose.use=[optuna,agent]", "budget.experiments=6", "budget.cost_usd=0.6")

    calls = [event for event in journal(project) if event["event"] == "SPENT"]
    assert len(calls) == 2  # 0.50; a third call could make it 0.75
    assert (
        "agent sits out: budget.cost_usd: 0.5 of 0.6 is spent, and the next call could take 0.25"
        in done.stdout
    )
    assert [past["source"] for past in decided(project)].count("optuna") >= 2


def test_a_run_of_the_agent_alone_ends_when_its_money_does(project: Path) -> None:
    done = run(project, "propose.use=[agent]", "budget.cost_usd=0.6")

    assert done.returncode == 0, done.stderr
    assert "ended: budget.cost_usd: 0.5 of 0.6 is spent" in done.stdout
    assert [past["status"] for past in decided(project)] == ["baseline", "keep"]
    desk = project.parent / "project-shared"
    status = subprocess.run(["git", "status", "--porcelain"], cwd=desk, capture_output=True, check=True)
    assert status.stdout == b""


INSPECTOR = """\
import json, sys

prompt = sys.stdin.read()
points = [{"n": n, "pass": True, "reason": ""} for n in range(1, 9)]
if "return from spin() at once" in prompt:
    points[1] = {"n": 2, "pass": False, "reason": "spin() no longer spins"}
print(json.dumps({"points": points}))
"""


def test_a_second_agent_overrules_a_gain_with_its_reason(project: Path) -> None:
    (project.parent / "inspector.py").write_text(INSPECTOR)

    done = run(
        project,
        "propose.use=[agent,codemods]",
        "budget.experiments=3",
        "inspector=command",
        f"inspector.command={sys.executable} {project.parent / 'inspector.py'}",
    )

    assert done.returncode == 0, done.stderr
    by_agent = next(past for past in decided(project) if past["source"] == "agent")
    assert by_agent["status"] == "inspector-reject"
    assert "spin() no longer spins" in by_agent["findings"][-1]["message"]  # type: ignore[index]
    assert any(past["status"] == "keep" for past in decided(project) if past["source"] == "codemods")


def test_a_resume_after_a_kill_in_the_middle_of_thinking_forgets_no_cost(project: Path) -> None:
    slow, asked = project.parent / "slow.py", project.parent / "asked"
    asked.touch()  # a file that is not there could not be made writable
    slow.write_text(
        "import pathlib, runpy, sys, time\n"
        f"mark = pathlib.Path({str(asked)!r})\n"
        "calls = len(mark.read_text())\n"
        "mark.write_text('x' * (calls + 1))\n"
        "if calls == 1: pathlib.Path('src/work.py').write_text('half an edit'); time.sleep(60)\n"
        f"runpy.run_path({str(project.parent / 'agent.py')!r})\n"
    )
    environ = {**os.environ, "XDG_STATE_HOME": str(project.parent / "state")}
    process = subprocess.Popen(
        [
            sys.executable, "-m", "autoopt", "recipe=command", "scope=src", "run_id=shared",
            f"metric.command={sys.executable} bench.py", "metric.extract.kind=named",
            "metric.extract.pattern=steps",
            "metric.baseline_samples=2", "propose.use=[agent]", "budget.experiments=1",
            "agent=command", f"agent.command={sys.executable} {slow}",
            "agent.answer={format: json, text: answer, cost_usd: cost}", f"agent.writable=[{asked}]",
            "suspicions.ignore=[constant]",
        ],
        cwd=project, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while len(asked.read_text()) != 2:
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.02)
    process.kill()
    process.wait()

    done = autoopt(project, "resume", "shared")

    assert done.returncode == 0, done.stderr
    assert [past["status"] for past in decided(project)] == ["baseline", "keep"]
    spent = [event["call"]["stage"] for event in journal(project) if event["event"] == "SPENT"]  # type: ignore[index]
    assert "1 call of an agent; what that cost may be missing" in autoopt(project, "report", "shared").stdout
    assert spent[0] == "think"
    assert spent[-1] == "edit"
    text = subprocess.run(
        ["git", "show", "autoresearch/shared:src/work.py"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "half an edit" not in text.stdout


def test_an_agent_that_cannot_be_asked_ends_a_run_of_its_own_with_the_reason(project: Path) -> None:
    done = run(project, "propose.use=[agent]", "agent.command=echo please log in >&2; exit 1")

    assert done.returncode == 4
    assert "the agent failed 2 times in a row" in done.stderr
    assert "please log in" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_others_go_on_without_an_agent_that_cannot_be_asked(project: Path) -> None:
    done = run(project, "propose.use=[optuna,agent]", "agent.command=exit 1", "budget.experiments=2")

    assert done.returncode == 0, done.stderr
    assert [past["source"] for past in decided(project)][1:] == ["optuna", "optuna"]


def test_an_agent_that_commits_by_itself_does_not_end_the_run(project: Path) -> None:
    (project.parent / "committing.py").write_text(
        "import runpy, subprocess\n"
        f"runpy.run_path({str(project.parent / 'agent.py')!r})\n"
        'subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@a", "commit", "-qam", "mine"])\n'
    )

    done = run(
        project,
        "propose.use=[agent]",
        "budget.experiments=1",
        f"agent.command={sys.executable} {project.parent / 'committing.py'}",
        "sandbox=none",  # else the repository is read-only for agents
    )

    assert done.returncode == 0, done.stderr
    assert "the agent committed" in done.stdout
    kept = decided(project)[1]
    assert (kept["status"], kept["description"]) == ("keep", "return from spin() at once")
    log = subprocess.run(
        ["git", "log", "--format=%s", "main..autoresearch/shared"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.splitlines() == ["experiment: return from spin() at once"]
