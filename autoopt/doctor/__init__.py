"""What can be known before anything is spent: noise, the gains it hides, time, cost, and better settings.

All of it comes from A/A pairs, in which both commits are the same: whatever they differ by is noise.
"""

from autoopt.doctor.advice import Advice as Advice
from autoopt.doctor.advice import advise as advise
from autoopt.doctor.examination import Examination as Examination
from autoopt.doctor.examination import examine as examine
from autoopt.doctor.telling import Subject as Subject
from autoopt.doctor.telling import facts as facts
from autoopt.doctor.telling import lines as lines
