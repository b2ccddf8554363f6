import json
import os
import shlex
import signal
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoopt.agents import outcome
from autoopt.agents.agent import ARGUMENT_LIMIT, Agent, Reply
from autoopt.agents.template import Request, render
from autoopt.errors import BudgetSpentError, UsageError
from autoopt.records import Call, Failure, Usage
from autoopt.schema import (
    AgentConfig,
    AgentFlagsConfig,
    AgentHome,
    AnswerConfig,
    AnswerFormat,
    PricesConfig,
)

SECRET = "sk-test-0123456789abcdef"


class Purse:
    """A ledger that allows what it is told to."""

    def __init__(self, usd: float | None = None, *, empty: bool = False):
        self.usd, self.empty = usd, empty
        self.calls: list[Call] = []
        self.allowed: list[tuple[int, str]] = []
        self.began: list[tuple[int, str]] = []

    def allow(self, number: int, stage: str) -> float | None:
        self.allowed.append((number, stage))
        if self.empty:
            raise BudgetSpentError("budget.cost_usd: all is spent")
        return self.usd

    def asked(self, number: int, stage: str) -> None:
        self.began.append((number, stage))

    def spent(self, call: Call) -> None:
        self.calls.append(call)


class Desk:
    """A directory to work in, a program `fake` on the PATH, and agents that run it."""

    def __init__(self, root: Path):
        self.root, self.bin, self.desk = root, root / "bin", root / "a desk"
        self.prompts, self.logs = root / "state" / "prompts", root / "state" / "logs"
        self.bin.mkdir()
        self.desk.mkdir()
        self.environ = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(root / "home"),
            "FAKE_KEY": SECRET,
            "UNRELATED": "not for agents",
        }

    def program(self, script: str, name: str = "fake") -> None:
        path = self.bin / name
        path.write_text("#!/bin/bash\n" + textwrap.dedent(script))
        path.chmod(0o755)

    def agent(self, command: str = "fake {flags}", *, purse: Purse | None = None, **options) -> Agent:
        config = AgentConfig(name="fake", command=command, **options)
        return Agent(config, self.prompts, self.logs, self.environ, purse or Purse())

    def ask(
        self, agent: Agent, prompt: str = "Make it faster.", stage: str = "edit", **how
    ) -> Reply | Failure:
        how = {"number": 1, "cwd": self.desk, "edits": stage == "edit", **how}
        return agent.call(prompt, stage=stage, **how)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


HARD = "Ünïcode, 'quotes', \"more\", $HOME, `id`, {braces}, \\ and\na second line\n"


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("fake {flags}", "cat > got"),
        ("fake {prompt_file}", 'cat "$1" > got'),
        ("fake {prompt}", 'printf "%s\\n" "$1" > got'),
        ("fake --prompt={prompt} --", 'printf "%s\\n" "${1#--prompt=}" > got'),
        ("cat | fake {flags}", "cat > got"),
    ],
    ids=["stdin", "file", "argument", "part of an argument", "pipeline"],
)
def test_the_prompt_arrives_as_it_was_written(desk, command, script):
    desk.program(script + "; echo done")
    reply = desk.ask(desk.agent(command), HARD)

    assert isinstance(reply, Reply) and reply.text == "done"
    assert (desk.desk / "got").read_text() == HARD


def test_a_prompt_that_is_too_long_for_an_argument_is_refused_before_anything_is_spent(desk):
    desk.program("cat > got")
    purse = Purse()
    found = desk.ask(desk.agent("fake {prompt}", purse=purse), "x" * ARGUMENT_LIMIT)

    assert isinstance(found, Failure)
    assert "agent.command passes it as an argument" in found.reason and "{prompt_file}" in found.reason
    assert purse.allowed == [] and purse.calls == []


def test_the_longest_argument_still_arrives(desk):
    desk.program('printf %s "$1" | wc -c')
    reply = desk.ask(desk.agent("fake {prompt}"), "x" * (ARGUMENT_LIMIT - 1))

    assert isinstance(reply, Reply) and reply.text == str(ARGUMENT_LIMIT - 1)


def test_a_prompt_that_is_not_an_argument_can_be_long(desk):
    desk.program("wc -c")
    reply = desk.ask(desk.agent(), "x" * 1_000_000)

    assert isinstance(reply, Reply) and reply.text == "1000000"


@pytest.mark.parametrize("option", ["agent", "inspector"])
def test_an_unknown_placeholder_is_refused_by_its_option(desk, option):
    with pytest.raises(UsageError, match=rf"^{option}\.command: \{{promt\}} stands for nothing; there are"):
        Agent(AgentConfig(command="fake {promt}"), desk.prompts, desk.logs, {}, Purse(), option=option)
    with pytest.raises(UsageError, match=r"^agent\.flags\.budget: \{dollars\}"):
        desk.agent(flags=AgentFlagsConfig(budget="--max {dollars}"))


def test_a_command_that_is_missing_is_refused(desk):
    with pytest.raises(UsageError, match=r"^agent\.command: is missing; choose one with agent=NAME"):
        desk.agent("  ")


def test_braces_that_are_no_placeholders_are_the_shells(desk):
    desk.program('printf "%s " "$@"')
    reply = desk.ask(desk.agent('fake ${BASH:+set} {a,b} \'{"x": {"y": 1}}\' {{model}} {flags}'))

    assert isinstance(reply, Reply) and reply.text == 'set a b {"x": {"y": 1}} {model}'


def test_flags_follow_from_what_is_asked(desk):
    desk.program('printf "%s|" "$@"')
    flags = AgentFlagsConfig(
        model="--model {model}",
        edit="--edit",
        read="--read",
        budget="--usd {usd}",
        turns="--turns {turns}",
        web="--web",
        no_web="--no-web",
        writable="--dir {directory}",
    )
    answer = AnswerConfig(cost_usd="(x)")
    plain = desk.agent(flags=flags)
    full = desk.agent(
        flags=flags,
        answer=answer,
        model="it's; rm -rf",
        max_turns=7,
        writable=["/a b", "/c"],
        purse=Purse(0.25),
    )

    assert desk.ask(plain).text == "--edit|--no-web|"
    assert desk.ask(plain, stage="think", web=True).text == "--read|--web|"
    assert (
        desk.ask(full).text
        == "--model|it's; rm -rf|--edit|--usd|0.2500|--turns|7|--no-web|--dir|/a b|--dir|/c|"
    )


def test_placeholders_can_stand_in_the_command_itself(desk):
    desk.program('printf "%s|" "$@"')
    answer = AnswerConfig(cost_usd="(x)")
    agent = desk.agent(
        "fake {desk} {model} {usd} {turns}", model="m", max_turns=3, answer=answer, purse=Purse(1)
    )

    assert desk.ask(agent).text == f"{desk.desk}|m|1.0000|3|"


@given(st.text().filter(lambda text: "\0" not in text), st.text().filter(lambda text: "\0" not in text))
def test_whatever_is_filled_in_is_one_word_of_the_shell(model, directory):
    config = AgentConfig(
        command="fake {flags} {desk}",
        model=model,
        writable=[directory],
        flags=AgentFlagsConfig(model="-m {model}", writable="-d {directory}"),
    )
    where = Path("/some where")
    request = Request(desk=where, prompt_file=where, answer_file=where, edits=True, web=False, usd=None)
    line = render(config, request).partition("\n")[2]

    assert shlex.split(line) == ["fake", "-m", model, "-d", directory, "/some where"]


EVENTS = [
    {"type": "start"},
    {"type": "message", "role": "assistant", "text": "first"},
    {"type": "usage", "in": 100, "cached": 60, "out": 10, "usd": 0.5},
    {"type": "message", "role": "assistant", "text": "last"},
    {"type": "usage", "in": 200, "cached": 0, "out": 20, "usd": 0.25},
]


def test_plain_text_is_the_answer_and_numbers_come_out_of_it_by_regex(desk):
    desk.program(
        r"""
        printf '\033[1mEdited\033[0m it.\nTokens: 1.2k sent, 345 received.\n'
        echo 'Tokens: 4.2k sent, 1,345 received. Cost: $0.03 message, $0.05 session.' >&2
        """
    )
    answer = AnswerConfig(
        cost_usd=r"message, \$([0-9.]+) session",
        input_tokens=r"Tokens: (\S+) sent",
        output_tokens=r"(\S+) received",
    )
    reply = desk.ask(desk.agent(answer=answer))

    assert reply.text.startswith("Edited it.\nTokens: 1.2k sent")
    assert (reply.usage.cost_usd, reply.usage.input_tokens, reply.usage.output_tokens) == (0.05, 4200, 1345)


def test_a_regex_can_choose_the_answer(desk):
    desk.program("printf 'Banner\\nANSWER: 42\\nBye\\n'")

    assert desk.ask(desk.agent(answer=AnswerConfig(text="ANSWER: (.*)"))).text == "42"


def test_a_json_object_is_read_with_paths_whatever_is_printed_before_it(desk):
    data = {
        "result": " The answer. ",
        "cost": 0.5,
        "usage": {"input": 7, "cached": 3, "output": 2},
        "turns": 4,
    }
    desk.program(f"echo 'Warning: {{not json}}'\ncat <<'EOF'\n{json.dumps(data, indent=2)}\nEOF\n")
    answer = AnswerConfig(
        format=AnswerFormat.json,
        text="result",
        cost_usd="cost",
        input_tokens="sum([usage.input, usage.cached, usage.none][?@])",
        output_tokens="usage.output",
        turns="turns",
    )
    reply = desk.ask(desk.agent(answer=answer))

    assert reply.text == "The answer."
    assert reply.usage == Usage(
        calls=1, cost_usd=0.5, input_tokens=10, output_tokens=2, turns=4, seconds=reply.usage.seconds
    )


STREAM = AnswerConfig(
    format=AnswerFormat.jsonl,
    text="[?type=='message'] | [-1].text",
    error="[?type=='failed'].why | [-1]",
    cost_usd="sum([?type=='usage'].usd)",
    input_tokens="sum([?type=='usage'].\"in\")",
    cached_tokens="sum([?type=='usage'].cached)",
    output_tokens="sum([?type=='usage'].out)",
    turns="length([?type=='usage'])",
)


def stream(*events: object) -> str:
    return "cat <<'EOF'\n" + "\n".join(json.dumps(event) for event in events) + "\nEOF\n"


def test_a_stream_of_events_is_read_with_selectors(desk):
    desk.program("echo starting; echo '{broken'\n" + stream(*EVENTS))
    reply = desk.ask(desk.agent(answer=STREAM))

    assert reply.text == "last"
    assert (reply.usage.cost_usd, reply.usage.input_tokens, reply.usage.output_tokens) == (0.75, 300, 30)
    assert reply.usage.turns == 2


def test_the_answer_can_be_a_file_that_the_command_writes(desk):
    desk.program('echo noise; printf "from the file" > "$1"')

    assert desk.ask(desk.agent("fake {answer_file}"), stage="think").text == "from the file"


def test_a_link_is_not_read_as_the_answer_file(desk):
    (desk.root / "secret").write_text("a secret of the user")
    desk.program(f'ln -s {shlex.quote(str(desk.root / "secret"))} "$1"')
    found = desk.ask(desk.agent("fake {answer_file}"), stage="think")

    assert isinstance(found, Failure) and found.reason == "fake: gave no answer"


def test_tokens_without_a_cost_are_priced(desk):
    desk.program(stream(*EVENTS))
    answer = AnswerConfig(**{**vars(STREAM), "cost_usd": None})
    prices = PricesConfig(input=10.0, cached=1.0, output=100.0)
    reply = desk.ask(desk.agent(answer=answer, prices=prices, purse=Purse(5.0)))

    assert reply.usage.cost_usd == pytest.approx((240 * 10 + 60 * 1 + 30 * 100) / 1e6)


def test_cached_tokens_cost_as_much_as_others_where_nothing_else_is_said(desk):
    desk.program(stream(*EVENTS))
    answer = AnswerConfig(**{**vars(STREAM), "cost_usd": None})
    reply = desk.ask(desk.agent(answer=answer, prices=PricesConfig(input=10.0)))

    assert reply.usage.cost_usd == pytest.approx(300 * 10 / 1e6)


def test_a_limit_in_tokens_needs_an_agent_that_reports_them(desk):
    with pytest.raises(
        UsageError, match=r"limit in tokens, but fake does not report them; say in agent\.answer"
    ):
        desk.agent().check(tokens=True)

    desk.agent(answer=AnswerConfig(output_tokens=r"(\S+) received")).check(tokens=True)


def test_a_limit_in_dollars_needs_an_agent_whose_cost_is_known(desk):
    desk.program("echo done")
    with pytest.raises(UsageError, match=r"fake does not report its cost; say in agent\.answer\.cost_usd"):
        desk.ask(desk.agent(purse=Purse(1.0)))
    counting = AnswerConfig(output_tokens=r"(\S+) received")
    with pytest.raises(UsageError, match=r"fake does not report its cost; give agent\.prices\.input"):
        desk.agent(answer=counting).check(dollars=True)
    with pytest.raises(UsageError, match=r"say in agent\.answer\.cost_usd"):  # prices of tokens nobody counts
        desk.agent(prices=PricesConfig(input=10.0)).check(dollars=True)
    desk.agent().check()

    with pytest.raises(UsageError, match="limit in dollars"):
        desk.agent().check(dollars=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "(unclosed"}, r"agent\.answer\.text: '\(unclosed' is no regex"),
        ({"cost_usd": "no group"}, r"agent\.answer\.cost_usd: 'no group' has 0 groups, but exactly one"),
        ({"format": AnswerFormat.json, "text": "[?"}, r"agent\.answer\.text: '\[\?' is no JMESPath"),
    ],
)
def test_an_expression_that_cannot_be_read_is_refused_before_anything_runs(desk, options, message):
    with pytest.raises(UsageError, match=message):
        desk.agent(answer=AnswerConfig(**options))


def test_an_agent_that_fails_is_a_failure_and_what_it_spent_is_remembered(desk):
    desk.program(stream(*EVENTS) + "echo 'no more credit' >&2; exit 3")
    purse = Purse()
    found = desk.ask(desk.agent(answer=STREAM, purse=purse))

    assert isinstance(found, Failure) and found.reason == "fake: exit code 3: no more credit"
    assert found.tail.endswith("no more credit") and not found.timeout
    assert purse.calls[0].usage.cost_usd == 0.75


def test_an_error_among_the_events_is_the_reason(desk):
    desk.program(stream({"type": "failed", "why": "model\nnot found"}))
    found = desk.ask(desk.agent(answer=STREAM))

    assert isinstance(found, Failure) and found.reason == "fake: model not found"


def test_an_agent_that_takes_too_long_is_ended_and_what_it_spent_until_then_is_remembered(desk):
    desk.program(stream(*EVENTS) + "sleep 60")
    purse = Purse()
    found = desk.ask(desk.agent(answer=STREAM, purse=purse, timeout_s=0.7))

    assert isinstance(found, Failure) and found.timeout
    assert purse.began == [(call.number, call.stage) for call in purse.calls]
    assert not purse.calls[0].complete
    assert "its time limit" in found.reason
    (call,) = purse.calls
    assert call.usage.cost_usd == 0.75 and 0.6 < call.usage.seconds < 30


def test_an_interrupted_call_is_remembered_too(desk):
    desk.program(stream(*EVENTS) + "touch started; sleep 60")
    purse = Purse()
    agent = desk.agent(answer=STREAM, purse=purse)

    def interrupt() -> None:
        while not (desk.desk / "started").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        desk.ask(agent)
    thread.join()

    assert purse.calls[0].usage.cost_usd == 0.75


def test_nothing_runs_when_the_budget_is_spent(desk):
    desk.program("touch ran")
    purse = Purse(empty=True)
    with pytest.raises(BudgetSpentError):
        desk.ask(desk.agent(purse=purse))

    assert purse.allowed == [(1, "edit")] and purse.calls == []
    assert not (desk.desk / "ran").exists() and not desk.prompts.exists()


def test_a_program_that_is_not_installed_is_refused_with_the_way_to_install_it(desk):
    purse = Purse()
    agent = desk.agent(program="no-such-agent", install="npm install -g no-such-agent", purse=purse)
    for attempt in (agent.check, lambda: desk.ask(agent)):
        with pytest.raises(UsageError) as caught:
            attempt()
        assert str(caught.value) == (
            "agent: fake: no-such-agent is not on the PATH; install it with `npm install -g no-such-agent`, "
            "then run again."
        )

    assert purse.calls == []


def test_a_command_that_is_not_found_is_a_failure(desk):
    found = desk.ask(desk.agent("no-such-program-at-all"))

    assert isinstance(found, Failure)
    assert found.reason.startswith("fake: exit code 127 (command not found): ")
    assert found.reason.endswith("no-such-program-at-all: command not found")


def test_who_is_asked_must_answer_and_who_edits_need_not(desk):
    desk.program("touch edited")
    agent = desk.agent()

    assert desk.ask(agent, stage="edit").text == ""
    assert desk.ask(agent, stage="think").reason == "fake: gave no answer"


def test_transcripts_are_counted_for_each_experiment_and_never_overwritten(desk):
    desk.program("cat; echo and an answer")
    purse = Purse()
    desk.ask(desk.agent(purse=purse), "one", stage="think", number=7)
    desk.ask(desk.agent(purse=purse), "two", stage="edit", number=7)
    desk.ask(desk.agent(purse=purse), "three", stage="edit", number=12)

    assert sorted(path.name for path in desk.prompts.iterdir()) == [
        "0007-1-think.answer.md",
        "0007-1-think.prompt.md",
        "0007-2-edit.answer.md",
        "0007-2-edit.prompt.md",
        "0012-1-edit.answer.md",
        "0012-1-edit.prompt.md",
    ]
    assert (desk.prompts / "0007-2-edit.prompt.md").read_text() == "two"
    assert (desk.prompts / "0007-2-edit.answer.md").read_text() == "twoand an answer"
    assert [call.transcript for call in purse.calls] == ["0007-1-think", "0007-2-edit", "0012-1-edit"]


def test_secrets_reach_the_agent_and_nothing_else(desk):
    desk.program(
        'echo "key: $FAKE_KEY"; echo "again: $FAKE_KEY" >&2; printf "%s" "$FAKE_KEY" > "$1"; cat >&2; exit 1'
    )
    agent = desk.agent("fake {answer_file}", pass_env=["FAKE_*"])
    found = desk.ask(agent, f"A file of the repository holds {SECRET}.")

    assert isinstance(found, Failure) and "[FAKE_KEY]" in found.tail
    for path in desk.root.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in repr(found)


def test_an_agent_sees_only_the_variables_that_are_named_for_it(desk):
    desk.program("env | sort")
    desk.environ |= {"HTTPS_PROXY": "http://me:a-password@proxy:1", "FAKE_URL": "u"}
    desk.environ |= {"XDG_CONFIG_HOME": "/somewhere"}
    agent = desk.agent(pass_env=["FAKE_*"], env={"OWN": "1", "FAKE_URL": "mine"})
    seen = dict(line.split("=", 1) for line in desk.ask(agent).text.splitlines())

    assert seen["FAKE_KEY"] == "[FAKE_KEY]" and seen["OWN"] == "1" and seen["FAKE_URL"] == "mine"
    assert seen["HTTPS_PROXY"] == "http://me:[HTTPS_PROXY]@proxy:1"
    assert "UNRELATED" not in seen and "XDG_CONFIG_HOME" not in seen
    assert seen["HOME"] != desk.environ["HOME"] and not Path(seen["HOME"]).exists()
    assert seen["PWD"] == str(desk.desk)


def test_an_agent_with_a_login_sees_the_real_home(desk):
    desk.program('echo "$HOME $XDG_CONFIG_HOME"; [ "$TMPDIR" != "$HOME" ]')
    desk.environ["XDG_CONFIG_HOME"] = "/somewhere"

    assert desk.ask(desk.agent(home=AgentHome.real)).text == f"{desk.environ['HOME']} /somewhere"


@pytest.mark.parametrize(
    "printed",
    [
        b"\xff\xfe\x00binary\x00",
        b'{"type": "usage", "in": 1e999, "cached": NaN, "out": -5, "usd": "a lot"}\n',
        b'{"type": "usage", "in": [1], "cached": null, "out": true, "usd": {"x": 1}}\n',
        b'{"type": "usage", "in": ' + b"9" * 5000 + b"}\n",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"text"\n3\n[1]\nnull\n',
        b'{"type": 3, "text": {"nested": true}}\n{"type": "message", "text": ["x"]}\n',
        b"",
    ],
    ids=[
        "binary",
        "not finite",
        "wrong types",
        "huge number",
        "deep list",
        "deep object",
        "no objects",
        "odd",
        "empty",
    ],
)
@pytest.mark.parametrize("form", list(AnswerFormat))
def test_hostile_output_never_makes_an_error(tmp_path, printed, form):
    (tmp_path / "stdout").write_bytes(printed)
    (tmp_path / "stderr").write_bytes(printed)
    config = (
        STREAM if form is AnswerFormat.jsonl else AnswerConfig(format=form, cost_usd="(usd)", turns="(in)")
    )
    read = outcome.read(config, PricesConfig(input=1), tmp_path / "stdout", tmp_path / "stderr", None)

    assert 0 <= read.cost_usd <= 1e12 and 0 <= read.input_tokens <= 1e12 and read.turns in (0, 1)


def test_a_flood_of_words_is_cut(desk):
    desk.program("head -c 3000000 /dev/zero | tr '\\0' x")

    assert len(desk.ask(desk.agent()).text) == outcome.ANSWER_LIMIT


def test_a_prompt_with_control_characters_is_written_without_them(desk):
    desk.program("cat")

    assert desk.ask(desk.agent(), "a\x00b\x1b[31mc\ud800").text == "abc?"
