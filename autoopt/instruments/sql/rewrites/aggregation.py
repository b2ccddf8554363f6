"""Aggregation before joins: one row for each join key instead of all of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Column, Facts
from autoopt.instruments.sql.rewrites.trees import (
    PLAIN_AGGREGATES,
    Act,
    column,
    conjuncts,
    fact,
    free_columns,
    from_of,
    has_windows,
    is_base,
    is_inner,
    joins_of,
    selects,
    set_where,
    sources,
    subquery,
    tables_of,
    with_of,
)


def before_joins(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """Aggregates of one table's columns, computed for each of its join keys before the table is joined."""
    for select in selects(tree):
        aggregates = _aggregates(select, facts)
        if not aggregates or not joins_of(select) or not all(is_inner(join) for join in joins_of(select)):
            continue
        for alias, source in sources(select).items():
            if _fits(alias, source, select, aggregates, facts):
                yield lambda select=select, alias=alias: _split(select, alias, facts)  # type: ignore[misc]


def _aggregates(select: exp.Select, facts: Facts) -> list[exp.Expr]:
    """The aggregates of the SELECT itself; none when one of them cannot be computed in two steps."""
    found: list[exp.Expr] = [
        node
        for key in ("expressions", "having", "order")
        for part in _parts(select, key)
        for node in part.find_all(exp.AggFunc)
        if node.find_ancestor(exp.Select) is select
    ]
    good = all(_is_divisible(node, select, facts) for node in found)
    return found if good and not has_windows(select) and with_of(select) is None else []


def _parts(select: exp.Select, key: str) -> list[exp.Expr]:
    found = select.args.get(key)
    return found if isinstance(found, list) else [] if found is None else [found]


def _is_divisible(node: exp.Expr, select: exp.Select, facts: Facts) -> bool:
    if not isinstance(node, PLAIN_AGGREGATES) or node.expressions or isinstance(node.parent, exp.Filter):
        return False
    if isinstance(node.this, exp.Distinct) or node.find(exp.Query):
        return False
    if not isinstance(node, exp.Avg):
        return True
    known = fact(node.this, select, facts)
    return facts.engine == "sqlite" or (isinstance(known, Column) and known.is_float)


def _fits(alias: str, source: exp.Expr, select: exp.Select, aggregates: list[exp.Expr], facts: Facts) -> bool:
    if not is_base(source, select, facts) or any(tables_of(node) - {alias} for node in aggregates):
        return False
    if any(node.find(exp.Query) for node in _around(select, alias)):
        return False
    keys = _keys(select, alias)
    return bool(keys) and not facts.is_key(source.name, keys)


def _around(select: exp.Select, alias: str) -> list[exp.Expr]:
    """Everything that sees the joined rows: all but the conditions about this table alone."""
    parts = [*select.expressions, *joins_of(select), *(_parts(select, "group") + _parts(select, "having"))]
    return [*parts, *_parts(select, "order"), *(c for c in conjuncts(select) if tables_of(c) != {alias})]


def _keys(select: exp.Select, alias: str) -> list[str]:
    """Columns of the table that are needed outside of aggregates."""
    found = [
        node.name.lower()
        for part in _around(select, alias)
        for node in free_columns(part)
        if node.table.lower() == alias and not _in_aggregate(node, part)
    ]
    return list(dict.fromkeys(found))


def _in_aggregate(node: exp.Expr, part: exp.Expr) -> bool:
    at = node
    while at is not part and at.parent is not None:
        if isinstance(at, exp.AggFunc):
            return True
        at = at.parent
    return isinstance(at, exp.AggFunc)


def _split(select: exp.Select, alias: str, facts: Facts) -> None:
    source, name = sources(select)[alias], sources(select)[alias].alias_or_name
    keys = _keys(select, alias)
    mine = [condition for condition in conjuncts(select) if tables_of(condition) == {alias}]
    inner = exp.Select(expressions=[exp.alias_(column(key, name), key) for key in keys])
    inner = inner.from_(source.copy())
    made: dict[exp.Expr, str] = {}
    for node in _aggregates(select, facts):
        node.replace(_second_step(node.copy(), name, made, select, facts))
    for first, called in made.items():
        inner = inner.select(exp.alias_(first.copy(), called), copy=False)
    set_where(inner, mine)
    inner.set("group", exp.Group(expressions=[column(key, name) for key in keys]))
    set_where(select, [condition for condition in conjuncts(select) if condition not in mine])
    place = from_of(select) if sources(select)[alias] is from_of(select).this else None  # type: ignore[union-attr]
    holder = place if place is not None else source.parent
    assert holder is not None
    holder.set("this", subquery(inner, name))


def _second_step(
    node: exp.Expr, table: str, made: dict[exp.Expr, str], select: exp.Select, facts: Facts
) -> exp.Expr:
    """The aggregate of the first step's aggregates, which `made` gathers with their names."""

    def first(one: exp.Expr) -> exp.Expr:
        return column(made.setdefault(one, f"_a{len(made)}"), table)

    if isinstance(node, (exp.Min, exp.Max)):
        return type(node)(this=first(node))
    if isinstance(node, exp.Count):
        total = _whole(exp.Sum(this=first(node)), facts)
        return (
            total
            if select.args.get("group")
            else exp.Coalesce(this=total, expressions=[exp.Literal.number(0)])
        )
    if isinstance(node, exp.Sum):
        known = fact(node.this, select, facts)
        total = exp.Sum(this=first(node))
        small = known is not None and known.is_integer and known.type != "bigint"
        return _whole(total, facts) if small else total
    count = exp.Sum(this=first(exp.Count(this=node.this.copy())))
    product = exp.Mul(
        this=exp.Sum(this=first(exp.Sum(this=node.this.copy()))), expression=exp.Literal.number("1.0")
    )
    return exp.paren(exp.Div(this=product, expression=count))


def _whole(total: exp.Expr, facts: Facts) -> exp.Expr:
    """The sum of whole numbers as PostgreSQL would have given it in one step."""
    return exp.cast(total, "BIGINT") if facts.engine == "postgresql" else total
