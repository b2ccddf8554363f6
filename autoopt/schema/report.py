"""Options of the report."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.schema.choices import Direction
from autoopt.schema.option import option


@dataclass(kw_only=True)
class ReportConfig:
    """What the report shows beside the metric."""

    breakdown: dict[str, str] = option(
        "Numbers of the metric command that are parts of a whole, by what the parts are: a name with one `*` for the part, "
        'as in `{query: "*_ms"}`. Of names like `file:PATH` and `PATH:coverage` the parts are found without it.',
        dict,
    )
    secondary: dict[str, Direction] = option(
        "Further numbers to show beside the metric, with which way each is better, as in `{index_mb: lower}`: a table "
        "and a picture of the trade-off. Nothing is refused for them; bounds are `constraints`.",
        dict,
    )
    adopt: dict[str, str] = option(
        "What has to be done outside of git before a kept change helps, by patterns of the files it touches, as in "
        '`{"**/setup.sql": "run it on your database"}`: told among the next steps and in the text of a pull request.',
        dict,
    )
