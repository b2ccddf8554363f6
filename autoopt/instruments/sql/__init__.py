"""Query latency as a metric: `python -P -m autoopt.instruments.sql SUBCOMMAND`.

`prepare`, `time` and `rows` measure, `candidates`, `rewrites` and `plan` say what could be changed and why.

Embedded databases (SQLite, DuckDB) are copied into AUTOOPT_SCRATCH and only the copy is ever changed;
a PostgreSQL server is read in read-only transactions and never written to.
"""
