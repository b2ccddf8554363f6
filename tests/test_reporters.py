import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from autoopt.journal.moments import Moment
from autoopt.records import (
    Confirmation,
    Experiment,
    Failure,
    Finding,
    Measurement,
    Omission,
    Outcome,
    Sample,
    Status,
    Thought,
    Usage,
    Verdict,
)
from autoopt.reporters import account as accounts
from autoopt.reporters import honesty, markdown, parts, spent, words
from autoopt.reporters.account import Account
from autoopt.reporters.settings import settings_table
from autoopt.reporters.summary import summary
from autoopt.reporters.tables import RunRow, experiment_text, experiments_table, runs_table
from autoopt.schema import (
    BudgetConfig,
    Config,
    ConstraintConfig,
    Direction,
    FinalConfig,
    GuardConfig,
    GuardKind,
    HoldoutConfig,
    MetricConfig,
    ParameterConfig,
    Variation,
    VerdictConfig,
)

LOWER, HIGHER = Direction.lower, Direction.higher


def sample(value, **details):
    return Sample(value=value, wall_s=value, cpu_s=value, peak_bytes=1 << 20, seed=1, details=details)


def verdict(effect, sentence, pairs=3, is_ratio=True):
    return Verdict(
        outcome=Outcome.better if effect > 0 else Outcome.worse,
        effect=effect,
        low=effect - 0.01,
        high=effect + 0.01,
        probability=0.99,
        pairs=pairs,
        is_ratio=is_ratio,
        sentence=sentence,
    )


def experiment(number, status, description, values=(), against=(), **rest):
    commit = f"{number:x}" * 40
    return Experiment(
        number=number,
        status=status,
        commit=commit,
        parent="0" * 40,
        description=description,
        hypothesis=rest.pop("hypothesis", f"{description} should improve time because it does less"),
        area="report.py",
        source="optuna",
        measurement=Measurement(commit=commit, samples=tuple(values)) if values else None,
        incumbent_samples=tuple(against),
        **rest,
    )


BASELINE = experiment(
    0, Status.baseline, "baseline", [sample(0.41 + place / 1000, q1=120, q2=80) for place in range(5)]
)
KEEP = experiment(
    1,
    Status.keep,
    "orders: index on (customer, day)",
    [sample(0.318, q1=60, q2=81), sample(0.320, q1=61, q2=79)],
    [sample(0.412), sample(0.414)],
    verdict=verdict(0.26, "KEEP 23 % faster (95 % 21–24 %), 99 % sure, 3 pairs"),
    findings=(Finding(guard="rows", passed=True, message="12 queries, same rows"),),
    parameters={"index": True, "cache": None},
    paths=("setup.sql",),
    added=2,
    removed=1,
    seconds={"ask": 0.01, "measure": 2.4},
)
DISCARD = experiment(
    2,
    Status.discard,
    "cache_size 2000 → 64000",
    [sample(0.319)],
    [sample(0.318)],
    verdict=verdict(-0.003, "REVERT no gain ≥ 1.4 % plausible, 2 pairs"),
)
CRASH = experiment(
    4,
    Status.crash,
    "mode = OFF | \x1b[31mred\x1b[0m",
    failure=Failure(reason="exit code 1", tail='\x1b[31mnear "OFF": syntax error\x1b[0m\n```\nend'),
)
REJECT = experiment(
    5,
    Status.inspector_reject,
    "hours as they are",
    [sample(0.2)],
    [sample(0.318)],
    verdict=verdict(0.4, "KEEP 33 % faster"),
    findings=(
        Finding(guard="tests", passed=False, message="exit code 1\nTraceback ...\nFAILED (failures=1)"),
    ),
)
LATER = experiment(
    6,
    Status.keep,
    "temp_store = MEMORY",
    [sample(0.309, q1=58, q2=70)],
    [sample(0.318)],
    verdict=verdict(0.03, "KEEP 3.0 % faster"),
)
HISTORY = (BASELINE, KEEP, DISCARD, CRASH, REJECT, LATER)
CONFIRMED = Confirmation(
    baseline=0.413, final=0.311, effect=0.2837, low=0.27, high=0.297, pairs=8, is_ratio=True
)


def told(**changes):
    whole = Account(
        run_id="orders-1",
        goal="lower query latency",
        unit="s",
        direction=LOWER,
        history=HISTORY,
        confirmation=CONFIRMED,
        branch="autoresearch/orders-1",
        base="0123456789abcdef" * 2,
        reason="the budget of 6 experiments is spent",
        desk="/home/me/my shop-orders-1",
    )
    return replace(whole, **changes)


def rendered(renderable, width=200, **options):
    console = Console(width=width, file=io.StringIO(), record=True, **options)
    console.print(renderable)
    return console.export_text(styles=False)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.4123, "s", "412 ms"),
        (0.00004, "s", "40.0 µs"),
        (2412.0, "ms", "2.41 s"),
        (0.9996, "s", "1.00 s"),
        (0.0, "s", "0 s"),
        (0.91234, "", "0.912"),
        (0.91234, "F1", "0.912 F1"),
        (1634.0, "errors", "1,634 errors"),
        (12345.6, "req/s", "12,346 req/s"),
        (10_830_000.0, "B", "10.8 MB"),
        (-0.5, "", "−0.500"),
        (1.5e-9, "", "1.50e-09"),
        (float("inf"), "s", "inf s"),
    ],
)
def test_numbers_have_three_digits_and_a_unit_that_suits_them(value, unit, shown):
    assert words.number(value, unit) == shown


def test_two_numbers_share_a_unit_and_get_a_fourth_digit_when_three_are_equal():
    assert words.change(1.2, 0.9, "s") == "1.20 s → 0.900 s"
    assert words.change(0.91221, 0.91241, "") == "0.9122 → 0.9124"
    assert words.change(1634, 1633, "errors") == "1,634 errors → 1,633 errors"
    assert words.change(1.54, 0.0119, "s") == "1.54 s → 11.9 ms"
    assert words.change(0.0119, 1.54, "s") == "11.9 ms → 1.54 s"
    assert words.change(1.35e6, 0.0, "bytes") == "1.35 MB → 0 MB"


@pytest.mark.parametrize(
    ("effect", "direction", "unit", "said"),
    [
        (0.26, LOWER, "s", "22.9 % faster"),
        (-0.26, LOWER, "ms", "29.7 % slower"),
        (0.26, LOWER, "errors", "22.9 % lower"),
        (0.26, HIGHER, "F1", "29.7 % higher"),
        (-0.26, HIGHER, "F1", "22.9 % lower"),
        (900.0, LOWER, "s", "100 % faster"),
    ],
)
def test_a_log_gain_is_a_percentage_of_the_number_it_leaves(effect, direction, unit, said):
    assert words.gain(effect, direction, unit) == said


def test_a_difference_stays_in_the_metrics_own_unit():
    assert words.gain(0.012, HIGHER, "points", is_ratio=False) == "0.0120 points higher"
    assert words.interval(-0.5, 1.25, LOWER, "", is_ratio=False) == "−0.500 to 1.25"


def test_intervals_say_which_end_is_a_loss():
    assert words.interval(0.018, 0.045, LOWER) == "1.8–4.4 %"
    assert words.interval(-0.01, 0.02, LOWER) == "−1.0 to 2.0 %"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.42, "0.42 s"),
        (3.26, "3.3 s"),
        (59.7, "1 min 00 s"),
        (12, "12 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_are_for_people(seconds, said):
    assert words.duration(seconds) == said


def test_a_confirmation_that_includes_no_gain_says_so():
    weak = replace(CONFIRMED, effect=0.001, low=-0.01, high=0.012)

    assert "no gain at all is within the interval" in words.headline(weak, LOWER, "s")
    assert "loss" in words.headline(replace(weak, effect=-0.02, high=-0.01, low=-0.03), LOWER, "s")


def test_an_exact_confirmation_has_no_interval():
    exact = replace(CONFIRMED, baseline=12, final=9, effect=0.2877, low=0.2877, high=0.2877, pairs=1)

    assert words.headline(exact, LOWER, "errors") == "12 errors → 9 errors: 25.0 % lower, 1 fresh pair"


def test_text_from_programs_cannot_move_the_cursor():
    assert words.one_line("a\x1b[2J\x1b]0;title\x07b\r\n\tc\x9b") == "ab c"
    assert words.lines("one\n\x1b[31mtwo\x1b[0m\x00") == "one\ntwo"


def test_the_headline_is_the_confirmation_and_never_the_sum_of_the_steps():
    assert accounts.headline(told()).startswith("413 ms → 311 ms: 24.7 % faster (95 % 23.7–25.7 %), 8 fresh")
    assert accounts.headline(told(confirmation=None)).startswith("Not confirmed: ")
    worker = (*HISTORY, replace(HISTORY[-1], status=Status.follow))
    assert "last run of its search" in accounts.headline(told(confirmation=None, history=worker))
    assert honesty.lines(told())[0].startswith(
        "Claimed step by step: 25.2 % faster (2 kept steps); confirmed: 24.7 % faster. Winner's curse: 2.2 %"
    )


def test_a_run_without_keeps_says_that_nothing_was_gained():
    fruitless = told(history=(BASELINE, DISCARD, CRASH), confirmation=None)

    for text in (rendered(summary(fruitless)), markdown.report(fruitless)):
        assert "Nothing was gained: none of 2 experiments was better" in text
        assert "git merge" not in text
        assert "What mattered most" not in text


@pytest.mark.parametrize("history", [(), (BASELINE,)])
def test_a_run_that_never_got_going_has_a_report(history):
    early = told(history=history, confirmation=None, reason="interrupted")

    assert "interrupted" in markdown.report(early)
    assert "interrupted" in rendered(summary(early))


def test_interrupted_attempts_are_named():
    assert accounts.interrupted(told()) == (3,)
    assert "Interrupted before a decision, and reverted: 3." in markdown.report(told())


def test_changes_are_ranked_by_their_effect():
    assert [kept.number for kept in accounts.top(told(history=(BASELINE, LATER, KEEP)))] == [1, 6]


def test_steps_of_different_kinds_are_not_added_up():
    other = replace(LATER, verdict=verdict(2.0, "KEEP", is_ratio=False))

    assert honesty.lines(told(history=(BASELINE, KEEP, other))) == ()


def test_details_compare_the_baseline_with_the_final_commit():
    shown = [f"| {' | '.join(row).replace('_', chr(92) + '_')} |" for row in parts.rows(told())]

    assert parts.rows(told())[0] == ("q1", "120", "58", "−51.7 %")
    assert all(row in markdown.report(told()) for row in shown)
    assert all(" ".join(row) in " ".join(rendered(summary(told())).split()) for row in parts.rows(told())[:3])
    assert parts.rows(told(history=(BASELINE, DISCARD))) == ()


def test_how_sure_something_is_reads_as_in_the_verdict() -> None:
    assert [words.percent_sure(p) for p in (0.9782, 0.999)] == ["97 % sure", "99 % sure"]


def test_the_time_of_a_repair_is_told_as_that():
    moments = [Moment(event="DECIDED", elapsed_s=10.0 + 40 * place, number=place) for place in (0, 1)]
    repaired = replace(CRASH, number=1, seconds={"ask": 4.0, "repair": 30.0, "measure": 6.0})

    shares = spent.shares(told(history=(BASELINE, repaired), moments=tuple(moments)))

    assert [(kind, seconds) for kind, seconds, _ in shares] == [
        ("prepare", 10.0), ("ask", 4.0), ("repair", 30.0), ("measure", 6.0)
    ]  # fmt: skip


def test_next_steps_are_commands_that_can_be_pasted():
    commands = [command for _, command in accounts.next_steps(told())]

    assert commands == [
        "git log --stat 0123456789ab..autoresearch/orders-1",
        "git merge autoresearch/orders-1",
        "autoopt finish orders-1",
        "autoopt resume orders-1 budget.experiments=10",
        "autoopt report orders-1",
        "autoopt clean orders-1",
    ]
    assert "clean" not in str(accounts.next_steps(told(desk=None)))


def test_what_a_merge_alone_does_not_do_is_a_next_step():
    steps = accounts.next_steps(told(adopt={"**/setup.sql": "run it", "**/never.sql": "no"}))

    assert steps[2] == ("For setup.sql: run it", "git show autoresearch/orders-1:setup.sql")
    assert len(steps) == 1 + len(accounts.next_steps(told()))


@pytest.mark.parametrize("reason", ["interrupted", "it could not go on: src/a.py: edited by somebody"])
def test_a_run_that_was_cut_short_goes_on_with_the_budget_it_has(reason):
    assert "autoopt resume orders-1" in [command for _, command in accounts.next_steps(told(reason=reason))]


def test_a_run_in_place_has_no_worktree_to_remove():
    there = told(desk="/home/me/app", facts={"repository": "/home/me/app"})

    assert ("Remove its records", "autoopt clean orders-1") in accounts.next_steps(there)


def test_commands_that_do_not_fit_continue_with_a_backslash():
    text = rendered(summary(told()), width=50)

    assert re.search(r"git log --stat \\\s*\n\s+0123456789ab..autoresearch/orders-1", text)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal_or_cut_off(width):
    text = rendered(summary(told()), width=width)
    squeezed = re.sub(r"\s+", "", text)

    assert max(map(len, text.splitlines())) <= width
    for said in ("orders:indexon", "exitcode1", "FAILED(failures=1)", "24.7%faster", "gitmerge"):
        assert said in squeezed


def test_no_colour_and_no_terminal_give_text_without_escapes(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    plain, uncoloured = io.StringIO(), io.StringIO()
    Console(file=plain).print(summary(told()))
    Console(file=uncoloured, force_terminal=True).print(experiments_table(HISTORY, "s"))

    assert "\x1b" not in plain.getvalue()
    assert not re.search(r"\x1b\[[0-9;]*3\dm", uncoloured.getvalue())


def test_the_table_of_experiments_shows_guards_and_crashes_in_place_of_the_verdict():
    text = rendered(experiments_table(HISTORY, "s"))

    assert re.search(r"1 +keep +413 ms → 319 ms +orders: index on .* KEEP 23 % faster", text)
    assert re.search(r"4 +crash +mode = OFF \| red +exit code 1", text)
    assert "tests: exit code 1 … FAILED (failures=1)" in text
    assert "KEEP 33 %" not in text


def test_an_experiment_is_shown_with_everything_known_about_it():
    text = rendered(experiment_text(KEEP, "--- a/x\n+++ b/x\n-old\n+new\n", "s"), width=100)

    for said in ("index = true, cache = absent", "setup.sql (+2 −1)", "ask 0.01 s, measure 2.4 s", "+new"):
        assert said in text
    assert re.search(r"2 +414 ms +320 ms +−22.7 %", text)
    assert re.search(r"rows +passed +12 queries", text)


def test_a_crash_is_shown_with_its_last_output():
    text = rendered(experiment_text(CRASH, "", "s"), width=60)

    assert 'near "OFF": syntax error' in text
    assert "\x1b" not in text
    assert "Pairs" not in text


def test_runs_are_listed_at_every_width():
    row = RunRow(
        run_id="orders-1", state="running", started="today", experiments=6, kept=2, result="", goal="quick"
    )

    for width in (40, 80, 200):
        assert "orders-1" in rendered(runs_table([row]), width)
    assert "No runs yet" in rendered(runs_table([]))


def test_settings_show_what_will_run_but_no_value_of_the_environment():
    config = Config(
        goal="quicker",
        scope=["report.py", "lib/**"],
        metric=MetricConfig(command="python report.py", unit="s", target=0.1, env={"TOKEN": "hunter2"}),
        guards={"tests": GuardConfig(command="python -m unittest")},
        params={
            "LEVEL": ParameterConfig(file="report.py", python="LEVEL", low=1, high=9, when={"GZIP": True})
        },
        budget=BudgetConfig(experiments=8, plateau=4),
    )

    text = rendered(settings_table(config, {"repository": "/home/me/shop at 0123abcd"}), width=100)

    for said in (
        "python report.py",
        "wall time of the command",
        "lower, in s; stop at 100 ms",
        "report.py, lib/**",
        "tests: python -m unittest",
        "LEVEL: 1 to 9  [report.py LEVEL] while GZIP = true",
        "8 experiments, stop after 4 without a gain",
        "/home/me/shop at 0123abcd",
        "TOKEN",
    ):
        assert said in text
    assert "hunter2" not in text


def test_the_settings_say_what_was_detected_and_what_was_looked_for_in_vain():
    config = Config(
        scope=["src"],
        options={"files": ["dist/**", "x"], "build": None, "level": 3, "idle": None},
        metric=MetricConfig(command="weigh", prepare="npm run build"),
        guards={
            "tests": GuardConfig(command=None),
            "package": GuardConfig(command="npm test"),
            "off": GuardConfig(command=None),
            "same": GuardConfig(kind=GuardKind.inventory, command="count"),
        },
        constraints={
            "train_s": ConstraintConfig(max=300, max_regression=0.05),
            "errors": ConstraintConfig(max_regression=0),
            "recall": ConstraintConfig(min=0.5, max_regression=0.01, direction=HIGHER),
        },
        detected=[
            "guards.package.command",
            "guards.tests.command",
            "metric.prepare",
            "options.build",
            "options.files",
        ],
    )

    text = rendered(settings_table(config, {}), width=140)

    for said in (
        "files: dist/**, x (detected)",
        "build: none found",
        "level: 3",
        "npm run build (detected)",
        "tests: none found",
        "package: npm test (detected)",
        "off: turned off",
        "same: held against the base: count",
        "train_s: at most 300, at most 5.0 % more than at the baseline",
        "errors: may not get worse",
        "recall: at least 0.500, at most 1.0 % less than at the baseline",
    ):
        assert said in text
    assert "idle" not in text


def test_the_settings_show_of_the_evidence_what_is_not_usual():
    usual = rendered(settings_table(Config(scope=["a"], metric=MetricConfig(command="c")), {}), width=140)
    config = Config(
        scope=["a"],
        metric=MetricConfig(command="c", variation=Variation.seed, seeds=9, test_share=0.2, duet=True),
        verdict=VerdictConfig(max_pairs=6, early_stop=False),
        final=FinalConfig(max_pairs=5, leave_one_out=False, holdout=HoldoutConfig(command="score --hidden")),
    )
    text = rendered(settings_table(config, {}), width=140)

    for said in (
        "with AUTOOPT_SEED alone, experiments share 9 seeds, each run scores 20.0 % of the data, both",
        "at most 6 pairs a change, hopeless runs are not ended early",
        "score --hidden",
        "at most 5 fresh pairs, kept changes are not left out one by one",
    ):
        assert said in text
    assert not any(name in usual for name in ("varies", "holdout", "at the end", "at most"))


def test_a_letter_that_a_stream_cannot_show_has_a_stand_in():
    error = UnicodeEncodeError("ascii", "−3 % → ß", 0, 1, "")
    arrow = UnicodeEncodeError("ascii", "−3 % → ß", 5, 8, "")

    assert words.nearest(error) == ("-", 1)
    assert words.nearest(arrow) == ("-> ?", 8)


def test_the_report_has_every_experiment_and_what_failed():
    text = markdown.report(told(diffs={1: "+CREATE INDEX ...\n"}))

    assert "**413 ms → 311 ms: 24.7 % faster (95 % 23.7–25.7 %), 8 fresh pairs**" in text
    assert "| 1 | keep | 413 ms → 319 ms | orders: index on (customer, day) |" in text
    assert "1111111111 experiment: orders: index on (customer, day) (+2 −1, setup.sql)" in text
    assert "| q1 | 120 | 58 | −51.7 % |" in text
    assert "### crash (1)" in text
    assert "```diff\n+CREATE INDEX ...\n```" in text


def test_a_programs_output_cannot_break_out_of_the_report():
    text = markdown.report(told())

    assert "| 4 | crash |  | mode = OFF \\| red | exit code 1 |" in text
    assert '  ````\n  near "OFF": syntax error\n  ```\n  end\n  ````' in text


def test_long_diffs_are_cut_and_say_so():
    text = markdown.report(told(diffs={1: "+line\n" * 1000}))

    assert text.count("+line") == 400
    assert "600 further lines not shown." in text


THOUGHT = Thought(
    impact=8,
    feasibility=7,
    novelty=9,
    newness=6,
    assumption="keys repeat",
    risk="memory",
    sources=("a.org/x",),
)
USAGE = Usage(calls=2, cost_usd=0.42, input_tokens=11_000, output_tokens=1_340, turns=7, seconds=80.0)
BY_AGENT = replace(LATER, source="agent", thought=THOUGHT, usage=USAGE)
SHARED = (BASELINE, KEEP, DISCARD, BY_AGENT)


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (Usage(), ""),
        (Usage(calls=1), "1 call"),
        (USAGE, "2 calls, $0.42, 12.3k tokens"),
        (Usage(calls=1, cost_usd=0.001, output_tokens=12), "1 call, under $0.01, 12 tokens"),
        (Usage(calls=9, cost_usd=1234.5, input_tokens=3_456_789), "9 calls, $1234.50, 3.46M tokens"),
    ],
)
def test_what_agents_took_is_said_in_few_words(usage, said):
    assert words.usage(usage) == said


def test_the_summary_and_the_report_say_where_the_budget_went():
    account = told(history=SHARED, usage=USAGE)
    terminal, page = rendered(summary(account)), markdown.report(account)

    assert "Agents: 2 calls, $0.42, 12.3k tokens." in terminal
    assert re.search(r"optuna +2 +1 +22.9 % faster", terminal)
    assert re.search(r"agent +1 +1 +3.0 % faster .*2 calls", terminal)
    assert "| agent | 1 | 1 | 3.0 % faster |" in page
    assert "Agents: 2 calls, $0.42, 12.3k tokens." in page


def test_a_single_proposer_has_no_table_of_shares():
    assert accounts.shares(told()) == ()


def test_an_experiment_of_an_agent_shows_its_score_and_reflection():
    text = rendered(experiment_text(BY_AGENT, "", "s"))

    assert "7.0: impact 8, feasibility 7, novelty 9 (the journal says 6)" in text
    assert "keys repeat" in text
    assert "memory" in text
    assert "a.org/x" in text
    assert "2 calls, $0.42" in text
    assert "scored 7.0 of 10; not measured: memory" in markdown.report(told(history=SHARED))


def left_out(number, outcome, effect):
    judged = replace(verdict(effect, ""), outcome=outcome)
    return Omission(number=number, commit="a" * 40, verdict=judged)


def test_a_kept_change_that_no_longer_pays_is_to_be_dropped_by_a_command():
    idle = told(omissions=(left_out(1, Outcome.worse, -0.2), left_out(6, Outcome.holds, 0.001)))

    steps = [command for _, command in accounts.next_steps(idle)]

    assert steps[1:3] == ["git merge autoresearch/orders-1", "git revert --no-edit 666666666666"]
    assert "autoopt finish orders-1 --drop idle" in steps
    for text in (markdown.report(idle), rendered(summary(idle))):
        assert "1 kept change no longer pays and can be dropped: #6." in text.replace("\\", "")
        assert "no longer pays: drop it" in text
        assert "18.1 % faster (95 % 17.3" in text


def test_the_holdout_stands_beside_the_claim_and_says_when_it_is_less():
    weaker = replace(CONFIRMED, effect=0.1, low=0.08, high=0.12)

    line = honesty.lines(told(holdout=weaker, has_holdout=True))[1]

    assert line.startswith("Holdout, which nobody optimized: 413 ms → 311 ms: 9.5 % faster")
    assert line.endswith("a part of the gain fits that alone.")
    assert "not measured" in honesty.lines(told(has_holdout=True))[1]


def test_a_sum_outside_the_confirmation_is_winners_curse():
    cursed = honesty.claims(told(confirmation=replace(CONFIRMED, effect=0.2, low=0.19, high=0.21)))

    assert cursed.is_clear
    assert round(cursed.curse, 3) == 0.09
