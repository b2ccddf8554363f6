"""Plugs the judge into a simulator of whole runs: `verdict_sim.py --plugin verdict_plugin.py:AutooptJudge`.

The simulator draws a hidden effect per experiment, asks a rule to decide and counts its mistakes. It puts
itself into `sys.modules` before it loads a plugin, which is where `Decision` comes from. For use by hand.
"""

from verdict_sim import Decision

from autoopt.judge import Judge
from autoopt.schema import Direction, Patience, VerdictConfig

BASELINE_SAMPLES = 5


class AutooptJudge:
    name = "autoopt"
    patience = Patience.default
    simplifies = False

    def start(self, env):
        self.judge = Judge(VerdictConfig(patience=self.patience), Direction.lower, "s")
        self.total, self.known = 0.0, 0.0
        values = [env.run("champion") for _ in range(BASELINE_SAMPLES)]
        self.judge.start(values)
        self.known = values[-1]

    def decide(self, env):
        comparison, pairs, verdict = self.judge.comparison(self.simplifies), [], None
        while verdict is None:
            if comparison.exact:
                pairs.append((self.known, env.run("challenger")))
                verdict = comparison.add_exact(pairs[-1][1])
                pairs = pairs if comparison.exact else []
            else:
                pairs.append(env.pair())
                verdict = comparison.add(*pairs[-1])
        keep = verdict.outcome.keeps
        self.judge.learn(pairs, keep)
        if keep:
            self.total += verdict.effect
            self.known = sorted(challenger for _, challenger in pairs)[len(pairs) // 2]
        return Decision(keep, verdict.effect, verdict.sentence)

    def claim(self, env):
        return self.total


class AutooptQuick(AutooptJudge):
    name, patience = "autoopt-quick", Patience.quick


class AutooptPatient(AutooptJudge):
    name, patience = "autoopt-patient", Patience.patient


class AutooptCareful(AutooptJudge):
    name, patience = "autoopt-careful", Patience.careful


class AutooptSimplifying(AutooptJudge):
    """Every change only has to hold the metric: what is kept of those that cost something?"""

    name, simplifies = "autoopt-simplifying", True
