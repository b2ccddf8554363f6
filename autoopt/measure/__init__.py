"""Taking the evidence: the baseline, the probe, interleaved pairs, and the final claim."""

from autoopt.measure.compare import measure as measure
from autoopt.measure.compare import trial as trial
from autoopt.measure.final import Claimed as Claimed
from autoopt.measure.final import claim as claim
from autoopt.measure.final import claim_holdout as claim_holdout
from autoopt.measure.final import confirm as confirm
from autoopt.measure.final import excuse as excuse
from autoopt.measure.holdout import held_out as held_out
from autoopt.measure.holdout import try_holdout as try_holdout
from autoopt.measure.parts import Evidence as Evidence
from autoopt.measure.parts import Parts as Parts
from autoopt.measure.parts import Stages as Stages
from autoopt.measure.standing import is_timed as is_timed
from autoopt.measure.standing import known as known
from autoopt.measure.standing import values as values
from autoopt.measure.standing import variation as variation
from autoopt.measure.start import anew as anew
from autoopt.measure.start import baseline as baseline
from autoopt.measure.start import begin as begin
from autoopt.measure.start import constancy as constancy
from autoopt.measure.start import first_sight as first_sight
from autoopt.measure.start import probe as probe
from autoopt.measure.start import renew as renew
from autoopt.measure.start import suspicion as suspicion
from autoopt.measure.start import twins as twins
from autoopt.measure.target import place as place
