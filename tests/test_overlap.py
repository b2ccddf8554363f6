import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.parallel_runs import here, recipe

from autoopt import compose, journal
from autoopt.commands import overlap
from autoopt.overlaps import Claim, conflicts, covering, split, with_new
from autoopt.schema import Config
from autoopt.scope import Scope

PATHS = [
    f"{folder}{name}" for folder in ("", "src/", "src/a/", "src/b/", "lib/") for name in ("x.py", "y.py")
]


def claim(name, *files, **fields):
    return Claim(name=name, files=frozenset(files), **fields)


def test_only_runs_that_share_files_are_in_conflict():
    one, two, three = claim("1", "a"), claim("2", "b"), claim("3", "b", "c")

    assert conflicts([one, two, three]) == [(two, three)]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ({"races": True}, {"races": True}, False),
        ({"races": True}, {}, True),
        ({"begun": True}, {"races": True}, False),
        ({"begun": True, "races": True}, {}, True),
        ({"begun": True}, {"begun": True}, False),
    ],
)
def test_whoever_has_not_begun_has_to_want_the_race(first, second, clash):
    assert bool(conflicts([claim("1", "a", **first), claim("2", "a", **second)])) is clash


def test_equal_scopes_are_split_by_directories():
    files = ("src/a/x", "src/a/y", "src/b/x", "src/c/x")
    shares = split([claim("1", *files), claim("2", *files)])

    assert shares == {"1": {"src/a/x", "src/a/y"}, "2": {"src/b/x", "src/c/x"}}


@given(st.lists(st.sets(st.sampled_from(PATHS), min_size=1), min_size=2, max_size=4), st.booleans())
def test_no_file_has_two_owners_and_none_is_lost(sets, begun):
    claims = [claim(str(n), *files, begun=begun and n == 0) for n, files in enumerate(sets)]
    shares = split(claims)

    owned = [path for paths in shares.values() for path in paths]
    assert len(owned) == len(set(owned))
    assert set(owned) == set().union(*sets)
    assert all(shares[one.name] <= one.files for one in claims)
    assert all(shares[one.name] == one.files for one in claims if one.begun)


@given(st.sets(st.sampled_from(PATHS), min_size=1))
def test_what_covers_files_covers_no_others(files):
    others = set(PATHS) - files
    scope = Scope(covering(files, others))

    assert {path for path in PATHS if scope.contains(path)} == files


@given(st.lists(st.sets(st.sampled_from(PATHS), min_size=1), min_size=2, max_size=3))
def test_what_is_proposed_can_be_pasted_and_nobody_may_make_anothers_file(sets):
    paths = with_new(PATHS, ["src/*.sql"])
    configs = {str(number): Config(scope=[*sorted(files), "src"]) for number, files in enumerate(sets)}
    scopes = {name: Scope(config.scope) for name, config in configs.items()}
    claims = [claim(name, *filter(scope.contains, paths)) for name, scope in scopes.items()]
    shares = split(claims)
    words = {
        one.name: overlap._words(configs[one.name], one.files, shares[one.name], paths) for one in claims
    }
    proposed = [_scope(said) for said in words.values() if "scope=" in said]

    owners = {path: sum(scope.contains(path) for scope in proposed) for path in paths}
    assert all(count <= 1 for count in owners.values()), words
    assert all(owners[path] == 1 for path in PATHS if any(one.contains(path) for one in scopes.values()))


def _scope(words):
    """What the proposed words mean."""
    lists = {
        option: value.strip("[]").split(",")
        for option, value in (word.split("=", 1) for word in shlex.split(words))
    }
    return Scope(lists["scope"], lists.get("off_limits", []))


def test_the_fewest_paths_cover():
    assert covering({"src/a/x", "src/a/y"}, {"src/b"}) == ["src/a"]
    assert covering({"src/a/x", "lib/y"}, set()) == ["."]


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {"a": recipe("a", 1), "b": recipe("b", 4)})


def pasted(error):
    """The words that the refusal proposes, by run."""
    lines = [line.split("  ", 2) for line in error.splitlines() if line.startswith("  ")]
    return {name.strip(): shlex.split(words) for _, name, words in lines}


def test_a_sweep_whose_runs_overlap_starts_none_and_proposes_a_split(project, capsys):
    code, _, err = project.run(capsys, "-m", "recipe=a,b", "scope=src")

    assert code == 2
    assert "recipe=a and recipe=b would both edit src/a/n, src/b/n, src/both" in err
    assert "allow_overlap=race" in err
    assert project.branches() == ["main"]
    assert project.records() == []
    configs = []
    for name, words in pasted(err).items():
        compose.run([name, *words], project.environ, configs.append)
    scopes = [Scope(config.scope, config.off_limits) for config in configs]
    owned = {
        path: sum(scope.contains(path) for scope in scopes) for path in ("src/a/n", "src/b/n", "src/both")
    }
    assert set(owned.values()) == {1}


def test_a_mistake_in_one_run_of_a_sweep_stops_all_of_them(project, capsys):
    code, _, err = project.run(capsys, "-m", "recipe=a", "scope=src/a,[1]")

    assert code == 2
    assert len(err.splitlines()) == 1
    assert project.branches() == ["main"]


def test_scopes_can_be_given_by_recipe_and_as_lists(project):
    found = []
    words = ["-m", "recipe=a,b", "scope={a:[src/a,src/both],b:src/b}"]
    compose.run(words, project.environ, found.append)
    compose.run(["-m", "recipe=a", "scope=[src/a],[src/b,src/both]"], project.environ, found.append)

    scopes = [config.scope for config in found]
    assert scopes == [["src/a", "src/both"], ["src/b"], ["src/a"], ["src/b", "src/both"]]


def test_a_scope_for_other_recipes_only_is_refused(project, capsys):
    code, _, err = project.run(capsys, "recipe=a", "scope={b: src/b}")

    assert code == 2
    assert "scope: gives files to b, but none to a" in err


def live(project, capsys, words=("allow_overlap=no",)):
    """A finished run whose lock is held as if it were at work."""
    code, out, err = project.run(capsys, "recipe=a", "run_id=first", *words)
    assert code == 0, out + err
    return journal.held(project.states()[0])


def test_files_of_a_live_run_are_refused_and_its_own_are_left_to_it(project, capsys):
    with live(project, capsys):
        code, _, err = project.run(capsys, "recipe=b", "scope=src", "run_id=second")
        disjoint, _, _ = project.run(capsys, "recipe=b", "run_id=third")
        race, _, _ = project.run(capsys, "recipe=a", "run_id=fourth", "allow_overlap=race")
        sweep, _, sweeping = project.run(capsys, "-m", "recipe=a,b")

    assert code == 2
    assert "this run and run first would both edit src/a/n" in err
    assert pasted(err) == {"this run": ["scope=[src]", "off_limits=[src/a]"]}
    assert (disjoint, race) == (0, 0)
    assert sweep == 2
    assert "recipe=a and run first would both edit src/a/n" in sweeping
    assert "autoresearch/second" not in project.branches()


def test_a_run_that_waits_for_a_try_keeps_its_files(project, capsys):
    assert project.run(capsys, "start", "recipe=a", "run_id=driven")[0] == 0
    code, _, err = project.run(capsys, "-m", "recipe=a,b")
    disjoint, _, _ = project.run(capsys, "start", "recipe=b", "run_id=other")

    assert (code, disjoint) == (2, 0)
    assert "recipe=a and run driven would both edit src/a/n" in err
    assert "`autoopt clean driven` ends it" in err


def test_files_that_two_runs_might_both_make_are_shared_out_too(project, capsys):
    with live(project, capsys, ("scope=src", "off_limits=[src/b,src/both]")):
        code, _, err = project.run(capsys, "recipe=b", "scope=src", "off_limits=[src/a,src/both]")

    assert code == 2
    assert "this run and run first would both edit new files such as src/(new), and" in err
    assert pasted(err) == {"this run": ["scope=[src/b]"]}


def test_a_run_that_has_ended_claims_nothing(project, capsys):
    with live(project, capsys):
        pass

    assert project.run(capsys, "recipe=a", "run_id=second")[0] == 0


def test_a_resumed_run_is_kept_apart_too(project, capsys):
    with live(project, capsys):
        pass
    (state,) = project.states()
    project.run(capsys, "recipe=a", "run_id=second")
    second = next(one for one in project.states() if one.name == "second")
    with journal.held(second):
        code, _, err = project.run(capsys, "resume", "first", "budget.experiments=2")
        race, _, _ = project.run(capsys, "resume", "first", "budget.experiments=2", "allow_overlap=race")

    assert code == 2
    assert re.search(r"this run and run second would both edit src/a/n", err)
    assert race == 0
    assert state.name == "first"
