import re
from itertools import pairwise

from autoopt.commands import facts
from autoopt.journal import pairs
from autoopt.records import (
    Call,
    Claim,
    Experiment,
    Failure,
    Measurement,
    Outcome,
    Sample,
    Status,
    Usage,
    Verdict,
)
from autoopt.reporters import evidence, html, markdown, strips
from autoopt.reporters.account import Account, Transcript
from autoopt.reporters.html import pairs as pictures
from autoopt.reporters.html import scatter
from autoopt.reporters.ruler import Ruler
from autoopt.schema import ConstraintConfig, Direction

HOSTILE = "</style><script>alert(1)</script> \x1b[31m& 'x' \"y\""


def sample(value):
    return Sample(value=value, wall_s=value, cpu_s=value, peak_bytes=1, seed=1)


def experiment(number, status, values=(), against=(), **rest):
    measured = Measurement(commit="c", samples=tuple(map(sample, values))) if values else None
    named = {"description": "d", "hypothesis": "h", "area": "a", "source": "s", **rest}
    return Experiment(
        number=number, status=status, commit="c", parent="p", measurement=measured,
        incumbent_samples=tuple(map(sample, against)), **named,
    )  # fmt: skip


def verdict(**changes):
    said = {
        "outcome": Outcome.better, "effect": 0.2, "low": 0.1, "high": 0.3, "probability": 0.99, "pairs": 2,
        "is_ratio": True, "sentence": "KEEP", "noise": 0.02, "reach": 0.01, "patience": "default",
    }  # fmt: skip
    return Verdict(**{**said, **changes})


def page(*history):
    return html.report(
        Account(
            run_id="r",
            goal=HOSTILE,
            unit="s",
            direction=Direction.lower,
            history=history,
            confirmation=None,
            branch="b",
            base="0" * 40,
            reason=HOSTILE,
        )
    )


BASELINE = experiment(0, Status.baseline, [1.0, 1.1])
KEEP = experiment(1, Status.keep, [0.8, 0.82], [1.0, 1.0], verdict=verdict())


def test_a_strangers_text_cannot_become_markup():
    crash = experiment(2, Status.crash, failure=Failure(reason=HOSTILE, tail=HOSTILE), description=HOSTILE)
    text = page(BASELINE, KEEP, crash)

    assert "<script" not in text and "\x1b" not in text
    assert "&lt;script&gt;alert(1)" in text and text.count("</style>") == 1


def test_the_page_asks_for_nothing_from_elsewhere():
    text = page(BASELINE, KEEP)

    assert "default-src &#x27;none&#x27;" in text
    assert "http://" not in text and "https://" not in text and "src=" not in text.replace("-src", "")


def test_each_judged_experiment_has_a_picture_with_a_dot_for_each_pair():
    text = page(BASELINE, KEEP)

    assert text.count('class="pairs keep"') == 1 and text.count('class="dot better"') == len(pairs(KEEP))


def test_a_run_without_anything_measured_has_a_page():
    assert page().startswith("<!DOCTYPE html>")


def test_gains_are_positive_when_better_whatever_the_direction():
    assert all(gain > 0 for gain in evidence.gains(KEEP, Direction.lower))
    assert all(gain < 0 for gain in evidence.gains(KEEP, Direction.higher))


def test_the_judges_own_reason_is_told_and_an_old_journal_gets_one_from_its_numbers():
    noted = experiment(1, Status.keep, [0.8], [1.0], verdict=verdict(why="Because."))

    assert evidence.why(noted, Direction.lower, "s") == "Because."
    assert "2 of 2 pairs were better" in evidence.why(KEEP, Direction.lower, "s")


def test_a_ruler_keeps_order_and_holds_what_is_beyond():
    ruler = Ruler.around([-2.0, 0.01, 3.0], 0.02)
    places = [ruler.place(gain) for gain in (-9.0, -2.0, 0.0, 0.01, 3.0, 9.0)]

    assert places == sorted(places) and places[0] == 0 and places[-1] == 1


def test_a_run_that_was_ended_early_is_an_arrow_and_not_an_exact_number():
    ended = experiment(1, Status.discard, verdict=verdict(effect=-1.0, low=-1.0, high=-1.0, pairs=1))
    exact = experiment(2, Status.discard, verdict=verdict(effect=-1.0, low=-1.0, high=-1.0, noise=0.0))
    text = page(BASELINE, ended)

    assert pictures.description(ended, Direction.lower, "s") == "ended early, more than 172 % slower"
    assert pictures.description(exact, Direction.lower, "s") == "exact"
    assert "An arrow: ended as hopeless" in text
    assert "An arrow" not in page(BASELINE, KEEP, exact)


def test_a_strip_has_its_marks_where_the_gains_are():
    ruler = Ruler.around([-0.2, 0.2], 0.1)

    assert strips.of_pair(0.2, ruler, 21, strips.ASCII).index("o") == 19
    assert strips.of_pair(-0.2, ruler, 21, strips.ASCII) == " o        |          "
    spread = strips.of_interval(0.0, -0.1, 0.1, ruler, 21, strips.ASCII)
    assert spread.strip() == "[-----#-----]" and spread.index("#") == 10
    assert strips.of_scale("slower", "faster", ruler, 21).strip() == "slower 0 faster"
    assert not strips.of_scale("slower", "faster", Ruler.around([5.0], 0.1), 21).strip()


def test_labels_of_a_ruler_are_round_and_apart():
    ruler = Ruler.around([-0.4, 0.5], 0.01)
    ticks = ruler.ticks(Direction.lower, "s", is_ratio=True)
    places = sorted([ruler.place(0.0), *(ruler.place(gain) for gain, _ in ticks)])

    assert [label for _, label in ticks] == ["−30 %", "−3 %", "3 %", "30 %"]
    assert min(right - left for left, right in pairwise(places)) >= 0.17


def test_a_scatter_names_both_units_and_joins_what_nothing_beats():
    points = [
        scatter.Point(experiment=BASELINE, across=0.8, up=20.0, is_best=True),
        scatter.Point(experiment=KEEP, across=0.4, up=60.0, is_best=True),
    ]
    drawn = scatter.picture(points, "metric", "peak_mb", "s", "MB") or ""

    assert ">600 ms</text>" in drawn and ">40 MB</text>" in drawn
    assert 'class="front"' in drawn and drawn.count('class="mark') == 2
    assert scatter.picture(points[:1], "metric", "peak_mb", "s") is None


def test_the_page_draws_a_bounded_number_in_its_unit():
    bound = {"peak_mb": ConstraintConfig(max=500)}
    account = Account(
        run_id="r", goal="", unit="s", direction=Direction.lower, history=(BASELINE, KEEP),
        confirmation=None, branch="b", base="0" * 40, reason="", constraints=bound,
    )  # fmt: skip
    text = html.report(account)

    assert "<figcaption>peak_mb <small>better: lower across, lower up</small>" in text
    assert " B</text>" in text


def test_numbers_of_a_verdict_are_null_where_an_earlier_version_did_not_note_them():
    assert facts.of_verdict(verdict())["noise"] == 0.02
    old = facts.of_verdict(verdict(noise=0.0, reach=0.0, patience=""))
    assert (old["noise"], old["reach"], old["patience"]) == (None, None, None)
    assert facts.of_pairs(pairs(KEEP))[0] == {"incumbent": 1.0, "challenger": 0.8}


LONG = "src/" + "a_directory_with_a_long_name/" * 9 + "module.py"
RTL = "\u202eevil\u202c שלום 🚀"


def full(*history, **told):
    return Account(
        run_id="r", goal="g", unit="s", direction=Direction.lower, history=history, confirmation=None,
        branch="b", base="0" * 40, reason="", **told,
    )  # fmt: skip


def test_an_experiment_opens_to_what_agents_were_asked_and_what_that_took():
    call = Call(
        number=1, stage="think", agent=HOSTILE, transcript="0001-1-think", complete=False,
        usage=Usage(calls=1, cost_usd=0.25, input_tokens=900, output_tokens=100, seconds=61.0),
    )  # fmt: skip
    said = {"0001-1-think": Transcript(prompt=f"Think {HOSTILE}", answer="")}
    text = html.report(full(BASELINE, KEEP, calls=(call,), transcripts=said))
    gone = html.report(full(BASELINE, KEEP, calls=(call,)))

    assert "1 call, $0.25, 1k tokens, 1 min 01 s, cut short" in text
    assert "Think &lt;/style&gt;&lt;script&gt;" in text and "<h4>Answered" not in text
    assert "its text is not in this page: prompts/0001-1-think.prompt.md" in gone.lower()


def test_every_experiment_with_an_interval_has_its_whisker_on_the_picture_of_the_run():
    exact = experiment(2, Status.discard, [0.9], [0.8], verdict=verdict(low=0.2, high=0.2))
    text = page(BASELINE, KEEP, exact)
    run = text[text.index("<h2>The run") : text.index("<h2>How the gain")]

    assert run.count('class="whisker keep"') == 1 and "whisker discard" not in run


def test_diffs_of_what_was_not_kept_are_on_the_page_and_not_in_a_pull_requests_text():
    discard = experiment(2, Status.discard, [0.9], [0.8], verdict=verdict())
    told = full(BASELINE, KEEP, discard, diffs={1: "+kept line\n", 2: "+other line\n"})

    assert 'class="added">+kept line' in html.report(told) and 'class="added">+other line' in html.report(
        told
    )
    assert "+kept line" in markdown.report(told) and "+other line" not in markdown.report(told)


def test_names_of_any_length_and_script_stay_within_their_elements():
    odd = experiment(
        1,
        Status.keep,
        [0.8],
        [1.0],
        verdict=verdict(),
        description=LONG + RTL + HOSTILE,
        paths=(LONG, HOSTILE),
    )
    text = html.report(full(BASELINE, odd, diffs={1: HOSTILE}, breakdown={RTL + HOSTILE: "*_ms"}))

    assert LONG in text and "🚀" in text
    assert "\u202e" not in text and "\x1b" not in text and "<script" not in text
    assert re.findall(r'(?:href|src)="(?!#)', text) == []


def test_a_report_has_room_in_a_pull_request_and_says_what_it_left_out():
    many = [
        experiment(
            number, Status.crash, description=f"idea {number} " + "x" * 150,
            failure=Failure(reason="exit code 1", tail="line of output\n" * 20),
        )
        for number in range(2, 202)
    ]  # fmt: skip
    short, long = markdown.report(full(BASELINE, KEEP)), markdown.report(full(BASELINE, KEEP, *many))

    assert "left out" not in short
    assert len(long) <= markdown.LIMIT + 500
    gone = "output of what failed, what was tried and not kept; `autoopt report r --html` has all"
    assert f"no room for it: {gone}" in long and "How the gain came together" in long
    assert "| 201 | crash |" in long and "line of output" not in long


def test_what_others_claim_was_tried_stands_apart_from_what_was_measured():
    claim = Claim(number=3, status=Status.keep, description=HOSTILE, value=0.5)
    text = html.report(full(BASELINE, claims=(claim,), told_from="log.jsonl: 1 keep"))

    assert "Imported as claims, which nobody has measured here: log.jsonl: 1 keep." in text
    assert text.index("<h2>Tried before the run") < text.index("<h2>Every experiment")
    assert "<td>0.500</td><td>&lt;/style&gt;&lt;script&gt;" in text
