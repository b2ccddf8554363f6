"""How queries reach into tables: columns compared with constants, joined, bounded, or sorted by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from autoopt.instruments.sql.database.catalog import Catalog, Table
from autoopt.instruments.sql.text import ordering

_MAX_VIEW_DEPTH = 8
_RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_EQUALITIES = (exp.EQ, exp.NullSafeEQ, exp.In, exp.Is)


@dataclass(frozen=True, slots=True)
class Place:
    """One mention of a table in a query (its scope and alias), and a column of it."""

    mention: tuple[int, str]
    table: str
    column: str
    is_outer: bool = False


@dataclass(slots=True)
class Access:
    """How one mention of a table is reached, by lower-case column names in order of appearance.

    Attributes:
        equal: Columns compared with a constant.
        joins: Columns compared with another mention, by that mention.
        correlated: Mentions of an enclosing query among the joins: looked up once per row of it.
        ranges: Columns bounded from one side or both.
        order: Columns that rows are sorted or grouped by.
    """

    table: str
    equal: list[str] = field(default_factory=list)
    joins: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    correlated: set[tuple[int, str]] = field(default_factory=set)
    ranges: list[str] = field(default_factory=list)
    order: tuple[str, ...] = ()

    @property
    def columns(self) -> Iterator[str]:
        """The columns compared for equality, once for each comparison partner."""
        yield from self.equal
        for joined in self.joins.values():
            yield from joined


def accesses(statement: str, engine: str, catalog: Catalog) -> list[Access]:
    """Every mention of a base table in the statement; none when the statement cannot be understood."""
    tree = ordering.parse(statement, engine)
    if tree is None:
        return []
    try:
        scopes = traverse_scope(_without_views(tree, engine, catalog, _MAX_VIEW_DEPTH))
        reader = _Reader(catalog)
        for scope in scopes:
            reader.read(scope)
    except SqlglotError:
        return []
    return list(reader.found.values())


def _without_views(tree: exp.Expr, engine: str, catalog: Catalog, depth: int) -> exp.Expr:
    """The tree with each view replaced by its definition."""
    named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}

    def expanded(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or node.name.lower() in named:
            return node
        select = _definition(catalog.views.get(catalog.key(node.db, node.name)), engine)
        if select is None or depth == 0:
            return node
        inner = _without_views(select, engine, catalog, depth - 1)
        return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(node.alias_or_name)))

    return tree.transform(expanded)


def _definition(sql: str | None, engine: str) -> exp.Expr | None:
    tree = ordering.parse(sql.rstrip("; \n"), engine) if sql else None
    return (
        tree.expression if isinstance(tree, exp.Create) and isinstance(tree.expression, exp.Query) else None
    )


class _Reader:
    def __init__(self, catalog: Catalog) -> None:
        self.found: dict[tuple[int, str], Access] = {}
        self._catalog = catalog

    def read(self, scope: Scope) -> None:
        """Note what one SELECT asks of the tables it sees."""
        for node in scope.find_all(*_EQUALITIES, *_RANGES):
            if _is_condition(node):
                self._compare(node, scope)
        for join in scope.find_all(exp.Join):
            self._using(join, scope)
        self._sort(scope)

    def _compare(self, node: exp.Expr, scope: Scope) -> None:
        sides = [side.unnest() for side in _sides(node)]
        for index, side in enumerate(sides):
            place = self._place(side, scope)
            if place is None or place.is_outer:
                continue
            partners = [
                self._place(column, scope) for other in _others(sides, index) for column in _columns(other)
            ]
            if any(partner is not None and partner.mention == place.mention for partner in partners):
                continue  # two columns of one row: no index can look that up
            self._note(node, place, [partner for partner in partners if partner is not None])

    def _note(self, node: exp.Expr, place: Place, partners: list[Place]) -> None:
        access = self._access(place)
        if isinstance(node, _RANGES):
            _add(access.ranges, place.column)
        elif partners:
            self._join(place, partners[0])
        else:
            _add(access.equal, place.column)

    def _join(self, place: Place, partner: Place) -> None:
        access = self._access(place)
        _add(access.joins.setdefault(partner.mention, []), place.column)
        if partner.is_outer:
            access.correlated.add(partner.mention)

    def _using(self, join: exp.Join, scope: Scope) -> None:
        """USING (column): equal in the joined table and in the first other one that has the column."""
        for identifier in join.args.get("using") or ():
            places = [
                place
                for alias in scope.selected_sources
                if (place := self._place(exp.column(identifier.name, table=alias), scope)) is not None
            ]
            joined = [place for place in places if place.mention[1] == join.alias_or_name.lower()]
            others = [place for place in places if place not in joined]
            if joined and others:
                self._join(joined[0], others[0])
                self._join(others[0], joined[0])

    def _sort(self, scope: Scope) -> None:
        """Note GROUP BY, else ORDER BY, when all of it is columns of one table."""
        tree = scope.expression
        clause = tree.args.get("group") or tree.args.get("order")
        terms = [_term(term, tree) for term in clause.expressions] if clause is not None else []
        places = [self._place(term, scope) for term in terms]
        first = places[0] if places else None
        if first is None or any(place is None or place.mention != first.mention for place in places):
            return
        self._access(first).order = tuple(
            dict.fromkeys(place.column for place in places if place is not None)
        )

    def _access(self, place: Place) -> Access:
        return self.found.setdefault(place.mention, Access(table=place.table))

    def _place(self, node: exp.Expr, scope: Scope) -> Place | None:
        """Where a column really lives; None for anything but a column of a base table."""
        if not isinstance(node, exp.Column):
            return None
        seen: Scope | None = scope
        while seen is not None:
            sources = _sources(seen)
            names = [node.table.lower()] if node.table else list(sources)
            hits = [name for name in names if name in sources and self._has(sources[name], node.name)]
            if hits:
                place = self._inside(node.name, hits[0], sources[hits[0]], seen) if len(hits) == 1 else None
                return place and Place(place.mention, place.table, place.column, seen is not scope)
            seen = seen.parent
        return None

    def _has(self, source: exp.Table | Scope, column: str) -> bool:
        if isinstance(source, exp.Table):
            table = self._table(source)
            return table is not None and column.lower() in table.columns
        return _output(source, column) is not None

    def _inside(self, column: str, alias: str, source: exp.Table | Scope, scope: Scope) -> Place | None:
        if isinstance(source, exp.Table):
            place = self._catalog.key(source.db, source.name)
            return Place((id(scope), alias), place, column.lower())
        output = _output(source, column)
        return None if output is None else self._place(output, source)

    def _table(self, node: exp.Table) -> Table | None:
        return self._catalog.tables.get(self._catalog.key(node.db, node.name))


def _sources(scope: Scope) -> Mapping[str, exp.Table | Scope]:
    return {name.lower(): source for name, (_, source) in scope.selected_sources.items()}


def _output(scope: Scope, column: str) -> exp.Expr | None:
    """What a subquery, view or CTE calls by that name; through a star, the column of the same name inside."""
    tree = scope.expression
    if not isinstance(tree, exp.Select):
        return None
    names = scope.outer_columns or [output.alias_or_name for output in tree.selects]
    for name, output in zip(names, tree.selects, strict=False):
        if name.lower() == column.lower():
            inner: exp.Expr = output.unalias()
            return inner
    return exp.column(column) if any(output.is_star for output in tree.selects) else None


def _is_condition(node: exp.Expr) -> bool:
    """Whether all rows must meet the comparison: it stands in WHERE or ON, under no OR, NOT or CASE."""
    around = node.find_ancestor(exp.Where, exp.Join, exp.Or, exp.Not, exp.Case, exp.Select)
    return isinstance(around, (exp.Where, exp.Join))


def _sides(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, (exp.In, exp.Between)):
        return [node.this]
    return [node.left, node.right] if isinstance(node, exp.Binary) else []


def _others(sides: list[exp.Expr], index: int) -> list[exp.Expr]:
    return sides[:index] + sides[index + 1 :]


def _columns(node: exp.Expr) -> Iterator[exp.Column]:
    """Columns of an expression, but not those a subquery inside it uses for itself."""
    for found in node.walk(prune=lambda inner: isinstance(inner, exp.Query)):
        if isinstance(found, exp.Column):
            yield found


def _term(term: exp.Expr, tree: exp.Expr) -> exp.Expr:
    """What a term of ORDER BY or GROUP BY stands for: an ordinal or an alias means that output."""
    node: exp.Expr = term.this if isinstance(term, exp.Ordered) else term
    outputs: list[exp.Expr] = list(getattr(tree, "selects", ()))
    if isinstance(node, exp.Literal) and node.name.isdigit() and 0 < int(node.name) <= len(outputs):
        return outputs[int(node.name) - 1].unalias()
    if isinstance(node, exp.Column) and not node.table:
        named = [output for output in outputs if output.alias and output.alias.lower() == node.name.lower()]
        return named[0].unalias() if named else node
    return node


def _add(columns: list[str], column: str) -> None:
    if column not in columns:
        columns.append(column)
