"""Indexes on a PostgreSQL server: in a copy of the database dropped in the end, or where they are allowed."""
