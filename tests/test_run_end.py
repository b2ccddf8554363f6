"""The end of a run as a person sees it: claim, holdout, what no longer pays; and who must not know of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Two of three files help alone; with the third, either of them is enough.
METRIC = """\
fast() { grep -q fast src/$1; }
n=10
fast a && n=$((n - 1))
fast b && n=$((n - 1))
fast c && { fast a || fast b; } && n=6
"""
EXACT = METRIC + "echo METRIC t=$n\n"
NOISY = (
    METRIC
    + 'awk -v n=$n -v r="$(od -An -N2 -tu2 /dev/urandom)" \'BEGIN {print "METRIC t=" n + r / 655360}\'\n'
)
HOLDOUT = "grep -q fast src/c && echo METRIC t=77731.5 || echo METRIC t=66621.5 # hidden-cases"
SECRETS = ("hidden-cases", "77731.5", "66621.5", "holdout")
# Writes down all it can see, and has an idea for each file; nothing more after that.
AGENT = """\
import json, os, pathlib, sys

NAMES = {"a": "alpha", "b": "beta", "c": "gamma"}
here = pathlib.Path(__file__).parent
prompt = sys.stdin.read()
desk = {str(p): p.read_text() for p in pathlib.Path().rglob("*") if p.is_file()}
with (here / "seen").open("a") as seen:
    print(json.dumps([prompt, sys.argv, dict(os.environ), desk]), file=seen)
if "Edit nothing yet" in prompt:
    ideas = [
        {"hypothesis": f"File {name}, {NAMES[name]}, should lower the number because it is fast",
         "area": NAMES[name], "impact": 8, "feasibility": 8, "novelty": 8,
         "assumption": "it counts", "risk": "none"}
        for name in "abc" if "slow" in pathlib.Path("src", name).read_text()
    ] or [{"hypothesis": "Idling should lower the number because it rests", "area": "d", "impact": 1,
           "feasibility": 1, "novelty": 1, "assumption": "none", "risk": "none"}]
    answer = {"ideas": ideas}
else:
    name = prompt.partition("- Hypothesis: File ")[2][:1]
    pathlib.Path("src", name or "d").write_text("fast\\n")
    answer = {"description": f"{name or 'd'} is fast"}
print(json.dumps({"answer": json.dumps(answer)}))
"""


class Project:
    def __init__(self, place: Path) -> None:
        self.place, self.root = place, place / "project"
        (self.root / "src").mkdir(parents=True)
        for name in "abcd":
            (self.root / "src" / name).write_text("slow\n")
        (place / "agent.py").write_text(AGENT)
        (place / "seen").touch()  # a file that is not there could not be made writable
        git(self.root, "init", "-q", "-b", "main")
        commit(self.root, "start")

    def words(self, metric: str = EXACT) -> list[str]:
        (self.place / "metric.sh").write_text(metric)
        (self.place / "holdout.sh").write_text(HOLDOUT)
        return [
            *("recipe=command", "scope=src", "run_id=end", "confirm=no", "guards.tests.command=null"),
            *("metric.extract.kind=named", "metric.extract.pattern=t", "metric.warmups=0"),
            *("metric.probe=false", "budget.experiments=3", "agent=command", "profile.command=null"),
            f"metric.command=sh {self.place}/metric.sh",
            f"agent.command={sys.executable} {self.place}/agent.py",
            *("agent.answer={format: json, text: answer}", f"agent.writable=[{self.place}/seen]"),
        ]

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autoopt", *words],
            cwd=self.root,
            env={**os.environ, "XDG_STATE_HOME": str(self.place / "state"), "COLUMNS": "250"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def autoopt(self, *words: str) -> str:
        process = self.start(*words)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        return said

    def events(self) -> list[str]:
        found = list(self.place.glob("state/autoopt/*/end/journal.jsonl"))
        lines = found[0].read_text().splitlines(keepends=True) if found else []
        return [json.loads(line)["event"] for line in lines if line.endswith("\n")]


def git(place: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@t")
    return subprocess.run(["git", *who, *words], cwd=place, capture_output=True, text=True, check=True).stdout


def commit(root: Path, message: str) -> None:
    git(root, "add", ".")
    git(root, "commit", "-qm", message)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_gain_that_does_not_hold_on_the_holdout_is_said_to(project: Project) -> None:
    holdout = f"final.holdout.command=sh {project.place}/holdout.sh"
    project.autoopt(*project.words(), holdout)
    report = project.autoopt("report", "end")

    assert "Claimed step by step: " in report
    assert "confirmed: " in report
    assert "winner's curse" in report
    line = next(line for line in report.splitlines() if "Holdout, which nobody optimized" in line)
    assert "16.7 % higher, 2 fresh pairs; this is a loss" in line


def test_nobody_who_has_ideas_learns_of_the_holdout(project: Project) -> None:
    project.autoopt(*project.words(), f"final.holdout.command={HOLDOUT}")
    project.autoopt("resume", "end", "budget.experiments=4")
    briefs = project.autoopt("brief", "end", "--json") + project.autoopt("brief", "end")
    seen = (project.place / "seen").read_text()

    assert project.events().count("HELD_OUT") >= 1
    assert len(seen.splitlines()) >= 5
    for secret in SECRETS:
        assert secret not in seen
        assert secret not in briefs


@pytest.mark.parametrize("metric", [EXACT, NOISY], ids=["exact", "noisy"])
def test_of_two_changes_that_stand_in_for_one_another_one_can_go(project: Project, metric: str) -> None:
    said = project.autoopt(*project.words(metric), "verdict.patience=quick")
    assert said.count("no longer pays: drop it") == 1, said

    (project.root / "other").write_text("meanwhile\n")
    commit(project.root, "meanwhile")
    clone = project.place / "clone"
    git(project.place, "clone", "-q", str(project.root), str(clone))
    git(clone, "fetch", "-q", "origin", "autoresearch/end:autoresearch/end")
    steps = [line[line.index("git ") :].strip() for line in said.splitlines() if "  git " in line]
    (merge,) = (step for step in steps if step.startswith("git merge"))
    (revert,) = (step for step in steps if step.startswith("git revert"))
    git(clone, *merge.split()[1:])
    git(clone, *revert.split()[1:])

    left = [(clone / "src" / name).read_text() for name in "abc"]
    assert left.count("fast\n") == 2
    assert left[2] == "fast\n"
    assert (clone / "other").exists()


@pytest.mark.parametrize(
    ("stage", "seen"), [("DECIDED", 4), ("CONFIRMED", 1), ("HELD_OUT", 1), ("OMITTED", 1)]
)
def test_a_run_that_is_killed_at_its_end_goes_on_where_it_was(
    project: Project, stage: str, seen: int
) -> None:
    words = project.words("sleep 0.15\n" + EXACT)
    process = project.start(*words, f"final.holdout.command=sleep 0.15; {HOLDOUT}")
    deadline = time.monotonic() + 60
    while project.events().count(stage) < seen:
        assert time.monotonic() < deadline, project.events()
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    time.sleep(0.1)
    process.kill()
    process.communicate()
    before = project.events()
    project.autoopt("resume", "end")
    after = project.events()

    assert after[: len(before)] == before
    assert before.count("OMITTED") < 3
    assert after.count("DECIDED") == before.count("DECIDED")
    assert after.count("CONFIRMED") == after.count("HELD_OUT") == 1
    assert after.count("OMITTED") == 3
