"""What ties a subquery to the SELECT around it, when that is equalities and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from autoopt.instruments.sql.rewrites.trees import (
    conjuncts,
    free_columns,
    from_of,
    joins_of,
    sources,
    tables_of,
    with_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A subquery taken apart.

    Attributes:
        host: The SELECT around it.
        pairs: Inner and outer side of each equality that ties them.
        local: Its other conditions, which are about its own rows.
    """

    host: exp.Select
    pairs: tuple[tuple[exp.Expr, exp.Expr], ...]
    local: tuple[exp.Expr, ...]


def of(select: exp.Expr) -> Correlation | None:
    """How the subquery is tied to its host; None when by more than equalities in WHERE, or to others too."""
    host = select.find_ancestor(exp.Select)
    if not isinstance(select, exp.Select) or not isinstance(host, exp.Select) or with_of(select) is not None:
        return None
    inner, outer = set(sources(select)), set(sources(host))
    if inner & outer or from_of(select) is None:
        return None
    pairs, local = [], []
    for condition in conjuncts(select):
        tables = tables_of(condition)
        if tables <= inner:
            local.append(condition)
        elif (pair := _pair(condition, inner, outer)) is not None:
            pairs.append(pair)
        else:
            return None
    if not all(tables_of(part) <= inner for part in _others(select)):
        return None
    return Correlation(host=host, pairs=tuple(pairs), local=tuple(local))


def _pair(condition: exp.Expr, inner: set[str], outer: set[str]) -> tuple[exp.Expr, exp.Expr] | None:
    if not isinstance(condition, exp.EQ) or condition.find(exp.Query):
        return None
    for mine, theirs in ((condition.left, condition.right), (condition.right, condition.left)):
        if not free_columns(mine) or not free_columns(theirs):
            continue
        if tables_of(mine) <= inner and tables_of(theirs) <= outer:
            return mine, theirs
    return None


def _others(select: exp.Select) -> list[exp.Expr]:
    """All of a SELECT but its WHERE."""
    found = [*select.expressions, *joins_of(select)]
    found += [part for key in ("group", "having", "order", "qualify") if (part := select.args.get(key))]
    start = from_of(select)
    return found + ([start] if start is not None else [])
