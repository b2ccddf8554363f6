"""SQL queries as a metric: `python -P -m autoopt.instruments.sql SUBCOMMAND`.

`prepare`, `time` and `rows` measure, `candidates`, `rewrites` and `plan` say what could be changed and why,
`cleanup` drops what a run has made on a server.

Embedded databases (SQLite, DuckDB) are copied into AUTOOPT_SCRATCH and only the copy is ever changed. A
PostgreSQL database is read in read-only transactions; for indexes it is copied on its server, unless
`--allow-ddl` names it.
"""
