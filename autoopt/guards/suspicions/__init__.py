"""Suspicious lines: what a change adds that could fool whoever judges it, searched for by kind."""

from autoopt.guards.suspicions.guard import NAME as NAME
from autoopt.guards.suspicions.guard import Place as Place
from autoopt.guards.suspicions.guard import Suspicions as Suspicions
from autoopt.guards.suspicions.guard import places_of as places_of
from autoopt.guards.suspicions.judging import Judging as Judging
from autoopt.guards.suspicions.judging import judging_of as judging_of
from autoopt.guards.suspicions.rules import RULES as RULES
from autoopt.guards.suspicions.rules import check as check
