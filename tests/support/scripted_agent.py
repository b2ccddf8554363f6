"""An agent that says and does what a test has written down, and a history for its briefs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.agents.agent import Agent, Reply
from autoopt.errors import BudgetSpentError
from autoopt.records import (
    Brief,
    Experiment,
    Failure,
    Finding,
    Measurement,
    Outcome,
    Sample,
    Status,
    Task,
    Usage,
    Verdict,
)

Answer = str | Failure | type[BudgetSpentError] | Callable[[Path], str]


@dataclass(frozen=True)
class Asked:
    stage: str
    prompt: str
    cwd: Path
    edits: bool
    web: bool
    number: int


class ScriptedAgent(Agent):
    """Answers calls in order, and no more of them; a callable is given the directory it may edit."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[Asked] = []

    @property
    def stages(self) -> list[str]:
        return [one.stage for one in self.asked]

    def call(
        self, prompt: str, *, stage: str, number: int, cwd: Path, edits: bool, web: bool = False
    ) -> Reply | Failure:
        self.asked.append(Asked(stage, prompt, cwd, edits, web, number))
        assert self._answers, f"an unexpected call: {stage}"
        answer = self._answers.pop(0)
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, str):
            return Reply(text=answer, usage=Usage(calls=1))
        if isinstance(answer, type):
            raise BudgetSpentError("the budget of 1 USD is spent")
        return Reply(text=answer(cwd), usage=Usage(calls=1))


def idea(what: str = "Compiling the pattern once", **changed: Any) -> dict[str, Any]:
    given = {
        "hypothesis": f"{what} should lower the wall time because the loop does it for each line",
        "area": "parse",
        "impact": 7,
        "feasibility": 8,
        "novelty": 9,
        "assumption": "it does not depend on the line",
        "risk": "import gets slower",
        "sources": [],
    }
    return {**given, **changed}


def ideas(*given: dict[str, Any], queries: tuple[str, ...] = ()) -> str:
    return f"Here they are.\n```json\n{json.dumps({'ideas': given, 'queries': queries})}\n```\nDone."


def tried(number: int, status: Status = Status.discard, **fields: Any) -> Experiment:
    value = fields.pop("value", 1.5)
    sample = Sample(value=value, wall_s=value, cpu_s=value, peak_bytes=1, seed=0)
    given: dict[str, Any] = {
        "commit": f"{number:040x}",
        "parent": "0" * 40,
        "description": f"change number {number}",
        "hypothesis": f"Change {number} should help because of reason {number}",
        "area": f"area{number}",
        "source": "agent",
        "measurement": Measurement(commit=f"{number:040x}", samples=(sample,)),
        "verdict": verdict(f"REVERT no gain plausible, {number} pairs"),
    }
    return Experiment(number=number, status=status, **{**given, **fields})


def baseline() -> Experiment:
    return tried(
        0,
        Status.baseline,
        description="baseline; gains of 2 % will be seen",
        hypothesis="",
        area="",
        verdict=None,
    )


def verdict(sentence: str) -> Verdict:
    return Verdict(
        outcome=Outcome.unclear,
        effect=0.0,
        low=-0.01,
        high=0.01,
        probability=0.5,
        pairs=2,
        is_ratio=True,
        sentence=sentence,
    )


def objection(message: str) -> Finding:
    return Finding(guard="tests", passed=False, message=message)


def brief(desk: Path, history: tuple[Experiment, ...] = (), **changed: Any) -> Brief:
    files = sorted(p.relative_to(desk).as_posix() for p in desk.rglob("*") if p.is_file())
    task = changed.pop("task", Task(goal="less time", metric="python bench.py", unit="s"))
    given: dict[str, Any] = {
        "number": len(history) or 1,
        "incumbent": "0" * 40,
        "desk": desk,
        "scope": tuple(files),
        "task": task,
        "history": history,
        "advice": "",
    }
    return Brief(**{**given, **changed})
