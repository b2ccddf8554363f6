"""Sorting and removing duplicates where neither matters."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites.trees import (
    Act,
    conjuncts,
    from_of,
    is_aggregated,
    is_inner,
    joins_of,
    limited,
    selects,
    set_where,
    tables_of,
)
from autoopt.instruments.sql.rewrites.unions import distinct_rows

_ORDERED = (
    exp.GroupConcat,
    exp.ArrayAgg,
    exp.JSONArrayAgg,
    exp.JSONObjectAgg,
    exp.First,
    exp.Last,
    exp.Anonymous,
)


def without_order(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """ORDER BY out of subqueries without LIMIT, whose order nobody is promised."""
    for order in tree.find_all(exp.Order):
        query = order.parent
        if not isinstance(query, exp.Query) or limited(query) or _is_outermost(query):
            continue
        host = query.find_ancestor(exp.Select)
        if host is None or (not (limited(host) and not host.args.get("order")) and not host.find(*_ORDERED)):
            yield lambda query=query: query.set("order", None)  # type: ignore[misc]


def _is_outermost(query: exp.Expr) -> bool:
    at = query.parent
    while isinstance(at, exp.Subquery) and not at.alias:
        at = at.parent
    return at is None


def without_distinct(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """DISTINCT out of subqueries of IN and EXISTS, and from where keys allow no duplicates anyway."""
    for select in selects(tree):
        distinct = select.args.get("distinct")
        if distinct is None or distinct.args.get("on"):
            continue
        if (_is_member_list(select) and not limited(select)) or _is_free(select, facts):
            yield lambda select=select: select.set("distinct", None)  # type: ignore[misc]


def _is_member_list(select: exp.Select) -> bool:
    at = select.parent
    while isinstance(at, (exp.Subquery, exp.Paren)):
        at = at.parent
    return isinstance(at, (exp.In, exp.Exists))


def _is_free(select: exp.Select, facts: Facts) -> bool:
    plain = select.copy()
    holder = exp.Subquery(this=plain)  # keeps CTE names of the whole statement out of reach
    plain.set("distinct", None)
    named = {cte.alias.lower() for cte in select.root().find_all(exp.CTE)}
    reads_cte = any(table.name.lower() in named for table in select.find_all(exp.Table))
    return not reads_cte and distinct_rows(holder.this, facts)


def distinct_join_as_exists(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """A joined table that only filters, under DISTINCT, as EXISTS."""
    for select in selects(tree):
        if select.args.get("distinct") is None or is_aggregated(select) or from_of(select) is None:
            continue
        if not all(is_inner(join) for join in joins_of(select)):
            continue
        for join in joins_of(select):
            if isinstance(join.this, exp.Table) and not _is_used(select, join):
                yield lambda select=select, join=join: _filter_by(select, join)  # type: ignore[misc]


def _is_used(select: exp.Select, join: exp.Join) -> bool:
    """Whether anything but its own ON and single conditions of WHERE needs the joined table."""
    name = join.alias_or_name.lower()
    others = [other for other in joins_of(select) if other is not join]
    parts = [*select.expressions, *others, *(select.args[k] for k in ("order",) if select.args.get(k))]
    return any(name in tables_of(part) or "" in tables_of(part) for part in parts)


def _filter_by(select: exp.Select, join: exp.Join) -> None:
    name = join.alias_or_name.lower()
    about = [condition for condition in conjuncts(select) if name in tables_of(condition)]
    rest = [condition for condition in conjuncts(select) if name not in tables_of(condition)]
    inner = exp.Select(expressions=[exp.Literal.number(1)]).from_(join.this.copy())
    set_where(inner, [*([join.args["on"]] if join.args.get("on") else []), *about])
    select.set("joins", [other for other in joins_of(select) if other is not join])
    set_where(select, [*rest, exp.Exists(this=inner)])
