"""How the engine means to answer a statement: as text for people, and without what does not matter."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from autoopt.instruments.sql.database.engines import Session, rows

_COSTS = {"Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Estimated Cardinality", "Table Index"}
_NAMES = {
    "Alias",
    "Schema",
    "Subplan Name",
    "CTE Name",
    "Parent Relationship",
    "Projections",
    "Function Name",
}
_BOOKKEEPING = {"Explain", "Init", "Noop", "Goto", "Halt", "Transaction"}
_QUALIFIER = re.compile(r'(?:"[^"]+"|[A-Za-z_]\w*)\.')
_OWN_NAME = re.compile(r"\b_\w+")
_SUBPLAN = re.compile(r"\b(SubPlan|InitPlan|hashed SubPlan) \d+|\$\d+", re.IGNORECASE)
_WORD = re.compile(r"'[^']*'|\w+|[^\w\s()]")
_DELIM = re.compile(r"__duckdb_\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What two statements must share for one to be as quick as the other.

    Attributes:
        steps: The tree of operations without costs, times and aliases.
        work: How often each kind of instruction occurs, where the engine shows its program (SQLite).
        cost: The planner's own estimate; None where it gives none.
    """

    steps: str
    work: str = ""
    cost: float | None = None

    def same(self, other: Plan) -> bool:
        """Whether the engine would do the same."""
        return (self.steps, self.work) == (other.steps, other.work)


def of(session: Session, engine: str, statement: str, aliases: Collection[tuple[str, str]] = ()) -> Plan:
    """The plan of a statement, which is not run.

    Args:
        aliases: What tables are called in the statement, and the tables' names (empty for subqueries).

    Raises:
        EngineError: the engine refuses the statement.
    """
    if engine == "sqlite":
        return _sqlite(session, statement, dict(aliases))
    if engine == "duckdb":
        found = rows(session, f"EXPLAIN (FORMAT JSON) {statement}")
        return Plan(steps=_text(json.loads(str(found[0][-1]))))
    found = rows(session, f"EXPLAIN (FORMAT JSON) {statement}")
    tree = found[0][0] if not isinstance(found[0][0], str) else json.loads(found[0][0])
    return Plan(steps=_text(tree[0]["Plan"]), cost=float(tree[0]["Plan"]["Total Cost"]))


def analyzed(session: Session, engine: str, statement: str) -> list[str]:
    """The plan as lines for a person, with the time of each step where the engine measures it.

    Raises:
        EngineError: the engine refuses the statement.
    """
    if engine == "sqlite":
        return _outline(session, statement)
    if engine == "postgresql":
        return [str(row[0]) for row in rows(session, f"EXPLAIN (ANALYZE, BUFFERS) {statement}")]
    found = rows(session, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
    return list(_operators(json.loads(str(found[0][-1])), 0))


def _sqlite(session: Session, statement: str, aliases: dict[str, str]) -> Plan:
    lines = [
        re.sub(r"[\w.$]+", lambda word: aliases.get(word[0].lower(), word[0]), line)
        for line in _outline(session, statement)
    ]
    program = Counter(row[1] for row in rows(session, f"EXPLAIN {statement}"))
    work = sorted((word, count) for word, count in program.items() if word not in _BOOKKEEPING)
    return Plan(steps="\n".join(lines), work=repr(work))


def _outline(session: Session, statement: str) -> list[str]:
    depths: dict[int, int] = {}
    lines = []
    for number, parent, _, detail in rows(session, f"EXPLAIN QUERY PLAN {statement}"):
        depths[number] = depths.get(parent, -1) + 1
        lines.append("  " * depths[number] + detail)
    return lines


def _text(tree: Any) -> str:
    return json.dumps(_shape(tree), sort_keys=True)


def _shape(node: Any) -> Any:
    """A plan tree that stays the same under other aliases and another order of conditions."""
    if isinstance(node, dict):
        return {key: _shape(value) for key, value in node.items() if key not in _COSTS | _NAMES}
    if isinstance(node, list):
        parts = [_shape(item) for item in node]
        return parts if any(isinstance(item, dict) for item in node) else sorted(parts, key=str)
    return " ".join(sorted(_WORD.findall(_nameless(node)))) if isinstance(node, str) else node


def _nameless(text: str) -> str:
    text = _DELIM.sub("()", text)
    return _OWN_NAME.sub("_", _SUBPLAN.sub("()", _QUALIFIER.sub("", text)))


def _operators(node: dict[str, Any], depth: int) -> Iterator[str]:
    """The operators of DuckDB's profile, whose keys have changed from version to version."""
    name = node.get("operator_name") or node.get("type") or node.get("name")
    inside = depth
    if name and name not in ("RESULT_COLLECTOR", "EXPLAIN_ANALYZE", "QUERY_ROOT"):
        seconds = float(node.get("operator_timing", node.get("timing", 0.0)) or 0.0)
        count = node.get("operator_cardinality", node.get("intermediate_rows", 0))
        about = node.get("extra_info") or {}
        told = ", ".join(
            f"{key}: {value if isinstance(value, str) else ', '.join(map(str, value))}"
            for key, value in about.items()
            if key not in _COSTS and value
        )
        yield f"{'  ' * depth}{name.strip()} {seconds * 1e3:.1f} ms, {count} rows; {told}"[:300].rstrip("; ")
        inside += 1
    for child in (*(node.get("operator") or ()), *(node.get("children") or ())):
        yield from _operators(child, inside)
