"""Subqueries that are computed for each row: computed for all rows at once, by a join or a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites import correlation
from autoopt.instruments.sql.rewrites.trees import (
    PLAIN_AGGREGATES,
    Act,
    add_join,
    clause_of,
    column,
    conjuncts,
    fact,
    fresh,
    from_of,
    is_aggregated,
    is_inner,
    joins_of,
    limited,
    set_where,
    sources,
    subquery,
)


def as_join(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """A correlated aggregate as a join with the aggregates of all keys."""
    for scalar, found in _scalars(tree):
        yield lambda scalar=scalar, found=found: _put_join(scalar, found, facts, False)  # type: ignore[misc]


def as_restricted_join(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """A correlated aggregate as a join with the aggregates of those keys the outer query has."""
    for scalar, found in _scalars(tree):
        if _narrowing(found) and all(is_inner(join) for join in joins_of(found.host)):
            yield lambda scalar=scalar, found=found: _put_join(scalar, found, facts, True)  # type: ignore[misc]


def as_window(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """An aggregate over the other rows of the same table as a window over that table."""
    for scalar, found in _scalars(tree):
        source = _same_table(scalar.this, found)
        if source is not None:
            yield lambda scalar=scalar, found=found, source=source: _put_window(  # type: ignore[misc]
                scalar, found, source, facts
            )


def _scalars(tree: exp.Expr) -> Iterator[tuple[exp.Subquery, correlation.Correlation]]:
    for scalar in tree.find_all(exp.Subquery):
        select = scalar.this
        if not isinstance(select, exp.Select) or not _is_operand(scalar) or not _is_aggregate(select):
            continue
        found = correlation.of(select)
        if (
            found is not None
            and found.pairs
            and from_of(found.host) is not None
            and _fits(scalar, found.host)
        ):
            yield scalar, found


def _is_operand(scalar: exp.Subquery) -> bool:
    containers = (exp.From, exp.Join, exp.In, exp.Any, exp.All, exp.SetOperation, exp.Subquery, exp.CTE)
    return scalar.parent is not None and not isinstance(scalar.parent, containers)


def _is_aggregate(select: exp.Select) -> bool:
    """Whether it gives one value made of plain aggregates, and NULL or 0 for no rows."""
    if len(select.selects) != 1 or limited(select) or select.args.get("distinct") or select.find(exp.Window):
        return False
    if select.args.get("group") or select.args.get("having"):
        return False
    output = select.selects[0].unalias()
    aggregates = _aggregates(output)
    known = all(isinstance(one, PLAIN_AGGREGATES) and not one.expressions for one in aggregates)
    inside = {id(node) for one in aggregates for node in one.find_all(exp.Column)}
    outside = [node for node in output.find_all(exp.Column) if id(node) not in inside]
    return bool(aggregates) and known and not outside and not output.find(exp.Query)


def _aggregates(output: exp.Expr) -> list[exp.Expr]:
    return list(output.find_all(exp.AggFunc))


def _fits(scalar: exp.Subquery, host: exp.Select) -> bool:
    clause = clause_of(scalar, host)
    if clause == "where":
        return True
    if clause not in ("expressions", "having", "order"):
        return False
    if not is_aggregated(host):
        return True
    within = scalar.find_ancestor(exp.AggFunc, exp.Select)
    return isinstance(within, exp.AggFunc)


def _put_join(scalar: exp.Subquery, found: correlation.Correlation, facts: Facts, narrow: bool) -> None:
    alias, select = fresh(scalar, "j"), scalar.this.copy()
    output = select.selects[0].unalias().copy()
    keys = [inner.copy() for inner, _ in found.pairs]
    values = _aggregates(output)
    select.set(
        "expressions",
        [exp.alias_(key, f"_k{n}") for n, key in enumerate(keys)]
        + [exp.alias_(value.copy(), f"_v{n}") for n, value in enumerate(values)],
    )
    select.set("group", exp.Group(expressions=[key.copy() for key in keys]))
    set_where(select, [*found.local, *([_among(found)] if narrow else [])])
    on = [
        exp.EQ(this=column(f"_k{n}", alias), expression=outer.copy())
        for n, (_, outer) in enumerate(found.pairs)
    ]
    output = _with_values(output, values, lambda n: column(f"_v{n}", alias))
    host = found.host
    _put(scalar, output)
    add_join(host, subquery(select, alias), on, facts, side="LEFT")


def _with_values(output: exp.Expr, values: list[exp.Expr], made: Callable[[int], exp.Expr]) -> exp.Expr:
    """The output with each aggregate replaced; a count of no rows is 0, anything else NULL."""
    holder = exp.Paren(this=output)
    for number, value in enumerate(values):
        new: exp.Expr = made(number)
        if isinstance(value, exp.Count):
            new = exp.Coalesce(this=new, expressions=[exp.Literal.number(0)])
        value.replace(new)
    found: exp.Expr = holder.this
    return found


def _put(scalar: exp.Subquery, output: exp.Expr) -> None:
    needs_brackets = isinstance(output, exp.Binary) and isinstance(scalar.parent, (exp.Binary, exp.Unary))
    scalar.replace(exp.paren(output) if needs_brackets else output)


def _among(found: correlation.Correlation) -> exp.Expr:
    """That the keys are among those of the outer query's rows."""
    host = found.host
    start = from_of(host)
    assert start is not None
    outer = exp.Select(expressions=[theirs.copy() for _, theirs in found.pairs])
    outer = outer.from_(start.this.copy())
    outer.set("joins", [join.copy() for join in joins_of(host)])
    set_where(outer, _own_conditions(found))
    keys = [inner.copy() for inner, _ in found.pairs]
    this = keys[0] if len(keys) == 1 else exp.Tuple(expressions=keys)
    return exp.In(this=this, query=exp.Subquery(this=outer))


def _narrowing(found: correlation.Correlation) -> bool:
    return bool(_own_conditions(found))


def _own_conditions(found: correlation.Correlation) -> list[exp.Expr]:
    return [condition for condition in conjuncts(found.host) if not condition.find(exp.Query)]


def _same_table(select: exp.Select, found: correlation.Correlation) -> exp.Table | None:
    """The outer query's own mention of the table that a subquery without conditions aggregates."""
    inner, *more = sources(select).values()
    if more or found.local or not isinstance(inner, exp.Table) or select.find(exp.Distinct):
        return None
    outers = {outer.table.lower() for _, outer in found.pairs if isinstance(outer, exp.Column)}
    same = all(
        isinstance(mine, exp.Column) and isinstance(theirs, exp.Column) and mine.name == theirs.name
        for mine, theirs in found.pairs
    )
    source = sources(found.host).get(next(iter(outers), ""))
    if not same or len(outers) != 1 or not isinstance(source, exp.Table) or source.name != inner.name:
        return None
    return source if source.args.get("db") == inner.args.get("db") else None


def _put_window(
    scalar: exp.Subquery, found: correlation.Correlation, source: exp.Table, facts: Facts
) -> None:
    output = scalar.this.selects[0].unalias().copy()
    values = _aggregates(output)
    name, host = source.alias_or_name, found.host
    names = [fresh(scalar, f"w{n}_") for n in range(len(values))]
    keys = [column(mine.name, name) for mine, _ in found.pairs]
    guard = [key for key in keys if (known := fact(key, host, facts)) is None or known.nullable]
    select = exp.Select(expressions=[exp.Star()]).from_(source.copy())
    for value, called in zip(values, names, strict=True):
        window: exp.Expr = exp.Window(this=_over(value, name), partition_by=[key.copy() for key in keys])
        if guard:
            filled = exp.and_(*(key.copy().is_(exp.null()).not_() for key in guard))
            window = exp.Case(ifs=[exp.If(this=filled, true=window)])
        select = select.select(exp.alias_(window, called))
    output = _with_values(output, values, lambda n: column(names[n], name))
    _put(scalar, output)
    source.replace(subquery(select, name))


def _over(value: exp.Expr, table: str) -> exp.Expr:
    found = value.copy()
    for node in found.find_all(exp.Column):
        node.set("table", exp.to_identifier(table))
    return found
