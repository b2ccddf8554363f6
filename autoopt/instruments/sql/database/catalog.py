"""What tables, views and indexes a database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autoopt.instruments.sql.database.engines import Session, rows

MAIN = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A base table.

    Attributes:
        schema, name: As the catalog spells them.
        columns: Their spelling by lower-case name.
        indexes: Lower-case columns of each full index and of the primary key, in order.
        unique: Those of `indexes` that allow a row only once.
        rows: How many rows, roughly.
    """

    schema: str
    name: str
    columns: Mapping[str, str]
    indexes: tuple[tuple[str, ...], ...]
    unique: frozenset[tuple[str, ...]]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What a database holds.

    Attributes:
        tables, views: Tables and view definitions by lower-case name (`schema.name` outside the main schema).
        names: Lower-case names that a new index cannot have.
        has_statistics: Whether the planner knows more about tables than their columns.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    has_statistics: bool = True

    def key(self, schema: str, name: str) -> str:
        """How the table is filed that a query mentions with its schema or without."""
        in_sight = self.tables.get(name.lower())
        if not schema or (in_sight is not None and in_sight.schema.lower() == schema.lower()):
            return name.lower()
        return key(schema, name)


def read(session: Session, engine: str) -> Catalog:
    """The catalog of the open database."""
    return {"sqlite": _sqlite, "duckdb": _duckdb, "postgresql": _postgresql}[engine](session)


def key(schema: str, name: str) -> str:
    """How the catalog files a table."""
    return name.lower() if schema.lower() in ("", MAIN) else f"{schema}.{name}".lower()


def _sqlite(session: Session) -> Catalog:
    listed = rows(session, f"SELECT name, type FROM pragma_table_list WHERE schema = '{MAIN}'")
    kinds = {name: kind for name, kind in listed if not name.startswith("sqlite_")}
    views = rows(session, "SELECT name, sql FROM sqlite_schema WHERE type = 'view'")
    names = rows(session, "SELECT lower(name) FROM sqlite_schema")
    return Catalog(
        tables={
            name.lower(): _sqlite_table(session, name) for name, kind in kinds.items() if kind == "table"
        },
        views={name.lower(): sql for name, sql in views},
        names=frozenset(name for (name,) in names),
        has_statistics=any(name == "sqlite_stat1" for name, _ in listed),
    )


def _sqlite_table(session: Session, name: str) -> Table:
    info = rows(session, f"SELECT name, pk FROM pragma_table_info({_text(name)})")
    primary = tuple(column.lower() for column, pk in sorted(info, key=lambda row: row[1]) if pk)
    listed = rows(
        session, f"""SELECT name, "unique" FROM pragma_index_list({_text(name)}) WHERE NOT partial"""
    )
    indexes = {index: _sqlite_index(session, index) for index, _ in listed}
    keys = [columns for columns in (primary, *indexes.values()) if columns]
    unique = {primary} | {indexes[index] for index, is_unique in listed if is_unique}
    quoted = '"' + name.replace('"', '""') + '"'
    return Table(
        schema=MAIN,
        name=name,
        columns={column.lower(): column for column, _ in info},
        indexes=tuple(keys),
        unique=frozenset(columns for columns in unique if columns),
        rows=rows(session, f"SELECT count(*) FROM {quoted}")[0][0],
    )


def _sqlite_index(session: Session, name: str) -> tuple[str, ...]:
    """The index's columns up to the first expression."""
    columns = []
    for (column,) in rows(session, f"SELECT name FROM pragma_index_info({_text(name)}) ORDER BY seqno"):
        if column is None:
            break
        columns.append(column.lower())
    return tuple(columns)


def _duckdb(session: Session) -> Catalog:
    here = "database_name = current_database() AND NOT internal"
    columns = rows(
        session,
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        f"WHERE {here} ORDER BY column_index",
    )
    sizes = rows(session, f"SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE {here}")
    constraints = rows(
        session,
        "SELECT schema_name, table_name, constraint_column_names FROM duckdb_constraints() "
        "WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
    )
    indexes = rows(
        session,
        "SELECT schema_name, table_name, expressions, is_unique, index_name FROM duckdb_indexes() "
        "WHERE database_name = current_database()",
    )
    unique = [(schema, table, _lower(names)) for schema, table, names in constraints]
    unique += [(schema, table, _listed(names)) for schema, table, names, is_unique, _ in indexes if is_unique]
    indexed = unique + [(schema, table, _listed(names)) for schema, table, names, _, _ in indexes]
    views = rows(session, f"SELECT schema_name, view_name, sql FROM duckdb_views() WHERE {here}")
    return Catalog(
        tables={
            key(schema, name): Table(
                schema=schema,
                name=name,
                columns={column.lower(): column for *place, column in columns if place == [schema, name]},
                indexes=tuple(names for *place, names in indexed if place == [schema, name]),
                unique=frozenset(names for *place, names in unique if place == [schema, name]),
                rows=size,
            )
            for schema, name, size in sizes
        },
        views={key(schema, name): sql for schema, name, sql in views},
        names=frozenset(name.lower() for *_, name in indexes),
    )


def _postgresql(session: Session) -> Catalog:
    """Tables in sight are filed by name alone, all others with their schema; views both ways."""
    tables: dict[str, Table] = {}
    for oid, schema, name, in_sight, count, columns in rows(session, _POSTGRESQL_TABLES):
        listed = rows(session, _POSTGRESQL_INDEXES.format(oid=oid))
        full = tuple(_lower(found) for found, _ in listed if found)
        tables[name.lower() if in_sight else f"{schema}.{name}".lower()] = Table(
            schema=schema,
            name=name,
            columns={column.lower(): column for column in columns},
            indexes=full,
            unique=frozenset(_lower(found) for found, is_unique in listed if is_unique and found),
            rows=int(count),
        )
    views: dict[str, str] = {}
    for schema, name, in_sight, text in rows(session, _POSTGRESQL_VIEWS):
        views[f"{schema}.{name}".lower()] = f"CREATE VIEW v AS {text}"
        if in_sight:
            views[name.lower()] = f"CREATE VIEW v AS {text}"
    names = rows(session, "SELECT lower(relname) FROM pg_class")
    statistics = rows(session, _POSTGRESQL_STATISTICS)
    session.forget()
    return Catalog(
        tables=tables,
        views=views,
        names=frozenset(name for (name,) in names),
        has_statistics=bool(statistics[0][0]),
    )


def _listed(expressions: str) -> tuple[str, ...]:
    """The columns of DuckDB's spelling of an index: `[a, b]`, each quoted where it must be."""
    return _lower(part.strip().strip("'\"") for part in expressions.strip("[]").split(","))


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_OTHERS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# A table that nobody has analyzed is taken to hold a hundred bytes a row; a partitioned one, what its parts
# hold.
_POSTGRESQL_TABLES = f"""
SELECT c.oid, n.nspname, c.relname, pg_table_is_visible(c.oid),
  CASE WHEN c.relkind = 'p' THEN
    (SELECT coalesce(sum(greatest(p.reltuples, pg_relation_size(p.oid) / 100)), 0)
     FROM pg_partition_tree(c.oid) AS t JOIN pg_class AS p ON p.oid = t.relid WHERE t.isleaf)
  WHEN c.reltuples > 0 THEN c.reltuples ELSE pg_relation_size(c.oid) / 100 END,
  array(SELECT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND {_OTHERS}
"""
# The columns up to the first expression, of full indexes only; those of INCLUDE cannot be searched.
_POSTGRESQL_INDEXES = """
SELECT array(
    SELECT a.attname::text
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE place <= i.indnkeyatts AND place < coalesce(
      (SELECT min(e.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS e(number, place)
       WHERE e.number = 0), 32767)
    ORDER BY place), i.indisunique AND i.indexprs IS NULL
FROM pg_index AS i
WHERE i.indrelid = {oid} AND i.indisvalid AND i.indpred IS NULL
"""
_POSTGRESQL_VIEWS = f"""
SELECT n.nspname, c.relname, pg_table_is_visible(c.oid), pg_get_viewdef(c.oid)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'v' AND {_OTHERS}
"""
_POSTGRESQL_STATISTICS = """
SELECT EXISTS (SELECT 1 FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema'))
"""
