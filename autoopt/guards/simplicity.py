"""A guard that weighs a gain against the code it takes, and sees that a simplification simplifies."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from autoopt.guards import essence
from autoopt.guards.suspicions.sources import is_test
from autoopt.lines import is_text
from autoopt.records import Change, FileChange, Finding, Outcome, Proposal, Trial, Verdict

NAME = "simplicity"
_WIDTH = 100
"""Characters of a statement that make a line, however it is broken."""
_NESTS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.ExceptHandler, ast.IfExp, ast.match_case)
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Weight:
    """How much code there is.

    Attributes:
        lines: Statements by lines of a fixed width, comments, docstrings and empty lines left out.
        branches: Places where control may go two ways, each counted once more for every one it is nested in.
        size: Nodes of the syntax tree, or words of other files.
    """

    lines: int = 0
    branches: int = 0
    size: int = 0

    def __add__(self, other: Weight) -> Weight:
        """Both together."""
        return Weight(self.lines + other.lines, self.branches + other.branches, self.size + other.size)

    def __sub__(self, other: Weight) -> Weight:
        """What is more."""
        return Weight(self.lines - other.lines, self.branches - other.branches, self.size - other.size)

    @property
    def cost(self) -> int:
        """What a reader pays: a branch is worth a line."""
        return self.lines + self.branches


class Simplicity:
    """Passes a change whose gain is worth its lines; one that only holds the metric must take code away."""

    def __init__(self, changes: Callable[[str, str], Iterable[FileChange]], line_gain: float) -> None:
        """Ask for `line_gain` (a ratio) for each net line or branch.

        Args:
            changes: The files that differ between two commits.
        """
        self._changes = changes
        self._line_gain = line_gain

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Hold the verdict's estimate of the gain against what the change adds."""
        if change.commit == change.parent or trial.verdict is None:
            return _finding("")
        more = added(self._changes(change.parent, change.commit))
        if trial.verdict.outcome is Outcome.holds:  # a tool may take away comments that were code, too
            is_less = more.size < 0 or bool(proposal.edits)
            return _finding("" if is_less else f"it holds the metric and is no simpler: {told(more)}")
        wanted, gain = more.cost * self._line_gain, _gain(trial.verdict, trial)
        if gain is None or gain >= wanted:
            return _finding("")
        return _finding(
            f"{told(more)} for a gain of {gain:.2%}; that much code has to bring {wanted:.2%} "
            f"(line_gain={self._line_gain:g})"
        )


def added(files: Iterable[FileChange]) -> Weight:
    """By how much the code of a product grows; what tests and prose weigh, nobody asks."""
    total = Weight()
    for path, before, after in files:
        if not (is_test(path) or essence.is_prose(path)):
            total += _weight(path, after) - _weight(path, before)
    return total


def told(weight: Weight) -> str:
    """The difference for a person, as in "12 more lines and 3 more branches"."""
    parts = [(weight.lines, "line"), (weight.branches, "branch")]
    shown = [_counted(number, noun) for number, noun in parts if number]
    return " and ".join(shown) or "as many lines and branches"


def _counted(number: int, noun: str) -> str:
    plural = noun if abs(number) == 1 else {"line": "lines", "branch": "branches"}[noun]
    return f"{abs(number)} {'more' if number > 0 else 'fewer'} {plural}"


def _weight(path: str, content: bytes | None) -> Weight:
    if content is None:
        return Weight()
    tree = essence.tree(content) if essence.is_python(path) else None
    if tree is not None:
        lines = ast.unparse(tree).split("\n")
        return Weight(
            lines=sum(-(-len(line.strip()) // _WIDTH) for line in lines),
            branches=_branches(tree, 0),
            size=sum(1 for _ in ast.walk(tree)),
        )
    if not is_text(content):
        return Weight()
    text = essence.of(path, content)
    kept = (content.decode("utf-8", "replace") if text is None else text).split("\n")
    return Weight(lines=sum(1 for line in kept if line.strip()), size=sum(len(line.split()) for line in kept))


def _branches(node: ast.AST, depth: int) -> int:
    """Branches below a node, each with how deep it is nested (after SonarSource's cognitive complexity)."""
    total = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _NESTS):
            chained = isinstance(child, ast.If) and isinstance(node, ast.If) and child in node.orelse
            total += 1 + (0 if chained else depth) + _branches(child, depth + (0 if chained else 1))
        elif isinstance(child, ast.comprehension):
            total += len(child.ifs) + _branches(child, depth)
        elif isinstance(child, ast.BoolOp):
            total += 1 + _branches(child, depth)
        else:
            total += _branches(child, depth + isinstance(child, _INNER) * bool(depth))
    return total


def _gain(verdict: Verdict, trial: Trial) -> float | None:
    """The gain as a ratio; None where the metric stands at 0, of which nothing is a share."""
    if verdict.is_ratio:
        return verdict.effect
    standing = trial.incumbents or (trial.incumbent.samples if trial.incumbent else ())
    level = abs(median(sample.value for sample in standing)) if standing else 0.0
    return verdict.effect / level if level else None


def _finding(objection: str) -> Finding:
    return Finding(guard=NAME, passed=not objection, message=objection)
