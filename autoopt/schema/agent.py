"""The options of a coding agent: how it is called, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from autoopt.schema.option import option


class AnswerFormat(Enum):
    """What an agent's command prints."""

    text = "text"
    json = "json"
    jsonl = "jsonl"


class AgentHome(Enum):
    """Which home directory an agent sees."""

    real = "real"
    private = "private"


@dataclass(kw_only=True)
class AgentFlagsConfig:
    """What stands in the command for `{flags}`, by what is asked of the agent."""

    model: str = option("When a model is chosen; `{model}` is its name.", "")
    edit: str = option("In stages that edit files.", "")
    read: str = option("In stages that only read.", "")
    budget: str = option("When the call may only cost so much; `{usd}` is the limit.", "")
    turns: str = option("When the model turns are limited; `{turns}` is the number.", "")
    web: str = option("When the web may be searched.", "")
    no_web: str = option("When the web may not be searched.", "")
    writable: str = option("Once for each of the directories in `writable`; `{directory}` is its path.", "")


@dataclass(kw_only=True)
class AnswerConfig:
    """How an agent's answer, and what it took, are read from what its command prints.

    The expressions are JMESPath, over the object (`json`) or the list of events (`jsonl`) on standard output;
    for `text` they are regexes with one group, and their last match in all of the output counts.
    """

    format: AnswerFormat = option(
        "What the command prints: one JSON object, one JSON event per line, or text.", AnswerFormat.text
    )
    text: str | None = option(
        "Where the answer is; not asked when the command writes `{answer_file}`. For `text` all of standard output by default.",
        None,
    )
    error: str | None = option("Where an error is; the call has failed when something is there.", None)
    cost_usd: str | None = option("Where the cost in US dollars is.", None)
    input_tokens: str | None = option("Where the input tokens are, cached ones included.", None)
    cached_tokens: str | None = option("Where the input tokens that were read from a cache are.", None)
    output_tokens: str | None = option("Where the output tokens are.", None)
    turns: str | None = option("Where the number of model turns is.", None)


@dataclass(kw_only=True)
class PricesConfig:
    """What a million tokens cost, for agents that report tokens but no cost."""

    input: float = option("A million input tokens.", 0.0, unit="USD")
    cached: float | None = option(
        "A million input tokens read from a cache; by default as others.", None, unit="USD"
    )
    output: float = option("A million output tokens.", 0.0, unit="USD")


@dataclass(kw_only=True)
class AgentConfig:
    """A coding agent; `agent=claude`, `agent=codex` and so on choose one."""

    name: str = option("What the journal calls it; by default the name of its file.", "")
    command: str | None = option(
        "Shell command run in the desk. `{prompt_file}` is a file with the prompt and `{prompt}` the prompt itself; "
        "with neither it is on standard input. Also `{answer_file}`, which the command writes, `{desk}`, `{flags}`, "
        "`{model}`, `{usd}` and `{turns}`; all are quoted for the shell. `{{word}}` is a literal `{word}`.",
        None,
    )
    program: str | None = option("Program that must be installed for it.", None)
    install: str = option("How to install that program, for when it is missing.", "")
    model: str | None = option(
        "Model to use, by the agent's own name for it; by default the agent's choice.", None
    )
    max_turns: int | None = option("Most model turns of one call, for agents that can limit them.", None)
    timeout_s: float = option("Limit for one call.", 1800.0, unit="s")
    flags: AgentFlagsConfig = option("What stands for `{flags}`.", AgentFlagsConfig)
    answer: AnswerConfig = option("How the answer is read.", AnswerConfig)
    prices: PricesConfig = option("What its tokens cost.", PricesConfig)
    env: dict[str, str] = option(
        "Environment variables for it; no place for secrets, which `pass_env` is for.", dict
    )
    pass_env: list[str] = option(
        "Variables it gets from autoopt's own environment, as names such as `ANTHROPIC_API_KEY` or `ANTHROPIC_*`.",
        list,
    )
    home: AgentHome = option(
        "The home directory it sees: `real`, where logins are, or an empty one of its own.", AgentHome.private
    )
    writable: list[str] = option(
        "Directories beside the desk it may write; agents that can be told are told so.", list
    )
    keeps: list[str] = option(
        "Files and directories of its own that it writes (logins, caches, logs), such as `~/.claude/` or `$CODEX_HOME/`; "
        "one that ends in `/` is made where it is missing. Its model is told nothing of them.",
        list,
    )
    confines: bool = option(
        "Whether it puts what its model runs into a sandbox of its own: then it is not put into one that has no room "
        "for another (landlock, sandbox-exec).",
        False,
    )


@dataclass(kw_only=True)
class AgentIdeasConfig:
    """Code-level edits by a coding agent (`agent=NAME` says which)."""

    hypotheses: int = option("Ideas asked for at once; the best is edited, the others are kept in mind.", 3)
    min_score: float = option(
        "Smallest mean of impact, feasibility and novelty (1 to 10) worth editing; not asked of experiment 1.",
        5.0,
    )
    rounds: int = option("How often better ideas are asked for when none scores enough.", 2)
    context_tokens: int = option("Most tokens of file contents and profile in one prompt.", 30_000)
