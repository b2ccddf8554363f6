"""Times what each change found in `tests/known_wins` is worth: `python tests/bench/known_wins.py [ROUNDS]`.

For every proposal the project is run unchanged and changed, in turns and in random order, ROUNDS times each
(default 9). A line says how long the functions that the change touches took, as the median over the rounds of
changed to unchanged, divided by the same ratio of the parts in other files, which shows what else the machine
was doing. Functions that the night's work does not call have no number. It takes a few minutes.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from autoopt.proposers.candidates import Candidates
from autoopt.proposers.codemods import Codemods
from autoopt.proposers.linting.deadcode import DeadCode
from autoopt.proposers.linting.ruff import RuffFixes
from autoopt.protocols import Proposer
from autoopt.records import Brief, Proposal, Task
from autoopt.schema import RuffConfig
from autoopt.testing.proposer_suite import apply

PROJECT = Path(__file__).parent.with_name("known_wins")


def proposers(scratch: Path) -> Iterator[Proposer]:
    yield Candidates(Codemods())
    yield Candidates(RuffFixes(RuffConfig(), scratch / "ruff", os.environ))
    yield Candidates(DeadCode(scratch / "deadcode", os.environ))


def times(project: Path) -> dict[str, float]:
    command = [sys.executable, "-B", "bench.py", "--times"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    said = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split() for line in said.splitlines()]
    return {line[0]: float(line[1]) for line in lines if len(line) == 2}


def took(run: dict[str, float], names: list[str]) -> float:
    return sum(run[name] for name in names)


def functions(content: bytes) -> dict[str, str]:
    found = (node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.FunctionDef))
    return {node.name: ast.dump(node) for node in found}


def touched(proposal: Proposal, project: Path) -> list[str]:
    """The parts of the work whose function the proposal changes, as `bench.py` names them."""
    (edit,) = proposal.edits
    before, after = functions((project / edit.path).read_bytes()), functions(edit.content or b"")
    return [f"{Path(edit.path).stem}.{name}" for name, code in before.items() if after.get(name) != code]


def compare(proposal: Proposal, project: Path, changed: Path, count: int) -> str:
    ratios, dice = [], random.Random(0)
    module = f"{Path(proposal.edits[0].path).stem}."
    parts = touched(proposal, project)
    for _ in range(count):
        taken = {tree: times(tree) for tree in dice.sample([project, changed], 2)}
        old, new = taken[project], taken[changed]
        inside = [part for part in parts if part in old]
        others = [part for part in old if not part.startswith(module)]
        if not inside:
            return f"{'-':>8}  {proposal.source}: {proposal.description}"
        ratios.append(took(new, inside) / took(old, inside) * took(old, others) / took(new, others))
    return f"{median(ratios):8.3f}  {proposal.source}: {proposal.description} ({', '.join(inside)})"


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 9
    with tempfile.TemporaryDirectory() as place:
        project, changed = Path(place, "a"), Path(place, "b")
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
        scope = tuple(sorted(path.relative_to(project).as_posix() for path in project.glob("shop/*.py")))
        brief = Brief(
            number=1, incumbent="0" * 40, desk=project, scope=scope, task=Task(goal=""), history=(), advice=""
        )
        for proposer in proposers(Path(place, "scratch")):
            while (proposal := proposer.ask(brief)) is not None:
                shutil.rmtree(changed, ignore_errors=True)
                shutil.copytree(project, changed)
                apply(proposal, changed)
                print(compare(proposal, project, changed, count), flush=True)


if __name__ == "__main__":
    main()
