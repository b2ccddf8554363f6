"""A statement of a query file: where it stands, as a tree whose columns are qualified, and back as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites.optimizer import DIALECTS
from autoopt.instruments.sql.rewrites.trees import sources
from autoopt.instruments.sql.text import names

_CROSS = re.compile(r"\bcross\b", re.IGNORECASE)
_LEADING = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One reading statement.

    Attributes:
        before, after: The file's text around it, its leading comments included.
        text: The statement.
        tree: The same, qualified.
        outputs: What its columns are called.
    """

    before: str
    text: str
    after: str
    tree: exp.Expr
    outputs: tuple[str, ...]


def read(file: str, span: tuple[int, int], outputs: Sequence[str], facts: Facts) -> Source | None:
    """The statement at `span`; None when sqlglot does not understand it."""
    begin, end = span
    head = _LEADING.match(file, begin, end)
    start = head.end() if head else begin
    tree = qualified(file[start:end], facts)
    if tree is None:
        return None
    return Source(
        before=file[:start], text=file[start:end], after=file[end:], tree=tree, outputs=tuple(outputs)
    )


def qualified(statement: str, facts: Facts) -> exp.Expr | None:
    """The tree with a table at every column that is known; None when it cannot be made."""
    dialect = DIALECTS[facts.engine]
    try:
        tree = parse_one(statement, read=dialect)
        if not isinstance(tree, exp.Query):
            return None
        return qualify(
            tree,
            dialect=dialect,
            schema=dict(facts.schema),
            quote_identifiers=False,
            validate_qualify_columns=False,
        )
    except (SqlglotError, RecursionError):
        return None


def rewritten(source: Source, tree: exp.Expr, facts: Facts) -> str | None:
    """The statement as text that names its columns as before; None when it has others."""
    tree = tree.copy()
    if not _name_outputs(tree, source.outputs):
        return None
    if facts.engine == "sqlite" and not _CROSS.search(source.text):
        # sqlglot reads a comma as CROSS JOIN, which in SQLite keeps the planner from reordering the loops.
        for join in tree.find_all(exp.Join):
            join.set("kind", None if join.kind == "CROSS" else join.args.get("kind"))
    for table in tree.find_all(exp.Table):
        if table.alias == table.name and not table.alias_column_names:
            table.set("alias", None)
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.args.get("quoted") and names.identifier(identifier.name) != identifier.name:
            identifier.set("quoted", True)
    try:
        return tree.sql(dialect=DIALECTS[facts.engine], pretty=True, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError:  # the engine has no words for it
        return None


def _name_outputs(tree: exp.Expr, outputs: Sequence[str]) -> bool:
    """Give the outermost SELECT the output names that the original has."""
    first = _naming(tree)
    if not isinstance(first, exp.Select) or len(first.expressions) != len(outputs):
        return False
    named = []
    for output, name in zip(first.expressions, outputs, strict=True):
        inner = output.unalias()
        same = isinstance(inner, exp.Column) and inner.name == name
        quoted = names.identifier(name) != name or name != name.lower()
        made = inner if same else exp.alias_(inner, name, quoted=quoted)
        made.comments = output.comments or inner.comments
        named.append(made)
    first.set("expressions", named)
    return True


def _naming(tree: exp.Expr) -> exp.Expr:
    """The SELECT that names the columns: the first branch, past brackets and `SELECT * FROM (…)`."""
    if isinstance(tree, (exp.SetOperation, exp.Subquery)):
        return _naming(tree.this)
    read = list(sources(tree).values()) if isinstance(tree, exp.Select) and tree.is_star else []
    return _naming(read[0].this) if len(read) == 1 and isinstance(read[0], exp.Subquery) else tree


def aliases(tree: exp.Expr) -> set[tuple[str, str]]:
    """What tables are called in the statement and their names; subqueries and CTEs have none."""
    found = {(table.alias.lower(), table.name.lower()) for table in tree.find_all(exp.Table) if table.alias}
    named = {(one.alias.lower(), "()") for one in tree.find_all(exp.Subquery, exp.CTE) if one.alias}
    return found | named
