"""Which order a query promises: the ORDER BY of its outermost SELECT, as indexes of output columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoopt.errors import UsageError

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A promise about the order of rows.

    Attributes:
        ordered: Whether there is an outermost ORDER BY.
        keys: Indexes of the output columns it sorts by; None when something else decides the order.
    """

    ordered: bool
    keys: list[int] | None


def require_parser() -> None:
    """See that sqlglot is there.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import sqlglot  # noqa: F401 - whether it can be imported is the question
    except ImportError as error:
        raise UsageError(
            "the Python package sqlglot is not installed; pip install 'autoopt[sql]'."
        ) from error


def parse(statement: str, engine: str) -> exp.Expr | None:
    """The statement's syntax tree; None when sqlglot cannot read it."""
    import sqlglot

    dialect = "postgres" if engine == "postgresql" else engine
    try:
        return sqlglot.parse_one(statement, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


def of(statement: str, engine: str, columns: Sequence[str]) -> Order:
    """What a reading statement promises, given the names of the columns it returned.

    A statement that cannot be parsed is taken to promise an order when it says ORDER BY anywhere: that asks
    more of a change than needed, never less.
    """
    tree = parse(statement, engine)
    if tree is None:
        return Order(ordered=bool(re.search(r"\border\s+by\b", statement, re.IGNORECASE)), keys=None)
    order = _outermost(tree)
    if order is None:
        return Order(ordered=False, keys=None)
    keys = [key for term in order.expressions for key in _keys(term.this, tree, columns)]
    return Order(ordered=True, keys=None if None in keys else [key for key in keys if key is not None])


def _outermost(tree: exp.Expr) -> exp.Expr | None:
    """The ORDER BY of the statement itself, looking through brackets around all of it."""
    order: exp.Expr | None = tree.args.get("order")
    if order is None and tree.key == "subquery":
        return _outermost(tree.this)
    return order


def _keys(term: exp.Expr, tree: exp.Expr, columns: Sequence[str]) -> list[int | None]:
    from sqlglot import exp

    if isinstance(term, exp.Literal) and not term.is_string:
        index = int(term.name) - 1 if term.name.isdigit() else -1
        return [index if 0 <= index < len(columns) else None]
    if isinstance(term, exp.Var) and term.name.upper() == "ALL":
        return list(range(len(columns)))
    if isinstance(term, exp.Column) and not term.table and (named := _positions(term.name, columns)):
        return [named[0] if len(named) == 1 else None]
    return [_as_output(term, tree, columns)]


def _as_output(term: exp.Expr, tree: exp.Expr, columns: Sequence[str]) -> int | None:
    """The output column that is this very expression."""
    from sqlglot import exp

    outputs = [output.unalias() for output in _first_select(tree)]
    if any(output.is_star for output in outputs):
        positions = _positions(term.name, columns) if isinstance(term, exp.Column) else []
        alone = len(outputs) == 1 and len(positions) == 1  # beside a star, an alias may have taken the name
        return positions[0] if alone else None
    if len(outputs) != len(columns):
        return None
    same = [
        index for index, output in enumerate(outputs) if output == term or _same_column(output, term, tree)
    ]
    return same[0] if same else None


def _same_column(output: exp.Expr, term: exp.Expr, tree: exp.Expr) -> bool:
    """Whether two columns differ only in that one of them leaves its table out."""
    from sqlglot import exp

    if not (isinstance(output, exp.Column) and isinstance(term, exp.Column)):
        return False
    if any(join.args.get("using") or join.args.get("method") for join in tree.args.get("joins") or ()):
        return False  # the merged column of an outer join is not the column of either table
    tables = {output.table.lower(), term.table.lower()}
    return output.name.lower() == term.name.lower() and (len(tables) == 1 or "" in tables)


def _first_select(tree: exp.Expr) -> list[exp.Expr]:
    """The output expressions; those of the first branch of a UNION name its columns."""
    return list(getattr(tree, "selects", ()))


def _positions(name: str, columns: Sequence[str]) -> list[int]:
    return [index for index, column in enumerate(columns) if column.lower() == name.lower()]
