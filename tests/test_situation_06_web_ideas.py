"""A pandas transform becomes faster by an idea that an agent has read on the web, as it was allowed to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.trusting import trust

pytest.importorskip("pandas", reason="pandas is not installed")

TRANSFORM = '''\
"""Orders with their totals after discount."""

import pandas


def totals(orders: pandas.DataFrame) -> pandas.DataFrame:
    def total(row):
        rate = 0.1 if row["amount"] > 50 else 0.0
        return round(row["amount"] * row["price"] * (1 - rate), 2)

    return orders.assign(total=orders.apply(total, axis=1))
'''
BENCH = """\
import time
import pandas
import transform

numbers = pandas.RangeIndex(20_000)
orders = pandas.DataFrame({"amount": numbers % 90, "price": (numbers % 13) / 4})
begin = time.process_time()
found = transform.totals(orders)["total"].sum()
print(f"METRIC transform_s={time.process_time() - begin}")
print(f"{found:.2f}")
"""
TEST = """\
import pandas
import transform

def test_a_large_order_has_a_discount():
    orders = pandas.DataFrame({"amount": [60, 10, 50], "price": [2.0, 3.0, 1.0]})
    assert list(transform.totals(orders)["total"]) == [108.0, 30.0, 50.0]
"""
FASTER = """\
def totals(orders: pandas.DataFrame) -> pandas.DataFrame:
    rate = (orders["amount"] > 50) * 0.1
    return orders.assign(total=(orders["amount"] * orders["price"] * (1 - rate)).round(2))
"""
PAGE = "https://pandas.pydata.org/docs/user_guide/enhancingperf.html"
QUERY = "pandas apply axis=1 vectorized alternative"

AGENT = """\
import json, pathlib, re, sys

prompt, here = sys.stdin.read(), pathlib.Path(__file__).parent
stage = "edit" if "Your task: make this one change" in prompt else "think"
with (here / "asked.jsonl").open("a") as log:
    log.write(json.dumps({"stage": stage, "flags": sys.argv[1:], "prompt": prompt}) + "\\n")
allowed = "--web" in sys.argv
idea = {
    "hypothesis": "Whole columns should lower the time because pandas calls the function for each row",
    "area": "totals", "impact": 9, "feasibility": 9, "novelty": 8,
    "assumption": "the function looks at one row only", "risk": "rounding differs",
    "sources": [PAGE] if allowed else [],
}
if stage == "think":
    wants = "into `queries`" in prompt
    answer = {"ideas": [] if wants else [idea], "queries": [QUERY] if wants else []}
else:
    file = pathlib.Path("transform.py")
    text = file.read_text()
    file.write_text(text[: text.index("def totals")] + FASTER)
    answer = {"description": "compute totals on whole columns", "sources": [PAGE] if allowed else []}
print(json.dumps({"answer": json.dumps(answer)}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / ".autoopt" / "agents").mkdir(parents=True)
    constants = f"PAGE, QUERY, FASTER = {PAGE!r}, {QUERY!r}, {FASTER!r}\n"
    (tmp_path / "agent.py").write_text(constants + AGENT)
    (tmp_path / "asked.jsonl").touch()
    (root / ".autoopt" / "agents" / "scripted.yaml").write_text(
        f"command: {sys.executable} {tmp_path / 'agent.py'} {{flags}}\n"
        "flags: {web: --web, no_web: --no-web, edit: --edit}\n"
        "answer: {format: json, text: answer}\n"
    )
    (root / "transform.py").write_text(TRANSFORM)
    (root / "bench.py").write_text(BENCH)
    (root / "test_transform.py").write_text(TEST)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "start"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *words], cwd=root, check=True)
    trust(root, environment(root), "agent=scripted")
    return root


def environment(project: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(project.parent), "XDG_STATE_HOME": str(project.parent / "state")}


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One experiment, as somebody who has read the README would ask for it."""
    given = ["scope=transform.py", "agent=scripted", "propose.use=[agent]", "propose.discover=null"]
    given.append(f"agent.writable=[{project.parent / 'asked.jsonl'}]")
    return subprocess.run(
        [sys.executable, "-m", "autoopt", *given, "run_id=web", "budget.experiments=1", *words],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=600,
    )


TIMED = (
    *("recipe=python-perf", "metric.extract.kind=named", "metric.extract.pattern=transform_s"),
    f"metric.command={sys.executable} -X pycache_prefix= bench.py",  # the compiled pandas that is there
    *("metric.baseline_samples=3", "metric.warmups=0", "guards.answers.command=null", "profile.command=null"),
    f"guards.tests.command={sys.executable} -X pycache_prefix= -m pytest -q -p no:cacheprovider",
)
COUNTED = (  # quick and exact, where it is only looked at what the agent was asked
    *("recipe=command", "metric.command=wc -c < transform.py", "metric.extract.kind=line"),
    *("metric.extract.pattern=-1", "metric.unit=bytes", "guards.tests.command=null"),
)


def asked(project: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project.parent / "asked.jsonl").read_text().splitlines()]


def test_an_idea_from_the_web_is_kept_with_the_page_it_was_read_on(project: Path) -> None:
    done = run(project, *TIMED, "web_search=yes")
    calls = asked(project)

    assert done.returncode == 0, done.stderr
    assert "KEEP" in done.stdout and "compute totals on whole columns" in done.stdout
    assert [call["stage"] for call in calls] == ["think", "edit"]
    assert all("--web" in call["flags"] and "You may search the web" in call["prompt"] for call in calls)
    shown = subprocess.run(
        [sys.executable, "-m", "autoopt", "show", "web", "1"],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pandas.pydata.org/docs/user_guide/enhancingperf.html" in shown.stdout
    head = subprocess.run(
        ["git", "show", "autoresearch/web:transform.py"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert FASTER in head.stdout


def test_without_being_asked_for_nobody_searches(project: Path) -> None:
    done = run(project, *COUNTED)
    calls = asked(project)

    assert done.returncode == 0, done.stderr
    assert [call["stage"] for call in calls] == ["think", "edit"]
    assert all("--no-web" in call["flags"] and "--web" not in call["flags"] for call in calls)
    assert all("Do not search the web." in call["prompt"] for call in calls)


def test_a_search_that_has_to_be_asked_for_is_refused_where_nobody_is_there(project: Path) -> None:
    done = run(project, *COUNTED, "web_search=ask")
    calls = asked(project)

    assert done.returncode == 0, done.stderr
    assert all("--web" not in call["flags"] for call in calls)
    assert [call["stage"] for call in calls][:2] == ["think", "think"]
    assert f"Refused, do not search for it or ask again: {QUERY}" in calls[1]["prompt"]
