"""What commands leave behind in the checkouts they run in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What the commands of one commit changed beside printing a number.

    Paths are those of the checkout; those of the scratch directory begin with `$AUTOOPT_SCRATCH/`.

    Attributes:
        undone: What was put back before the commit's next command, which could not profit from it.
        lasting: What could not be put back cheaply, so that later commands of the commit found it.
        prepared: What `metric.prepare` changed, removed or made, for every command of the commit to find;
            None where it was not run in the commit's checkout.
    """

    undone: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()
    prepared: frozenset[str] | None = None
