"""How an instrument says its numbers: `METRIC name=value` lines, and the JSON of an inventory guard."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_ODD = re.compile(r"[^\w./:@%+-]")


def metric_lines(numbers: Mapping[str, float]) -> list[str]:
    """One line for each number; characters that would end a name become underscores."""
    return [f"METRIC {_ODD.sub('_', name)}={value!r}" for name, value in numbers.items()]


def inventory(
    *,
    no_more: Mapping[str, float] | None = None,
    no_fewer: Mapping[str, float] | None = None,
    same: Mapping[str, object] | None = None,
    stays: Mapping[str, object] | None = None,
) -> str:
    """What must not grow, not shrink and not differ against the base commit, as `guards.<name>` wants it.

    Args:
        stays: As `same`, but only what the base has counts.
    """
    found = {"no_more": no_more or {}, "no_fewer": no_fewer or {}, "same": same or {}}
    return json.dumps({**found, **({"stays": stays} if stays else {})}, sort_keys=True)
