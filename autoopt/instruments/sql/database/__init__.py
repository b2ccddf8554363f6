"""The database that queries are timed on: where it is, how to ask it, what it holds, how it will answer."""
