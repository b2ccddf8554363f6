import math
import re
from dataclasses import replace
from itertools import count, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoopt.errors import UsageError
from autoopt.judge import Claim, Judge, posterior
from autoopt.records import Outcome
from autoopt.schema import Direction, Patience, VerdictConfig

LOWER, HIGHER = Direction.lower, Direction.higher
BASELINE = (10.0, 10.1, 9.9, 10.05, 10.02)


def started(values=BASELINE, direction=LOWER, unit="s", **config):
    judge = Judge(VerdictConfig(**config), direction, unit)
    judge.start(values)
    return judge


def decide(comparison, pairs):
    """The verdict after as many of these pairs as it takes, and the pairs taken."""
    taken = []
    for pair in pairs:
        taken.append(pair)
        verdict = comparison.add_exact(pair[1]) if comparison.exact else comparison.add(*pair)
        if verdict is not None:
            return verdict, taken
    raise AssertionError(f"no verdict after {len(taken)} pairs: {comparison.current().sentence}")


# -- what it says


def test_a_clear_gain_is_kept_with_its_size_its_interval_and_how_sure_it_is():
    verdict, _ = decide(started().comparison(), [(10, 9.6), (10.05, 9.7), (10, 9.65), (10.1, 9.7), (10, 9.6)])

    assert verdict.outcome is Outcome.better
    assert re.fullmatch(
        r"KEEP 3\.\d % faster \(95 % [12]\.\d–[45]\.\d % ?\), 9\d % sure, \d pairs", verdict.sentence
    )
    assert verdict.low < verdict.effect < verdict.high


def test_no_gain_is_reverted_with_the_gain_that_would_have_shown():
    verdict, _ = decide(started().comparison(), [(10, 10.01)] * 16)

    assert verdict.outcome is Outcome.same
    assert re.fullmatch(r"REVERT no gain ≥ 1\.\d % plausible, \d pairs?", verdict.sentence)


def test_a_clear_harm_is_worse_not_the_same():
    verdict, taken = decide(started().comparison(), [(10, 13)] * 16)

    assert verdict.outcome is Outcome.worse
    assert verdict.sentence.startswith("REVERT 28 % slower, no gain ≥")
    assert len(taken) == 1


def test_evidence_that_never_settles_is_inconclusive():
    pairs = [(10, 10 * math.exp(-gain)) for gain in (0.06, -0.03) * 8]
    verdict, taken = decide(started().comparison(), pairs)

    assert verdict.sentence == "REVERT inconclusive after 16 pairs"
    assert verdict.outcome is Outcome.unclear
    assert len(taken) == verdict.pairs == 16


def test_before_it_is_decided_the_live_view_tells_how_it_stands():
    comparison = started().comparison()
    empty = comparison.current()
    comparison.add(10, 9.8)

    assert empty.sentence == "no pairs yet"
    assert empty.probability == pytest.approx(posterior.IDEA.win, abs=0.01)
    assert re.fullmatch(r".* % faster so far \(95 % .*\), \d\d % sure, 1 pair", comparison.current().sentence)
    assert comparison.current().outcome is Outcome.unclear


@pytest.mark.parametrize(
    ("direction", "unit", "challenger", "word"),
    [
        (LOWER, "ms", 8, "faster"),
        (LOWER, "MB", 8, "lower"),
        (HIGHER, "s", 12, "higher"),
        (HIGHER, "", 12, "higher"),
    ],
)
def test_the_word_fits_the_unit_and_the_direction(direction, unit, challenger, word):
    verdict, _ = decide(started(direction=direction, unit=unit).comparison(), [(10, challenger)] * 16)

    assert re.match(rf"KEEP (19|20) % {word} ", verdict.sentence)


def test_a_speedup_of_three_orders_of_magnitude_is_reported_as_it_is():
    verdict, taken = decide(started().comparison(), [(10, 0.01)] * 16)

    assert verdict.effect == pytest.approx(math.log(1000), rel=0.01)
    assert len(taken) == 2
    assert "99.90 % faster" in verdict.sentence


def test_a_loss_may_fall_by_twelve_orders_of_magnitude():
    verdict, taken = decide(started([1, 1.01, 0.99, 1.02, 1], unit="").comparison(), [(1, 1e-12)] * 16)

    assert verdict.effect == pytest.approx(math.log(1e12), rel=0.01)
    assert len(taken) <= 3


# -- direction and scale


@settings(max_examples=30)
@given(st.lists(st.floats(-0.2, 0.2), min_size=16, max_size=16))
def test_lower_values_and_higher_inverse_values_get_the_same_verdict(gains):
    lower, _ = decide(started().comparison(), [(10, 10 * math.exp(-gain)) for gain in gains])
    mirrored = started([1 / value for value in BASELINE], HIGHER)
    higher, _ = decide(mirrored.comparison(), [(0.1, 0.1 * math.exp(gain)) for gain in gains])

    assert (lower.outcome, lower.pairs) == (higher.outcome, higher.pairs)
    assert lower.effect == pytest.approx(higher.effect, abs=1e-9)


def test_a_metric_that_can_be_negative_is_judged_by_differences_in_its_unit():
    judge = started([-1234, -1230, -1238, -1235, -1233], HIGHER, "nats")
    verdict, _ = decide(judge.comparison(), [(-1234, -1180), (-1230, -1179), (-1232, -1180)])

    assert not verdict.is_ratio
    assert verdict.effect == pytest.approx(52, abs=3)
    assert re.match(r"KEEP 5\d(\.\d)? nats higher \(95 % \d\d.*–\d\d.* nats\), ", verdict.sentence)
    assert judge.in_words(judge.smallest_gain()).endswith(" nats")


def test_a_metric_that_hovers_round_zero_can_still_show_a_gain():
    judge = started([0.01, -0.02, 0.03, 0.0, 0.01], HIGHER)
    verdict, _ = decide(judge.comparison(), [(0.0, 0.2), (0.02, 0.21), (-0.01, 0.19), (0.01, 0.2)])

    assert verdict.outcome is Outcome.better


def test_a_baseline_of_zeros_is_exact():
    better, _ = decide(started([0.0] * 5).comparison(), [(0, -1), (0, -1)])
    worse, _ = decide(started([0.0] * 5).comparison(), [(0, 1)])

    assert (better.outcome, better.effect, better.is_ratio) == (Outcome.better, 1.0, False)
    assert worse.sentence == "REVERT 0 → 1 (exact)"


def test_a_positive_metric_that_falls_to_zero_goes_on_as_differences():
    judge = started()
    verdict, taken = decide(judge.comparison(), [(10, 0.0), (10.1, 0.0), (10, 0.0)])
    judge.learn(taken, kept=True)
    following, _ = decide(judge.comparison(), [(0.0, 10.0), (0.0, 10.1)])

    assert (verdict.outcome, verdict.is_ratio) == (Outcome.better, False)
    assert verdict.effect == pytest.approx(10, abs=0.3)
    assert (following.outcome, following.is_ratio) == (Outcome.worse, False)


@settings(max_examples=60)
@given(st.data())
def test_no_finite_numbers_break_a_verdict(data):
    finite = (
        st.floats(-1e9, 1e9) | st.floats(1e-300, 1e300) | st.sampled_from([0.0, -0.0, 1.0, 5e-324, 1.7e308])
    )
    judge = started(
        data.draw(st.lists(finite, min_size=1, max_size=5)), data.draw(st.sampled_from(Direction))
    )
    for _ in range(2):
        comparison, taken, verdict = judge.comparison(), [], None
        while verdict is None:
            taken.append((data.draw(finite), data.draw(finite)))
            verdict = comparison.add_exact(taken[-1][1]) if comparison.exact else comparison.add(*taken[-1])
        judge.learn(taken, kept=verdict.outcome is Outcome.better)

        assert len(taken) <= comparison.max_pairs + 2
        assert 0 <= verdict.probability <= 1
        assert verdict.low <= verdict.high


# -- exact metrics


def test_an_exact_metric_needs_one_sample_to_revert():
    same, _ = decide(started([12.0] * 5).comparison(), [(12, 12)])
    worse, _ = decide(started([12.0] * 5).comparison(), [(12, 13)])

    assert (same.outcome, same.sentence) == (Outcome.same, "REVERT 12 → 12 (exact)")
    assert (worse.outcome, worse.sentence) == (Outcome.worse, "REVERT 12 → 13 (exact)")


def test_an_exact_gain_is_kept_once_a_second_sample_agrees():
    comparison = started([12.0] * 5).comparison()

    assert comparison.add_exact(9) is None
    assert comparison.current().outcome is Outcome.unclear
    assert comparison.add_exact(9).sentence == "KEEP 12 → 9 (exact, re-run agrees)"


def test_an_exact_gain_is_measured_against_the_last_kept_value():
    judge = started([12.0] * 5)
    judge.learn([(12, 9), (12, 9)], kept=True)
    judge.learn([(9, 9)], kept=False)

    assert judge.exact
    assert judge.comparison().add_exact(10).sentence == "REVERT 9 → 10 (exact)"


def test_samples_that_disagree_turn_the_comparison_and_then_the_judge_to_pairs():
    judge = started([12.0] * 5)
    comparison = judge.comparison()
    comparison.add_exact(9)

    assert comparison.add_exact(12) is None
    assert not comparison.exact

    verdict, taken = decide(comparison, [(12, 12)] * 16)
    judge.learn(taken, kept=False)

    assert verdict.outcome is Outcome.same
    assert len(taken) == 3  # no exact experiment has three samples, so a replay can tell
    assert not judge.exact
    assert not judge.comparison().exact


def test_one_baseline_sample_is_not_an_exact_metric():
    judge = started([12.0])

    assert not judge.exact
    assert judge.noise > 0.01


# -- simplifications


def simpler(pairs, judge=None):
    return decide((judge or started()).comparison(simplifies=True), pairs)


def test_a_simplification_that_holds_the_metric_is_kept_without_a_gain():
    verdict, _ = simpler([(10, 10.01), (10.02, 10), (10, 9.99), (9.99, 10)] * 4)

    assert verdict.outcome is Outcome.holds
    assert verdict.outcome.keeps
    assert re.fullmatch(
        r"KEEP simpler, costs < 0\.5 % \(95 % -\d.* to \d.* %\), 9\d % sure, \d+ pairs", verdict.sentence
    )


def test_a_simplification_that_also_gains_says_so():
    verdict, _ = simpler([(10, 8)] * 4)

    assert verdict.outcome is Outcome.better
    assert re.match(r"KEEP simpler, 2\d % faster \(95 % ", verdict.sentence)


def test_a_simplification_that_costs_something_is_reverted():
    verdict, taken = simpler([(10, 10.5)] * 16)

    assert (verdict.outcome, verdict.outcome.keeps) == (Outcome.worse, False)
    assert re.fullmatch(
        r"REVERT 4\.\d % slower \(95 % .*\), only \d % sure that it costs < 0\.5 %, \d pairs?",
        verdict.sentence,
    )
    assert len(taken) < 6


def test_where_the_noise_hides_any_cost_a_simplification_is_given_up_early():
    noisy = started([10, 14, 8, 12, 7])
    verdict, taken = simpler([(10, 10.2), (9, 9.1), (13, 13), (10, 9.9)] * 4, noisy)

    assert verdict.outcome is Outcome.unclear
    assert len(taken) < 8


def test_no_cost_is_small_enough_where_any_gain_is_worth_a_commit():
    judge = started((10.0, 10.001, 9.999, 10.001, 10.0), min_effect=0.0)
    verdict, _ = simpler([(10, 9.999), (10.001, 10.0), (10.0, 10.0), (10, 10.0005)] * 4, judge)

    assert verdict.outcome in (Outcome.holds, Outcome.unclear)
    assert "costs nothing" in verdict.sentence


def test_an_exact_simplification_is_kept_when_equal_or_better_and_a_second_sample_agrees():
    judge = started([12.0] * 5)
    first = judge.comparison(simplifies=True)
    better, _ = simpler([(12, 11)] * 2, judge)
    worse, taken = simpler([(12, 13)] * 2, judge)

    assert first.add_exact(12) is None
    assert first.current().sentence == "12 → 12 so far (exact, a re-run has to agree)"
    assert first.add_exact(12).sentence == "KEEP simpler, 12 → 12 (exact, re-run agrees)"
    assert first.current().outcome is Outcome.holds
    assert (better.outcome, worse.outcome, len(taken)) == (Outcome.better, Outcome.worse, 1)


def test_the_judge_goes_on_from_a_kept_simplification():
    exact, noisy = started([12.0] * 5), started()
    exact.learn([(12, 12), (12, 12)], kept=True)
    _, taken = simpler([(10, 10.01), (10.02, 10), (10, 9.99), (9.99, 10)] * 4, noisy)
    before = noisy.noise
    noisy.learn(taken, kept=True)

    assert exact.exact
    assert exact.comparison().add_exact(11) is None
    assert noisy._memory.levels == tuple(challenger for _, challenger in taken)
    assert 0.2 * before < noisy.noise < 2 * before


# -- memory


def simulated_learning(judge, seed=1, experiments=12):
    """Live: decide and learn; returns what was learned, for a replay."""
    draw, lessons = np.random.default_rng(seed), []
    for _ in range(experiments):
        effect = draw.choice([0.0, -0.05, 0.08])
        pairs = (
            (
                10 * math.exp(0.02 * draw.standard_normal()),
                10 * math.exp(0.02 * draw.standard_normal() - effect),
            )
            for _ in count()
        )
        verdict, taken = decide(judge.comparison(), pairs)
        lessons.append((taken, verdict.outcome is Outcome.better))
        judge.learn(*lessons[-1])
    return lessons


def test_a_replayed_judge_is_the_live_one():
    live, replayed = started(), started()
    for lesson in simulated_learning(live):
        replayed.learn(*lesson)
    pairs = [(10, 9.9), (10, 10.2), (10.1, 9.7)] * 6

    assert replayed.noise == live.noise
    assert decide(replayed.comparison(), pairs) == decide(live.comparison(), pairs)


def test_a_replay_knows_when_an_exact_metric_stopped_being_exact():
    live, replayed = started([12.0] * 5), started([12.0] * 5)
    comparison = live.comparison()
    comparison.add_exact(9)
    comparison.add_exact(12)
    _, taken = decide(comparison, [(12, 12)] * 16)
    for judge in (live, replayed):
        judge.learn([(12, 12)], kept=False)
        judge.learn(taken, kept=False)

    assert (replayed.exact, replayed.noise) == (live.exact, live.noise) == (False, live.noise)


def test_a_crash_teaches_nothing():
    judge = started()
    noise = judge.noise
    judge.learn([], kept=False)

    assert judge.noise == noise


def test_a_comparison_changes_nothing_until_it_is_learned():
    judge = started()
    before = judge.noise
    decide(judge.comparison(), [(10, 8)] * 4)

    assert judge.noise == before


def test_a_noisy_spell_counts_at_once():
    judge = started()
    for _ in range(10):
        judge.learn([(10, 10), (10, 10.1), (10.1, 10)], kept=False)
    calm = judge.noise
    for gain in (0.2, -0.2, 0.1, -0.15, 0.2, -0.1):
        judge.learn([(10, 10), (10, 10 * math.exp(gain)), (10, 10)], kept=False)

    assert judge.noise > 4 * calm


def test_pairs_that_share_a_seed_soon_outweigh_a_baseline_that_does_not():
    judge = started([0.80, 0.86, 0.78, 0.85, 0.81], HIGHER)
    assert judge.noise > 0.05

    for shared in (0.80, 0.85, 0.79, 0.83):
        judge.learn([(shared, shared + 0.002), (shared - 0.03, shared - 0.031)], kept=False)

    assert judge.noise < 0.005


def test_remembered_incumbent_runs_save_pairs():
    remembering, forgetful = started(), started()
    calm = World(9).pairs(0.0)
    for _ in range(20):
        remembering.learn(list(islice(calm, 3)), kept=False)
    forgetful._memory = replace(remembering._memory, drifts=())
    spent = dict.fromkeys((remembering, forgetful), 0)
    for judge in spent:
        world = World(7)
        for _ in range(150):
            spent[judge] += len(decide(judge.comparison(), world.pairs(0.0))[1])

    assert spent[remembering] < 0.85 * spent[forgetful]


# -- thresholds


@pytest.mark.parametrize(
    ("patience", "most"),
    [(Patience.quick, 8), (Patience.default, 16), (Patience.patient, 24), (Patience.careful, 32)],
)
def test_patience_bounds_the_pairs(patience, most):
    assert started(patience=patience).comparison().max_pairs == most


def test_a_higher_keep_asks_for_more_pairs():
    pairs = [(10, 9.7), (10, 9.75), (10.1, 9.7), (10, 9.65)] * 4
    usual, strict = started(), started(keep=0.9999)

    assert len(decide(strict.comparison(), pairs)[1]) > len(decide(usual.comparison(), pairs)[1])


def test_a_gain_smaller_than_the_smallest_worth_a_commit_is_not_kept():
    steady, pairs = (10.0, 10.001, 9.999, 10.001, 10.0), [(10, 9.9), (10.001, 9.9), (10, 9.901)] * 11

    assert decide(started(steady).comparison(), pairs)[0].outcome is Outcome.better
    assert decide(started(steady, min_effect=0.05).comparison(), pairs)[0].outcome is Outcome.same


@pytest.mark.parametrize("bad", [{"min_effect": -0.1}, {"min_effect": 1.0}, {"keep": 0.4}, {"keep": 1.0}])
def test_a_threshold_out_of_range_is_refused_by_its_name(bad):
    with pytest.raises(UsageError, match=f"^verdict.{next(iter(bad))} is "):
        Judge(VerdictConfig(**bad), LOWER)


# -- simulated runs


class World:
    """A metric of 10 s with log-normal noise, and what machines do on top of it."""

    def __init__(self, seed, sd=0.02, drift=False, flaky=False):
        self.draw = np.random.default_rng(seed)
        self.sd, self.drift, self.flaky, self.level = sd, drift, flaky, 0.0

    def run(self, gain):
        if self.drift and self.draw.random() < 1 / 100:
            self.level = 0.0 if self.level else self.draw.uniform(0.1, 0.3)
        if self.flaky:
            wrong = 0.02 if self.draw.random() < 0.04 else 0.0
            return 10 * math.exp(wrong - gain)
        return 10 * math.exp(self.sd * self.draw.standard_normal() + self.level - gain)

    def pairs(self, gain):
        while True:
            if self.draw.random() < 0.5:
                yield self.run(0.0), self.run(gain)
            else:
                yield tuple(reversed((self.run(gain), self.run(0.0))))

    def kept_share(self, gain, memories=20, experiments=20, simplifies=False, **config):
        """How often a change of this gain is kept, in short memories that keep learning."""
        kept = 0
        for _ in range(memories):
            judge = started([self.run(0.0) for _ in range(5)], **config)
            for _ in range(experiments):
                verdict, taken = decide(judge.comparison(simplifies), self.pairs(gain))
                judge.learn(taken, kept=False)
                kept += verdict.outcome.keeps
        return kept / (memories * experiments)


WORLDS = {"steady": {}, "drift": {"drift": True}, "flaky": {"flaky": True}}


@pytest.mark.parametrize("kind", WORLDS)
def test_changes_that_do_nothing_are_hardly_ever_kept(kind):
    assert World(1, **WORLDS[kind]).kept_share(0.0, memories=50) <= 0.01


@pytest.mark.parametrize("kind", WORLDS)
def test_gains_of_five_percent_are_mostly_and_of_ten_always_kept(kind):
    assert World(2, **WORLDS[kind]).kept_share(0.05) >= 0.85
    assert World(3, **WORLDS[kind]).kept_share(0.10) >= 0.97


@pytest.mark.parametrize("kind", ["steady", "drift"])
def test_simplifications_are_mostly_kept_when_neutral_and_hardly_ever_when_they_cost_two_percent(kind):
    assert World(4, **WORLDS[kind]).kept_share(0.0, 10, 12, simplifies=True) >= 0.4
    assert World(5, **WORLDS[kind]).kept_share(-0.01, 10, 12, simplifies=True) <= 0.3
    assert World(6, **WORLDS[kind]).kept_share(-0.02, 10, 12, simplifies=True) <= 0.06
    assert World(7, **WORLDS[kind]).kept_share(-0.05, 10, 12, simplifies=True) <= 0.01


def test_in_calm_air_a_simplification_that_costs_one_percent_is_never_kept():
    assert World(8, sd=0.002).kept_share(0.0, simplifies=True) >= 0.99
    assert World(9, sd=0.002).kept_share(-0.01, simplifies=True) <= 0.005


@pytest.mark.parametrize("patience", Patience)
def test_the_smallest_gain_is_confirmed_nine_times_out_of_ten(patience):
    judge = started(patience=patience)
    for _ in range(40):  # a judge that knows the noise: 2 % of a run
        judge.learn([(10, 10), (10, 10 * math.exp(0.04)), (10, 10)], kept=False)
    pair_sd = 0.02 * math.sqrt(2)
    gain = judge.smallest_gain() * pair_sd / judge.noise

    assert World(4).kept_share(gain, memories=10, patience=patience) == pytest.approx(0.9, abs=0.07)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    draw, covered, judged = np.random.default_rng(6), 0, 400
    world, judge = World(6), started([10, 10.2, 9.8, 10.1, 9.9])
    for _ in range(judged):
        effect = draw.choice([0.0, -1.0, 1.0], p=[0.6, 0.25, 0.15]) * draw.exponential(0.05)
        verdict, taken = decide(judge.comparison(), world.pairs(effect))
        judge.learn(taken, kept=False)
        covered += verdict.low <= effect <= verdict.high

    assert covered / judged >= 0.92


def seeded_pairs(draw, gain):
    """F1 in points: seeds differ by 1.5, the luck of a change with a seed by 0.3."""
    while True:
        shared = 85 + 1.5 * draw.standard_normal()
        yield shared + 0.3 * draw.standard_normal(), shared + 0.3 * draw.standard_normal() + gain


@pytest.mark.parametrize(("gain", "least", "most"), [(0.0, 0.0, 0.01), (1.2, 0.9, 1.0)])
def test_a_metric_that_varies_by_seed_is_judged_by_its_pairs(gain, least, most):
    draw, kept, memories, experiments = np.random.default_rng(8), 0, 12, 20
    for _ in range(memories):
        judge = started([85 + 1.5 * draw.standard_normal() for _ in range(5)], HIGHER, "points")
        for number in range(2 * experiments):
            verdict, taken = decide(
                judge.comparison(), seeded_pairs(draw, 0.0 if number < experiments else gain)
            )
            judge.learn(taken, kept=False)
            kept += number >= experiments and verdict.outcome is Outcome.better

    assert least <= kept / (memories * experiments) <= most


# -- the final claim


def claimed(pairs, direction=LOWER):
    claim = Claim(direction)
    for taken, pair in enumerate(pairs, 1):
        if claim.add(*pair):
            return claim.result(), taken
    raise AssertionError("never enough")


def test_two_pairs_are_enough_for_an_exact_metric():
    result, taken = claimed([(12, 9)] * 20)

    assert taken == result.pairs == 2
    assert (result.baseline, result.final) == (12, 9)
    assert result.low == result.effect == result.high == pytest.approx(math.log(12 / 9))


def test_a_quiet_metric_is_confirmed_in_eight_pairs():
    assert claimed(World(1, sd=0.002).pairs(0.05))[1] == 8


def test_a_noisy_metric_is_confirmed_in_twenty_pairs():
    assert claimed(World(1, sd=0.2).pairs(0.05))[1] == 20


def test_a_large_gain_is_confirmed_with_a_tenth_of_itself():
    result, taken = claimed(World(1, sd=0.06).pairs(1.5))

    assert taken == 8
    assert 0.02 < result.high - result.effect < 0.15


def test_the_claim_is_signed_so_that_positive_is_better():
    assert claimed([(0.8, 0.9)] * 2, HIGHER)[0].effect > 0
    assert claimed([(0.8, 0.9)] * 2, LOWER)[0].effect < 0


@pytest.mark.parametrize("pairs", [[(0, -2), (0, -2)], [(3, 1), (3, 1)], [(0, 0), (0, 0)]])
def test_the_claim_of_a_metric_that_can_be_zero_is_a_difference_in_its_unit(pairs):
    shifted = [(baseline - 3, final - 3) for baseline, final in pairs]
    result, _ = claimed(shifted)

    assert not result.is_ratio
    assert result.effect == pytest.approx(pairs[0][0] - pairs[0][1])


def test_the_claims_interval_holds_the_truth_as_often_as_it_says():
    results = [claimed(World(seed, sd=0.03).pairs(0.08))[0] for seed in range(600)]
    covered = sum(result.low <= 0.08 <= result.high for result in results) / len(results)

    assert covered >= 0.935
    assert np.mean([result.effect for result in results]) == pytest.approx(0.08, abs=0.003)


def test_every_simplification_kept_leaves_less_for_the_next_to_cost():
    pairs = [(100.0, 100.25)] * 20
    first = decide(started().comparison(simplifies=True), pairs)[0]
    fifth = decide(started().comparison(simplifies=True, held=4), pairs)[0]

    assert first.outcome is Outcome.holds
    assert fifth.outcome is not Outcome.holds
