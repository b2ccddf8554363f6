"""UNION where OR was, and UNION ALL where nothing is there twice."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Facts
from autoopt.instruments.sql.rewrites.trees import (
    Act,
    column,
    conjuncts,
    derive,
    fact,
    flatten,
    free_columns,
    fresh,
    from_of,
    is_base,
    is_inner,
    joins_of,
    limited,
    selects,
    set_where,
    sources,
    with_of,
)

MAX_BRANCHES = 4


def or_as_union(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """One branch for each side of an OR, each without the rows of the branches before it."""
    for select in selects(tree):
        if not _is_divisible(select):
            continue
        conditions = _conditions(select)
        for choice in conditions:
            sides = flatten(choice, exp.Or)
            if 2 <= len(sides) <= MAX_BRANCHES and free_columns(choice):
                rest = [condition for condition in conditions if condition is not choice]
                yield lambda select=select, sides=sides, rest=rest: _divide(select, sides, rest, facts)  # type: ignore[misc]


def _is_divisible(select: exp.Select) -> bool:
    """Whether all the SELECT reads and filters can be moved into a derived table."""
    if from_of(select) is None or with_of(select) is not None or select.args.get("laterals"):
        return False
    names = set(sources(select))
    parts = [*joins_of(select), *([select.args["where"]] if select.args.get("where") else [])]
    start = from_of(select)
    assert start is not None
    own = all(node.table.lower() in names for part in [start, *parts] for node in free_columns(part))
    named = all(node.table for node in select.find_all(exp.Column) if node.find_ancestor(exp.Select) is select
                and not _is_order_alias(node, select))  # fmt: skip
    return own and named and not any(isinstance(source, exp.Lateral) for source in sources(select).values())


def _is_order_alias(node: exp.Column, select: exp.Select) -> bool:
    return node.name in select.named_selects and node.find_ancestor(exp.Order, exp.Having) is not None


def _conditions(select: exp.Select) -> list[exp.Expr]:
    """The conditions of WHERE and, where all joins are inner, of ON."""
    found = conjuncts(select)
    if all(is_inner(join) for join in joins_of(select)):
        for join in joins_of(select):
            found += flatten(join.args["on"], exp.And) if join.args.get("on") else []
    return found


def _divide(select: exp.Select, sides: list[exp.Expr], rest: list[exp.Expr], facts: Facts) -> None:
    alias = fresh(select, "u")
    reads = exp.Select().from_(from_of(select).this.copy())  # type: ignore[union-attr]
    inner = all(is_inner(join) for join in joins_of(select))
    reads.set("joins", [_bare(join) if inner else join.copy() for join in joins_of(select)])
    branches = []
    for number, side in enumerate(sides):
        before = [_not_true(other) for other in sides[:number] if not _disjoint(side, other, facts)]
        branch = reads.copy()
        set_where(branch, [*rest, side, *before])
        branches.append(branch)
    holder = exp.Select()
    needed = derive(select, holder, alias)
    outputs = [exp.alias_(column(name, table), called) for (table, name), called in needed.items()]
    for branch in branches:
        branch.set(
            "expressions", [output.copy() for output in outputs] or [exp.alias_(exp.Literal.number(1), "_c0")]
        )
    union: exp.Expr = branches[0]
    for branch in branches[1:]:
        union = exp.Union(this=union, expression=branch, distinct=False)
    holder.replace(union)


def _bare(join: exp.Join) -> exp.Join:
    """The join without its condition, which has moved to WHERE."""
    found = join.copy()
    found.set("on", None)
    found.set("kind", None)
    return found


def _not_true(condition: exp.Expr) -> exp.Expr:
    """That it is false or unknown."""
    return exp.not_(exp.Is(this=exp.paren(condition.copy()), expression=exp.true()))


def _disjoint(one: exp.Expr, other: exp.Expr, facts: Facts) -> bool:
    """Whether both cannot hold for one row: one column equal to two constants."""
    mine, theirs = _constant(one, facts), _constant(other, facts)
    return mine is not None and theirs is not None and mine[0] == theirs[0] and mine[1] != theirs[1]


def _constant(condition: exp.Expr, facts: Facts) -> tuple[exp.Column, str] | None:
    """The column and the constant it is equal to, so written that others which differ are not equal to it."""
    host = condition.find_ancestor(exp.Select)
    if not isinstance(condition, exp.EQ) or host is None:
        return None
    for left, right in ((condition.left, condition.right), (condition.right, condition.left)):
        known = fact(left, host, facts)
        if known is None or not isinstance(left, exp.Column) or not isinstance(right, exp.Literal):
            continue
        if right.is_string and known.is_text:
            return left, _folded(right.name)
        if right.name.isdigit() and known.is_integer and not right.is_string:
            return left, str(int(right.name))
    return None


def _folded(text: str) -> str:
    """The text without what collations and padded types overlook."""
    return "'" + text.casefold().rstrip()


def union_as_union_all(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """UNION that has nothing to remove, or whose duplicates nobody sees, as UNION ALL."""
    for union in tree.find_all(exp.Union):
        if union.args.get("distinct") is False or limited(union):
            continue
        if _unseen(union) or _without_duplicates(union, facts):
            yield lambda union=union: union.set("distinct", False)  # type: ignore[misc]


def _unseen(union: exp.Union) -> bool:
    """Whether only membership counts: it stands in IN or EXISTS."""
    at = union.parent
    while isinstance(at, (exp.Subquery, exp.Paren)):
        at = at.parent
    return isinstance(at, (exp.In, exp.Exists))


def _without_duplicates(union: exp.Union, facts: Facts) -> bool:
    left, right = union.left.unnest(), union.right.unnest()
    if not isinstance(left, exp.Select) or not isinstance(right, exp.Select):
        return False
    return (
        distinct_rows(left, facts)
        and distinct_rows(right, facts)
        and (_apart(left, right, facts) or _other_rows(left, right, facts))
    )


def _apart(left: exp.Select, right: exp.Select, facts: Facts) -> bool:
    """Whether some output column cannot be alike in both."""
    for mine, theirs in zip(left.selects, right.selects, strict=False):
        one, other = _fixed(mine.unalias(), left, facts), _fixed(theirs.unalias(), right, facts)
        if one and other and one != other and one.startswith("'") == other.startswith("'"):
            return True
    return False


def _other_rows(left: exp.Select, right: exp.Select, facts: Facts) -> bool:
    """Whether both give the key of one table in the same places, and of rows that cannot be the same."""
    (mine, *more), (theirs, *others) = sources(left).values(), sources(right).values()
    if more or others or mine.name.lower() != theirs.name.lower() or not is_base(mine, left, facts):
        return False
    outputs = zip(left.selects, right.selects, strict=False)
    shared = [one.unalias().name for one, other in outputs if _is_same_column(one.unalias(), other.unalias())]
    return facts.is_key(mine.name, shared) and any(
        first[0].name == second[0].name and first[1] != second[1]
        for first in _constants(left, facts)
        for second in _constants(right, facts)
    )


def _constants(select: exp.Select, facts: Facts) -> list[tuple[exp.Column, str]]:
    """The columns that are the same in all rows of the SELECT, with what they are equal to."""
    return [found for one in conjuncts(select) if (found := _constant(one, facts)) is not None]


def _is_same_column(one: exp.Expr, other: exp.Expr) -> bool:
    return isinstance(one, exp.Column) and isinstance(other, exp.Column) and one.name == other.name


def _fixed(output: exp.Expr, select: exp.Select, facts: Facts) -> str:
    """The constant that an output column is in every row, as `_constant` writes it; empty when it is none."""
    if isinstance(output, exp.Literal):
        if output.is_string:
            return _folded(output.name)
        return str(int(output.name)) if output.name.isdigit() else ""
    return next((text for place, text in _constants(select, facts) if place == output), "")


def distinct_rows(select: exp.Select, facts: Facts) -> bool:
    """Whether no two rows of the SELECT can be alike, by DISTINCT, by GROUP BY or by keys."""
    if select.args.get("distinct") is not None and not select.args["distinct"].args.get("on"):
        return True
    outputs = [output.unalias() for output in select.selects]
    group = select.args.get("group")
    if group is not None:
        plain = not any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets"))
        return plain and bool(group.expressions) and all(term in outputs for term in group.expressions)
    if select.find(exp.AggFunc) or not all(is_inner(join) for join in joins_of(select)):
        return False
    return bool(sources(select)) and all(
        _has_key(source, alias, outputs, select, facts) for alias, source in sources(select).items()
    )


def _has_key(source: exp.Expr, alias: str, outputs: list[exp.Expr], select: exp.Select, facts: Facts) -> bool:
    if not is_base(source, select, facts):
        return False
    names = [out.name for out in outputs if isinstance(out, exp.Column) and out.table.lower() == alias]
    return facts.is_key(source.name, names)
