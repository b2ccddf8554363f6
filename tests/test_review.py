import math
import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from autoopt.records import (
    Confirmation,
    Experiment,
    Failure,
    Finding,
    Measurement,
    Omission,
    Outcome,
    Overrule,
    Sample,
    Status,
    Verdict,
)
from autoopt.reporters import review as texts
from autoopt.reporters.summary import continued
from autoopt.review import Axis, Evidence, Kind, Review, Untried, review
from autoopt.schema import (
    Config,
    ConstraintConfig,
    Direction,
    ExtractConfig,
    Extraction,
    FinalConfig,
    GuardConfig,
    GuardKind,
    HoldoutConfig,
    MetricConfig,
)

BASE = "c0" * 20


def sample(value: float) -> Sample:
    return Sample(value=value, wall_s=0.1, cpu_s=0.1, peak_bytes=1, seed=0)


def verdict(effect: float, *, low=None, noise=0.01, pairs=6, outcome=Outcome.better, sure=0.99) -> Verdict:
    least = effect if noise == 0 else effect - 0.02 if low is None else low
    return Verdict(
        outcome=outcome,
        effect=effect,
        low=least,
        high=2 * effect - least,
        probability=sure,
        pairs=pairs,
        is_ratio=True,
        sentence="said",
        noise=noise,
        reach=1.7 * noise,
    )


def tried(number: int, status=Status.keep, found: Verdict | None = None, **more) -> Experiment:
    given = {
        "description": f"change {number}",
        "hypothesis": f"change {number} should improve it because",
        "area": "a",
        "source": "agent",
        "paths": ("src/a.py",),
        "added": 2,
        "removed": 1,
        "verdict": found,
        "commit": f"{number}" * 10,
        "parent": BASE,
    }
    return Experiment(number=number, status=status, **{**given, **more})


def baseline(variation="noise") -> Experiment:
    return Experiment(
        number=0,
        status=Status.baseline,
        commit=BASE,
        parent=BASE,
        description="baseline",
        hypothesis="",
        area="",
        source="",
        measurement=Measurement(commit=BASE, samples=(sample(100.0),)),
        variation=variation,
    )


def claim(effect: float, width=0.01, pairs=8, before=100.0) -> Confirmation:
    return Confirmation(
        baseline=before,
        final=before * math.exp(-effect),
        effect=effect,
        low=effect - width,
        high=effect + width,
        pairs=pairs,
        is_ratio=True,
    )


def config(**more) -> Config:
    given = {
        "recipe": "python-perf",
        "scope": ["src"],
        "metric": MetricConfig(command="python bench.py", unit="s"),
        "guards": {
            "tests": GuardConfig(command="pytest -q"),
            "answers": GuardConfig(command="./same", kind=GuardKind.inventory),
        },
        "constraints": {"peak_mb": ConstraintConfig(max_regression=1.0)},
        "vocabulary": ["a cache for a pure function", "buffer sizes"],
    }
    return Config(**{**given, **more})


def evidence(*experiments: Experiment, **more) -> Evidence:
    given = {
        "run_id": "r1",
        "config": config(),
        "history": (baseline(), *experiments),
        "reason": "the budget of 20 experiments is spent",
        "files": ("src/a.py", "src/b.py"),
    }
    return Evidence(**{**given, **more})


def good(**more) -> Evidence:
    """Two keeps that are confirmed and pay, and three discards."""
    kept = tried(1, found=verdict(0.2)), tried(2, found=verdict(0.1))
    lost = [tried(n, Status.discard, verdict(-0.05, outcome=Outcome.worse)) for n in (3, 4, 5)]
    pays = verdict(-0.1, outcome=Outcome.worse)
    given = {
        "confirmation": claim(0.3),
        "omissions": tuple(Omission(number=n, commit=BASE, verdict=pays) for n in (1, 2)),
    }
    return evidence(*kept, *lost, **{**given, **more})


def scores(found: Evidence) -> dict[str, int]:
    return {axis.name: axis.score for axis in review(found).axes}


def axis_of(found: Evidence, name: str) -> Axis:
    return next(axis for axis in review(found).axes if axis.name == name)


def told(found: Evidence) -> str:
    return texts.markdown(review(found))


def flagged(found: Evidence, kind: Kind) -> list[str]:
    made = review(found)
    return [texts.say(flag.said, made) for flag in made.flags if flag.kind is kind]


def commands(found: Evidence) -> str:
    return "\n".join(box.command for box in review(found).boxes)


# --- worse evidence never raises a score ---


def with_kept(found: Evidence, change: Callable[[Experiment], Experiment]) -> Evidence:
    history = tuple(change(one) if one.status is Status.keep else one for one in found.history)
    return replace(found, history=history)


def with_verdicts(found: Evidence, change: Callable[[Verdict], Verdict]) -> Evidence:
    history = tuple(
        replace(one, verdict=change(one.verdict)) if one.verdict else one for one in found.history
    )
    return replace(found, history=history)


def shifted(found: Confirmation, by: float) -> Confirmation:
    effect = found.effect - by
    moved = found.baseline * math.exp(-effect)
    return replace(found, effect=effect, low=found.low - by, high=found.high - by, final=moved)


def with_claim(found: Evidence, change: Callable[[Confirmation], Confirmation]) -> Evidence:
    return found if found.confirmation is None else replace(found, confirmation=change(found.confirmation))


def noisier(found: Verdict, by: float) -> Verdict:
    return replace(found, noise=found.noise + by, reach=found.reach + 2 * by)


def crashed(one: Experiment) -> Experiment:
    if one.status is not Status.discard:
        return one
    return replace(one, status=Status.crash, verdict=None, failure=Failure(reason="exit code 1"))


WORSE: dict[str, Callable[[Evidence, float], Evidence]] = {
    "less is confirmed": lambda found, by: with_claim(found, lambda one: shifted(one, by)),
    "it is confirmed less sharply": lambda found, by: with_claim(
        found, lambda one: replace(one, low=one.low - by, high=one.high + by)
    ),
    "fewer fresh pairs": lambda found, by: with_claim(
        found, lambda one: replace(one, pairs=max(1, one.pairs - 1 - int(9 * by)))
    ),
    "no confirmation": lambda found, by: replace(found, confirmation=None),
    "the steps claimed more": lambda found, by: with_kept(
        found, lambda one: replace(one, verdict=replace(one.verdict, effect=one.verdict.effect + by))
    ),
    "more noise": lambda found, by: with_verdicts(found, lambda one: noisier(one, by)),
    "a guard less": lambda found, by: replace(
        found, config=replace(found.config, guards=dict(list(found.config.guards.items())[1:]))
    ),
    "no constraints": lambda found, by: replace(found, config=replace(found.config, constraints={})),
    "suspicions ignored": lambda found, by: replace(
        found,
        config=replace(found.config, suspicions=replace(found.config.suspicions, ignore=["clock"])),
    ),
    "the holdout gains less": lambda found, by: replace(
        found, holdout=None if found.holdout is None else shifted(found.holdout, by)
    ),
    "the holdout was not measured": lambda found, by: replace(found, holdout=None),
    "a keep no longer pays": lambda found, by: replace(
        found,
        omissions=tuple(
            replace(one, verdict=verdict(0.01, outcome=Outcome.holds)) for one in found.omissions[:1]
        )
        + found.omissions[1:],
    ),
    "one fewer left out": lambda found, by: replace(
        found,
        omissions=found.omissions[1:] if all(one.pays for one in found.omissions) else found.omissions,
    ),
    "more lines": lambda found, by: with_kept(
        found, lambda one: replace(one, added=one.added + int(1000 * by))
    ),
    "ideas left": lambda found, by: replace(found, ideas=(*found.ideas, Untried(what="more", score=8.0))),
    "more files that nobody touched": lambda found, by: replace(
        found, files=(*found.files, *(f"src/n{n}.py" for n in range(int(20 * by)))) if found.files else ()
    ),
    "cut short": lambda found, by: replace(found, is_whole=False, reason=None),
    "crashes in place of discards": lambda found, by: replace(
        found, history=tuple(map(crashed, found.history))
    ),
    "kept on somebody's word": lambda found, by: with_kept(
        found,
        lambda one: replace(
            one, overrule=Overrule(number=9, guards=("suspicions",), reason="r", by="me", when="now")
        ),
    ),
    "a guard that is flaky": lambda found, by: with_kept(
        found,
        lambda one: replace(one, findings=(Finding(guard="tests", passed=True, message="flaky: 1 of 2"),)),
    ),
}


@some.composite
def runs(draw) -> Evidence:
    noise = draw(some.sampled_from([0.0, 0.005, 0.03, 0.2]))
    effects = draw(some.lists(some.floats(0.001, 1.0), max_size=4))
    width = draw(some.sampled_from([0.0, 0.004, 0.05, 0.5]))
    kept = [
        tried(n, found=verdict(effect, noise=noise), added=draw(some.integers(0, 80)))
        for n, effect in enumerate(effects, start=1)
    ]
    lost = [
        tried(n, Status.discard, verdict(-0.01, noise=noise, outcome=Outcome.worse), paths=(f"src/{n}.py",))
        for n in range(10, 10 + draw(some.integers(0, 22)))
    ]
    has_holdout, learned = draw(some.booleans()), draw(some.booleans())
    final = FinalConfig(holdout=HoldoutConfig(command="./held" if has_holdout else None))
    target = draw(some.sampled_from([None, 50.0, 99.0]))
    metric = MetricConfig(command="x", unit="s", target=target)
    confirmed = draw(some.floats(-0.2, 1.2))
    idle = draw(some.booleans())
    outcome = Outcome.holds if idle else Outcome.worse
    return Evidence(
        run_id="r",
        config=config(final=final, metric=metric, line_gain=draw(some.sampled_from([0.0, 0.0002]))),
        history=(baseline("seed" if learned else "noise"), *kept, *lost),
        confirmation=claim(confirmed, width, draw(some.integers(2, 20))) if kept else None,
        holdout=claim(draw(some.floats(-0.2, 1.0)), 0.05) if kept and has_holdout else None,
        omissions=tuple(
            Omission(number=one.number, verdict=verdict(-0.1, outcome=outcome)) for one in kept[1:]
        ),
        files=tuple(f"src/{n}.py" for n in range(draw(some.integers(0, 30)))),
    )


@pytest.mark.parametrize("change", WORSE.values(), ids=WORSE)
@given(found=runs(), by=some.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_worse_evidence_never_raises_a_score(
    change: Callable[[Evidence, float], Evidence], found: Evidence, by: float
) -> None:
    before, after = scores(found), scores(change(found, by))

    assert all(after[name] <= before[name] for name in before), (before, after)
    assert all(1 <= score <= 10 for score in (*before.values(), *after.values()))


# --- scores and their reasons ---


def test_a_large_confirmed_gain_in_few_lines_is_rated_high() -> None:
    found = scores(good())

    assert found["Soundness"] == 10 and found["Quality"] == 10 and found["Significance"] >= 8


def test_every_point_says_its_reason_with_its_figure() -> None:
    said = told(good())

    assert "+3 of 3: 8 fresh pairs confirm a gain: 25.9 % faster (95 % 25.2–26.7 %)" in said
    assert "every keep had to pass tests, answers" in said.replace("Every", "every")
    assert "25.9 % faster for +4 −2 lines" in said
    assert "5 ideas measured" in said


def test_a_claim_that_was_never_confirmed_counts_for_nothing_and_the_command_is_given() -> None:
    found = good(confirmation=None)

    assert scores(found)["Significance"] == 1 and scores(found)["Soundness"] == 3
    assert "autoopt report r1 --confirm" in commands(found)
    assert "autoopt finish" not in commands(found)


def test_nothing_kept_is_believed_as_far_as_the_noise_lets_one_see() -> None:
    quiet = [tried(n, Status.discard, verdict(-0.1, noise=0.001, outcome=Outcome.worse)) for n in range(1, 6)]
    loud = [replace(one, verdict=verdict(-0.1, noise=0.3, outcome=Outcome.worse)) for one in quiet]

    assert scores(evidence(*quiet))["Soundness"] == 8
    assert scores(evidence(*loud))["Soundness"] == 6
    assert "autoopt doctor recipe=python-perf scope=src" in commands(evidence(*loud))
    assert "doctor" not in commands(evidence(*quiet))
    assert "A gain from 40.0 % faster would have been seen" in whole(
        review(evidence(*loud))
    )  # as verdicts say
    assert "only a gain from 40.0 % faster was looked for" in whole(review(evidence(*loud)))


def test_a_journal_that_does_not_say_how_much_a_pair_varies_is_not_taken_for_an_exact_one() -> None:
    old = with_verdicts(good(), lambda one: replace(one, noise=0.0, reach=0.0))
    nothing = evidence(*(one for one in old.history if one.status is Status.discard))

    assert not old.is_exact and "exactly" not in whole(review(old)) + whole(review(nothing))
    assert scores(old)["Significance"] < scores(good())["Significance"]
    assert scores(nothing)["Soundness"] == 4


def test_steps_in_another_unit_than_the_confirmation_are_not_held_against_it() -> None:
    found = good(confirmation=replace(claim(0.3), is_ratio=False))

    assert found.claimed is None
    assert "What the steps claimed does not add up" in whole(review(found))


def test_a_run_without_even_a_baseline_has_the_lowest_scores_and_no_boxes() -> None:
    found = replace(evidence(), history=())

    assert set(scores(found).values()) <= {1, 2} and review(found).boxes == ()


def test_a_loss_on_the_holdout_takes_the_points_and_the_merge_away() -> None:
    found = good(
        holdout=claim(-0.1), config=config(final=FinalConfig(holdout=HoldoutConfig(command="./held")))
    )

    assert scores(found)["Soundness"] == scores(good())["Soundness"] - 4
    assert "final.holdout.command=./held final.holdout.each_keep=yes" in commands(found)
    assert "autoopt finish" not in commands(found)
    assert flagged(found, Kind.overfitting) == [
        "The holdout, which nobody optimized, got worse (95 % −11.6 to −9.4 %)"
    ]


def test_a_gain_of_a_score_counts_by_what_it_lacked_of_its_best_value() -> None:
    metric = MetricConfig(command="x", direction=Direction.higher)
    found = good(
        config=config(metric=metric),
        confirmation=replace(claim(0.05, 0.001, before=0.9), final=0.9 * math.exp(0.05)),
    )

    assert "at least 5.0 % higher: 45.2 % of what it lacked" in told(found).replace("At", "at")
    assert axis_of(found, "Significance").points[0].given == 4


def test_lines_of_tests_are_not_held_against_a_gain() -> None:
    kept = tried(1, found=verdict(0.01), paths=("tests/test_a.py",), added=900, removed=0)
    found = evidence(kept, confirmation=claim(0.01, 0.001))
    code = evidence(replace(kept, paths=("src/a.py",)), confirmation=claim(0.01, 0.001))

    assert axis_of(found, "Quality").points[0].given == 4
    assert "for tests, which are no code" in told(found)
    assert axis_of(code, "Quality").points[0].given == 0


def test_keeps_of_other_runs_of_a_search_are_no_quality_of_this_one() -> None:
    found = evidence(tried(1, Status.follow), confirmation=claim(0.3))

    assert scores(found)["Quality"] == 1 and "kept by other runs" in told(found)
    assert "does not add up" in told(found)


# --- warnings, boxes, what was not tried ---


def test_a_keep_on_little_is_flagged_with_every_reason() -> None:
    weak = tried(1, found=verdict(0.03, low=0.001, pairs=2))
    found = evidence(
        weak,
        tried(2, found=verdict(0.2)),
        confirmation=claim(0.2),
        omissions=(Omission(number=1, verdict=verdict(0.001, outcome=Outcome.holds)),),
    )

    assert flagged(found, Kind.fragile) == [
        "#1 change 1: its interval begins at next to nothing (95 % 0.1–5.7 %); "
        "the result is as good without it"
    ]
    assert "autoopt show r1 1" in commands(found)
    assert "autoopt finish r1 --drop idle" in commands(found)


def test_claims_that_shrink_at_the_confirmation_are_a_sign_of_overfitting() -> None:
    found = good(confirmation=claim(0.1))

    assert flagged(found, Kind.overfitting) == [
        "The steps claimed 25.9 % faster, and fresh pairs found 9.5 % faster (95 % 8.6–10.4 %)"
    ]


def test_a_gain_on_seen_seeds_alone_is_a_sign_of_overfitting() -> None:
    first = good(confirmation=claim(0.01, 0.05))
    found = replace(first, history=(baseline("seed"), *first.history[1:]))

    assert "on fresh ones no gain is sure" in flagged(found, Kind.overfitting)[0]
    assert "final.holdout.command=" in commands(found)


def test_rejected_experiments_are_worth_another_look_for_three_reasons() -> None:
    against = Finding(guard="simplicity", passed=False, message="too many lines")
    broken = Finding(guard="tests", passed=False, message="1 failed")
    found = evidence(
        tried(1, Status.discard, verdict(0.05, outcome=Outcome.unclear, sure=0.858)),
        tried(2, Status.inspector_reject, verdict(0.2), findings=(against,)),
        tried(3, Status.crash, failure=Failure(reason="timed out after 10 s", timeout=True)),
        tried(4, Status.inspector_reject, verdict(0.2), findings=(against, broken)),
        tried(5, Status.discard, verdict(0.05, outcome=Outcome.unclear, sure=0.55)),
    )

    said = flagged(found, Kind.revisit)
    assert [line[:2] for line in said] == ["#2", "#1", "#3"]
    assert "18.1 % faster, and nothing but simplicity stood against it" in said[0]
    assert "probably 4.9 % faster, 85 % sure after 6 pairs" in said[1]
    assert "git branch retry-1 1111111111 && autoopt recipe=python-perf scope=src" in commands(found)
    assert "metric.timeout_s=60" in commands(found)


def test_what_a_judgement_held_back_and_what_gave_no_number_are_boxes() -> None:
    bound = Finding(guard="constraints.peak_mb", passed=False, message="more memory")
    held = tried(1, Status.inspector_reject, verdict(0.2), findings=(bound,))
    failing = [tried(n, Status.crash, failure=Failure(reason="exit code 1")) for n in (2, 3)]
    said = told(evidence(held, *failing))

    assert "Decide whether constraints.peak\\_mb should hold \\#1 back" in said
    assert "Find out why so many gave no number: \\#2, \\#3" in said
    assert "66.7 % of the experiments gave no number" in said
    assert "1 of 2 files in scope changed by measured ideas" in said


def test_a_suspect_that_waits_is_a_box_until_somebody_has_judged_it() -> None:
    doubt = Finding(guard="suspicions", passed=False, message="patches a clock", suspect=True)
    suspect = tried(1, Status.inspector_reject, verdict(0.2), findings=(doubt,))
    word = Overrule(number=1, guards=("suspicions",), reason="r", by="me", when="now")

    assert "autoopt show r1 1" in commands(evidence(suspect))
    judged = evidence(suspect, tried(2, found=verdict(0.2), overrule=word), confirmation=claim(0.2))
    assert "judge the suspicion" not in told(judged)


def test_what_was_not_tried_is_ideas_by_score_and_then_the_kinds_that_the_recipe_names() -> None:
    ideas = (Untried(what="small idea", score=5.0), Untried(what="large idea", score=8.0))
    cached = tried(1, Status.discard, verdict(-0.1), description="cache the pure function parse")
    found = evidence(cached, ideas=ideas)

    assert [one.what for one in review(found).untried] == ["large idea", "small idea", "buffer sizes"]
    assert "autoopt resume r1 budget.experiments=10" in commands(found)
    assert flagged(found, Kind.unexplored)[0].startswith(
        "1 of 2 files in scope: no measured idea changed them (src/b.py)"
    )


def test_a_searched_parameter_names_the_kind_of_idea_it_is() -> None:
    found = evidence(tried(1, Status.discard, verdict(-0.1), parameters={"BUFFER": 4096}))

    assert "buffer sizes" not in [one.what for one in review(found).untried]


def test_boxes_are_for_the_state_the_run_is_in() -> None:
    assert "autoopt resume r1" in commands(good(is_whole=False, reason=None))
    assert "review r1" in commands(good(is_live=True, is_whole=False, reason=None))
    assert "resume r1" not in commands(good(is_live=True, is_whole=False, reason=None))
    spent = config(budget=replace(config().budget, experiments=2))
    gaining = evidence(*good().history[1:3], config=spent, confirmation=claim(0.3))
    assert "autoopt resume r1 budget.experiments=10" in commands(gaining)
    assert "budget.experiments=10" not in commands(replace(gaining, is_whole=False, reason=None))
    bare = good(config=config(guards={}))
    assert "guards.tests.command=" in commands(bare)
    assert flagged(bare, Kind.unguarded) == ["No command checked that what was kept still works"]


def test_new_files_count_as_ground_covered_and_a_perfect_score_asks_for_no_more() -> None:
    metric = MetricConfig(command="x", unit="%", direction=Direction.higher)
    settings_of = config(metric=metric, budget=replace(config().budget, experiments=2))
    new = [tried(n, found=verdict(0.1), paths=(f"tests/test_{n}.py",)) for n in (1, 2)]
    perfect = replace(claim(math.log(100 / 80), 0.0, before=80.0), final=100.0)
    found = evidence(*new, config=settings_of, confirmation=perfect)

    assert "0 of 2 files in scope changed by measured ideas, and 2 new ones made" in told(found)
    assert not any("in scope" in said for said in flagged(found, Kind.unexplored))
    assert "still gaining" not in told(found)
    assert "still gaining" in told(replace(found, confirmation=claim(0.1, 0.0, before=80.0)))


def test_many_flags_of_a_kind_are_counted_and_not_all_told() -> None:
    weak = [tried(n, found=verdict(0.03, low=0.0)) for n in range(1, 31)]
    said = flagged(evidence(*weak, confirmation=claim(0.3)), Kind.fragile)

    assert len(said) == 6 and said[-1] == "And 25 more of this kind"


def test_strangers_words_and_names_do_no_harm_in_any_text() -> None:
    evil = "<b>x</b> \x1b[31m| `y` [z](http://e)"
    weak = tried(1, found=verdict(0.03, low=0.0), description=evil)
    made = review(evidence(weak, files=(f"src/{evil}.py",), ideas=(Untried(what=evil, score=5.0),)))
    from autoopt.reporters.html.review import section

    page, text = section(made), texts.markdown(made)
    assert "\x1b" not in page + text
    assert "<b>" not in page
    assert "\\<b\\>" in text and "\\[z\\]" in text


def test_scopes_and_names_are_quoted_so_that_commands_can_be_pasted() -> None:
    found = good(config=config(scope=["src/**/*.py", "it's here"], guards={}), run_id="a b")

    assert "autoopt finish 'a b'" in commands(found)
    assert "'scope=[src/**/*.py," in commands(found)


def whole(found: Review) -> str:
    from autoopt.reporters.html.review import section

    return section(found)


def test_the_page_says_what_the_text_says() -> None:
    made = review(good())
    page = whole(made)

    assert all(axis.name in page and f"{axis.score} of 10" in page for axis in made.axes)
    assert all(texts.say(box.said, made) in page for box in made.boxes)


def test_a_long_command_is_broken_between_words_and_never_inside_quotes() -> None:
    command = "autoopt recipe=command metric.command='python bench.py --all --of it' scope=src \"a b c d\""
    shown = "\n".join(continued(command, 30))

    assert all(line.endswith("\\") for line in shown.split("\n")[:-1])
    assert shlex.split(shown.replace("\\\n", " ")) == shlex.split(command)


def test_a_run_of_no_recipe_is_started_again_with_how_its_number_is_read() -> None:
    extract = ExtractConfig(kind=Extraction.named, pattern="f1")
    metric = MetricConfig(command="python score.py", extract=extract, direction=Direction.higher)
    found = good(config=config(recipe=None, metric=metric, guards={}))

    assert (
        "autoopt metric.command='python score.py' metric.extract.kind=named metric.extract.pattern=f1 "
        "metric.direction=higher scope=src"
    ) in commands(found)
