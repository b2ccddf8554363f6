"""Readers of what other tools write: each turns a whole text into the one number a pattern names.

A reader is a function `(text, pattern) -> float` that raises `NoNumberError`, with the reason, when there is
none.
"""

from __future__ import annotations


class NoNumberError(Exception):
    """Why there is no number: data for the journal, not a mistake of the run."""
