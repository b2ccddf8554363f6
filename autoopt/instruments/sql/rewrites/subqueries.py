"""Subqueries in conditions: semi-joins and anti-joins written in another way."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites import correlation
from autoopt.instruments.sql.rewrites.trees import (
    MIRRORED,
    Act,
    add_join,
    column,
    conjuncts,
    fresh,
    is_condition,
    is_plain,
    limited,
    nullable,
    set_where,
    sources,
    subquery,
    tables_of,
    with_of,
)


def exists_as_in(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """EXISTS (… WHERE t.k = outer.k) as outer.k IN (SELECT t.k …)."""
    for exists in tree.find_all(exp.Exists):
        select = exists.this.unnest()
        found = correlation.of(select)
        if found is None or not found.pairs or not is_plain(select):
            continue
        if is_condition(exists, found.host):
            yield lambda exists=exists, found=found: _put_in(exists, found)  # type: ignore[misc]
        elif _is_negated(exists, found.host) and len(found.pairs) == 1:
            yield lambda exists=exists, found=found: _put_not_in(exists, found, facts)  # type: ignore[misc]


def _put_in(exists: exp.Expr, found: correlation.Correlation) -> None:
    keys = [outer.copy() for _, outer in found.pairs]
    inner = _keys_only(exists, found)
    this = keys[0] if len(keys) == 1 else exp.Tuple(expressions=keys)
    exists.replace(exp.In(this=this, query=exp.Subquery(this=inner)))


def _put_not_in(exists: exp.Expr, found: correlation.Correlation, facts: Facts) -> None:
    key, outer = found.pairs[0]
    select = _keys_only(exists, found)
    if nullable(key, exists.this.unnest(), facts):
        select.where(key.copy().is_(exp.null()).not_(), copy=False)
    test: exp.Expr = exp.Not(this=exp.In(this=outer.copy(), query=exp.Subquery(this=select)))
    if nullable(outer, found.host, facts):
        test = exp.paren(exp.or_(outer.copy().is_(exp.null()), test))
    negation = exists.find_ancestor(exp.Not)
    assert negation is not None
    negation.replace(test)


def _keys_only(exists: exp.Expr, found: correlation.Correlation) -> exp.Select:
    """The subquery without what ties it to its host, giving the keys."""
    select: exp.Select = exists.this.unnest().copy()
    select.set("expressions", [inner.copy() for inner, _ in found.pairs])
    select.set("order", None)
    set_where(select, found.local)
    return select


def in_as_exists(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """Membership, x IN (SELECT y …) as EXISTS (… AND y = x)."""
    for test, select, host in _memberships(tree):
        if is_plain(select) and is_condition(test, host) and not _is_shadowed(test, select):
            yield lambda test=test, select=select: test.replace(_exists(test, select))  # type: ignore[misc]


def not_in_as_not_exists(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """Its opposite, x NOT IN (SELECT y …) as NOT EXISTS, with its answers where x or some y is NULL."""
    for test, select, host in _memberships(tree):
        if is_plain(select) and _is_negated(test, host) and not _is_shadowed(test, select):
            yield lambda test=test, select=select, host=host: _put_anti(test, select, host, facts)  # type: ignore[misc]


def _put_anti(test: exp.In, select: exp.Select, host: exp.Select, facts: Facts) -> None:
    parts: list[exp.Expr] = [exp.not_(_exists(test, select))]
    key = select.selects[0].unalias()
    if nullable(key, select, facts):
        parts.append(exp.not_(_exists_where(select, key.copy().is_(exp.null()))))
    if nullable(test.this, host, facts):
        known = test.this.copy().is_(exp.null()).not_()
        parts.append(exp.paren(exp.or_(known, exp.not_(_exists_where(select)))))
    negation = test.find_ancestor(exp.Not)
    assert negation is not None
    negation.replace(exp.and_(*parts, copy=False))


def _exists(test: exp.In, select: exp.Select) -> exp.Exists:
    return _exists_where(select, exp.EQ(this=select.selects[0].unalias().copy(), expression=test.this.copy()))


def _exists_where(select: exp.Select, *conditions: exp.Expr) -> exp.Exists:
    inner = select.copy()
    inner.set("expressions", [exp.Literal.number(1)])
    inner.set("order", None)
    set_where(inner, [*conjuncts(inner), *conditions])
    return exp.Exists(this=inner)


def in_as_join(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """Membership, x IN (SELECT y …) as a join with the distinct y, which may then come first."""
    for test, select, host in _memberships(tree):
        if is_condition(test, host) and not tables_of(select):
            yield lambda test=test, select=select, host=host: _put_join(test, select, host, facts)  # type: ignore[misc]


def _put_join(test: exp.In, select: exp.Select, host: exp.Select, facts: Facts) -> None:
    alias, inner = fresh(test, "j"), select.copy()
    if limited(inner) or with_of(inner) is not None or inner.args.get("group") is not None:
        name = inner.selects[0].alias_or_name
        inner = exp.select(column(name, "_s")).from_(subquery(inner, "_s"))
    inner.selects[0].replace(exp.alias_(inner.selects[0].unalias(), "_k0"))
    inner.set("order", None)
    inner.set("distinct", exp.Distinct())
    on = exp.EQ(this=column("_k0", alias), expression=test.this.copy())
    set_where(host, [condition for condition in conjuncts(host) if condition is not test])
    add_join(host, subquery(inner, alias), [on], facts)


def count_as_exists(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """(SELECT COUNT(*) …) > 0 as EXISTS, which stops at the first row."""
    for comparison in tree.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ):
        for left, right, kind in _sides(comparison):
            wanted = _wanted(kind, right)
            select = left.this if isinstance(left, exp.Subquery) else None
            if wanted is not None and isinstance(select, exp.Select) and _is_count(select):
                yield lambda c=comparison, s=select, w=wanted: c.replace(_some(s, w))  # type: ignore[misc]


def _sides(comparison: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr, type[exp.Expr]]]:
    kind = type(comparison)
    yield comparison.this, comparison.expression, kind
    yield comparison.expression, comparison.this, MIRRORED.get(kind, kind)


def _wanted(kind: type[exp.Expr], number: exp.Expr) -> bool | None:
    """Whether a count compared so means that there are some (True) or none (False)."""
    if not isinstance(number, exp.Literal) or number.is_string:
        return None
    some = {(exp.GT, "0"), (exp.GTE, "1"), (exp.NEQ, "0")}
    none = {(exp.EQ, "0"), (exp.LT, "1"), (exp.LTE, "0")}
    return True if (kind, number.name) in some else False if (kind, number.name) in none else None


def _is_count(select: exp.Select) -> bool:
    if len(select.selects) != 1 or select.args.get("group") or select.args.get("having") or limited(select):
        return False
    count = select.selects[0].unalias()
    return isinstance(count, exp.Count) and not isinstance(count.this, exp.Distinct) and not count.expressions


def _some(select: exp.Select, wanted: bool) -> exp.Expr:
    counted = select.selects[0].unalias().this
    inner = select.copy()
    inner.set("expressions", [exp.Literal.number(1)])
    if not isinstance(counted, (exp.Star, exp.Literal)):
        set_where(inner, [*conjuncts(inner), counted.copy().is_(exp.null()).not_()])
    exists = exp.Exists(this=inner)
    return exists if wanted else exp.not_(exists)


def _memberships(tree: exp.Expr) -> Iterator[tuple[exp.In, exp.Select, exp.Select]]:
    """Each `x IN (SELECT y …)` with its SELECT and the one around it."""
    for test in tree.find_all(exp.In):
        query = test.args.get("query")
        select = query.unnest() if query is not None else None
        host = test.find_ancestor(exp.Select)
        if not isinstance(select, exp.Select) or not isinstance(host, exp.Select):
            continue
        if (
            len(select.selects) == 1
            and not isinstance(test.this, exp.Tuple)
            and not test.this.find(exp.Query)
        ):
            yield test, select, host


def _is_negated(node: exp.Expr, host: exp.Expr) -> bool:
    at = node.parent
    while isinstance(at, exp.Paren):
        at = at.parent
    return isinstance(at, exp.Not) and is_condition(at, host)


def _is_shadowed(test: exp.In, select: exp.Select) -> bool:
    """Whether x would mean something else inside the subquery."""
    tables = tables_of(test.this)
    return "" in tables or bool(tables & set(sources(select)))
