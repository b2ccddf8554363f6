"""Every option of a run: its type, default, unit and meaning, written once.

The option table of `autoopt help options` and `autoopt --help` are generated from here (`autoopt.reference`), and the
configuration is type-checked against it. Classes are plain dataclasses because OmegaConf cannot merge
into nested frozen ones (its issue 1102). Only the standard library is imported, so that `--help` is quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autoopt.schema.agent import AgentConfig as AgentConfig
from autoopt.schema.agent import AgentFlagsConfig as AgentFlagsConfig
from autoopt.schema.agent import AgentHome as AgentHome
from autoopt.schema.agent import AgentIdeasConfig as AgentIdeasConfig
from autoopt.schema.agent import AnswerConfig as AnswerConfig
from autoopt.schema.agent import AnswerFormat as AnswerFormat
from autoopt.schema.agent import PricesConfig as PricesConfig
from autoopt.schema.choices import DeskMode as DeskMode
from autoopt.schema.choices import Direction as Direction
from autoopt.schema.choices import Extraction as Extraction
from autoopt.schema.choices import GuardKind as GuardKind
from autoopt.schema.choices import LinkBy as LinkBy
from autoopt.schema.choices import Notice as Notice
from autoopt.schema.choices import Overlap as Overlap
from autoopt.schema.choices import Patience as Patience
from autoopt.schema.choices import Sandbox as Sandbox
from autoopt.schema.choices import Stream as Stream
from autoopt.schema.choices import Variation as Variation
from autoopt.schema.choices import WebSearch as WebSearch
from autoopt.schema.notify import NotifyConfig as NotifyConfig
from autoopt.schema.option import MISSING as MISSING
from autoopt.schema.option import option
from autoopt.schema.propose import OptunaConfig as OptunaConfig
from autoopt.schema.propose import ProposeConfig as ProposeConfig
from autoopt.schema.propose import QueueConfig as QueueConfig
from autoopt.schema.propose import RuffConfig as RuffConfig
from autoopt.schema.report import ReportConfig as ReportConfig
from autoopt.schema.workspace import WorkspaceConfig as WorkspaceConfig


@dataclass(kw_only=True)
class ExtractConfig:
    """How to read the number."""

    kind: Extraction = option(
        "How the number is read: `regex` (one group), `line` (number alone on line N; -1 is the last), `json` (path), "
        "`named` (a `METRIC name=value` line), `hyperfine` (mean of `results[0].times` in its JSON), "
        "`pyperf` (mean), `pytest_benchmark` (median) or `asv` (in their JSON), `junit` or `coverage` reports, `exit_code`, or the command's own `wall`, `cpu` (s) or `peak_memory` (bytes), with a failure anywhere in a pipe as a failure.",
        Extraction.wall,
    )
    pattern: str = option(
        "What `kind` looks for: the regex, the line number, the JSON path (`a.b[0].c`), the metric's name, or the "
        "benchmark's (a glob stands for the geometric mean of several, nothing for the only one); what of a `junit` "
        "(pass_rate) or `coverage` report.",
        "",
    )
    stream: Stream = option("Which output is searched.", Stream.stdout)
    file: str | None = option(
        "Read this file, written by the command (relative to the checkout), not its output.", None
    )


@dataclass(kw_only=True)
class MetricConfig:
    """The number to improve."""

    command: str = option(
        "Shell command that prints the metric; runs in a clean checkout of the commit. Write `$VAR`, not `${VAR}`."
    )
    prepare: str | None = option(
        "Shell command run once in each commit's checkout before it is measured (build, load data); not timed.",
        None,
    )
    extract: ExtractConfig = option("How the number is read from the output.", ExtractConfig)
    direction: Direction = option("Which way is better.", Direction.lower)
    unit: str = option("Unit, for people; known by itself where the command is timed or weighed.", "")
    target: float | None = option("Stop when this value is reached, with 95 % confidence.", None)
    timeout_s: float | None = option(
        "Limit for one execution; by default twice the baseline, at least 10 s.", None, unit="s"
    )
    cleanup: str | None = option(
        "Shell command run in a clean checkout whenever the run pauses or ends, to take away what `prepare` made outside "
        "the checkouts; it must do no harm when there is nothing.",
        None,
    )
    warmups: int = option("Executions thrown away before a commit's first sample.", 1)
    baseline_samples: int = option("Samples of the baseline.", 5)
    variation: Variation = option(
        "How the number varies: not at all (`none`), with AUTOOPT_SEED alone (`seed`: F1, loss), or from run to run "
        "(`noise`: times); `auto` finds out at the baseline.",
        Variation.auto,
    )
    seeds: int = option(
        "Where the number varies by seed: how many seeds experiments share, so that the incumbent is run once with each.",
        16,
    )
    test_share: float = option(
        "Where runs with different seeds score different parts of the same data: the share each run scores (folds: "
        "1/folds). Such runs resemble each other, and gains are trusted accordingly.",
        0.0,
    )
    duet: bool = option(
        "Run both commits of a pair at the same moment, so that what disturbs one disturbs both; needs two cores.",
        False,
    )
    self_scored: bool = option(
        "The program that is edited prints its own number, as a training script does; else a script in scope that the "
        "command runs is refused where its output is the number.",
        False,
    )
    probe: bool = option(
        "Before the first experiment, see that garbage in the files in scope changes the number.", True
    )
    env: dict[str, str] = option("Environment variables of the metric, prepare and guard commands.", dict)
    pass_env: list[str] = option(
        "Variables they get from autoopt's own environment, as names such as `DATABRICKS_*`: the place for secrets, "
        "which are not written down then.",
        list,
    )
    env_file: str | None = option(
        "Tracked file of `NAME=value` lines; those that are parameters reach the metric command.", None
    )


@dataclass(kw_only=True)
class GuardConfig:
    """One inspector of changes."""

    kind: GuardKind = option(
        "`command`: must exit 0; `rows`: prints rows that must equal the base commit's; `inventory`: prints JSON "
        '`{"no_more": {name: n}, "no_fewer": {name: n}, "same": {name: value}}`, held against the base commit\'s.',
        GuardKind.command,
    )
    command: str | None = option(
        "Shell command, run in a clean checkout of the change; null takes the guard away."
    )
    expect: str | None = option("Regex the output of a `command` guard must contain.", None)
    tolerance: float = option(
        "Largest relative difference between two floats that still counts as equal (`rows`).", 1e-9
    )
    timeout_s: float = option("Limit for one execution.", 600.0, unit="s")


@dataclass(kw_only=True)
class SuspicionsConfig:
    """What in a change looks as if it gamed the metric."""

    ignore: list[str] = option(
        "Rules that find nothing, by the names that findings begin with, as in `clock`, `disk`, `table`, or `clocks`, "
        "`minimal-diff` and `traces`; only the command line may set this.",
        list,
    )


@dataclass(kw_only=True)
class ConstraintConfig:
    """A bound on a further number of the metric command's runs.

    The number is that of a `METRIC name=value` line, or `wall_s`, `cpu_s` or `peak_mb`, which are always known.
    """

    max: float | None = option("Largest value a kept change may have.", None)
    min: float | None = option("Smallest value a kept change may have.", None)
    max_regression: float | None = option(
        "How much worse than at the baseline it may be after all kept changes together, as a ratio: 0.05 is 5 %.",
        None,
    )
    direction: Direction = option("Which way the number is better, for `max_regression`.", Direction.lower)


@dataclass(kw_only=True)
class ParameterConfig:
    """One value in one file, and what it may be."""

    file: str | None = option(
        "File that holds the value, relative to the repository root; must be in scope.", None
    )
    key: str | None = option(
        "Key path in a YAML, TOML, JSON or INI file, as in `model.layers[0].width`; in `.properties` and a `.conf` without "
        "sections the whole name, dots and all, and null among the choices is its absence.",
        None,
    )
    python: str | None = option(
        "Place in a Python file: `NAME` (assignment), `Class.NAME`, `function(argument)` (a default) or "
        "`call(keyword=)` (a keyword argument).",
        None,
    )
    sql: str | None = option(
        "Setting in a SQL file. `PRAGMA name` or `SET name`: that statement, on a line of its own; null is its "
        "absence, and it is added after the last of its kind, else before the first statement. The name alone: "
        "whichever statement or `/*+ name(value) */` hint is there.",
        None,
    )
    regex: str | None = option(
        "Regex with one group, matching once in the file; the group is the value.", None
    )
    env: str | None = option("Environment variable of the metric command, kept in `metric.env_file`.", None)
    line: str | None = option("A whole line that is in the file (true) or not (false).", None)
    choices: list[Any] | None = option("The values it may take.", None)
    low: float | None = option("Smallest value of a number.", None)
    high: float | None = option("Largest value of a number.", None)
    step: float | None = option("Distance between values of a number.", None)
    log: bool = option("Search a number on a logarithmic scale.", False)
    integer: bool | None = option(
        "Whether a number is whole; by default when its present value, low and high are.", None
    )
    first: list[Any] = option("Values worth trying alone, before the search proper.", list)
    when: dict[str, Any] = option(
        "Only searched while these other parameters have these values (a list: one of them).", dict
    )


@dataclass(kw_only=True)
class ProfileConfig:
    """Where the time goes: shown to whoever has ideas, and what is edited first."""

    command: str | None = option(
        "Shell command that prints a profile; run once for each incumbent, in a clean checkout.", None
    )
    timeout_s: float = option("Limit for one execution.", 300.0, unit="s")


@dataclass(kw_only=True)
class VerdictConfig:
    """When the evidence is enough."""

    patience: Patience = option(
        "How many pairs a challenger may cost: `quick` 8, `default` 16, `patient` 24 or `careful` 32; `auto` is quick "
        "where ideas are cheap against measuring and patient where they are dear.",
        Patience.auto,
    )
    max_pairs: int | None = option("Most pairs for one challenger, whatever the patience.", None)
    early_stop: bool = option(
        "End a timed run as soon as it has taken so long that the change is hopeless.", True
    )
    min_effect: float = option(
        "Smallest gain worth a commit, as a ratio; an exact metric keeps any gain.", 0.005
    )
    keep: float | None = option(
        "Probability of a gain needed to keep; by default 0.95 (careful: 0.99).", None
    )


@dataclass(kw_only=True)
class BudgetConfig:
    """When to stop."""

    experiments: int | None = option("Experiments after the baseline.", 20)
    wall: str | None = option("Time for the whole run: `90s`, `30m`, `8h`.", None)
    plateau: int | None = option(
        "Stop after this many experiments in a row without a gain; those that noise would have hidden one from, or that "
        "were not measured, count for less (at least a third).",
        None,
    )
    cost_usd: float | None = option(
        "What agents may cost in the whole run; no call is made that could exceed it.", None, unit="USD"
    )
    tokens: int | None = option("Tokens agents may use in the whole run.", None)
    experiment_cost_usd: float | None = option("What agents may cost in one experiment.", None, unit="USD")
    experiment_tokens: int | None = option("Tokens agents may use in one experiment.", None)


@dataclass(kw_only=True)
class HoldoutConfig:
    """A second measurement that nobody optimizes: run at the end, on the baseline and the final commit."""

    command: str | None = option(
        "Shell command that prints the number on data or cases the search has never seen; no proposer is told of it.",
        None,
    )
    kind: Extraction | None = option(
        "How its number is read, as in `metric.extract.kind`; by default as that of the metric command.", None
    )
    pattern: str | None = option("What `kind` looks for; by default what the metric's looks for.", None)
    file: str | None = option("Read this file, written by the command; by default its output.", None)
    timeout_s: float | None = option("Limit for one execution.", None, unit="s")
    each_keep: bool = option(
        "Run it before each keep as well, and keep nothing that loses on it: dearer, and what is asked often is in "
        "the end optimized a little, too.",
        False,
    )


@dataclass(kw_only=True)
class FinalConfig:
    """What is measured when the run ends."""

    max_pairs: int = option("Most fresh pairs of the baseline against the final commit.", 20)
    leave_one_out: bool = option(
        "Measure the final commit without each kept change, and propose to drop those that no longer pay.",
        True,
    )
    holdout: HoldoutConfig = option("A second measurement that nobody optimizes.", HoldoutConfig)


@dataclass(kw_only=True)
class Config:
    """A run."""

    goal: str = option("What is to become better, in one line.", "")
    recipe: str | None = option("Name of the recipe; `autoopt recipes` lists them.", None)
    vocabulary: list[str] = option("The kinds of ideas that fit the domain, for proposers and readers.", list)
    repo: str = option(
        "Directory in the repository to work on; or its address, as in `ssh://HOST/PATH@BRANCH`: the run works in a "
        "clone of its own and sends its branch and records back.",
        ".",
    )
    run_id: str | None = option("Name of the run; by default the recipe's name and the time.", None)
    search: str = option(
        "Name of a search that several runs share: they follow each other's keeps, and ask one study for parameters. Each "
        "has a budget of its own.",
        "",
    )
    workers: int = option(
        "Runs of one search to start on this machine. They share `budget.experiments`, `cost_usd` and `tokens` in equal "
        "parts; `wall` and `plateau` hold for each of them.",
        1,
    )
    scope: Any = option(
        "Files that may be edited: a path, a glob or a list of them, relative to the repository root; with `-m` also "
        "one for each recipe, as in `scope={python-perf: src/etl, ty-errors: [src/app, src/lib]}`.",
        None,
    )
    off_limits: list[str] = option("Files in the scope that may not be edited after all.", list)
    python: str = option("The interpreter `${python}` stands for; by default the one running autoopt.", "")
    options: dict[str, Any] = option(
        "The recipe's own options; `autoopt recipes show NAME` explains them.", dict
    )
    option_help: dict[str, str] = option("What each of the recipe's own options means.", dict)
    option_choices: dict[str, list[Any]] = option(
        "What the recipe's own options may be: a list of values; `int`, `number` and `bool` in it stand for any such.",
        dict,
    )
    detected: list[str] = option(
        "The options whose values were found by looking into the repository; only autoopt writes this.", list
    )
    metric: MetricConfig = option("The number to improve.", MetricConfig)
    guards: dict[str, GuardConfig] = option("Inspectors a change must pass, by name.", dict)
    constraints: dict[str, ConstraintConfig] = option(
        "Bounds on further numbers of the same runs, by the number's name: `METRIC name=value` lines, `wall_s`, "
        "`cpu_s` (s), `peak_mb` (MB).",
        dict,
    )
    suspicions: SuspicionsConfig = option("What makes a change suspect.", SuspicionsConfig)
    params: dict[str, ParameterConfig] = option("Parameters to search, by name.", dict)
    propose: ProposeConfig = option("Where ideas come from.", ProposeConfig)
    agent: AgentConfig = option("The coding agent that has ideas and edits code.", AgentConfig)
    inspector: AgentConfig = option("A second agent that checks each gain before it is kept.", AgentConfig)
    profile: ProfileConfig = option("Where the time goes.", ProfileConfig)
    simplicity: str = option(
        "How a gain is weighed against the code it takes; agents are told.",
        "A small gain that adds ugly complexity is not worth it; equal numbers with less code are a win.",
    )
    line_gain: float = option(
        "Smallest gain that each net line must bring, as a ratio: with 0.0002 a gain of 1 % may cost 50. A branch counts as "
        "a line, deeper ones as more; layout, comments and tests count nothing; 0 asks for none.",
        0.0002,
    )
    web_search: WebSearch = option(
        "Whether agents may search the web: `yes`, `no`, or `ask` for each query (refused when nobody is there).",
        WebSearch.no,
    )
    allow_overlap: Overlap = option(
        "Whether files may be in the scopes of several live runs: `no`, or `race`, where `autoopt merge` then takes "
        "the winner alone.",
        Overlap.no,
    )
    verdict: VerdictConfig = option("When the evidence is enough.", VerdictConfig)
    budget: BudgetConfig = option("When to stop.", BudgetConfig)
    final: FinalConfig = option("What is measured when the run ends.", FinalConfig)
    workspace: WorkspaceConfig = option("Where edits and measurements happen.", WorkspaceConfig)
    report: ReportConfig = option("What the report shows beside the metric.", ReportConfig)
    sandbox: Sandbox = option(
        "What commands are kept to: `auto` is the best this machine has (bubblewrap, else landlock; each writes to its "
        "own checkout and private directories only), `strict` wants bubblewrap and takes network and home away too, "
        "`none` only notices. Only the command line may set this.",
        Sandbox.auto,
    )
    writable: list[str] = option(
        "Further directories that metric, guard and other commands may write to. Only the command line may set this.",
        list,
    )
    turns: bool = option(
        "Take turns with the commands of other runs on this machine: what is timed has it to itself, the rest shares it. "
        "`no` disturbs others' times too, but where this run's number is no time and its commands are light.",
        True,
    )
    notify: NotifyConfig = option("Who is told what becomes of the run.", NotifyConfig)
    seed: int = option("Seed of the order inside pairs, of AUTOOPT_SEED and of the sampler.", 0)
    confirm: bool = option("Ask before a run starts, when there is a terminal.", True)
