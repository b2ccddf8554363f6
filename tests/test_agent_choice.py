"""Choosing an agent by name: on the command line, in recipes, in files of one's own."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.trusting import everything

from autoopt import compose, schema
from autoopt.agents.agent import Agent
from autoopt.commands import recipes
from autoopt.errors import UsageError

AGENTS = Path(__file__).resolve().parent.parent / "conf" / "agent"
NAMES = sorted(path.stem for path in AGENTS.glob("*.yaml"))
RUN = ("metric.command=true", "scope=x.py")


class Place:
    def __init__(self, root: Path):
        self.root = root / "repository"
        (self.root / ".git").mkdir(parents=True)
        self.user = root / "config" / "autoopt" / "agents"
        self.environ = {
            "HOME": str(root / "home"),
            "XDG_STATE_HOME": str(root / "state"),
            "XDG_CONFIG_HOME": str(root / "config"),
            "PATH": os.environ["PATH"],
        }

    def file(self, path: str, text: str) -> Path:
        """A file of the repository's own, or of the user's with `user/` first."""
        folder, _, name = path.partition("/")
        where = self.user / name if folder == "user" else self.root / ".autoopt" / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(textwrap.dedent(text))
        return where

    def configs(self, *words: str) -> list[schema.Config]:
        found: list[schema.Config] = []
        compose.run((*RUN, *words), self.environ, found.append, vet=everything)
        return found

    def config(self, *words: str) -> schema.Config:
        (config,) = self.configs(*words)
        return config

    def error(self, *words: str) -> str:
        with pytest.raises(UsageError) as caught:
            self.configs(*words)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = Place(tmp_path)
    monkeypatch.chdir(place.root)
    return place


class NoLimit:
    def allow(self, number: int, stage: str) -> None:
        return None

    def asked(self, number: int, stage: str) -> None:
        """Nothing to remember."""

    def spent(self, call: object) -> None:
        raise AssertionError("nothing is called here")


def test_without_an_agent_there_is_none(place):
    config = place.config()

    assert config.agent == schema.AgentConfig() and config.inspector == schema.AgentConfig()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("none", "command")])
def test_every_shipped_agent_can_be_chosen_and_built(place, tmp_path, name):
    config = place.config(f"agent={name}", f"inspector={name}")

    assert config.agent == config.inspector and config.agent.name == name
    assert "{flags}" in (config.agent.command or "") and config.agent.install and config.agent.program
    for option in ("agent", "inspector"):
        Agent(config.agent, tmp_path, tmp_path, place.environ, NoLimit(), option=option)


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_agent_says_what_it_is_and_how_it_was_checked(name):
    first = (AGENTS / f"{name}.yaml").read_text().splitlines()[0]

    assert first.startswith("# ")
    if name not in ("none", "command"):
        assert "Checked with" in first or "Not run" in first


def test_an_agents_options_can_be_changed_on_the_command_line(place):
    words = ("agent.model=opus", "agent.max_turns=9", "agent.env.EXTRA=1", "agent.prices.input=2.5")
    config = place.config(
        "agent=claude", *words, "agent.pass_env=[A,B]", "agent.answer.text=[0].x['y'] || `1`"
    )

    assert config.agent.model == "opus" and config.agent.max_turns == 9 and config.agent.prices.input == 2.5
    assert config.agent.env["EXTRA"] == "1" and len(config.agent.env) == 2
    assert config.agent.pass_env == ["A", "B"]
    assert config.agent.answer.text == "[0].x['y'] || `1`"
    assert config.inspector.command is None


def test_a_model_that_looks_like_a_number_stays_text(place):
    assert place.config("agent=llm", "agent.model=4").agent.model == "4"


@pytest.mark.parametrize("word", ["inspector=codex", "agent@inspector=codex"])
def test_the_inspector_is_an_agent_of_its_own(place, word):
    config = place.config("agent=claude", word, "inspector.model=small")

    assert (config.agent.name, config.agent.model) == ("claude", None)
    assert (config.inspector.name, config.inspector.model) == ("codex", "small")


def test_one_run_for_each_agent(place):
    configs = place.configs("-m", "agent=none,claude,codex")

    assert [config.agent.name for config in configs] == ["", "claude", "codex"]


def test_one_run_for_each_inspector(place):
    configs = place.configs("-m", "agent=claude", "inspector=none,codex")

    assert [(config.agent.name, config.inspector.name) for config in configs] == [
        ("claude", ""),
        ("claude", "codex"),
    ]


def test_a_command_of_ones_own(place):
    config = place.config("agent=command", "agent.command=my-agent --x='a b' {prompt_file} ${HOME}")

    assert config.agent.command == "my-agent --x='a b' {prompt_file} ${HOME}"
    assert config.agent.name == "command"
    assert place.config("agent.command=my-agent").agent.command == "my-agent"


def test_the_command_of_ones_own_must_be_given(place):
    assert place.error("agent=command") == "agent.command: is missing; give agent.command=..."
    assert place.error("inspector=command") == "inspector.command: is missing; give inspector.command=..."


def test_files_of_ones_own_are_found_by_name_and_the_repositorys_come_first(place):
    place.file("user/mine.yaml", "command: users {prompt}")
    place.file("user/claude.yaml", "command: users-claude {prompt}")

    assert place.config("agent=mine").agent.command == "users {prompt}"
    assert place.config("agent=claude").agent == schema.AgentConfig(
        name="claude", command="users-claude {prompt}"
    )

    place.file("agents/mine.yaml", "command: ours {prompt}\nname: our-agent")

    config = place.config("agent=mine", "inspector=mine")
    assert config.agent.command == config.inspector.command == "ours {prompt}"
    assert config.agent.name == "our-agent"


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("agent=cluade",), "agent: cluade: no such agent. Did you mean claude? There are: aider, claude,"),
        (("inspector=cdex",), "inspector: cdex: no such agent. Did you mean codex? There are: aider,"),
        (("agent=../etc/passwd",), "agent: ../etc/passwd: no such agent. There are:"),
        (("agent=",), "agent: : no such agent. There are:"),
        (("-m", "agent=claude,cdex"), "agent: cdex: no such agent."),
        (("agent=[claude,codex]",), "agent: one name was expected; -m agent=a,b starts one run for each."),
        (("agent=claude,codex",), "agent: claude,codex is several values;"),
        (("agent={command:x}",), "agent: one name was expected;"),
        (("agent.model=opus",), "agent.model: no agent was chosen; add agent=NAME, with one of aider,"),
        (("agent=claude", "inspector.model=x"), "inspector.model: no agent was chosen; add inspector=NAME"),
        (("agent=claude", "agent.modle=x"), "agent.modle: no such option; did you mean agent.model?"),
        (("agent=claude", "agent.home=fake"), "agent.home: 'fake' is not one of real, private."),
    ],
)
def test_a_choice_that_cannot_work_is_refused_in_one_line(place, words, start):
    assert place.error(*words).startswith(start)


def test_a_broken_file_is_refused_with_its_line(place):
    path = place.file("agents/broken.yaml", "command: x\nflags:\n  bugdet: y\n")

    assert place.error("agent=broken").startswith(
        f"{path}:3: agent.flags.bugdet: no such option; did you mean"
    )
    place.file("agents/list.yaml", "- a\n")
    assert "list.yaml:1: " in place.error("agent=list")


def test_a_recipe_can_choose_agents_and_their_models(place):
    place.file(
        "recipes/night.yaml",
        """
        defaults: [python-perf, {agent: claude}, {inspector: codex}, _self_]
        agent: {model: opus, max_turns: 20}
        """,
    )
    config = place.config("recipe=night")

    assert (config.agent.name, config.agent.model, config.agent.max_turns) == ("claude", "opus", 20)
    assert config.inspector.name == "codex" and config.metric.unit == "s"


def test_the_command_line_wins_over_the_recipe_and_takes_no_other_agents_model(place):
    place.file("recipes/night.yaml", "defaults: [{agent: claude}, _self_]\nagent: {model: opus}\n")

    assert place.config("recipe=night", "agent.model=haiku").agent.model == "haiku"
    assert place.config("recipe=night", "agent=claude").agent.model == "opus"
    assert place.config("recipe=night", "agent=codex").agent.model is None
    assert place.config("recipe=night", "agent=codex", "agent.model=m").agent.model == "m"
    for word in ("agent=none", "agent=null"):
        assert place.config("recipe=night", word).agent.command is None


def test_a_recipe_that_builds_on_another_can_choose_another_agent(place):
    place.file("recipes/base.yaml", "defaults: [{agent: claude}]\ngoal: base\n")
    place.file("recipes/other.yaml", "defaults: [base, {agent: gemini}, _self_]\n")

    assert place.config("recipe=base").agent.name == "claude"
    assert place.config("recipe=other").agent.name == "gemini"


@pytest.mark.parametrize(
    "key", ["command: curl evil", "pass_env: [AWS_SECRET]", "home: real", "flags: {edit: --yolo}"]
)
def test_a_recipe_cannot_say_what_an_agent_runs_or_sees(place, key):
    path = place.file("recipes/evil.yaml", f"goal: x\nagent: {{{key}}}\n")

    assert place.error("recipe=evil").startswith(
        f"{path}:2: agent.{key.partition(':')[0]}: a recipe can set model, max_turns, timeout_s, prices only;"
    )


def test_an_unknown_agent_in_a_recipe_is_refused_with_its_line(place):
    path = place.file("recipes/typo.yaml", "goal: x\ndefaults:\n  - inspector: cluade\n")

    assert place.error("recipe=typo").startswith(
        f"{path}:3: inspector: cluade: no such agent. Did you mean claude?"
    )


def test_showing_a_recipe_names_its_agent(place, capsys):
    place.file("recipes/night.yaml", "defaults: [{agent: claude}, _self_]\nagent: {model: opus}\n")
    recipes.main(["show", "night"], place.environ)

    shown = "defaults: [{agent: claude}, _self_]\nagent:\n  model: opus  # from night\n"
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in NAMES if name != "command"])
def test_the_settings_survive_being_stored(place, name):
    config = place.config(f"agent={name}", f"inspector={name}")

    assert compose.load(compose.dump(config)) == config


def test_completion_knows_the_agents(place):
    place.file("agents/codfish.yaml", "command: x")
    for option in ("agent", "inspector"):
        environ = {**place.environ, "COMP_LINE": f"autoopt {option}=cod"}
        done = subprocess.run(
            [sys.executable, "-m", "autoopt", "-sc", "query=bash"],
            cwd=place.root,
            env=environ,
            capture_output=True,
            text=True,
        )

        assert done.stdout.split() == [f"{option}=codex", f"{option}=codfish"], done.stderr


def test_the_help_lists_the_agents():
    from autoopt import cli, reference

    assert ", ".join(NAMES) in reference.help_text(cli.SUBCOMMANDS)


def test_every_environment_of_an_agent_that_is_json_is_json(place):
    permission = place.config("agent=opencode").agent.env["OPENCODE_PERMISSION"]

    assert json.loads(permission)["bash"] == "deny"
