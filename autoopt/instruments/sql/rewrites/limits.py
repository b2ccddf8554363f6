"""LIMIT where it saves most: before joins that keep every row, in branches of UNION ALL, before outputs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites.trees import (
    Act,
    column,
    derive,
    flatten,
    fresh,
    from_of,
    has_windows,
    is_aggregated,
    is_base,
    joins_of,
    limited,
    selects,
    subquery,
    tables_of,
    with_of,
)


def late_outputs(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """Subqueries in the output computed for the rows that LIMIT leaves, not for all."""
    for select in _topped(tree):
        costly = [output for output in select.expressions if output.find(exp.Query)]
        if costly and not _reads_outside(select) and _order_is_on_columns(select):
            yield lambda select=select: _limit_first(select)  # type: ignore[misc]


def _topped(tree: exp.Expr) -> Iterator[exp.Select]:
    """SELECTs with ORDER BY and LIMIT that give their rows as they are."""
    for select in selects(tree):
        if not (select.args.get("limit") and select.args.get("order")) or from_of(select) is None:
            continue
        if is_aggregated(select) or has_windows(select) or select.args.get("distinct") or with_of(select):
            continue
        yield select


def _reads_outside(select: exp.Select) -> bool:
    return bool(tables_of(select) - {""})  # a name without a table is that of an output, in ORDER BY


def _order_is_on_columns(select: exp.Select) -> bool:
    """Whether each term is a column of a table, by its name or as a plain output."""
    return all(_sorted_by(term, select) is not None for term in select.args["order"].expressions)


def _sorted_by(term: exp.Expr, select: exp.Select) -> exp.Column | None:
    node = term.this
    if isinstance(node, exp.Column) and not node.table:
        named = [output.unalias() for output in select.selects if output.alias_or_name == node.name]
        node = named[0] if len(named) == 1 else None
    return node if isinstance(node, exp.Column) and node.table else None


def _limit_first(select: exp.Select) -> None:
    alias, inner = fresh(select, "l"), exp.Select()
    start = from_of(select)
    assert start is not None
    reads = exp.Select().from_(start.this.copy())
    for key in ("joins", "where", "limit", "offset"):
        value = select.args.get(key)
        kept = [one.copy() for one in value] if isinstance(value, list) else value and value.copy()
        reads.set(key, kept or None)
    for term in select.args["order"].expressions:
        place = _sorted_by(term, select)
        assert place is not None
        term.this.replace(place.copy())
    reads.set("order", select.args["order"].copy())
    needed = derive(select, inner, alias)
    reads.set(
        "expressions", [exp.alias_(column(name, table), called) for (table, name), called in needed.items()]
    )
    inner.replace(reads)
    select.set("limit", None)
    select.set("offset", None)


def before_left_joins(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """LIMIT before LEFT JOINs that find at most one row each."""
    for select in _topped(tree):
        start = from_of(select)
        assert start is not None
        first = start.this.alias_or_name.lower()
        if not isinstance(start.this, exp.Table) or not joins_of(select) or _reads_outside(select):
            continue
        conditions = [select.args["order"], *([select.args["where"]] if select.args.get("where") else [])]
        own = _order_is_on_columns(select) and all(
            (_sorted_by(term, select) or exp.column("")).table.lower() == first
            for term in select.args["order"].expressions
        )
        about_first = all(tables_of(part) <= {first} for part in conditions[1:])
        if own and about_first and all(_finds_one(join, select, facts) for join in joins_of(select)):
            yield lambda select=select: _limit_start(select)  # type: ignore[misc]


def _finds_one(join: exp.Join, select: exp.Select, facts: Facts) -> bool:
    """Whether a LEFT JOIN looks up a key, so that every row stays and none is doubled."""
    if join.side != "LEFT" or not join.args.get("on") or not is_base(join.this, select, facts):
        return False
    name = join.alias_or_name.lower()
    keys = []
    for condition in flatten(join.args["on"], exp.And):
        if isinstance(condition, exp.EQ):
            for mine, theirs in ((condition.left, condition.right), (condition.right, condition.left)):
                if (
                    isinstance(mine, exp.Column)
                    and mine.table.lower() == name
                    and name not in tables_of(theirs)
                ):
                    keys.append(mine.name)
    return facts.is_key(join.this.name, keys)


def _limit_start(select: exp.Select) -> None:
    start = from_of(select)
    assert start is not None
    name = start.this.alias_or_name
    inner = exp.Select(expressions=[exp.Star()]).from_(start.this.copy())
    for term in select.args["order"].expressions:
        place = _sorted_by(term, select)
        assert place is not None
        term.this.replace(place.copy())
    for key in ("where", "order", "limit", "offset"):
        if select.args.get(key):
            inner.set(key, select.args[key].copy())
    select.set("where", None)
    select.set("limit", None)
    select.set("offset", None)
    start.set("this", subquery(inner, name))


def into_branches(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """ORDER BY and LIMIT also in each branch of a UNION ALL whose best rows are wanted."""
    for union in tree.find_all(exp.Union):
        limit, order = union.args.get("limit"), union.args.get("order")
        if (
            union.args.get("distinct") is not False
            or limit is None
            or order is None
            or union.args.get("offset")
        ):
            continue
        places = [_position(term, union) for term in order.expressions]
        branches = _branches(union)
        if None in places or not all(isinstance(one, exp.Select) and not limited(one) for one in branches):
            continue
        yield lambda union=union, branches=branches: _push(union, branches)  # type: ignore[misc]


def _position(term: exp.Expr, union: exp.Union) -> int | None:
    names = [name.lower() for name in union.named_selects]
    node = term.this
    if isinstance(node, exp.Literal) and node.name.isdigit():
        return int(node.name)
    known = isinstance(node, exp.Column) and not node.table and node.name.lower() in names
    return names.index(node.name.lower()) + 1 if known else None


def _branches(union: exp.Expr) -> list[exp.Expr]:
    inner = union.unnest()
    if isinstance(inner, exp.Union) and inner.args.get("distinct") is False:
        return _branches(inner.this) + _branches(inner.expression)
    return [inner]


def _push(union: exp.Union, branches: list[exp.Expr]) -> None:
    terms = []
    for term in union.args["order"].expressions:
        one = term.copy()
        one.set("this", exp.Literal.number(_position(term, union) or 1))
        terms.append(one)
    for number, branch in enumerate(branches):
        inner = branch.copy()
        inner.set("order", exp.Order(expressions=[term.copy() for term in terms]))
        inner.set("limit", union.args["limit"].copy())
        # A derived table, because SQLite allows no LIMIT in the branches themselves.
        outer = exp.Select(expressions=[exp.Star()]).from_(subquery(inner, f"_b{number}"))
        branch.replace(outer)
