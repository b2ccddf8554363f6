"""Questions about syntax trees, and the few ways in which all rewrites change them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Column, Facts

Act = Callable[[], None]
"""Changes the tree it was made for."""
Rule = Callable[[exp.Expr, Facts], Iterator[Act]]
"""Finds the places of a qualified tree where a rewrite fits, and yields the change for each of them."""

PLAIN_AGGREGATES = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count)
MIRRORED: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
}
"""Comparisons that say the same with their sides exchanged."""
_CLAUSES = ("where", "group", "having", "order", "qualify", "windows", "distinct")


def from_of(select: exp.Expr) -> exp.Expr | None:
    """The FROM clause (its key has changed from version to version)."""
    found: exp.Expr | None = select.args.get("from_") or select.args.get("from")
    return found


def with_of(query: exp.Expr) -> exp.Expr | None:
    """The WITH clause."""
    found: exp.Expr | None = query.args.get("with_") or query.args.get("with")
    return found


def limited(query: exp.Expr) -> bool:
    """Whether it has LIMIT, OFFSET or FETCH."""
    return any(query.args.get(key) is not None for key in ("limit", "offset", "fetch"))


def joins_of(select: exp.Expr) -> list[exp.Join]:
    """Its joins, in order."""
    return list(select.args.get("joins") or ())


def sources(select: exp.Expr) -> dict[str, exp.Expr]:
    """What it reads, by alias in small letters."""
    start = from_of(select)
    found = [start.this] if start is not None else []
    return {
        source.alias_or_name.lower(): source for source in found + [join.this for join in joins_of(select)]
    }


def is_inner(join: exp.Join) -> bool:
    """Whether a join only pairs rows and filters the pairs."""
    return (
        not join.side
        and join.kind in ("", "INNER", "CROSS")
        and not join.method
        and not join.args.get("using")
        and not join.find(exp.Lateral, exp.Unnest)
    )


def conjuncts(select: exp.Expr) -> list[exp.Expr]:
    """The conditions of WHERE that must all hold."""
    where = select.args.get("where")
    return [] if where is None else flatten(where.this, exp.And)


def flatten(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """The operands of nested ANDs or ORs."""
    inner = node.unnest()
    if isinstance(inner, kind):
        return flatten(inner.this, kind) + flatten(inner.expression, kind)
    return [inner]


def set_where(select: exp.Expr, conditions: Iterable[exp.Expr]) -> None:
    """Make these the conditions that must all hold."""
    given = [condition.copy() for condition in conditions]
    select.set("where", exp.Where(this=exp.and_(*given, copy=False)) if given else None)


def free_columns(node: exp.Expr) -> list[exp.Column]:
    """Columns that stand for something outside of the node: no SELECT within it reads their table."""
    return [column for column in node.find_all(exp.Column) if not _is_bound(column, node)]


def _is_bound(column: exp.Column, root: exp.Expr) -> bool:
    at: exp.Expr | None = column
    while at is not None and at is not root:
        at = at.parent
        if isinstance(at, exp.Select) and column.table.lower() in sources(at):
            return True
    return False


def tables_of(node: exp.Expr) -> set[str]:
    """Aliases of the tables whose columns the node needs from outside; empty alias where it is not known."""
    return {column.table.lower() for column in free_columns(node)}


def clause_of(node: exp.Expr, select: exp.Expr) -> str:
    """Which part of the SELECT the node is in."""
    at = node
    while at.parent is not None and at.parent is not select:
        at = at.parent
    return (at.arg_key or "").rstrip("_")


def is_condition(node: exp.Expr, select: exp.Expr) -> bool:
    """Whether the node is one of the conditions in WHERE that must all hold."""
    at = node.parent
    while isinstance(at, (exp.Paren, exp.And)):
        at = at.parent
    return isinstance(at, exp.Where) and at.parent is select


def is_aggregated(select: exp.Expr) -> bool:
    """Whether its rows are groups."""
    if select.args.get("group") is not None or select.args.get("having") is not None:
        return True
    return any(
        aggregate.find_ancestor(exp.Select) is select and not isinstance(aggregate.parent, exp.Window)
        for output in select.expressions
        for aggregate in output.find_all(exp.AggFunc)
    )


def has_windows(select: exp.Expr) -> bool:
    """Whether it computes window functions."""
    return any(window.find_ancestor(exp.Select) is select for window in select.find_all(exp.Window))


def is_plain(select: exp.Expr) -> bool:
    """Whether it only joins, filters and projects."""
    return (
        isinstance(select, exp.Select)
        and from_of(select) is not None
        and not is_aggregated(select)
        and not has_windows(select)
        and not limited(select)
        and with_of(select) is None
        and select.args.get("distinct") is None
        and select.args.get("laterals") is None
    )


def fresh(tree: exp.Expr, stem: str) -> str:
    """A name nothing in the tree has."""
    taken = {identifier.name.lower() for identifier in tree.root().find_all(exp.Identifier)}
    return next(name for number in range(1000) if (name := f"_{stem}{number}") not in taken)


def column(name: str, table: str) -> exp.Column:
    """A qualified column."""
    return exp.column(name, table=table)


def subquery(select: exp.Expr, alias: str) -> exp.Subquery:
    """A derived table."""
    return exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(alias)))


def add_join(
    select: exp.Expr, derived: exp.Subquery, on: Sequence[exp.Expr], facts: Facts, side: str = ""
) -> None:
    """Join a derived table to a SELECT, after whatever it reads already."""
    if facts.engine != "sqlite":  # there CROSS would fix the order of the loops, and a comma binds as closely
        for join in joins_of(select):
            if not join.args.get("on") and not join.side and not join.kind and not join.method:
                join.set("kind", "CROSS")
    join = exp.Join(this=derived, on=exp.and_(*on, copy=False), side=side or None)
    select.set("joins", [*joins_of(select), join])


def become(select: exp.Expr, other: exp.Expr) -> None:
    """Turn a SELECT into another one, in place."""
    for key in list(select.args):
        select.set(key, None)
    for key, value in list(other.args.items()):
        select.set(key, value)


def derive(select: exp.Expr, inner: exp.Expr, alias: str) -> dict[tuple[str, str], str]:
    """Have all but FROM, JOIN and WHERE of a SELECT read from a derived table made of `inner`.

    Returns:
        What each column that is needed is called in the derived table, by its table and name.
    """
    names = set(sources(select))
    parts = [*select.expressions, *(select.args[key] for key in _CLAUSES[1:] if select.args.get(key))]
    found: dict[tuple[str, str], str] = {}
    for part in parts:
        for node in free_columns(part):
            if node.table.lower() in names:
                place = (node.table.lower(), node.name.lower())
                name = found.setdefault(place, f"_c{len(found)}")
                _replace_column(node, column(name, alias))
    select.set("where", None)
    select.set("joins", None)
    start = from_of(select)
    assert start is not None
    start.set("this", subquery(inner, alias))
    return found


def _replace_column(node: exp.Column, other: exp.Column) -> None:
    if isinstance(node.parent, exp.Select):  # an output keeps its name
        node.replace(exp.alias_(other, node.name, quoted=bool(node.this.args.get("quoted"))))
    else:
        node.replace(other)


def nullable(node: exp.Expr, select: exp.Expr, facts: Facts) -> bool:
    """Whether an expression over what the SELECT reads may be NULL, as far as can be known."""
    if isinstance(node, exp.Literal):
        return False
    known = fact(node, select, facts)
    return known is None or known.nullable or any(join.side for join in joins_of(select))


def fact(node: exp.Expr, select: exp.Expr, facts: Facts) -> Column | None:
    """What is known of a column of a base table; None for anything else."""
    if not isinstance(node, exp.Column):
        return None
    source = sources(select).get(node.table.lower())
    return facts.column(source.name, node.name) if is_base(source, select, facts) and source else None


def is_base(source: exp.Expr | None, select: exp.Expr, facts: Facts) -> bool:
    """Whether a source is a table or view of the database, not the name of a CTE."""
    if not isinstance(source, exp.Table) or source.name.lower() not in facts.tables:
        return False
    named = {cte.alias.lower() for cte in select.root().find_all(exp.CTE)}
    return source.name.lower() not in named


def selects(tree: exp.Expr) -> list[exp.Select]:
    """All SELECTs of a statement, the outermost first."""
    return list(tree.find_all(exp.Select))
