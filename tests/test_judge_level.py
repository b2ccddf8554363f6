"""How the metric varies, what its level is, what is hopeless, and what is said of the noise."""

import math

import numpy as np
import pytest
from scipy import stats

from autoopt.judge import Claim, Judge
from autoopt.records import Outcome
from autoopt.schema import Direction, Variation, VerdictConfig

LOWER, HIGHER = Direction.lower, Direction.higher
QUIET = [10, 10.02, 9.98, 10.01, 9.99]


def started(
    values=(10, 10.2, 9.9, 10.1, 9.8), direction=LOWER, unit="s", variation=Variation.auto, **options
):
    share = options.pop("share", 0.0)
    judge = Judge(VerdictConfig(**options), direction, unit, share)
    judge.start(values, variation)
    return judge


def decided(comparison, pairs):
    for pair in pairs:
        if verdict := comparison.add(*pair):
            return verdict
    raise AssertionError("never decided")


# -- how it varies


def test_how_the_metric_varies_decides_whether_equal_numbers_are_exact():
    assert started([5, 5, 5]).exact
    assert started([5, 5, 5], variation=Variation.none).exact
    assert started([5], variation=Variation.none).exact
    assert not started([5], variation=Variation.auto).exact
    assert not started([5, 5, 5], variation=Variation.noise).exact
    assert not started([5, 5, 5], variation=Variation.seed).exact
    assert not started([5, 6, 5], variation=Variation.none).exact


def test_starting_again_forgets_the_noise_of_before():
    judge = started()
    judge.learn([(10, 12), (10, 9), (10, 14), (10, 8), (10, 13)], kept=False)
    noisy = judge.noise
    judge.start(QUIET)

    assert judge.noise < noisy / 10


def test_where_pairs_share_a_seed_the_remembered_level_rejects_nothing():
    """Today's seed is a hard one, for both runs; a clock would have had a bad moment."""

    def last(variation):
        judge = started([80, 80.4, 79.8, 80.2, 80.1], HIGHER, "points", variation)
        for _ in range(8):
            judge.learn([(80.1, 80), (80, 80.4), (79.9, 80.1), (80.2, 79.9)], kept=False)
        comparison = judge.comparison()
        comparison.add(79.4, 80.1)
        return comparison.current()

    assert "remembered" in last(Variation.noise).why
    assert "remembered" not in last(Variation.seed).why
    assert last(Variation.seed).outcome is Outcome.unclear


class Seeds:
    """F1 in points: seeds differ by 1.5, the luck of a change with a seed by 0.35."""

    def __init__(self, seed):
        self.draw = np.random.default_rng(seed)
        self.shared = 85 + 1.5 * self.draw.standard_normal(16)

    def score(self, gain):
        return self.shared + 0.35 * self.draw.standard_normal(16) + gain

    def kept(self, gain, memories=25, experiments=12):
        kept, runs = 0, 0
        for _ in range(memories):
            incumbent = self.score(0.0)
            judge = started(list(incumbent[:5]), HIGHER, "points", Variation.seed)
            for _ in range(experiments):
                order = self.draw.permutation(16)
                challenger, taken = self.score(gain), []
                comparison, verdict = judge.comparison(most=16), None
                for seed in order:
                    taken.append((incumbent[seed], challenger[seed]))
                    verdict = comparison.add(*taken[-1])
                    if verdict:
                        break
                judge.learn(taken, kept=False)
                kept += verdict.outcome.keeps
                runs += len(taken)
        return kept / (memories * experiments), runs / (memories * experiments)


def test_seed_paired_scores_show_gains_far_smaller_than_the_spread_of_seeds():
    assert Seeds(1).kept(1.5)[0] >= 0.85
    null, runs = Seeds(2).kept(0.0)
    assert null <= 0.01
    assert runs <= 5


# -- the level


@pytest.mark.parametrize(
    "values", [[10, 10.2, 9.9, 10.1], [10.3], [9.5, 9.6, 9.4, 9.5, 9.6, 9.45, 9.55, 9.5]]
)
def test_the_level_is_within_its_limits_and_narrows_with_more_runs(values):
    level = started().level(values)

    assert level.low < np.median(values) < level.high
    assert started().level(values * 4).half_width < level.half_width


def test_the_levels_interval_is_near_that_of_students_t():
    draw = np.random.default_rng(5)
    values = 10 * np.exp(0.02 * draw.standard_normal(12))
    judge = started(list(10 * np.exp(0.02 * draw.standard_normal(40))))
    for _ in range(20):
        judge.learn([tuple(10 * np.exp(0.02 * draw.standard_normal(2))) for _ in range(4)], kept=False)
    level = judge.level(list(values))
    low, high = stats.t.interval(0.95, 11, np.log(values).mean(), stats.sem(np.log(values)))

    assert math.log(level.low) == pytest.approx(low, abs=0.005)
    assert math.log(level.high) == pytest.approx(high, abs=0.005)


def test_the_levels_limits_hold_it_as_often_as_they_say():
    draw, covered = np.random.default_rng(6), 0
    judge = started(list(10 * np.exp(0.02 * draw.standard_normal(12))))
    for _ in range(400):
        level = judge.level(list(10 * np.exp(0.02 * draw.standard_normal(5))))
        covered += level.low <= 10 <= level.high

    assert 0.92 <= covered / 400 <= 0.995


def test_a_target_is_attained_for_sure_only_when_the_level_is_clearly_there():
    judge = started()
    assert judge.attains([10, 10.1, 9.9, 10], 10.6) >= 0.95
    assert 0.05 < judge.attains([10, 10.1, 9.9, 10], 10.0) < 0.95
    assert judge.attains([10, 10.1, 9.9, 10], 9.4) <= 0.05


def test_a_target_is_attained_upwards_where_higher_is_better():
    judge = started([0.8, 0.81, 0.79, 0.8, 0.805], HIGHER, "")
    assert judge.attains([0.9, 0.91, 0.9], 0.85) >= 0.95
    assert judge.attains([0.8, 0.81, 0.8], 0.85) <= 0.05


def test_an_exact_metric_attains_its_target_by_its_value_alone():
    judge = started([12, 12, 12], unit="")
    assert judge.attains([12], 12) == 1.0
    assert judge.attains([12], 11) == 0.0
    assert judge.level([12]).low == judge.level([12]).high == 12


def test_a_target_of_zero_can_be_attained():
    assert started([3, 2, 4, 3, 3], unit="").attains([0.1, 0.0, 0.0, 0.1], 0) < 0.95
    assert started([3, 2, 4, 3, 3], unit="").attains([-5, -5.1, -4.9, -5], 0) >= 0.95


def test_where_seeds_differ_the_level_is_as_uncertain_as_the_seeds_make_it():
    values = [83, 87, 85, 84, 86]
    judge = started(values, HIGHER, "points", Variation.seed)
    for _ in range(10):  # pairs are quiet, as they share the seed
        judge.learn([(85, 85.1), (83, 83.05), (87, 86.95), (84, 84.1)], kept=False)

    assert judge.level(values).half_width > 1
    assert judge.attains(values, 85.5) < 0.95


# -- hopeless runs


def test_a_run_is_hopeless_at_half_as_much_again_or_beyond_the_noise():
    assert started(QUIET).comparison().limit() == pytest.approx(15, rel=0.01)
    noisy = started([10, 14, 8, 13, 9]).comparison().limit()
    assert noisy > 30


def test_the_limit_follows_the_incumbents_runs_of_today():
    comparison = started(QUIET).comparison()
    for _ in range(4):
        comparison.add(12, 12)
    assert comparison.limit() > 15.0


@pytest.mark.parametrize(
    "judge",
    [started(QUIET, HIGHER), started([5, 5, 5]), started([1, -1, 2, 0, 1])],
    ids=["higher", "exact", "differences"],
)
def test_no_value_is_hopeless_of_itself_where_the_metric_is_no_positive_noisy_cost(judge):
    assert judge.comparison().limit() is None


def test_a_run_that_was_ended_is_worse_and_says_when():
    verdict = started(QUIET).comparison().give_up(16.0)

    assert verdict.outcome is Outcome.worse
    assert verdict.sentence == "REVERT > 60 % slower: ended after 16 s, 1 pair"
    assert verdict.effect == pytest.approx(-math.log(1.6))
    assert verdict.pairs == 1
    assert "incumbent takes 10 s" in verdict.why


# -- why


def test_a_keep_says_how_likely_the_gain_is_and_what_was_needed():
    verdict = decided(started().comparison(), [(10, 8)] * 16)

    assert "where 95 % is needed" in verdict.why
    assert "half of what is worth a commit" in verdict.why
    assert f"One pair varies by {100 * math.expm1(verdict.noise):.1f} %" in verdict.why
    assert 0 < verdict.noise < verdict.reach * 10
    assert verdict.patience == "default"


def test_a_rejection_says_what_became_implausible():
    verdict = decided(started().comparison(), [(10, 11)] * 16)

    assert "of a gain ≥" in verdict.why
    assert "under 0.3 times the" in verdict.why


def test_a_rejection_helped_by_memory_says_so():
    draw, judge = np.random.default_rng(1), started()

    def run():
        return 10 * math.exp(0.02 * draw.standard_normal())

    whys = []
    for _ in range(60):
        comparison, verdict, taken = judge.comparison(), None, []
        while verdict is None:
            taken.append((run(), run()))
            verdict = comparison.add(*taken[-1])
        judge.learn(taken, kept=False)
        whys.append(verdict.why)

    assert any("weighed with 10 remembered runs of the incumbent" in why for why in whys)


def test_evidence_that_never_settles_says_that_the_pairs_ran_out():
    verdict = decided(started(max_pairs=2).comparison(), [(10, 9.6)] * 2)

    assert verdict.outcome is Outcome.unclear
    assert "2 pairs are the most" in verdict.why


def test_before_it_is_decided_it_says_what_is_still_missing():
    comparison = started().comparison()
    assert comparison.current().why == ""
    assert comparison.add(10, 9.7) is None
    assert "another pair may tell" in comparison.current().why


def test_a_simplification_says_what_it_may_cost():
    kept = decided(started(QUIET).comparison(simplifies=True), [(10, 10)] * 16)
    gone = decided(started(QUIET).comparison(simplifies=True), [(10, 10.5)] * 16)

    assert kept.why.startswith("It costs < 0.5 % with a probability of")
    assert "that it costs < 0.5 %" in gone.why


def test_an_exact_verdict_says_that_numbers_repeat():
    comparison = started([5, 5, 5]).comparison()
    assert comparison.add_exact(4) is None
    assert "has to agree" in comparison.current().why
    assert "no noise can explain it" in comparison.add_exact(4).why
    assert "one sample decides" in started([5, 5, 5]).comparison().add_exact(6).why


# -- what will be seen


def test_the_outlook_is_the_smallest_gain_that_will_be_seen():
    judge = started()
    assert judge.outlook() == f"gains of {judge.in_words(judge.smallest_gain())} and more will be seen"
    assert started([5, 5, 5]).outlook() == "the number is exact, any gain counts"


def test_noise_that_hides_everything_is_called_hopeless_with_what_to_do():
    said = started([10, 30, 5, 22, 9]).outlook()

    assert said.startswith("hopeless noise: only gains of")
    assert "autoopt doctor" in said


def test_noise_that_hides_more_than_a_score_can_gain_is_called_hopeless():
    score = started([0.93, 0.97, 0.91, 0.98, 0.94], HIGHER, "", Variation.seed)
    assert "the best number there can be is" in score.outlook()
    assert started([0.5, 0.51, 0.49, 0.5, 0.505], HIGHER, "", Variation.seed).outlook().startswith("gains of")
    assert "best number" in started([93, 97, 91, 98, 94], HIGHER, "%").outlook()


# -- runs that score parts of the same data


def test_pairs_that_share_data_confirm_only_larger_gains_and_take_more_to_be_sure():
    pairs = [(10, 9.6)] * 16
    alone, alike = (decided(started(share=share).comparison(), pairs) for share in (0.0, 0.2))

    assert alone.outcome is Outcome.better
    assert alike.pairs > alone.pairs
    assert started(share=0.2).smallest_gain() > 1.5 * started().smallest_gain()


def folds(draw, share, count):
    """Pairs whose gains have the share of their variance in common; true gain 0."""
    common = math.sqrt(share) * draw.standard_normal()
    own = math.sqrt(1 - share) * draw.standard_normal(count)
    return [(10.0, 10 * math.exp(-0.03 * (common + one))) for one in own]


@pytest.mark.parametrize(("share", "least", "most"), [(0.2, 0.93, 1.0), (0.0, 0.5, 0.85)])
def test_the_claim_of_runs_that_share_data_holds_the_truth_once_it_knows(share, least, most):
    draw, covered = np.random.default_rng(7), 0
    for _ in range(500):
        claim = Claim(LOWER, max_pairs=10, share=share)
        for pair in folds(draw, 0.2, 10):
            if claim.add(*pair):
                break
        result = claim.result()
        covered += result.low <= 0 <= result.high

    assert least <= covered / 500 <= most


def test_the_claim_stops_at_the_pairs_it_may_take():
    claim, draw = Claim(LOWER, max_pairs=4), np.random.default_rng(1)
    taken = 1
    while not claim.add(*(10 * np.exp(0.3 * draw.standard_normal(2)))):
        taken += 1

    assert taken == 4


def test_pairs_of_the_incumbent_with_itself_tell_the_noise_of_pairs_and_single_runs_that_of_a_level() -> None:
    values = [100.0, 120.0, 95.0, 110.0, 90.0]
    twins = [(150.0, 150.5), (180.0, 179.2), (140.0, 140.6), (160.0, 159.7), (170.0, 170.2)]
    judge, alone = (Judge(VerdictConfig(), Direction.lower, "s") for _ in range(2))

    judge.start(values, Variation.noise, twins)
    alone.start(values, Variation.noise)

    assert judge.noise < 0.01 < 0.1 < alone.noise
    assert judge.level(values) == alone.level(values)


def test_the_first_pairs_that_share_seeds_show_how_far_scores_move_together() -> None:
    judge = Judge(VerdictConfig(), Direction.lower, "loss", 0.2)
    judge.start([24.0, 25.6, 24.9, 26.3, 25.2], Variation.seed)
    comparison = judge.comparison(most=8)
    values = [(25.0, 24.34), (26.0, 25.32), (24.0, 23.38), (25.5, 24.83), (24.7, 24.05), (26.2, 25.51)]

    verdicts = [comparison.add(*pair) for pair in values]

    assert next(one for one in verdicts if one is not None).outcome is Outcome.better


def test_one_pair_that_shares_a_seed_does_not_know_a_large_effect_to_the_last_digit() -> None:
    judge = Judge(VerdictConfig(), Direction.lower, "loss", 0.2)
    judge.start([24.0, 25.6, 24.9, 26.3, 25.2], Variation.seed)
    judge.learn([(25 + i / 9, (25 + i / 9) * (1 + 0.0005 * (-1) ** i)) for i in range(8)], False)

    verdict = judge.comparison(most=8).add(20.0, 23.2)

    assert verdict is not None
    assert verdict.outcome is Outcome.worse
    assert verdict.high - verdict.low > 0.1 * -verdict.effect
