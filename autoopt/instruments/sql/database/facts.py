"""What a database promises: its columns, their types, which hold no NULL, what is unique."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autoopt.instruments.sql.database.engines import Session, rows

_INTEGERS = ("int", "serial")
_FLOATS = ("float", "double", "real")
_TEXTS = ("char", "text", "clob")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table or view; `type` in small letters as the engine spells it."""

    type: str
    nullable: bool

    @property
    def is_integer(self) -> bool:
        """Whether it holds whole numbers only."""
        return any(word in self.type for word in _INTEGERS) and "interval" not in self.type

    @property
    def is_float(self) -> bool:
        """Whether it holds binary floating-point numbers."""
        return any(word in self.type for word in _FLOATS)

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return any(word in self.type for word in _TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What rewrites may rely on; all names in small letters, tables of other schemas without their schema.

    Attributes:
        engine: sqlite, duckdb or postgresql.
        tables: Columns of each table and view.
        unique: Sets of columns that no two rows of a table have alike, as long as none of them is NULL.
    """

    engine: str
    tables: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    unique: Mapping[str, frozenset[frozenset[str]]] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, dict[str, str]]:
        """Column types by table, as sqlglot wants them."""
        return {
            table: {name: column.type for name, column in columns.items()}
            for table, columns in self.tables.items()
        }

    def column(self, table: str, name: str) -> Column | None:
        """The column, None when it is not known."""
        return self.tables.get(table.lower(), {}).get(name.lower())

    def is_key(self, table: str, columns: Iterable[str]) -> bool:
        """Whether rows of the table cannot have these columns alike."""
        given = {name.lower() for name in columns}
        return any(
            key <= given and all(self._is_filled(table, name) for name in key)
            for key in self.unique.get(table.lower(), ())
        )

    def _is_filled(self, table: str, name: str) -> bool:
        column = self.column(table, name)
        return column is not None and not column.nullable


def read(session: Session, engine: str) -> Facts:
    """The facts of the open database."""
    columns, unique = {"sqlite": _SQLITE, "duckdb": _DUCKDB, "postgresql": _POSTGRESQL}[engine]
    tables: dict[str, dict[str, Column]] = {}
    places: dict[str, str] = {}
    for place, table, name, kind, nullable in rows(session, columns):
        if places.setdefault(table.lower(), place) == place:  # of tables that share a name, the one in sight
            tables.setdefault(table.lower(), {})[name.lower()] = Column(
                type=_kind(kind), nullable=bool(nullable)
            )
    keys: dict[tuple[str, str], set[str]] = {}
    for place, table, key, name in rows(session, unique):
        if places.get(table.lower()) == place:
            keys.setdefault((table.lower(), key), set()).add(name.lower())
    found: dict[str, set[frozenset[str]]] = {}
    for (table, _), names in keys.items():
        found.setdefault(table, set()).add(frozenset(names))
    return Facts(
        engine=engine,
        tables=tables,
        unique={table: frozenset(sets) for table, sets in found.items()},
    )


def _kind(declared: str) -> str:
    return (declared or "").lower()


# Place, table, column, type and whether NULL is allowed. INTEGER PRIMARY KEY is the row number, never NULL.
_SQLITE_COLUMNS = """
SELECT 'main', t.name, c.name, c.type,
  c."notnull" = 0 AND NOT (c.pk = 1 AND lower(c.type) = 'integer' AND
    (SELECT count(*) FROM pragma_table_info(t.name) AS k WHERE k.pk > 0) = 1)
FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
"""
_SQLITE_UNIQUE = """
SELECT 'main', t.name, i.name, k.name
FROM sqlite_schema AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS k
WHERE t.type = 'table' AND i."unique" AND NOT i.partial AND NOT EXISTS (
  SELECT 1 FROM pragma_index_info(i.name) AS e WHERE e.name IS NULL)
UNION ALL
SELECT 'main', t.name, ' primary', c.name
FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
WHERE t.type = 'table' AND c.pk > 0
"""
_DUCKDB_COLUMNS = """
SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal
ORDER BY schema_name <> current_schema(), schema_name, table_name, column_index
"""
_DUCKDB_UNIQUE = """
SELECT schema_name, table_name, 'c' || constraint_index, unnest(constraint_column_names)
FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')
"""
_POSTGRESQL_COLUMNS = """
SELECT c.oid::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY pg_table_is_visible(c.oid) DESC, n.nspname, c.relname, a.attnum
"""
_POSTGRESQL_UNIQUE = """
SELECT c.oid::text, c.relname::text, i.indexrelid::text, a.attname::text
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
"""
_SQLITE = (_SQLITE_COLUMNS, _SQLITE_UNIQUE)
_DUCKDB = (_DUCKDB_COLUMNS, _DUCKDB_UNIQUE)
_POSTGRESQL = (_POSTGRESQL_COLUMNS, _POSTGRESQL_UNIQUE)
