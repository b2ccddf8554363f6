"""The rules of sqlglot's optimizer, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp
from sqlglot.optimizer.eliminate_ctes import eliminate_ctes
from sqlglot.optimizer.eliminate_joins import eliminate_joins
from sqlglot.optimizer.eliminate_subqueries import eliminate_subqueries
from sqlglot.optimizer.merge_subqueries import merge_subqueries
from sqlglot.optimizer.normalize import normalize
from sqlglot.optimizer.optimize_joins import optimize_joins
from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.simplify import simplify
from sqlglot.optimizer.unnest_subqueries import unnest_subqueries

from autoopt.instruments.sql.database.facts import Facts

DIALECTS = {"sqlite": "sqlite", "duckdb": "duckdb", "postgresql": "postgres"}
Pass = Callable[[exp.Expr, Facts], exp.Expr]

PASSES: Mapping[str, Pass] = {
    "unnest_subqueries": lambda tree, facts: unnest_subqueries(tree),
    "merge_subqueries": lambda tree, facts: merge_subqueries(tree),
    "pushdown_predicates": lambda tree, facts: pushdown_predicates(tree, dialect=DIALECTS[facts.engine]),
    "pushdown_projections": lambda tree, facts: pushdown_projections(tree),
    "optimize_joins": lambda tree, facts: optimize_joins(tree),
    "eliminate_joins": lambda tree, facts: eliminate_joins(tree),
    "eliminate_subqueries": lambda tree, facts: eliminate_subqueries(tree),
    "eliminate_ctes": lambda tree, facts: eliminate_ctes(tree),
    "normalize": lambda tree, facts: normalize(tree, dnf=False),
    "simplify": lambda tree, facts: simplify(tree, dialect=DIALECTS[facts.engine]),
}
"""By name, those that win most often first; each may change the tree it is given."""
