"""Rewrites of queries that the engine would answer by another plan, as edits of their files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from autoopt.instruments.sql.database import plans
from autoopt.instruments.sql.database.engines import Session
from autoopt.instruments.sql.database.errors import EngineError, QueryError
from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.database.facts import read as read_facts
from autoopt.instruments.sql.database.plans import Plan
from autoopt.instruments.sql.rewrites import source as texts
from autoopt.instruments.sql.rewrites.catalogue import KNOWN, Known
from autoopt.instruments.sql.rewrites.optimizer import PASSES, Pass
from autoopt.instruments.sql.rewrites.source import Source
from autoopt.instruments.sql.rewrites.trees import Rule
from autoopt.instruments.sql.text import statements
from autoopt.instruments.sql.text.queries import Query, Workload

MAX_PLACES = 4
_BY_SQLGLOT = 0.3
_SAME_STEPS = 0.7
_BEST, _WORST = 4.0, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rewritten statement.

    Attributes:
        hope: How much is to be hoped of it, before the query's share of the time counts.
    """

    area: str
    does: str
    because: str
    text: str
    hope: float


def find(session: Session, engine: str, workload: Workload) -> list[dict[str, Any]]:
    """Edits worth measuring: the slowest queries and the rewrites that win most often come first."""
    facts = read_facts(session, engine)
    session.forget()
    looks = [(query, *_run(session, query)) for query in workload.queries]
    total = sum(seconds for _, seconds, _ in looks) or 1.0
    found = [
        (worth * seconds / total, edit)
        for query, seconds, outputs in looks
        for worth, edit in _of_query(session, query, outputs, facts)
    ]
    return [edit for _, edit in sorted(found, key=lambda one: -one[0])]


def _run(session: Session, query: Query) -> tuple[float, list[tuple[str, ...]]]:
    """How long the file's statements take, and what the columns of those that read are called."""
    begin, outputs = time.perf_counter(), []
    for statement in query.statements:
        try:
            result = session.execute(statement)
        except EngineError as error:
            raise QueryError(f"{query.path}: {error}") from error
        if statements.is_reading(statement):
            outputs.append(() if result is None else result.columns)
    seconds = time.perf_counter() - begin
    session.forget()
    return seconds, outputs


def _of_query(
    session: Session, query: Query, outputs: list[tuple[str, ...]], facts: Facts
) -> Iterator[tuple[float, dict[str, Any]]]:
    """Rewrites of each reading statement, under the settings that the file makes."""
    file = _text(query.path)
    spans = [span for span in statements.spans(file) if statements.is_reading(file[span[0] : span[1]])]
    for statement in filter(statements.is_setting, query.statements):
        session.execute(statement)
    for number, (span, names) in enumerate(zip(spans, outputs, strict=True), start=1):
        source = texts.read(file, span, names, facts)
        if source is not None:
            which = f" (statement {number})" if len(spans) > 1 else ""
            yield from _of_statement(session, query.path, source, which, facts)
    session.forget()


def _of_statement(
    session: Session, path: Path, source: Source, which: str, facts: Facts
) -> Iterator[tuple[float, dict[str, Any]]]:
    present = _plan(session, source.text, facts)
    if present is None:
        return
    respelled = texts.rewritten(source, source.tree, facts)
    seen = {source.text, respelled}
    # A plan differs in spelling alone where the same statement as sqlglot writes it has that plan already.
    known = [present, present if respelled is None else _plan(session, respelled, facts)]
    for candidate in candidates(source, facts):
        plan = None if candidate.text in seen else _plan(session, candidate.text, facts)
        seen.add(candidate.text)
        if plan is None or any(other is not None and plan.same(other) for other in known):
            continue
        known.append(plan)
        yield candidate.hope * _promise(present, plan), _edit(path, source, candidate, which, present, plan)


def _promise(present: Plan, plan: Plan) -> float:
    """How much more or less is to be hoped after a look at the plans."""
    if plan.steps == present.steps:
        return _SAME_STEPS
    if present.cost is None or plan.cost is None:
        return 1.0
    return min(_BEST, max(_WORST, present.cost / max(plan.cost, 1e-9)))


def _edit(
    path: Path, source: Source, candidate: Candidate, which: str, present: Plan, plan: Plan
) -> dict[str, Any]:
    newline = "\r\n" if "\r\n" in source.before + source.text + source.after else "\n"
    text = candidate.text.replace("\n", newline)
    file = path.as_posix()
    costs = ""
    if present.cost is not None and plan.cost is not None:
        costs = f"; the planner's estimate goes from {present.cost:.0f} to {plan.cost:.0f}"
    return {
        "description": f"{candidate.does} in {file}{which}",
        "hypothesis": f"To {candidate.does} should make {file} faster because {candidate.because}{costs}",
        "area": f"{file}: {candidate.area}",
        "edits": {file: f"{source.before}{text}{source.after}"},
    }


def candidates(source: Source, facts: Facts) -> Iterator[Candidate]:
    for known in KNOWN:
        for tree, place in _applied(known.rule, source.tree, facts):
            yield from _candidate(source, tree, known, place, facts)
    for name, run in PASSES.items():
        passed = _passed(run, source.tree, facts)
        text = None if passed is None else texts.rewritten(source, passed, facts)
        if text is not None:
            because = f"the plan is another one after sqlglot's rule {name}"
            yield Candidate(
                area=f"sqlglot {name}", does=f"apply {name}", because=because, text=text, hope=_BY_SQLGLOT
            )


def _candidate(source: Source, tree: exp.Expr, known: Known, place: str, facts: Facts) -> Iterator[Candidate]:
    text = texts.rewritten(source, tree, facts)
    if text is not None:
        yield Candidate(
            area=known.area, does=known.does + place, because=known.because, text=text, hope=known.hope
        )


def _applied(rule: Rule, tree: exp.Expr, facts: Facts) -> Iterator[tuple[exp.Expr, str]]:
    """The tree with the rule applied everywhere, then at each place alone."""
    places = sum(1 for _ in rule(tree.copy(), facts))
    if places > 1:
        everywhere, changed = tree.copy(), 0
        while changed < 2 * MAX_PLACES and (act := next(rule(everywhere, facts), None)) is not None:
            act()
            changed += 1
        yield everywhere, " everywhere"
    for place in range(min(places, MAX_PLACES)):
        one = tree.copy()
        list(rule(one, facts))[place]()
        yield one, f" (place {place + 1})" if places > 1 else ""


def _passed(run: Pass, tree: exp.Expr, facts: Facts) -> exp.Expr | None:
    try:
        return run(tree.copy(), facts)
    except (SqlglotError, RecursionError):
        return None


def _plan(session: Session, statement: str, facts: Facts) -> Plan | None:
    """The plan, None when sqlglot or the engine refuses the statement."""
    tree = texts.qualified(statement, facts)
    if tree is None:
        return None
    if facts.engine == "postgresql":
        session.execute("SAVEPOINT autoopt")
    try:
        return plans.of(session, facts.engine, statement, texts.aliases(tree))
    except EngineError:
        if facts.engine == "postgresql":
            session.execute("ROLLBACK TO SAVEPOINT autoopt")
        return None


def _text(path: Path) -> str:
    """The file as it is, line ends included."""
    return path.read_bytes().decode("utf-8-sig")
