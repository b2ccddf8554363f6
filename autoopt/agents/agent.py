"""One coding agent: a prompt in, edits in a directory and an answer out."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoopt.agents import outcome, template
from autoopt.agents.outcome import Outcome
from autoopt.agents.template import Request
from autoopt.agents.transcripts import Transcripts
from autoopt.errors import UsageError
from autoopt.processes import OUTPUT_CAP, Completed, complaint, cut_short, failure, run, tail
from autoopt.processes.environment import clean_environment, named, read_regular
from autoopt.processes.logs import Logs
from autoopt.processes.walls import Walls
from autoopt.protocols import Ledger
from autoopt.records import Call, Failure, Usage
from autoopt.schema import AgentConfig, AgentHome
from autoopt.secrets import gather

ARGUMENT_LIMIT = 128 * 1024
"""Bytes of one argument of a program on Linux (MAX_ARG_STRLEN), its closing NUL included."""
_READS_ONLY = " (it was asked for an answer only, and may not edit files now)"
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_COMPILED = {"PYTHONPYCACHEPREFIX": "", "PYTHONDONTWRITEBYTECODE": "1"}
"""An agent written in Python starts 15 s later when it is compiled anew. It leaves nothing in the desk."""
_ANSWER = "answer"
_HOMES = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an agent answered, and what that took."""

    text: str
    usage: Usage


class Agent:
    """Calls one agent's command."""

    def __init__(
        self,
        config: AgentConfig,
        prompts: Path,
        logs: Path,
        environ: Mapping[str, str],
        ledger: Ledger,
        *,
        option: str = "agent",
        walls: Walls | None = None,
    ) -> None:
        """Transcripts go to `prompts`, output of the command to `logs`.

        Args:
            walls: What holds for every agent of the run; None for none.
            option: Where its options are in the configuration: `agent` or `inspector`.

        Raises:
            UsageError: one of its options cannot work.
        """
        template.check(config, option)
        outcome.check(config.answer, f"{option}.answer")
        self._config = config
        self._option = option
        self._environ = environ
        self._ledger = ledger
        self._secrets = gather(environ, config.pass_env, config.env)
        self._logs = Logs(logs, self._secrets)
        self._extra = _extra(config, environ)
        self._transcripts = Transcripts(prompts, self._secrets)
        self._walls = walls

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return self._config.name or "agent"

    def check(self, *, dollars: bool = False, tokens: bool = False) -> None:
        """Refuse an agent that cannot do what is wanted; costs nothing.

        Args:
            dollars: Whether the budget is in dollars, so that its cost has to be known.
            tokens: Whether the budget is in tokens, so that they have to be known.

        Raises:
            UsageError: its program is not installed, or nothing tells its cost or its tokens.
        """
        check_callable(self._config, self._option, self._environ)
        config = self._config
        answer, prices = config.answer, (config.prices.input, config.prices.output)
        counted = answer.input_tokens is not None or answer.output_tokens is not None
        if dollars and answer.cost_usd is None and not (any(prices) and counted):
            prices_help = f"give {self._option}.prices.input and {self._option}.prices.output"
            cost_help = f"say in {self._option}.answer.cost_usd where it is in the answer"
            raise UsageError(
                f"budget: there is a limit in dollars, but {self.name} does not report its cost; "
                f"{prices_help if counted else cost_help}, or limit budget.experiments."
            )
        if tokens and not counted:
            raise UsageError(
                f"budget: there is a limit in tokens, but {self.name} does not report them; say in "
                f"{self._option}.answer.input_tokens and {self._option}.answer.output_tokens where they are, "
                "or limit budget.experiments."
            )

    def call(
        self, prompt: str, *, stage: str, number: int, cwd: Path, edits: bool, web: bool = False
    ) -> Reply | Failure:
        """Ask the agent once, in a fresh session.

        Args:
            prompt: The whole prompt.
            stage: think, edit, repair, inspect, simplify or review.
            number: The experiment it is for.
            cwd: Where the agent works: the desk.
            edits: Whether it may edit files there; otherwise it only reads, as far as its flags see to that.
            web: Whether it may search the web.

        Raises:
            BudgetSpentError: the call could exceed the budget; it was not made.
            UsageError: its program is not installed, or its cost would not be known.
        """
        prompt = self._secrets.text(prompt)
        if refusal := self._refusal(prompt):
            return refusal
        usd = self._ledger.allow(number, stage)
        self.check(dollars=usd is not None)
        stem, prompt_file = self._transcripts.ask(number, stage, prompt)
        logs = self._logs.open(f"{self.name}-{stage}")
        request = Request(
            desk=cwd, prompt_file=prompt_file, answer_file=logs / _ANSWER, edits=edits, web=web, usd=usd
        )
        started, complete = time.monotonic(), False
        self._ledger.asked(number, stage)
        try:
            done = self._run(request, logs)
            complete = cut_short(done) is None
        finally:  # what was spent is remembered however the call ended, Ctrl-C included
            read = self._read(logs)
            usage = _usage(read, time.monotonic() - started)
            call = Call(
                number=number, stage=stage, agent=self.name, transcript=stem, usage=usage, complete=complete
            )
            self._ledger.spent(call)
            self._transcripts.answer(stem, read.text or "")
        problem = self._problem(done, read, edits)
        result = Reply(text=read.text or "", usage=usage) if problem is None else failure(done, problem)
        self._logs.close(logs, failed=problem is not None)
        return result

    def _refusal(self, prompt: str) -> Failure | None:
        """Why the prompt cannot be passed; None when it can."""
        size = len(prompt.encode("utf-8", "replace"))
        if not template.takes_argument(self._config) or size < ARGUMENT_LIMIT:
            return None
        return Failure(
            reason=f"{self.name}: the prompt has {size} bytes, and {self._option}.command passes it as an "
            f"argument, which can have {ARGUMENT_LIMIT - 1}; lower propose.agent.context_tokens, or pass it "
            "as {prompt_file}"
        )

    def _run(self, request: Request, logs: Path) -> Completed:
        """Run the command with the prompt and the answer in a directory of its own, within its walls."""
        with tempfile.TemporaryDirectory(prefix="autoopt-", ignore_cleanup_errors=True) as folder:
            own = Path(folder)
            inside = replace(request, prompt_file=own / request.prompt_file.name, answer_file=own / _ANSWER)
            shutil.copyfile(request.prompt_file, inside.prompt_file)
            try:
                return self._run_within(own, inside, logs)
            finally:
                _save(inside.answer_file, request.answer_file)

    def _run_within(self, own: Path, request: Request, logs: Path) -> Completed:
        home, tmp = own / "home", own / "tmp"
        home.mkdir(mode=0o700)
        tmp.mkdir(mode=0o700)
        environment = self._environment(home)
        return run(
            template.render(self._config, request),
            cwd=request.desk,
            env=environment,
            timeout_s=self._config.timeout_s,
            logs=logs,
            walls=self._around(request, own, environment),
        )

    def _around(self, request: Request, own: Path, environment: Mapping[str, str]) -> Walls | None:
        """The walls of one call; none where they would leave no room for the agent's own."""
        walls, config = self._walls, self._config
        if walls is None or (config.confines and not walls.mechanism.nests):
            return None
        writable = [own, *_places(config.writable, environment), *_kept(config.keeps, environment)]
        if request.edits:
            writable.append(request.desk)
        every = (*walls.writable, *writable)
        return replace(walls, writable=every, tmp=own / "tmp", nested=config.confines)

    def _environment(self, home: Path) -> dict[str, str]:
        """What every command gets, and what this agent gets besides."""
        return clean_environment(self._environ, home, self._extra)

    def _read(self, logs: Path) -> Outcome:
        """What the command has printed, secrets taken out of it for good."""
        for path in logs.iterdir():
            if path.is_file() and not path.is_symlink():
                self._secrets.file(path)
        answer_file = logs / _ANSWER if template.answers_in_file(self._config) else None
        config = self._config
        return outcome.read(config.answer, config.prices, logs / "stdout", logs / "stderr", answer_file)

    def _problem(self, done: Completed, read: Outcome, edits: bool) -> str | None:
        """Why the call was no good, in one line; None when it was."""
        ended = complaint(done) if edits else complaint(done, _READS_ONLY)
        complained = tail(done).splitlines()[-1:] if ended and done.stderr.stat().st_size else []
        said = " ".join((read.error or "".join(complained)).split())[:200]
        if ended or said:
            return f"{self.name}: {': '.join(filter(None, [ended, said]))}"
        # Whoever edits may do so without a word; whoever is asked a question may not.
        return None if edits or read.text else f"{self.name}: gave no answer"


def _save(answer: Path, place: Path) -> None:
    """Put an answer that a command has written into a file among its logs."""
    content = read_regular(answer, OUTPUT_CAP)
    if content is not None:
        place.write_bytes(content)


def _places(names: Sequence[str], environment: Mapping[str, str]) -> Iterator[Path]:
    """The places that are named, without those named by variables that are not set."""
    for name in names:
        head, slash, rest = name.partition("/")
        known = environment.get("HOME") if head == "~" else environment.get(head.removeprefix("$"))
        if head.startswith(("~", "$")):
            if known:
                yield Path(f"{known}{slash}{rest}")
        else:
            yield Path(name)


def _kept(names: Sequence[str], environment: Mapping[str, str]) -> Iterator[Path]:
    """What an agent keeps for itself; directories are made, as it cannot make them itself."""
    for name in names:
        for place in _places([name], environment):
            if name.endswith("/"):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield place


def check_callable(config: AgentConfig, option: str, environ: Mapping[str, str]) -> None:
    """Refuse an agent that cannot be called: a placeholder stands for nothing, or its program is missing.

    Raises:
        UsageError: naming the option.
    """
    template.check(config, option)
    program = config.program
    if program is not None and shutil.which(program, path=environ.get("PATH")) is None:
        how = f"install it with `{config.install}`" if config.install else "install it"
        raise UsageError(
            f"{option}: {config.name or 'agent'}: {program} is not on the PATH; {how}, then run again."
        )


def _extra(config: AgentConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """The home that is asked for, proxies, and the variables that are named."""
    homes = _HOMES if config.home is AgentHome.real else ()
    patterns = (*homes, *_NETWORK, *map(str.lower, _NETWORK), *config.pass_env)
    return {**_COMPILED, **named(environ, patterns), **config.env}


def _usage(read: Outcome, seconds: float) -> Usage:
    return Usage(
        calls=1,
        cost_usd=read.cost_usd,
        input_tokens=read.input_tokens,
        output_tokens=read.output_tokens,
        turns=read.turns,
        seconds=seconds,
    )
