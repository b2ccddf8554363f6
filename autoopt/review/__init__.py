"""A run judged after its end: four scores with their reasons, warnings, next steps. Pure.

Scores are computed from the evidence by the rules in `soundness`, `quality`, `significance` and
`completeness`, and nobody's opinion changes them. Each rule moves one way only: worse evidence never raises
a score.
"""

from __future__ import annotations

from autoopt.review.completeness import completeness
from autoopt.review.evidence import Evidence as Evidence
from autoopt.review.evidence import together as together
from autoopt.review.flags import flags
from autoopt.review.quality import quality
from autoopt.review.records import Axis as Axis
from autoopt.review.records import Box as Box
from autoopt.review.records import Flag as Flag
from autoopt.review.records import Kind as Kind
from autoopt.review.records import Point as Point
from autoopt.review.records import Reading as Reading
from autoopt.review.records import Review as Review
from autoopt.review.records import Untried as Untried
from autoopt.review.significance import significance
from autoopt.review.soundness import soundness
from autoopt.review.steps import boxes
from autoopt.review.untried import untried


def review(evidence: Evidence) -> Review:
    """What there is to say of the run."""
    metric = evidence.config.metric
    return Review(
        run_id=evidence.run_id,
        unit=metric.unit,
        direction=metric.direction,
        axes=tuple(rules(evidence) for rules in (soundness, quality, significance, completeness)),
        flags=flags(evidence),
        boxes=boxes(evidence),
        untried=untried(evidence),
    )
