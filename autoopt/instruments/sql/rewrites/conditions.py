"""Conditions that say the same with other words, or say aloud what follows from the others."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites.trees import (
    Act,
    conjuncts,
    flatten,
    is_inner,
    joins_of,
    selects,
    set_where,
)

_BOUNDS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def or_as_in(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """`c = 1 OR c = 2` as `c IN (1, 2)`."""
    for choice in tree.find_all(exp.Or):
        if isinstance(choice.parent, exp.Or) or (
            isinstance(choice.parent, exp.Paren) and isinstance(choice.parent.parent, exp.Or)
        ):
            continue
        sides = flatten(choice, exp.Or)
        columns = {
            side.this for side in sides if isinstance(side, exp.EQ) and isinstance(side.this, exp.Column)
        }
        constant = all(
            isinstance(side, exp.EQ) and isinstance(side.expression, exp.Literal) for side in sides
        )
        if constant and len(columns) == 1:
            values = [side.expression.copy() for side in sides]
            yield lambda c=choice, s=sides, v=values: c.replace(exp.In(this=s[0].this.copy(), expressions=v))  # type: ignore[misc]


def bounds_across_joins(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """The bounds of a join key, for the other table's key too."""
    for select in selects(tree):
        if not all(is_inner(join) for join in joins_of(select)):
            continue
        new = _implied(select)
        if new:
            yield lambda select=select, new=new: set_where(select, [*conjuncts(select), *new])  # type: ignore[misc]


def _implied(select: exp.Select) -> list[exp.Expr]:
    conditions = conjuncts(select)
    for join in joins_of(select):
        conditions += flatten(join.args["on"], exp.And) if join.args.get("on") else []
    same = [
        (one.left, one.right)
        for one in conditions
        if isinstance(one, exp.EQ) and isinstance(one.left, exp.Column) and isinstance(one.right, exp.Column)
    ]
    found = []
    for bound in conditions:
        if (
            not isinstance(bound, _BOUNDS)
            or not isinstance(bound.this, exp.Column)
            or not _is_constant(bound)
        ):
            continue
        for left, right in same:
            other = right if left == bound.this else left if right == bound.this else None
            if other is not None:
                new = bound.copy()
                new.set("this", other.copy())
                found.append(new)
    return [new for new in found if new not in conditions]


def _is_constant(bound: exp.Expr) -> bool:
    return len(list(bound.find_all(exp.Column))) == 1 and not bound.find(exp.Query)
