from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_agent import baseline, idea, ideas, tried

from autoopt.agents import json_answers
from autoopt.agents.fences import one_line
from autoopt.agents.thoughts import Idea, newness, parse, sources
from autoopt.records import Status


def the_idea(**changed: Any) -> Idea:
    (only,) = parse(ideas(idea(**changed))).ideas
    return only


def test_ideas_are_read_from_a_fenced_block_amid_prose() -> None:
    answer = parse("I looked at f(x) {like this} and [1].\n\n" + ideas(idea(), idea("Interning keys")))

    assert [one.impact for one in answer.ideas] == [7, 7]
    assert answer.ideas[1].hypothesis.startswith("Interning keys should")
    assert answer.objections == ()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"ideas": [idea()]}),
        json.dumps([idea()]),
        json.dumps(idea()),
        json.dumps({"answer": {"ideas": [idea()]}}),
        "~~~json\n" + json.dumps({"ideas": [idea()]}, indent=2) + "\n~~~",
        "{'python': 'dict'} " + json.dumps({"ideas": [idea()]}) + " {unfinished",
        json.dumps({"ideas": [idea(impact=7.0, feasibility="8")]}),
    ],
)
def test_the_form_around_an_idea_does_not_matter(text: str) -> None:
    assert parse(text).ideas == (the_idea(),)


def test_the_last_answer_counts() -> None:
    example, answer = idea("The example"), idea("Another thing")

    found = parse(ideas(example) + "\nThat was the form. My answer:\n" + ideas(answer)).ideas

    assert [one.hypothesis for one in found] == [answer["hypothesis"]]


def test_whole_ideas_are_found_in_an_answer_that_was_cut_off() -> None:
    text = json.dumps({"ideas": [idea(), idea("Interning keys")]})[:-60]

    assert parse(text).ideas == (the_idea(),)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"impact": 11}, "`impact` is 11, wanted a whole number from 1 to 10"),
        ({"impact": 0}, "`impact` is 0"),
        ({"impact": True}, "`impact` is True"),
        ({"novelty": 7.5}, "`novelty` is 7.5"),
        ({"novelty": None}, "`novelty` is missing"),
        ({"feasibility": [8]}, "`feasibility` is a list"),
        ({"feasibility": "high"}, "`feasibility` is 'high'"),
        ({"hypothesis": "Make it faster"}, 'wanted "X should improve Y because Z"'),
        ({"hypothesis": {"x": 1}}, "`hypothesis` is"),
        ({"assumption": ""}, "`assumption` is missing"),
        ({"risk": None}, "`risk` is missing"),
        ({"area": 5}, "`area` is missing"),
    ],
)
def test_what_is_wrong_with_an_idea_is_said(changed: dict[str, Any], said: str) -> None:
    answer = parse(ideas(idea(), idea("Interning", **changed)))

    assert answer.ideas == (the_idea(),)
    assert len(answer.objections) == 1
    assert answer.objections[0].startswith("Idea 2: ")
    assert said in answer.objections[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "{}",
        "[]",
        "null",
        '{"ideas": []}',
        '{"ideas": "none"}',
        '{"points": []}',
        "[" * 5000,
        "{" * 5000,
    ],
)
def test_an_answer_without_ideas_says_so(text: str) -> None:
    answer = parse(text)

    assert answer.ideas == ()
    assert len(answer.objections) == 1


def test_nan_is_no_score_and_no_json() -> None:
    text = ideas(idea()).replace('"impact": 7', '"impact": NaN')

    assert parse(text).ideas == ()
    assert json_answers.values('{"a": NaN} {"b": [Infinity]} {"c": 1}') == [{"c": 1}]


def test_texts_become_one_plain_line() -> None:
    dirty = "Ünïcode\n\n\x1b[31m\u202eparsing\ud800 should lower\tit because\u2028it is less"
    (found,) = parse(json.dumps([idea(hypothesis=dirty, area="x\ny" * 90)])).ideas

    assert found.hypothesis == "Ünïcode [31m parsing should lower it because it is less"
    assert found.hypothesis.encode()
    assert len(found.area) <= 60
    assert "\n" not in found.area


def test_numbers_of_any_size_are_only_out_of_range() -> None:
    for number in ("1" * 4000, "1" * 6000, "-1e400", "1e400"):
        assert parse(ideas(idea()).replace('"impact": 7', f'"impact": {number}')).ideas == ()


def test_queries_come_alone_or_with_ideas_and_are_bounded() -> None:
    many = tuple(f"query {n}" for n in range(9))

    assert parse(ideas(queries=("orjson speed",))).queries == ("orjson speed",)
    assert parse(ideas(queries=("orjson speed",))).objections == ()
    assert len(parse(ideas(idea(), queries=many)).queries) == 5


def test_sources_are_hosts_and_paths_without_what_may_be_private() -> None:
    given = ["https://me:pw@docs.python.org/3/library/re.html?token=x#y", "docs.python.org:443/3", "Knuth", 5]

    assert sources(given) == ("docs.python.org/3/library/re.html", "docs.python.org/3")
    assert sources("https://peps.python.org/") == ("peps.python.org",)
    assert sources({"a": 1}) == ()


def test_an_idea_that_was_tried_is_not_new() -> None:
    mine = the_idea()
    same = tried(1, hypothesis=mine.hypothesis, area=mine.area)
    reworded = tried(
        2, hypothesis="The pattern, compiled once, lowers time: each line of the loop did it", area=""
    )
    done = tried(
        3, hypothesis="h", area="", description="compile the pattern once in the loop, not for each line"
    )
    other = tried(4, hypothesis="A covering index should help because rows are read", area="orders")

    assert newness(mine, [same]) == (1, 1)
    assert newness(mine, [reworded])[0] <= 4
    assert newness(mine, [done])[0] <= 3
    assert newness(mine, [other])[0] >= 9
    assert newness(mine, [other, same, reworded])[1] == 1


def test_everything_is_new_at_first() -> None:
    mine = the_idea()
    start = tried(0, Status.baseline, hypothesis=mine.hypothesis, description=mine.hypothesis)

    assert newness(mine, []) == (10, 0)
    assert newness(mine, [start]) == (10, 0)


def test_an_agents_word_on_novelty_counts_no_more_than_the_journal() -> None:
    mine = the_idea(novelty=10, impact=5, feasibility=5)
    known = mine.thought([baseline(), tried(1, hypothesis=mine.hypothesis, area=mine.area)])

    assert known.newness == 1
    assert known.score == pytest.approx(11 / 3)
    assert mine.thought([]).score == pytest.approx(20 / 3)


@pytest.mark.parametrize("unit", ["[", "{", '{"', '["', '{"a":', '[{"a":', "```json\n", "{ ", '"\\'])
def test_hostile_answers_are_given_up_soon(unit: str) -> None:
    started = time.monotonic()
    answer = parse(unit * (600_000 // len(unit)))

    assert answer.ideas == ()
    assert time.monotonic() - started < 5


def test_only_the_end_of_an_endless_answer_is_read() -> None:
    assert parse(ideas(idea()) + "x" * json_answers.LIMIT).ideas == ()
    assert parse("x" * 3 * json_answers.LIMIT + ideas(idea())).ideas == (the_idea(),)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = (
    "hypothesis",
    "area",
    "impact",
    "feasibility",
    "novelty",
    "assumption",
    "risk",
    "sources",
    "queries",
)
_LIKE = st.dictionaries(st.sampled_from(_FIELDS), _JSON)


@given(st.text() | _JSON.map(json.dumps) | st.lists(_LIKE).map(lambda some: json.dumps({"ideas": some})))
def test_any_answer_is_read_without_a_fault(text: str) -> None:
    answer = parse(text)

    assert len(answer.ideas) <= 20
    for found in answer.ideas:
        assert 1 <= found.thought(()).score <= 10
        assert "\n" not in found.hypothesis + found.area + found.assumption + found.risk
    assert all(line and len(line) <= 200 for line in answer.queries)


@given(_LIKE, st.text(alphabet=st.characters(exclude_characters="{["), max_size=50))
def test_an_idea_is_either_taken_whole_or_objected_to(changed: dict[str, Any], prose: str) -> None:
    changed.pop("queries", None)
    answer = parse(prose + ideas({**idea(), **changed}) + prose)

    assert len(answer.ideas) + len(answer.objections) == 1


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_one_line_is_one_short_printable_line(text: str, limit: int) -> None:
    line = one_line(text, limit)

    assert len(line) <= limit
    assert line.isprintable()
    assert line.encode().decode() == line


@given(_LIKE)
def test_newness_is_from_1_to_10_and_always_the_same(changed: dict[str, Any]) -> None:
    for found in parse(ideas({**idea(), **changed})).ideas:
        past = [tried(1, hypothesis=found.hypothesis[:40]), tried(2, description=found.hypothesis)]

        assert 1 <= newness(found, past)[0] <= 10
        assert newness(found, past) == newness(found, past)
