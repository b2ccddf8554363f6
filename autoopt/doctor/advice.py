"""Settings worth changing, as overrides, with the figures they follow from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from autoopt.doctor import costs
from autoopt.doctor.examination import Examination, levels_of
from autoopt.doctor.levels import Level
from autoopt.doctor.noise import Clock, Noise, better, is_time
from autoopt.doctor.twins import Way
from autoopt.reporters.words import duration as seconds
from autoopt.schema import Config, Extraction, Patience, Variation

_CLEARLY = 1.6  # times the noise; with a dozen pairs, two equal ones differ that much one time in twenty
_FINE = 0.01  # of the metric: who sees such gains reliably needs no other clock
_ALONE = (0.8, 1.25)  # cores that a program keeps busy which computes on one
_DEAF = 0.1  # of the metric: gains that only patience makes visible
_PATIENT_S = 120.0  # that an experiment may take before patience is asked for
_HOPELESS = 0.5
_QUICK_S = 0.05  # for which a run is mostly Python starting


class Override(NamedTuple):
    """One setting to change, and why."""

    option: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to change, and what else to know.

    Attributes:
        overrides: Settings to change; none where they are good as they are.
        warnings: What no setting mends.
        noise: What a pair's noise is with the overrides.
        levels: What each patience confirms with them.
    """

    overrides: tuple[Override, ...]
    warnings: tuple[str, ...]
    noise: Noise
    levels: tuple[Level, ...]


def advise(config: Config, found: Examination) -> Advice:
    """Settings that measure better here, by what was found."""
    chosen = _choice(config, found)
    reached = found.levels if chosen is found.now else levels_of(config, found, chosen)
    overrides = [*_measuring(config, found, chosen), *_patience(config, found, chosen, reached)]
    warnings = tuple(_warnings(config, found, chosen))
    return Advice(overrides=tuple(overrides), warnings=warnings, noise=chosen, levels=reached)


def _choice(config: Config, found: Examination) -> Noise:
    """The clock and way with the least noise; each step away from the settings has to be clearly worth it."""
    best = found.now
    if found.how is not Variation.noise or not is_time(config) or best.gain <= _FINE * _scale(best):
        return best
    for one in _candidates(config, found):
        if better(one, best, _CLEARLY):
            best = one
    return best


def _candidates(config: Config, found: Examination) -> list[Noise]:
    """What could be measured instead, the smallest changes of the settings first."""
    clocks = [Clock.metric, *([Clock.cpu] if _cpu_will_do(config, found) else [])]
    possible = [one for one in found.noises if one.clock in clocks and one is not found.now]
    return sorted(possible, key=lambda one: (one.way is not found.now.way, one.clock is not Clock.metric))


def _cpu_will_do(config: Config, found: Examination) -> bool:
    """Whether processor time is the wall time of an undisturbed run: it neither waits nor uses many cores."""
    return config.metric.extract.kind is Extraction.wall and _ALONE[0] <= found.computing <= _ALONE[1]


def _measuring(config: Config, found: Examination, chosen: Noise) -> Iterator[Override]:
    """The overrides that lead from the settings to the chosen clock and way."""
    now = found.now
    if chosen is now:
        return
    before = now
    if chosen.clock is Clock.cpu:
        option = "options.clock" if "clock" in config.options else "metric.extract.kind"
        cpu = found.noise(Clock.cpu, now.way) or chosen
        why = "the program computes all the time, and its CPU time is steadier than the wall clock"
        yield Override(option, "cpu", f"{why}: {_less(cpu, now)}")
        before = cpu
    if chosen.way is Way.duet and now.way is Way.turns:
        yield Override("metric.duet", "yes", f"what disturbs one run disturbs both: {_less(chosen, before)}")
    elif chosen.way is not now.way:
        yield Override("metric.duet", "no", f"two runs at once disturb each other: {_less(chosen, before)}")


def _less(chosen: Noise, than: Noise) -> str:
    return f"a pair varies by {percent(chosen.share)} instead of {percent(than.share)}"


def _patience(
    config: Config, found: Examination, chosen: Noise, reached: tuple[Level, ...]
) -> Iterator[Override]:
    """Another patience, where the budget or the noise asks for one and nobody has chosen."""
    if config.verdict.patience is not Patience.auto or found.how is Variation.none:
        return
    by = {level.patience: level for level in reached}
    quick, default, patient = by[Patience.quick], by[Patience.default], by[Patience.patient]
    if config.budget.wall is not None and not costs.projection(config, default, chosen.pair_s).fits:
        told = (
            f"with {seconds(quick.seconds)} an experiment, not {seconds(default.seconds)}, more of the "
            f"{config.budget.experiments} experiments fit into budget.wall={config.budget.wall}"
        )
        yield Override("verdict.patience", "quick", told)
    elif chosen.gain > _DEAF * _scale(chosen) and patient.seconds <= _PATIENT_S:
        told = (
            f"gains are confirmed from {patient.words}, not from {default.words}, and an experiment takes "
            f"{seconds(patient.seconds)} instead of {seconds(default.seconds)}"
        )
        yield Override("verdict.patience", "patient", told)


def _warnings(config: Config, found: Examination, chosen: Noise) -> Iterator[str]:
    yield from _of_machine(found)
    yield from _of_number(config, found, chosen)
    if is_time(config) and found.how is Variation.noise:
        yield from _of_clock(config, found, chosen)
    if chosen.offset is not None:
        yield (
            f"the two checkouts differ by {percent(abs(chosen.offset))} although they hold the same commit: "
            "something depends on the place, or on what an earlier run left (a cache outside the checkout?)."
        )
    if found.failures:
        yield (
            f"{len(found.failures)} of {found.runs} runs of the same commit gave no number "
            f"({found.failures[0]}); each such failure can cost an experiment."
        )


def _of_machine(found: Examination) -> Iterator[str]:
    machine = found.machine
    if machine.is_loaded:
        what = "the host runs other guests" if machine.is_robbed else "other programs are running"
        yield f"the machine is loaded: {what}, and these figures are of that. End them and run doctor again."
    if machine.is_slowed:
        governor = f" (governor {machine.governor})" if machine.governor else ""
        yield (
            f"the cores run at {percent(machine.frequency or 0)} of their highest frequency{governor}, so "
            "that their speed may change during a run."
        )


def _of_number(config: Config, found: Examination, chosen: Noise) -> Iterator[str]:
    if found.suspicion:
        yield f"{found.suspicion}."
    if found.how is Variation.seed:
        yield (
            "the number varies with AUTOOPT_SEED alone, so two commits are compared seed by seed; how far "
            "they move alike is not known before there is a change, so that the gains here are a guess."
        )
    if chosen.share > 0 and chosen.gain > _HOPELESS * _scale(chosen):
        yield (
            f"only gains of {chosen.words} and more are confirmed: let one run do more work, or print a mean "
            "of several, before anything is spent on ideas."
        )


def _of_clock(config: Config, found: Examination, chosen: Noise) -> Iterator[str]:
    """What a time should be, and why CPU time is not proposed although it is steadier."""
    timed = config.metric.extract.kind in (Extraction.wall, Extraction.cpu)
    if timed and found.now.value < _QUICK_S:
        yield (
            f"a run takes {seconds(found.now.value)}, and most of that is starting up; let it repeat its "
            "work until it takes 0.2 s or more."
        )
    cpu = found.noise(Clock.cpu, found.now.way)
    if cpu is None or _cpu_will_do(config, found) or not timed or found.now.gain <= _FINE * _scale(found.now):
        return
    if better(cpu, chosen, _CLEARLY):
        share = found.computing
        parallel = f"the program keeps {share:.2g} cores busy, and to CPU time more cores are no gain"
        waiting = f"the program waits {percent(max(0.0, 1 - share))} of its time, which CPU time does not see"
        yield f"CPU time would vary by {percent(cpu.share)} only, but {parallel if share > 1 else waiting}."


def _scale(noise: Noise) -> float:
    """What a gain of all the value would be, in the unit of gains."""
    return 1.0 if noise.sd == noise.share else max(abs(noise.value), 1e-300)


def percent(share: float) -> str:
    """A share for a person: two digits, as in "0.35 %", "3.1 %", "12 %"."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.2g} %"
