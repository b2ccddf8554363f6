"""Whether a common table expression is computed once or merged into the queries that use it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites.trees import Act


def materialized(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """WITH … AS MATERIALIZED."""
    return _marked(tree, True)


def not_materialized(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """WITH … AS NOT MATERIALIZED."""
    return _marked(tree, False)


def _marked(tree: exp.Expr, mark: bool) -> Iterator[Act]:
    for cte in tree.find_all(exp.CTE):
        clause = cte.parent
        if (
            cte.args.get("materialized") is not mark
            and clause is not None
            and not clause.args.get("recursive")
        ):
            yield lambda cte=cte: cte.set("materialized", mark)  # type: ignore[misc]
