"""The final claim: do its limits hold the true gain as often as they say?"""

from __future__ import annotations

import math

from autoopt.judge import Claim
from autoopt.schema import Direction

from .worlds import GAINS, benches


def covered(noise: str, runs: int, seed: int = 0) -> tuple[int, int]:
    """(limits that hold the true gain, claims)."""
    held = 0
    for number, (bench, _) in enumerate(benches(noise, range(seed, seed + runs))):
        true = -math.log1p(-GAINS[number % len(GAINS)])
        bench.propose(true)
        claim = Claim(Direction.lower)
        while not claim.add(*bench.pair()):
            pass
        result = claim.result()
        held += result.low <= true <= result.high
    return held, runs
