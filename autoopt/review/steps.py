"""What to do next: only what applies, each with the command to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from autoopt.records import Experiment
from autoopt.review import untried
from autoopt.review.completeness import FAILING
from autoopt.review.evidence import Evidence
from autoopt.review.figures import Count, Gain, Numbers, Piece
from autoopt.review.flags import fragile, is_near_miss, revisits
from autoopt.review.quality import worth
from autoopt.review.records import Box
from autoopt.review.soundness import is_learned
from autoopt.schema import Direction, MetricConfig

_PLAIN = re.compile(r"[\w./+*?-]+")
NOISY = 0.05
"""A smallest gain that comparisons wait for, from which a quieter way to measure is worth looking for."""
ALL = 0.999
"""A gain that leaves nothing, as a share."""
_MORE, _LEAST = 2, 10


def boxes(evidence: Evidence) -> tuple[Box, ...]:
    """The next steps that apply, in the order one would take them."""
    if not evidence.history:
        return ()
    return tuple(
        box
        for step in (_go_on, _confirm, _deliver, _look, _again, _believe, _measure, _explore)
        for box in step(evidence)
    )


def _go_on(evidence: Evidence) -> Iterator[Box]:
    if evidence.is_live:
        yield _box(_run("review", evidence), "it is still running: review it again when it has ended")
    elif not evidence.is_whole:
        yield _box(_run("resume", evidence), "it was cut short: let it go on")


def _confirm(evidence: Evidence) -> Iterator[Box]:
    command = f"{_run('report', evidence)} --confirm"
    if not evidence.moved or evidence.is_live:
        return
    if evidence.confirmation is None:
        yield _box(command, "measure the gain with fresh pairs: until then nothing is claimed")
    elif evidence.config.final.holdout.command is not None and evidence.holdout is None:
        yield _box(command, "measure the holdout, which was not done")


def _deliver(evidence: Evidence) -> Iterator[Box]:
    """Make it ready to merge, unless the numbers say that it is a loss."""
    claims = [claim for claim in (evidence.confirmation, evidence.holdout) if claim is not None]
    if not evidence.kept or evidence.confirmation is None or any(claim.high < 0 for claim in claims):
        return
    finish = _run("finish", evidence)
    if idle := tuple(one.number for one in evidence.omissions if not one.pays):
        said = "put the result on a branch without what no longer pays: "
        yield _box(f"{finish} --drop idle", said, Numbers(idle))
    elif evidence.confirmation.low > 0 or all(one.simplifies for one in evidence.kept):
        yield _box(finish, "put the result on a branch for review")


def _look(evidence: Evidence) -> Iterator[Box]:
    """What a person has to judge."""
    show = _run("show", evidence)
    suspect = next((one for one, _ in revisits(evidence) if one.suspicions), None)
    if suspect is not None:
        said = f"judge the suspicion against #{suspect.number}; --keep takes the change all the same"
        yield _box(f"{show} {suspect.number}", said)
    doubted = next((one for one, _ in revisits(evidence) if _is_held_back(one)), None)
    if doubted is not None:
        guards = ", ".join(dict.fromkeys(said.guard for said in doubted.findings if not said.passed))
        yield _box(f"{show} {doubted.number}", f"decide whether {guards} should hold #{doubted.number} back")
    failed = [one.number for one in evidence.tried if one.failure is not None]
    if evidence.failing > FAILING:
        yield _box(
            f"{show} {failed[-1]}", "find out why so many gave no number: ", Numbers(tuple(failed[:5]))
        )
    if weak := tuple(one.number for one in evidence.kept if fragile(one, evidence) is not None):
        yield _box(f"{show} {weak[0]}", "look at the pairs of what was kept on little: ", Numbers(weak))


def _is_held_back(one: Experiment) -> bool:
    """Whether a measured gain was rejected for what is no suspicion."""
    return one.verdict is not None and one.verdict.outcome.keeps and not one.suspicions


def _again(evidence: Evidence) -> Iterator[Box]:
    """The best near miss with more pairs, and what took too long with more time."""
    found = [one for one, _ in revisits(evidence)]
    near = next((one for one in found if is_near_miss(one)), None)
    if near is not None and near.verdict is not None:
        gain = Gain(near.verdict.effect, near.verdict.is_ratio)
        command = _retry(near, evidence, "verdict.patience=careful")
        yield _box(command, f"measure #{near.number} again with more pairs: it may be ", gain)
    slow = next((one for one in found if one.failure is not None and one.commit), None)
    if slow is not None:
        command = _retry(slow, evidence, f"metric.timeout_s={_patient_s(evidence)}")
        yield _box(command, f"give #{slow.number} more time than it had")


def _patient_s(evidence: Evidence) -> int:
    """Ten times the slowest run of the baseline, at least a minute."""
    measured = evidence.history[0].measurement
    slowest = max((sample.wall_s for sample in measured.samples), default=0.0) if measured else 0.0
    return max(60, round(10 * slowest))


def _believe(evidence: Evidence) -> Iterator[Box]:
    """What would make the next result easier to believe."""
    if not any(guard.command for guard in evidence.config.guards.values()):
        command = _new(evidence, "guards.tests.command='python -m pytest -q'")
        yield _box(command, "have the tests hold the next run; the command is an example")
    holdout = evidence.config.final.holdout
    if evidence.holdout is not None and evidence.holdout.low <= 0 and not holdout.each_keep:
        held = f"final.holdout.command={shlex.quote(holdout.command or '')} final.holdout.each_keep=yes"
        yield _box(_new(evidence, held), "hold each keep against the holdout before it is kept")
    if is_learned(evidence) and evidence.config.final.holdout.command is None:
        command = _new(evidence, "final.holdout.command='python evaluate.py held-out'")
        yield _box(command, "measure on cases that nobody optimizes; the command is an example")


def _measure(evidence: Evidence) -> Iterator[Box]:
    """A quieter way to measure, where noise hides what would be worth having."""
    verdicts = [one.verdict for one in evidence.measured if one.verdict]
    if not verdicts or evidence.is_exact:
        return
    is_ratio = all(verdict.is_ratio for verdict in verdicts)
    scale = 1.0 if is_ratio else abs(evidence.baseline)
    if scale and evidence.reach / scale > NOISY:
        least = Gain(evidence.reach, is_ratio)
        command = _new(evidence, subcommand="doctor")
        yield _box(command, "find a quieter way to measure: only a gain from ", least, " was looked for")


def _explore(evidence: Evidence) -> Iterator[Box]:
    tried, config = evidence.tried, evidence.config
    command = f"{_run('resume', evidence)} budget.experiments={max(_LEAST, _MORE * len(tried))}"
    if evidence.is_whole and evidence.ideas:
        yield _box(command, "try what was thought of and not tried: ", Count(len(evidence.ideas), "idea"))
    elif (
        evidence.is_whole  # else it is to be let go on anyway
        and evidence.is_spent
        and not _is_perfect(evidence)
        and any(one in evidence.kept for one in tried[-max(3, len(tried) // 3) :])
    ):
        yield _box(command, "go on: it was still gaining when its budget was spent")
    if (kinds := len(untried.kinds(evidence))) and config.agent.command is None:
        said = " of ideas that nobody tried; claude is an example"
        yield _box(_new(evidence, "agent=claude"), "have a coding agent try ", Count(kinds, "kind"), said)


def _is_perfect(evidence: Evidence) -> bool:
    """Whether there is nothing left to gain."""
    gained = evidence.gained
    return gained is not None and gained.is_confirmed and worth(gained) > ALL


def _box(command: str, *said: Piece) -> Box:
    return Box(said=said, command=command)


def _run(subcommand: str, evidence: Evidence) -> str:
    return f"autoopt {subcommand} {shlex.quote(evidence.run_id)}"


def _retry(one: Experiment, evidence: Evidence, *words: str) -> str:
    """A new run that has nothing to try but this change, and what its branch stands on."""
    branch = f"retry-{one.number}"
    queued = ("propose.use=[queue]", f"propose.queue.branch={branch}")
    return f"git branch {branch} {one.commit[:12]} && {_new(evidence, *map(shlex.quote, queued), *words)}"


def _new(evidence: Evidence, *words: str, subcommand: str = "") -> str:
    """Such a run again; what else it was started with is for its user to add."""
    config = evidence.config
    named = [f"recipe={shlex.quote(config.recipe)}"] if config.recipe else []
    if config.recipe in (None, "command"):
        named += _metric(config.metric)
    start = ["autoopt", subcommand] if subcommand else ["autoopt"]
    return " ".join([*start, *named, _scope(config.scope), *words])


def _metric(metric: MetricConfig) -> Iterator[str]:
    """What a recipe says of the metric that has everything to be said of it."""
    yield f"metric.command={shlex.quote(metric.command)}"
    yield f"metric.extract.kind={metric.extract.kind.name}"
    for option, value in (("pattern", metric.extract.pattern), ("file", metric.extract.file)):
        if value:
            yield f"metric.extract.{option}={shlex.quote(value)}"
    if metric.direction is Direction.higher:
        yield "metric.direction=higher"


def _scope(paths: Sequence[str]) -> str:
    if len(paths) == 1 and _PLAIN.fullmatch(paths[0]) and not set(paths[0]) & set("*?"):
        return f"scope={paths[0]}"
    quoted = (path if _PLAIN.fullmatch(path) else "'" + path.replace("'", "\\'") + "'" for path in paths)
    return shlex.quote(f"scope=[{','.join(quoted)}]")
