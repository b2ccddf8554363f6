"""Real agent command lines, driven end to end against a scripted model on loopback, in a real repository.

Each is skipped where it is not on the PATH. Nothing here needs the network.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.model_server import CACHED, INPUT, OUTPUT, Model, Use, serve
from support.workspace_repos import by_hand, git, make_repository, open_workspace, referee, snapshot

from autoopt import compose, schema
from autoopt.agents.agent import Agent, Reply
from autoopt.assemble import confining
from autoopt.places import RunFiles
from autoopt.records import Call, Failure

SECRET = "sk-test-0123456789abcdef"
OLD, NEW = "return 1", "return 2"


@dataclass(frozen=True)
class Cli:
    """How to point one agent at the model, and the calls of its own tools that edit a file.

    Attributes:
        environ: Variables; `<url>` stands for the server's address.
        edit: The uses of its tools that replace OLD by NEW in a file of the desk.
        write: The use that writes a file anywhere.
        options: What else has to be said on autoopt's command line.
        knows: What of cost and turns it reports.
        settings: What has to be in `~/.gemini/settings.json`.
        has_tools: Whether its model edits with tools; aider's writes what is to be replaced into its answer.
    """

    environ: Mapping[str, str]
    edit: Callable[[Path], Sequence[Use | str]]
    write: Callable[[Path], Sequence[Use | str]]
    options: Sequence[str] = ()
    knows: Sequence[str] = ()
    settings: Mapping[str, Any] | None = None
    has_tools: bool = True


def _patch(action: str, path: Path, body: str) -> Use:
    """Codex's default model edits by a program that calls its tools."""
    patch = f"*** Begin Patch\n*** {action} File: {path}\n{body}*** End Patch\n"
    return Use("exec", f"text(String(await tools.apply_patch({json.dumps(patch)})))")


_OPENCODE = {
    "npm": "@ai-sdk/openai-compatible",
    "options": {"baseURL": "<url>/v1", "apiKey": SECRET},
    "models": {"scripted": {"cost": {"input": 3, "output": 15}}},
}

CLIS = {
    "claude": Cli(
        environ={"ANTHROPIC_BASE_URL": "<url>", "ANTHROPIC_API_KEY": SECRET},
        edit=lambda file: [
            Use("Read", {"file_path": str(file)}),
            Use("Edit", {"file_path": str(file), "old_string": OLD, "new_string": NEW}),
        ],
        write=lambda file: [Use("Write", {"file_path": str(file), "content": "x"})],
        knows=("cost_usd", "turns"),
    ),
    "codex": Cli(
        environ={"CODEX_API_KEY": SECRET},
        edit=lambda file: [_patch("Update", file, f"@@\n-    {OLD}\n+    {NEW}\n")],
        write=lambda file: [_patch("Add", file, "+x\n")],
    ),
    "gemini": Cli(
        environ={"GOOGLE_GEMINI_BASE_URL": "<url>", "GEMINI_API_KEY": SECRET},
        edit=lambda file: [
            Use("read_file", {"file_path": str(file)}),
            Use(
                "replace", {"file_path": str(file), "instruction": "x", "old_string": OLD, "new_string": NEW}
            ),
        ],
        write=lambda file: [Use("write_file", {"file_path": str(file), "content": "x"})],
        options=("agent.model=gemini-2.5-pro",),
        settings={"security": {"auth": {"selectedType": "gemini-api-key"}}},
    ),
    "opencode": Cli(
        environ={
            "OPENCODE_CONFIG_CONTENT": json.dumps({"provider": {"local": _OPENCODE}}),
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        },
        edit=lambda file: [
            Use("read", {"filePath": str(file)}),
            Use("edit", {"filePath": str(file), "oldString": OLD, "newString": NEW}),
        ],
        write=lambda file: [Use("write", {"filePath": str(file), "content": "x"})],
        options=("agent.model=local/scripted", "agent.pass_env=[OPENCODE_*]"),
        knows=("cost_usd", "turns"),
    ),
    "copilot": Cli(
        environ={
            "COPILOT_PROVIDER_BASE_URL": "<url>/v1",
            "COPILOT_PROVIDER_API_KEY": SECRET,
            "COPILOT_MODEL": "scripted",
            "COPILOT_OFFLINE": "true",
        },
        edit=lambda file: [
            Use("view", {"path": str(file)}),
            Use("edit", {"path": str(file), "old_str": OLD, "new_str": NEW}),
        ],
        write=lambda file: [Use("create", {"path": str(file), "file_text": "x"})],
        knows=("turns",),
    ),
    "llm": Cli(
        environ={"OPENAI_BASE_URL": "<url>/v1", "OPENAI_API_KEY": SECRET},
        edit=lambda file: [
            Use("read_file", {"path": str(file)}),
            Use("replace_in_file", {"path": str(file), "old": OLD, "new": NEW}),
        ],
        write=lambda file: [Use("write_file", {"path": str(file), "text": "x"})],
        options=("agent.model=gpt-4o-mini",),
        knows=("turns",),
    ),
    "aider": Cli(
        environ={"OPENAI_API_BASE": "<url>/v1", "OPENAI_API_KEY": SECRET},
        edit=lambda file: [],
        write=lambda file: [],
        options=("agent.model=openai/gpt-4o",),
        has_tools=False,
    ),
}


class Purse:
    def __init__(self, usd: float | None) -> None:
        self.usd = usd
        self.calls: list[Call] = []

    def allow(self, number: int, stage: str) -> float | None:
        return self.usd

    def asked(self, number: int, stage: str) -> None:
        """Nothing to remember."""

    def spent(self, call: Call) -> None:
        self.calls.append(call)


class Stage:
    """A repository with a desk, the scripted model, and one real agent set up to talk to it."""

    def __init__(self, root: Path, name: str, model: Model) -> None:
        self.cli, self.model, self.name = CLIS[name], model, name
        self.repository = make_repository(root)
        self.workspace = open_workspace(self.repository)
        self.desk = self.workspace.desk
        self.file = self.desk / "src" / "fast.py"
        self.state = root / "agent state"
        self.home = root / "home"
        self.home.mkdir()
        if self.cli.settings is not None:
            (self.home / ".gemini").mkdir()
            (self.home / ".gemini" / "settings.json").write_text(json.dumps(self.cli.settings))
        self.purse = Purse(None)

    def call(self, *options: str, edits: bool = True, web: bool = False) -> Reply | Failure:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environ = {**kept, "HOME": str(self.home)}
        environ |= {name: value.replace("<url>", self.model.url) for name, value in self.cli.environ.items()}
        config, files = self._config(*options, environ=environ), RunFiles(self.state)
        walls = confining.for_agents(config, files, self.workspace.desk, environ)
        agent = Agent(config.agent, files.prompts, files.logs, environ, self.purse, walls=walls)
        agent.check()
        stage = "edit" if edits else "think"
        return agent.call(
            "Make src/fast.py faster.", stage=stage, number=3, cwd=self.desk, edits=edits, web=web
        )

    def _config(self, *options: str, environ: Mapping[str, str]) -> schema.Config:
        found: list[schema.Config] = []
        words = [f"agent={self.name}", "metric.command=true", "scope=src", f"repo={self.repository}"]
        compose.run([*words, *self.cli.options, *options], environ, found.append)
        if self.name == "codex":
            found[0].agent.command += f" -c openai_base_url={self.model.url}/v1"
        return found[0]

    def offers(self, words: Sequence[str]) -> bool:
        """Whether any of the words is in what the model was sent last; some tools stand in prose."""
        return any(word in json.dumps(self.model.requests[-1]) for word in words)

    def untouched(self) -> dict[str, Any]:
        """What is the user's; opencode leaves its id of a repository in the git directory."""
        return {path: file for path, file in snapshot(self.repository).items() if path != ".git/opencode"}

    def files_of_state(self) -> Iterator[tuple[Path, str]]:
        for path in sorted(self.state.rglob("*")):
            if path.is_file():
                yield path, path.read_text("utf-8", "replace")


@contextmanager
def staged(root: Path, name: str, script: Callable[[Stage], Sequence[Use | str]]) -> Iterator[Stage]:
    with serve([]) as model:
        stage = Stage(root, name, model)
        model.script = script(stage)
        yield stage


@pytest.fixture(params=[name for name, cli in CLIS.items() if cli.has_tools])
def name(request):
    """Each agent that is installed and whose model has tools to edit with."""
    return installed(request.param)


def installed(name: str) -> str:
    for line in (Path(__file__).parent.parent / "conf" / "agent" / f"{name}.yaml").read_text().splitlines():
        if line.startswith("install: ") and shutil.which(name) is None:
            pytest.skip(f"{name} is not on the PATH; {line}")
    return name


def test_an_agent_edits_a_file_in_the_desk(tmp_path, name):
    with staged(tmp_path, name, lambda stage: [*stage.cli.edit(stage.file), "It is faster now."]) as stage:
        before = stage.untouched()
        reply = stage.call()

        assert isinstance(reply, Reply), reply
        assert reply.text == "It is faster now."
        assert stage.file.read_text() == f"def work():\n    {NEW}\n"
        turns = len(stage.model.script)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (turns * INPUT, turns * OUTPUT)
        assert reply.usage.turns == (turns if "turns" in stage.cli.knows else 0)
        assert (reply.usage.cost_usd > 0) == ("cost_usd" in stage.cli.knows)
        (call,) = stage.purse.calls
        assert call.usage == reply.usage and (call.agent, call.transcript) == (name, "0003-1-edit")
        assert (stage.state / "prompts" / "0003-1-edit.answer.md").read_text() == "It is faster now."

        with stage.workspace.attempt(by_hand(), 1) as attempt:
            assert attempt.change.paths == ("src/fast.py",)
            attempt.keep()
        referee(stage.workspace, stage.repository)
        assert stage.untouched() == before
        for path, text in stage.files_of_state():
            assert SECRET not in text, path


def test_an_agent_that_is_to_read_cannot_edit(tmp_path, name):
    with staged(tmp_path, name, lambda stage: [*stage.cli.edit(stage.file), "I tried."]) as stage:
        found = stage.call(edits=False)

        assert stage.file.read_text() == f"def work():\n    {OLD}\n"
        assert git(stage.desk, "status", "--porcelain") == ""
        assert found.text == "I tried." if isinstance(found, Reply) else found.reason


@pytest.mark.parametrize("place", ["the user's checkout", "the git directory"])
def test_an_agent_cannot_write_outside_the_desk(tmp_path, name, place):
    inside = place == "the git directory"
    where = Path(".git", "hooks", "pre-commit") if inside else Path("evil.txt")
    with staged(
        tmp_path, name, lambda stage: [*stage.cli.write(stage.repository / where), "I tried."]
    ) as stage:
        before = stage.untouched()
        stage.call()

        assert stage.untouched() == before
        assert len(stage.model.requests) >= 2, "the model was never told that it may not"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("claude", ["WebSearch", "WebFetch"]),
        ("codex", ["web_search", "web__run"]),
        ("gemini", ["google_web_search", "web_fetch"]),
    ],
)
def test_the_web_is_there_only_when_it_is_asked_for(tmp_path, agent, words):
    with staged(tmp_path, installed(agent), lambda stage: ["Done."]) as stage:
        stage.call(edits=False, web=False)
        assert not stage.offers(words)
        stage.call(edits=False, web=True)
        assert stage.offers(words)


def test_claude_stops_at_the_limit_in_dollars(tmp_path):
    with staged(tmp_path, installed("claude"), lambda stage: [*stage.cli.edit(stage.file), "Done."]) as stage:
        stage.purse.usd = 0.003
        found = stage.call()

        assert isinstance(found, Failure) and "Reached maximum budget ($0.003)" in found.reason
        (call,) = stage.purse.calls
        assert 0.003 <= call.usage.cost_usd < 0.02 and call.usage.input_tokens == INPUT


def test_claude_stops_at_the_limit_of_turns(tmp_path):
    with staged(tmp_path, installed("claude"), lambda stage: [*stage.cli.edit(stage.file), "Done."]) as stage:
        found = stage.call("agent.max_turns=1")

        assert isinstance(found, Failure) and "maximum number of turns (1)" in found.reason


def test_claude_that_is_ended_has_told_what_it_used(tmp_path):
    with staged(tmp_path, installed("claude"), lambda stage: [*stage.cli.edit(stage.file), "Done."]) as stage:
        stage.model.seconds = 6.0
        found = stage.call("agent.timeout_s=11")

        assert isinstance(found, Failure) and found.timeout
        assert stage.purse.calls[0].usage.input_tokens == INPUT


def test_claude_runs_nobodys_hooks_and_reads_nobodys_notes(tmp_path):
    mark = tmp_path / "hook ran"
    hook = {"matcher": "*", "hooks": [{"type": "command", "command": f"touch '{mark}'"}]}
    with staged(tmp_path, installed("claude"), lambda stage: [*stage.cli.edit(stage.file), "Done."]) as stage:
        for folder in (stage.home, stage.desk):
            (folder / ".claude").mkdir()
            (folder / ".claude" / "settings.json").write_text(json.dumps({"hooks": {"PreToolUse": [hook]}}))
        (stage.home / ".claude" / "CLAUDE.md").write_text("USERS-NOTES")
        (stage.desk / "CLAUDE.md").write_text("REPOSITORYS-NOTES")
        reply = stage.call()

        assert isinstance(reply, Reply)
        assert not mark.exists()
        assert "S-NOTES" not in json.dumps(stage.model.requests)


def test_aider_edits_the_file_that_the_prompt_names_and_commits_nothing(tmp_path):
    installed("aider")
    answer = f"src/fast.py\n```python\n<<<<<<< SEARCH\n    {OLD}\n=======\n    {NEW}\n>>>>>>> REPLACE\n```\n"
    with staged(tmp_path, "aider", lambda stage: [answer]) as stage:
        before, head = stage.untouched(), git(stage.desk, "rev-parse", "HEAD")
        reply = stage.call()

        assert isinstance(reply, Reply), reply
        assert stage.file.read_text() == f"def work():\n    {NEW}\n"
        assert (reply.usage.cost_usd, reply.usage.input_tokens) == (0.0025, INPUT)
        assert git(stage.desk, "rev-parse", "HEAD") == head
        assert git(stage.desk, "status", "--porcelain") == " M src/fast.py\n"
        assert stage.untouched() == before


def test_codex_is_priced_by_its_tokens(tmp_path):
    with staged(tmp_path, installed("codex"), lambda stage: [*stage.cli.edit(stage.file), "Done."]) as stage:
        stage.purse.usd = 1.0
        reply = stage.call("agent.prices.input=1", "agent.prices.cached=0.1", "agent.prices.output=10")

        assert isinstance(reply, Reply)
        each = (INPUT - CACHED) * 1 + CACHED * 0.1 + OUTPUT * 10
        assert reply.usage.cost_usd == pytest.approx(2 * each / 1e6)


def test_codex_hides_keys_from_the_commands_it_runs(tmp_path):
    program = 'text(JSON.stringify(await tools.exec_command({cmd: "env"})))'
    with staged(tmp_path, installed("codex"), lambda stage: [Use("exec", program), "Done."]) as stage:
        stage.call()

        assert "PATH=" in json.dumps(stage.model.requests[-1])
        assert SECRET not in json.dumps(stage.model.requests)


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_a_whole_run_with_a_real_agent(tmp_path, name):
    """Think, edit, commit, measure, keep: from the command line, with nothing scripted but the model."""
    cli, repository = CLIS[installed(name)], make_repository(tmp_path)
    idea = {
        "hypothesis": "Returning two should lower the number because it is counted down from three",
        "area": "work",
        "impact": 8,
        "feasibility": 9,
        "novelty": 7,
        "assumption": "nobody reads the value",
        "risk": "none",
    }
    metric = f"grep -q '{NEW}' src/fast.py && echo METRIC n=1 || echo METRIC n=3"
    with serve(["unexpected"]) as model:
        desk = repository.parent / f"{repository.name}-real"
        model.by_prompt = {
            "Edit nothing yet": [json.dumps({"ideas": [idea]})],
            "make this one change": [*cli.edit(desk / "src" / "fast.py"), '{"description": "return two"}'],
        }
        command = ["agent.model=claude-opus-4-5"] if name == "claude" else []
        if name == "codex":
            shipped = compose_agent(name).command
            command = [f"agent.command={shipped} -c openai_base_url={model.url}/v1"]
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        environ |= {key: value.replace("<url>", model.url) for key, value in cli.environ.items()}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "autoopt", "recipe=command", "scope=src", "run_id=real"),
                *(f"metric.command={metric}", "metric.extract.kind=named", "metric.extract.pattern=n"),
                *("metric.baseline_samples=2", "metric.probe=no", f"agent={name}", "propose.use=[agent]"),
                *("budget.experiments=1", *command),
            ],
            cwd=repository, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "#1 keep" in done.stdout, done.stdout
    subject = git(repository, "log", "-1", "--format=%s", "autoresearch/real").strip()
    assert subject == "experiment: return two"
    assert f"think by {name}: 1 call" in done.stdout
    assert git(repository, "show", "autoresearch/real:src/fast.py").strip().endswith(NEW)


def compose_agent(name):
    found = []
    compose.run([f"agent={name}", "metric.command=true", "scope=src"], dict(os.environ), found.append)
    return found[0].agent
