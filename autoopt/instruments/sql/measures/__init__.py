"""What is measured of the queries: the client's time, the server's, the planner's estimate, or throughput."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from autoopt.errors import UsageError
from autoopt.instruments.sql.database.engines import Session
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.text.queries import Workload

NAMES = ("latency", "execution", "cost", "tps")
"""Values of options.measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much one sample does.

    Attributes:
        repeats: How often each query runs; the fastest counts.
        seconds, clients: How long pgbench runs, and with how many connections.
    """

    repeats: int = 1
    seconds: int = 2
    clients: int = 2


class Measure(Protocol):
    """Takes one sample."""

    def __call__(
        self, session: Session, location: Location, workload: Workload, effort: Effort
    ) -> Mapping[str, float]:
        """The numbers by name, the total first."""
        ...


def of(name: str, engine: str) -> Measure:
    """The measure of that name; its module is imported only now.

    Raises:
        UsageError: the engine has none of that name.
    """
    if name == "latency":
        from autoopt.instruments.sql.measures import latency

        return latency.measure
    if engine != "postgresql":
        raise UsageError(
            f"options.measure={name} is PostgreSQL only, and options.url is a {engine} database; "
            "use recipe=sql-latency, whose options.measure is latency."
        )
    if name == "tps":
        from autoopt.instruments.sql.measures import throughput

        return throughput.measure
    from autoopt.instruments.sql.measures import explained

    return explained.execution if name == "execution" else explained.cost
