"""Reads the metric from what a command left behind: exactly one plain, finite number, or a reason why not."""

from __future__ import annotations

from autoopt.meters.extract.checks import check as check
from autoopt.meters.extract.output import Output as Output
from autoopt.meters.extract.reading import details as details
from autoopt.meters.extract.reading import extract as extract
