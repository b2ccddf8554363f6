import os
import shlex
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trusting import everything

from autoopt import compose, schema
from autoopt.errors import AutooptError, DamagedStateError, ResourceError, UsageError


class Place:
    """A repository with its own recipes, and an environment of its own."""

    def __init__(self, root: Path):
        self.root = root / "repository"
        self.recipes = self.root / ".autoopt" / "recipes"
        self.recipes.mkdir(parents=True)
        (self.root / ".git").mkdir()
        self.state = root / "state"
        self.environ = {
            "HOME": str(root / "home"),
            "XDG_STATE_HOME": str(self.state),
            "XDG_CONFIG_HOME": str(root / "config"),
        }

    def recipe(self, name: str, text: str) -> Path:
        path = self.recipes / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def configs(self, *words: str) -> list[schema.Config]:
        found: list[schema.Config] = []
        compose.run(words, self.environ, found.append, vet=everything)
        return found

    def config(self, *words: str) -> schema.Config:
        (config,) = self.configs(*words)
        return config

    def error(self, *words: str) -> str:
        with pytest.raises(UsageError) as caught:
            self.configs(*words)
        message = str(caught.value)
        assert "\n" not in message
        return message


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = Place(tmp_path)
    monkeypatch.chdir(place.root)
    return place


BARE = ("metric.command=true", "scope=.")


def test_a_metric_command_and_a_scope_are_enough(place):
    config = place.config("metric.command=python bench.py", "scope=src")

    assert config.metric == schema.MetricConfig(command="python bench.py", unit="s")
    assert (config.recipe, config.scope, config.python) == (None, ["src"], shlex.quote(sys.executable))


def test_nothing_is_written_into_the_repository_and_no_run_directory_stays(place):
    place.configs(*BARE)
    place.configs("-m", "metric.command=true", "scope=a,b")

    assert sorted(p.name for p in place.root.iterdir()) == [".autoopt", ".git"]
    assert [p for p in place.state.rglob("*") if p.name != "hydra" and p.name != "autoopt"] == []


def test_the_process_is_left_as_it_was(place):
    argv, environ = list(sys.argv), dict(os.environ)
    place.configs(*BARE)
    place.error("nonsense=1")

    assert (sys.argv, dict(os.environ)) == (argv, environ)


def test_a_job_of_one_run_raises_what_it_raises(place):
    def job(config):
        raise ResourceError("no disk")

    with pytest.raises(ResourceError, match="no disk"):
        compose.run(BARE, place.environ, job)


AWKWARD = [
    "pytest -q 2>&1 | tail -1",
    "echo 'a' \"b\" $HOME ${HOME} `x` \\n \\",
    "a=b, c={d: [e]} (f) # g ; h",
    "",
    "  spaces  ",
    "null ",
    "\\${x} \\\\${y",
    "'one' 'two'",
    "5",
    "true",
    "line one\nline two",
    "~!@#%^&*?<>/|",
]


@pytest.mark.parametrize("text", [text for text in AWKWARD if text.strip()])
@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_a_command_arrives_as_it_was_typed(place, text, mode):
    config = place.config(f"metric.command={text}", "scope=.", *mode)

    assert config.metric.command == text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("'python bench.py --n=3'", "python bench.py --n=3"),
        ('"python bench.py"', "python bench.py"),
        (r"'echo \'a\' \n'", r"echo 'a' \n"),
        ("'a' && 'b'", "'a' && 'b'"),
        ('"a b" "c d"', '"a b" "c d"'),
        ("'a b\"", "'a b\""),
    ],
)
def test_one_pair_of_quotes_around_a_whole_command_is_left_out(place, typed, meant):
    config = place.config(f"metric.command={typed}", f"propose.rewrites={typed}", "scope=.", "goal='a b'")

    assert (config.metric.command, config.propose.rewrites) == (meant, meant)
    assert config.goal == "'a b'"  # prose, as patterns, is what it is


@pytest.mark.parametrize(
    "key",
    [
        *("metric.prepare", "metric.extract.pattern", "guards.g.expect", "propose.discover"),
        *("workspace.setup", "params.p.regex", "params.p.line", "params.p.python", "params.p.key"),
    ],
)
def test_other_commands_patterns_and_places_are_taken_verbatim_too(place, key):
    config = place.config(*BARE, "guards.g.command=true", f"{key}=(a|b) = 'c', ${{d}} [0]")
    for part in key.split("."):
        config = config[part] if isinstance(config, dict) else getattr(config, part)

    assert config == "(a|b) = 'c', ${d} [0]"


@settings(max_examples=300)
@given(st.text(st.sampled_from(list("\\${}'\" a=,[]()\n:|~é")), max_size=16))
def test_any_text_survives_quoting_for_hydra_and_its_sweeper(text):
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    from autoopt.compose import overrides

    parser = OverridesParser.create()
    word = overrides.mend(f"metric.command={text}")
    parsed = parser.parse_override(word)
    again = parser.parse_override(f"{parsed.get_key_element()}={parsed.get_value_element_as_str()}")

    assert OmegaConf.create({"x": parsed.value()}).x == overrides.unwrapped(text)
    assert again.value() == parsed.value()


def test_null_unsets_a_command_of_a_recipe(place):
    place.recipe("r", "metric: {command: 'true', prepare: make}")

    assert place.config("recipe=r", "scope=.", "metric.prepare=null").metric.prepare is None


def test_names_are_added_without_a_plus(place):
    config = place.config(
        *BARE,
        "guards.tests.command=pytest -q",
        "guards.tests.timeout_s=5",
        "guards.lint.command=ruff check",
        "params.batch.choices=[1,2]",
        "params.batch.when.mode=fast",
        "metric.env.OMP_NUM_THREADS=4",
        "metric.env.FLAG=true",
        "metric.env.RATE=1e3",
        "propose.optuna.options.n_startup_trials=3",
    )

    assert config.guards["tests"] == schema.GuardConfig(command="pytest -q", timeout_s=5.0)
    assert list(config.guards) == ["tests", "lint"]
    assert config.params["batch"] == schema.ParameterConfig(choices=[1, 2], when={"mode": "fast"})
    assert config.metric.env == {"OMP_NUM_THREADS": "4", "FLAG": "true", "RATE": "1e3"}
    assert config.propose.optuna.options == {"n_startup_trials": 3}


@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_a_whole_parameter_or_guard_can_be_given_at_once(place, mode):
    (config,) = place.configs(
        *mode,
        "metric.command=true",
        "scope=src",
        "params.n={file: a.py, python: N, choices: [1, 2.5, null, true, 'x y'], when: {m: 1}}",
        "guards.tests={command: 'test $HOME = \"/a, b\"', timeout_s: 5}",
    )

    n = config.params["n"]
    assert (n.file, n.python, n.choices, n.when) == ("a.py", "N", [1, 2.5, None, True, "x y"], {"m": 1})
    assert config.guards["tests"].command == 'test $HOME = "/a, b"'
    assert config.guards["tests"].timeout_s == 5


def test_a_list_takes_items_that_hydras_grammar_does_not_know(place):
    config = place.config("scope=.", "metric.command=x", "writable=[~/.cache, /run/a&b.sock]")

    assert config.writable == ["~/.cache", "/run/a&b.sock"]


def test_a_single_option_of_a_recipes_guard_can_be_changed_or_the_guard_dropped(place):
    place.recipe("r", "metric: {command: 'true'}\nguards: {a: {command: x, expect: ok}, b: {command: y}}")
    config = place.config("recipe=r", "scope=.", "guards.a.command=z", "~guards.b")

    assert config.guards == {"a": schema.GuardConfig(command="z", expect="ok")}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("mertic.command=x", "mertic.command: no such option; did you mean metric.command?"),
        ("metric.comand=x", "metric.comand: no such option; did you mean metric.command?"),
        ("guards.t.comand=x", "guards.t.comand: no such option; did you mean guards.t.command?"),
        ("patience=quick", "patience: no such option; did you mean verdict.patience?"),
        ("+new.key=1", "new.key: no such option; a run has: goal,"),
        ("checker=ty", "checker: no such option; one of a recipe's own would be options.checker; a run has:"),
        ("++metric.new=1", "metric.new: no such option; "),
        ("options.url=x", "options.url: no such option; a run without a recipe has no options of its own."),
        ("+options.url=x", "options.url: no such option; "),
        ("metric.direction=up", "metric.direction: 'up' is not one of lower, higher."),
        ("metric.warmups=some", "metric.warmups: 'some' is not a whole number."),
        ("metric.warmups=1.5", "metric.warmups: 1.5 is not a whole number."),
        ("metric.warmups=null", "metric.warmups: null is not a whole number."),
        ("metric.timeout_s=nan", "metric.timeout_s: nan is not a number."),
        ("line_gain=-0.1", "line_gain: -0.1 is too small; give 0 or more."),
        ("verdict.min_effect=5%", "verdict.min_effect: '5%' is not a number; write 0.05."),
        ("metric.timeout_s=true", "metric.timeout_s: true is not a number."),
        ("off_limits=a", "off_limits: 'a' is not a list, as in [a, b]."),
        ("confirm=maybe", "confirm: 'maybe' is not yes or no."),
        ("metric=5", "metric: 5 is not a group of options; it has: command,"),
        ("guards.tests=pytest", "guards.tests: 'pytest' is not a group of options; it has: kind,"),
        ("scope=a,b", "scope: a,b is several values; write a list as scope=[a,b],"),
        ("scope=null", "scope: is missing; "),
        ("scope=[]", "scope: is missing; "),
        ("scope=3", "scope: 3 is not a path; write scope=./3"),
        ("scope=[a,'']", "scope: one of its paths is empty; "),
        ("goal=two\nlines", "goal: has several lines, but one was expected."),
        ("metric.prepare=a\0b", "metric.prepare: contains a NUL character; remove it."),
        ("metric.env.A=${nope}", "metric.env.A: Interpolation key 'nope' not found; a shell variable is"),
        ("guards.t.expect=x", "guards.t.command: is missing; give guards.t.command=..."),
        ("metric.command= ", "metric.command: is empty; "),
        ("--scope=x", "unrecognized arguments: --scope=x; options are written key=value"),
        ("--cfg", "argument --cfg/-c: expected one argument; "),
        ("stray", "stray: is not an option; options are written key=value"),
        ("=5", "=5: is not an option; "),
        ("recipe=../up", "recipe: ../up: no such recipe."),
        ("recipe=[command,command]", "recipe: one name was expected; -m recipe=a,b starts one run for each."),
        ("hydra/launcher=jobs", "hydra/launcher: jobs: no such choice; installed: basic"),
        ("hydra.nonsense=1", "hydra.nonsense: Key 'nonsense' not in"),
    ],
)
def test_a_mistake_on_the_command_line_is_refused_in_one_line(place, word, message):
    assert place.error(*BARE, word).startswith(message)


def test_without_recipe_and_command_the_next_step_is_said(place):
    message = place.error("scope=.")

    assert "none was chosen" in message and "autoopt recipes" in message


def test_an_unknown_recipe_names_near_ones_and_where_was_looked(place):
    place.recipe("sql-latency", "metric: {command: 'true'}")
    message = place.error("recipe=sql-latncy", "scope=.")

    assert message.startswith("recipe: sql-latncy: no such recipe. Did you mean sql-latency")
    assert str(place.recipes) in message and "built-in" in message


def test_recipes_are_found_in_order_and_the_first_wins(place, tmp_path):
    user, shared = tmp_path / "config" / "autoopt" / "recipes", tmp_path / "shared"
    for folder in (user, shared):
        folder.mkdir(parents=True)
        for name in ("one", "two", "command"):
            (folder / f"{name}.yaml").write_text(f"goal: {folder.name}\nmetric: {{command: 'true'}}")
    (user / "one.yaml").write_text("goal: user\nmetric: {command: 'true'}")
    (user / "two.yaml").unlink()
    place.environ["AUTOOPT_RECIPES"] = f"{shared}:{tmp_path}/absent"
    place.recipe("command", "goal: repository\nmetric: {command: 'true'}")

    assert place.config("recipe=one", "scope=.").goal == "user"
    assert place.config("recipe=two", "scope=.").goal == "shared"
    assert place.config("recipe=command", "scope=.").goal == "repository"


def test_recipes_of_the_repository_are_seen_from_below_but_not_from_outside(place, monkeypatch, tmp_path):
    place.recipe("mine", "metric: {command: 'true'}")
    deep = place.root / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert place.config("recipe=mine", "scope=.").recipe == "mine"

    (tmp_path / ".autoopt" / "recipes").mkdir(parents=True)
    (tmp_path / ".autoopt" / "recipes" / "planted.yaml").write_text("metric: {command: 'true'}")
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    monkeypatch.chdir(outside)
    assert "no such recipe" in place.error("recipe=planted", "scope=.")
    assert place.config("recipe=mine", "scope=.", f"repo={deep}").recipe == "mine"


def test_a_recipe_pack_is_found_by_its_entry_point_without_being_imported(place, tmp_path, monkeypatch):
    pack = tmp_path / "site" / "fine_pack"
    (pack / "recipes").mkdir(parents=True)
    (pack / "__init__.py").write_text("raise RuntimeError('imported')")
    (pack / "recipes" / "packed.yaml").write_text("metric: {command: 'true'}")
    information = tmp_path / "site" / "fine_pack-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: fine_pack\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[autoopt.recipes]\nfine = fine_pack.recipes\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    assert place.config("recipe=packed", "scope=.").recipe == "packed"


INHERITANCE = {
    "base": """
        goal: base
        defaults: [{measure: psql}, _self_]
        options:
          url: ???
          rows: 3
        option_help: {url: Connection URL of the database}
        metric:
          command: run ${options.how} ${quote:${options.url}} ${words:${scope}}
          unit: ms
    """,
    "child": "defaults: [base, _self_]\ngoal: child",
    "team/grandchild": "defaults: [child, {override measure: hyperfine}, _self_]\nmetric: {unit: s}",
    "measure/psql": "options: {how: psql}",
    "measure/hyperfine": "options: {how: hyperfine}",
}


@pytest.fixture
def family(place):
    for name, text in INHERITANCE.items():
        place.recipe(name, text)
    return place


def test_a_recipe_inherits_and_its_own_keys_win(family):
    config = family.config("recipe=team/grandchild", "scope=[a b,c]", "options.url=postgres://u@h/d?x=1,2")

    assert (config.goal, config.metric.unit, config.recipe) == ("child", "s", "team/grandchild")
    assert config.metric.command == "run hyperfine 'postgres://u@h/d?x=1,2' 'a b' c"


def test_a_sub_group_is_chosen_on_the_command_line(family):
    config = family.config("recipe=child", "scope=a", "options.url=x", "recipe/measure=hyperfine")

    assert config.metric.command == "run hyperfine x a"


def test_a_required_option_of_a_recipe_explains_itself(family):
    message = family.error("recipe=child", "scope=.")

    assert message == "options.url: is missing; give options.url=... (Connection URL of the database)"


def test_an_option_no_recipe_declares_is_refused(family):
    assert family.error("recipe=child", "scope=.", "options.ur=x").endswith("did you mean options.url?")


def test_an_unknown_choice_of_a_sub_group_is_refused(family):
    message = family.error("recipe=child", "scope=.", "recipe/measure=hyprfine")

    assert "measure/hyprfine: no such recipe. Did you mean measure/hyperfine?" in message


def test_values_get_into_commands_as_people_write_them(place):
    place.recipe(
        "r",
        """\
        options: {none: null, yes: true, list: [a b, 2, false], empty: []}
        metric:
          command: run ${quote:${options.none}} ${quote:${options.yes}} ${quote:${metric.direction}} end
          prepare: "run ${words:${options.list},--list} ${words:${options.empty},--empty}\
            ${words:${options.none},--none} ${words:${options.yes}} end"
          direction: higher
        """,
    )
    metric = place.config("recipe=r", "scope=.").metric

    assert metric.command == "run '' true higher end"
    assert shlex.split(metric.prepare) == ["run", "--list", "a b", "2", "false", "true", "end"]


def test_python_stands_for_the_interpreter_in_recipes(place):
    place.recipe("r", "metric: {command: '${python} -m pytest'}")

    assert place.config("recipe=r", "scope=.").metric.command == f"{shlex.quote(sys.executable)} -m pytest"
    assert place.config("recipe=r", "scope=.", "python=uv run python").metric.command == (
        "uv run python -m pytest"
    )


BAD_RECIPES = {
    "empty": ("", "is empty; a recipe needs at least metric.command, an agent at least command."),
    "only-comments": ("# nothing\n", "is empty; "),
    "two-documents": ("goal: a\n---\ngoal: b\n", ":2: a second YAML document begins here"),
    "list": ("- a\n", ":1: `key: value` lines were expected."),
    "tab": ("metric:\n\tcommand: x\n", ":2: found character"),
    "nul": ("goal: a\nmetric: \0\n", ":2: a control character"),
    "tag": ("a: 1\ngoal: !!python/object/apply:os.system ['touch pwned']\n", ":2: tags (`!...`) are not"),
    "binary": ("goal: !!binary aGk=\n", ":1: tags (`!...`) are not allowed"),
    "deep": ("goal: " + "[" * 2000, ":1: nested deeper than 20 levels."),
    "duplicate": ("goal: a\nmetric: {command: x}\ngoal: b\n", ":3: goal is given twice (first on line 1)."),
    "alias": ("goal: &a x\nmetric: {command: *a}\n", ":1: anchors and aliases are not allowed"),
    "number-key": ("guards:\n  1: {command: x}\n", ":2: the key '1' is not text; put it in quotes."),
    "unknown": ("goal: a\nmertic: {command: x}\n", ":2: mertic: no such option; did you mean metric?"),
    "hydra": ("hydra: {callbacks: {a: {_target_: os.system}}}\n", ":1: hydra: no such option"),
    "type": ("metric:\n  command: x\n  direction: up\n", ":3: metric.direction: 'up' is not one of"),
    "sexagesimal": ("metric: {command: x, timeout_s: 1:30}", ":1: metric.timeout_s: '1:30' is not a number."),
    "boolean": ("metric: {command: true}\n", ":1: metric.command: true is not text; put it in quotes."),
    "confirm": ("goal: a\nconfirm: no\n", ":2: confirm: only you can set this, on the command line."),
    "itself": ("defaults: [itself]\n", ":1: defaults: itself → itself: a recipe cannot build on itself."),
    "no-base": ("goal: a\ndefaults:\n  - nobody\n", ":3: recipe: nobody: no such recipe."),
    "hydra-base": ("defaults:\n  - override /hydra/launcher: basic\n", ":2: defaults: '/hydra/launcher'"),
    "package": ("defaults:\n  - measure@metric: x\n", ":2: defaults: 'measure@metric': a recipe can"),
    "defaults": ("defaults: base\n", ":1: defaults: a list such as"),
    "interpolation": ("metric: {command: x}\ngoal: ${oops\n", ":2: goal: '${oops' cannot be read as an"),
}


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_a_broken_recipe_is_refused_with_its_line(place, name):
    text, expected = BAD_RECIPES[name]
    path = place.recipe(name, "")
    path.write_text(text)

    message = place.error(f"recipe={name}", "scope=.")

    assert message.startswith(f"{path}:")
    assert expected in message
    assert not (place.root / "pwned").exists()


def test_recipes_that_inherit_each_other_are_refused(place):
    place.recipe("a", "defaults: [b]")
    place.recipe("b", "defaults: [measure/c]")
    place.recipe("measure/c", "defaults: [a]")

    assert "a → b → measure/c → a: a recipe cannot build on itself." in place.error("recipe=a", "scope=.")


def test_what_is_no_readable_file_is_refused_at_once(place):
    os.mkfifo(place.recipes / "fifo.yaml")
    (place.recipes / "folder.yaml").mkdir()
    (place.recipes / "dangling.yaml").symlink_to("nowhere")
    (place.recipes / "device.yaml").symlink_to("/dev/zero")
    (place.recipes / "latin.yaml").write_bytes(b"goal: a\nmetric: {unit: \xe9}\n")
    (place.recipes / "huge.yaml").write_bytes(b"#" * 300_000)

    assert "not a regular file" in place.error("recipe=fifo", "scope=.")
    assert "is a directory" in place.error("recipe=folder", "scope=.")
    assert "cannot be read: No such file" in place.error("recipe=dangling", "scope=.")
    assert "not a regular file" in place.error("recipe=device", "scope=.")
    assert "latin.yaml:2: not UTF-8" in place.error("recipe=latin", "scope=.")
    assert "has 300000 bytes, but a recipe has at most 262144" in place.error("recipe=huge", "scope=.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_recipe_without_permission_is_refused(place):
    place.recipe("closed", "goal: a").chmod(stat.S_IWUSR)

    assert "Permission denied" in place.error("recipe=closed", "scope=.")


def test_a_byte_order_mark_is_accepted_and_plain_words_stay_text(place):
    path = place.recipe("r", "")
    path.write_bytes(
        b"\xef\xbb\xbfmetric: {command: x, timeout_s: 1e3}\nparams: {p: {choices: [on, off, 1e3]}}"
    )
    config = place.config("recipe=r", "scope=.")

    assert config.metric.timeout_s == 1000.0
    assert config.params["p"].choices == ["on", "off", 1000.0]


def test_a_multirun_does_each_combination(place):
    place.recipe("a", "metric: {command: run a}")
    place.recipe("b", "metric: {command: run b}")
    configs = place.configs(
        "-m", "recipe=a,b", "scope=x,y", "metric.prepare=one, two", "guards.g.command=a, b"
    )

    assert [(one.recipe, one.scope) for one in configs] == [
        ("a", ["x"]),
        ("a", ["y"]),
        ("b", ["x"]),
        ("b", ["y"]),
    ]
    assert {one.metric.prepare for one in configs} == {"one, two"}
    assert {one.guards["g"].command for one in configs} == {"a, b"}


def test_a_failing_run_does_not_end_the_others_and_the_parent_hears_of_it(place, capsys):
    done = []

    def job(config):
        done.append(config.scope[0])
        if config.scope == ["b"]:
            raise ResourceError("no disk")
        if config.scope == ["c"]:
            raise SystemExit(6)

    with pytest.raises(AutooptError) as caught:
        compose.run(("-m", "metric.command=true", "scope=a,b,c,d"), place.environ, job)

    assert done == ["a", "b", "c", "d"]
    assert str(caught.value) == "2 of the runs failed (exit codes 4, 6)."
    assert caught.value.exit_code == 4
    assert "scope=b: no disk" in capsys.readouterr().err
    assert list(place.state.rglob("failure.txt")) == []


class Agrees:
    """Whoever is asked about a sweep, and has nothing against it."""

    def plan(self, planned):
        return [f"run-{number}" for number in range(len(planned))]

    def ended(self, outcomes):
        pass


def test_what_goes_wrong_in_a_sweep_is_told_by_what_sets_its_run_apart(place, capsys):
    def job(config):
        raise ResourceError("no disk")

    common = ("-m", "metric.command=true", f"goal={'long ' * 30}", "budget.plateau=null", "scope=src")
    with pytest.raises(AutooptError):
        compose.run((*common, "seed=1,2"), place.environ, job, Agrees())

    assert capsys.readouterr().err.splitlines() == ["autoopt: seed=1: no disk", "autoopt: seed=2: no disk"]

    with pytest.raises(UsageError) as caught:
        compose.run((*common, "metric.timeout_s=5,-1"), place.environ, job, Agrees())

    assert str(caught.value).startswith("metric.timeout_s=-1: metric.timeout_s")


def test_a_defect_in_one_run_of_several_keeps_its_traceback(place, capsys):
    def job(config):
        raise ZeroDivisionError("division")

    with pytest.raises(AutooptError, match="details in") as caught:
        compose.run(("-m", "metric.command=true", "scope=a"), place.environ, job)

    (kept,) = place.state.rglob("failure.txt")
    assert str(kept) in str(caught.value)
    assert "Traceback" in kept.read_text()
    assert capsys.readouterr().err.count("\n") == 1


def test_hydras_switch_does_not_reach_the_commands_of_a_run(place):
    seen = []
    compose.run(
        ("-m", "metric.command=true", "scope=a"),
        place.environ,
        lambda config: seen.append(os.environ.get("HYDRA_FULL_ERROR")),
    )
    compose.run(BARE, place.environ, lambda config: seen.append(os.environ.get("HYDRA_FULL_ERROR")))

    assert seen == [None, None]


def test_the_settings_can_be_looked_at(place, capsys):
    place.recipe("r", "metric: {command: 'true'}")
    jobs = place.configs("--cfg", "job", "recipe=r")

    assert jobs == []
    assert "recipe: r\n" in capsys.readouterr().out
    assert place.configs("recipe=r", "--info", "searchpath") == []
    assert f"recipes://{place.recipes}" in capsys.readouterr().out


AS_ON_3_14 = """
import argparse, os, sys

def check(self, action):
    if action.help:
        try:
            "%" in action.help
        except TypeError as error:
            raise ValueError("badly formed help string") from error

add = argparse._ActionsContainer._add_action
argparse._ActionsContainer._check_help = check
argparse._ActionsContainer._add_action = lambda self, action: (self._check_help(action), add(self, action))[1]
from autoopt import compose
compose.run(sys.argv[1:], os.environ, lambda config: print(config.metric.command))
argparse.ArgumentParser().add_argument("--fine", help="fine")
try:
    argparse.ArgumentParser().add_argument("--odd", help=object())
except ValueError:
    print("checked again")
"""


def test_hydra_starts_where_argparse_checks_help_texts(place):
    done = subprocess.run(
        [sys.executable, "-c", AS_ON_3_14, *BARE], env=place.environ, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("true\nchecked again\n", "")


plain = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@settings(max_examples=40)
@given(
    command=st.text(min_size=1).filter(lambda text: text != "???"),
    first=st.lists(plain.filter(lambda value: value != "???")),
    env=st.dictionaries(st.text(min_size=1), st.text().filter(lambda text: text != "???")),
)
def test_dumped_settings_load_as_they_were(command, first, env):
    config = schema.Config(scope=["a", "${b}"], recipe="r", options={"x": {"y": [1, "1e3", "${z}"]}})
    config.metric = schema.MetricConfig(command=command, env=env, direction=schema.Direction.higher)
    config.guards = {"g": schema.GuardConfig(command="a\n\t'b' \\${c}")}
    config.params = {
        "p": schema.ParameterConfig(choices=["yes", 1, 1.0, None, "0x1F"], first=first, low=1e-9)
    }

    assert compose.load(compose.dump(config)) == config


@pytest.mark.parametrize(
    "text", ["", "[1", "- a", "metric: 5", "metric: {command: x, new: 1}", "goal: 2026-01-01"]
)
def test_damaged_settings_are_refused(text):
    with pytest.raises(DamagedStateError, match=r"config\.yaml"):
        compose.load(text)


@pytest.fixture
def shell(family, tmp_path):
    """Ask a real bash what it would complete, with the script `-sc install=bash` printed."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "autoopt"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nfrom autoopt import compose\n"
        "compose.run(sys.argv[1:], os.environ, print)\n"
    )
    program.chmod(0o755)
    script = """
        eval "$(autoopt -sc install=bash)"
        COMP_LINE=$1 COMP_POINT=${#1}
        eval "COMP_WORDS=($1)"  # as readline does, quoted blanks do not part words
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        complete -p autoopt | grep -q _autoopt_completion && _autoopt_completion autoopt
        echo "${COMPREPLY[@]}"
    """
    environ = {**family.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}

    def ask(line):
        done = subprocess.run(
            ["bash", "-c", script, "bash", line], env=environ, capture_output=True, text=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("autoopt recipe=ch", ["recipe=child"]),
        ("autoopt metric.dir", ["metric.direction="]),
        ("autoopt metric.direction=", ["metric.direction=higher", "metric.direction=lower"]),
        ("autoopt recipe=child recipe/measure=", ["recipe/measure=hyperfine", "recipe/measure=psql"]),
        ("autoopt recipe=child recipe/measure=psql options.u", ["options.url="]),
        ("autoopt metric.command='a | b' nonsense= scope=a metric.un", ["metric.unit="]),
        ("autoopt recipe=nobody metric.un", []),
    ],
)
def test_a_shell_completes_recipes_and_keys(shell, line, offered):
    assert sorted(shell(line)) == offered


def test_stored_settings_take_new_words() -> None:
    stored = compose.dump(schema.Config(scope=["src"], metric=schema.MetricConfig(command="echo ${HOME}")))

    changed = compose.load(stored, ["budget.experiments=40", "budget.wall=8h", "verdict.patience=careful"])

    assert (changed.budget.experiments, changed.budget.wall) == (40, "8h")
    assert changed.verdict.patience is schema.Patience.careful
    assert changed.metric.command == "echo ${HOME}"


def test_stored_settings_refuse_words_that_are_no_options() -> None:
    stored = compose.dump(schema.Config(scope=["src"], metric=schema.MetricConfig(command="true")))

    with pytest.raises(UsageError, match=r"budget\.experimints.*experiments"):
        compose.load(stored, ["budget.experimints=40"])


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ([], "s"),
        (["metric.extract.kind=peak_memory"], "bytes"),
        (["metric.extract.kind=named", "metric.extract.pattern=x"], ""),
        (["metric.unit=minutes"], "minutes"),
    ],
)
def test_a_measured_number_knows_its_unit(place, words, unit):
    assert place.config("metric.command=true", "scope=.", *words).metric.unit == unit


def test_a_command_line_is_composed_once_and_twice_only_where_it_may_set_hydras_mode(place, monkeypatch):
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    composed, load = [], ConfigLoaderImpl.load_configuration

    def counted(self, *arguments, **named):
        composed.append(arguments)
        return load(self, *arguments, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    words = ("metric.command=x", "metric.direction=lower", "metric.unit=s", "scope=src")
    place.config(*words)
    assert len(composed) == 1
    found = place.configs(*words, "hydra.mode=MULTIRUN", "seed=1,2")
    assert [one.seed for one in found] == [1, 2]
    assert [one.seed for one in place.configs("-m", *words, "seed=1,2")] == [1, 2]
    assert place.config(*words).seed == place.config(*words, "hydra.mode=RUN").seed
