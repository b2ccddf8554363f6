"""Taking the evidence: the baseline, the probe, interleaved pairs, and the final claim."""

from autoopt.measure.compare import measure as measure
from autoopt.measure.compare import values as values
from autoopt.measure.final import Claimed as Claimed
from autoopt.measure.final import claim as claim
from autoopt.measure.final import confirm as confirm
from autoopt.measure.parts import Evidence as Evidence
from autoopt.measure.parts import Parts as Parts
from autoopt.measure.parts import Stages as Stages
from autoopt.measure.start import baseline as baseline
from autoopt.measure.start import probe as probe
