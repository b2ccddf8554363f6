"""The resolved settings of a run, shown before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from autoopt.reporters import words
from autoopt.reporters.tables import facts_table
from autoopt.schema import (
    AgentConfig,
    BudgetConfig,
    Config,
    ConstraintConfig,
    DeskMode,
    Direction,
    ExtractConfig,
    FinalConfig,
    GuardConfig,
    MetricConfig,
    NotifyConfig,
    ParameterConfig,
    Variation,
    WorkspaceConfig,
)

_PARAMETERS = 12


def settings_table(config: Config, facts: Mapping[str, str]) -> Table:
    """What the run will do, one line per setting; `facts` are the repository's, shown last."""
    metric, workspace = config.metric, config.workspace
    rows = {
        "goal": config.goal,
        "recipe": config.recipe or "",
        "options": _options(config),
        "metric": metric.command + _origin(config, "metric.command"),
        "prepare": _command(config, "metric.prepare", metric.prepare),
        "cleanup": _command(config, "metric.cleanup", metric.cleanup),
        "read as": _extraction(metric.extract),
        "better": _better(config),
        "varies": _variation(metric),
        "limit": _limit(config),
        "environment": _environment(config),
        "scope": _listed(config.scope) or "nothing may be edited",
        "off limits": _listed(config.off_limits),
        "guards": "\n".join(_guard(config, name, guard) for name, guard in config.guards.items()) or "none",
        "constraints": "\n".join(_constraint(name, one) for name, one in config.constraints.items()),
        "parameters": _parameters(config),
        "search": f"{config.propose.optuna.sampler}, seed {config.seed}" if _searches(config) else "",
        "agent": _agent(config.agent),
        "inspector": _agent(config.inspector),
        "web search": config.web_search.value if config.agent.command else "",
        "simplicity": _simplicity(config),
        "not suspected": ", ".join(config.suspicions.ignore),
        "profile": _command(config, "profile.command", config.profile.command),
        "evidence": _evidence(config),
        "budget": _budget(config.budget),
        "holdout": config.final.holdout.command or "",
        "at the end": _final(config.final),
        "notify": _notify(config.notify),
        "worktree": _desk(workspace),
        "linked": ", ".join(workspace.link),
        "setup": workspace.setup or "",
        **facts,
    }
    return facts_table(rows)


def _simplicity(config: Config) -> str:
    wanted = f"a net line must bring {config.line_gain:.3g}" if config.line_gain else ""
    return "; ".join(filter(None, (config.simplicity.rstrip("."), wanted)))


def _desk(workspace: WorkspaceConfig) -> str:
    if workspace.mode is DeskMode.inplace:
        return "none: your own checkout, on the run branch until the run ends"
    return workspace.desk or "beside the repository"


def _extraction(extract: ExtractConfig) -> str:
    kind = {"exit_code": "exit code", "peak_memory": "peak memory"}.get(
        extract.kind.value, extract.kind.value
    )
    if extract.kind.value in ("wall", "cpu"):
        return f"{kind} time of the command"
    place = f"file {extract.file}" if extract.file else extract.stream.value
    said = f"{kind} {extract.pattern}".strip()
    return said if extract.kind.value in ("exit_code", "peak_memory") else f"{said} in {place}"


def _better(config: Config) -> str:
    metric = config.metric
    said = f"{metric.direction.value}, in {metric.unit}" if metric.unit else metric.direction.value
    return said if metric.target is None else f"{said}; stop at {words.number(metric.target, metric.unit)}"


_VARIATIONS = {
    Variation.none: "not at all",
    Variation.seed: "with AUTOOPT_SEED alone",
    Variation.noise: "from run to run",
}


def _variation(metric: MetricConfig) -> str:
    """What is said of how the number varies, as far as it is not what is done anyway."""
    has_seeds = metric.variation in (Variation.auto, Variation.seed)
    seeds = metric.seeds if has_seeds and metric.seeds != MetricConfig(command="").seeds else 0
    said = (
        _VARIATIONS.get(metric.variation, ""),
        f"experiments share {words.count(seeds, 'seed')}" if seeds else "",
        f"each run scores {words.percent(metric.test_share)} of the data" if metric.test_share else "",
        "both commits of a pair run at once" if metric.duet else "",
    )
    return ", ".join(filter(None, said))


def _final(final: FinalConfig) -> str:
    """What is measured at the end, where that is not the usual."""
    usual = FinalConfig()
    said = (
        f"at most {words.count(final.max_pairs, 'fresh pair')}" if final.max_pairs != usual.max_pairs else "",
        "" if final.leave_one_out else "kept changes are not left out one by one",
    )
    return ", ".join(filter(None, said))


def _notify(notify: NotifyConfig) -> str:
    """What is run outside the sandbox, and when; empty where nothing is."""
    when = ", ".join(one.value for one in notify.on)
    return f"{notify.command} (at {when}; as you, outside the sandbox)" if notify.command and when else ""


def _limit(config: Config) -> str:
    limit = config.metric.timeout_s
    return "twice the baseline, at least 10 s" if limit is None else words.duration(limit)


def _environment(config: Config) -> str:
    """The names only: a value may be a secret."""
    names = ", ".join(sorted(config.metric.env))
    held = f"parameters in {config.metric.env_file}" if config.metric.env_file else ""
    return "; ".join(filter(None, (names, held)))


def _listed(paths: object) -> str:
    if isinstance(paths, str):
        return paths
    return ", ".join(str(path) for path in paths) if isinstance(paths, Iterable) else ""


_NOT_FOUND = "none found"
_COMPARED = {"rows": "rows as at the base: ", "inventory": "held against the base: "}


def _origin(config: Config, option: str) -> str:
    """Behind a value: whether it was found in the repository."""
    return " (detected)" if option in config.detected else ""


def _command(config: Config, option: str, command: str | None) -> str:
    """A command that need not be there; what was looked for in vain says so."""
    origin = _origin(config, option)
    return f"{command}{origin}" if command is not None else _NOT_FOUND if origin else ""


def _options(config: Config) -> str:
    """The recipe's own options, one line each; those without a value are left out unless looked for."""
    said = {name: _option(config, name, value) for name, value in config.options.items()}
    return "\n".join(f"{name}: {value}" for name, value in said.items() if value)


def _option(config: Config, name: str, value: Any) -> str:
    plain = ", ".join(map(words.value, value)) if isinstance(value, list) else words.value(value)
    return _command(config, f"options.{name}", None if value is None else plain)


def _guard(config: Config, name: str, guard: GuardConfig) -> str:
    option = f"guards.{name}.command"
    if guard.command is None:
        return f"{name}: {_command(config, option, None) or 'turned off'}"
    wanted = _COMPARED.get(guard.kind.value, "")
    expected = f" (output must contain {guard.expect})" if guard.expect else ""
    return f"{name}: {wanted}{_command(config, option, guard.command)}{expected}"


def _constraint(name: str, one: ConstraintConfig) -> str:
    """As in "peak_mb: at most 500, at most 10.0 % more than at the baseline"."""
    limits = (
        f"at least {words.number(one.min)}" if one.min is not None else "",
        f"at most {words.number(one.max)}" if one.max is not None else "",
        _regression(one),
    )
    return f"{name}: {', '.join(filter(None, limits)) or 'no limit'}"


def _regression(one: ConstraintConfig) -> str:
    if one.max_regression is None:
        return ""
    if one.max_regression == 0:
        return "may not get worse"
    return f"at most {words.percent(one.max_regression)} {_worse(one)} than at the baseline"


def _worse(one: ConstraintConfig) -> str:
    return "more" if one.direction is Direction.lower else "less"


def _parameters(config: Config) -> str:
    shown = [f"{name}: {_space(parameter)}" for name, parameter in config.params.items()]
    lines = shown[:_PARAMETERS]
    if len(shown) > _PARAMETERS:
        lines.append(f"and {len(shown) - _PARAMETERS} more")
    if config.propose.discover:
        lines.append(f"further ones from: {config.propose.discover}")
    return "\n".join(lines) or "none"


def _space(parameter: ParameterConfig) -> str:
    """What it may be and where it is: "10 to 1000, log, in params.yaml model.depth"."""
    if parameter.choices is not None:
        space = ", ".join(words.value(choice) for choice in parameter.choices)
    elif parameter.low is not None and parameter.high is not None:
        space = f"{words.number(parameter.low)} to {words.number(parameter.high)}"
        space += ", log" if parameter.log else ""
        space += f", step {words.number(parameter.step)}" if parameter.step is not None else ""
    else:
        space = "present or absent" if parameter.line is not None else "any"
    sites = (parameter.key, parameter.python, parameter.sql, parameter.regex, parameter.env, parameter.line)
    place = next((site for site in sites if site), "")
    where = " ".join(filter(None, (parameter.file, place)))
    only = ", ".join(f"{name} = {words.value(held)}" for name, held in parameter.when.items())
    return f"{space}  [{where}]" + (f" while {only}" if only else "")


def _searches(config: Config) -> bool:
    return bool(config.params) or config.propose.discover is not None


def _agent(agent: AgentConfig) -> str:
    return "" if agent.command is None else f"{agent.name}: {agent.command}"


def _evidence(config: Config) -> str:
    verdict = config.verdict
    sure = f", kept when {verdict.keep:.0%} sure" if verdict.keep is not None else ""
    smallest = f"smallest gain worth a commit {words.percent(verdict.min_effect)}"
    most = "" if verdict.max_pairs is None else f", at most {words.count(verdict.max_pairs, 'pair')} a change"
    early = "" if verdict.early_stop else ", hopeless runs are not ended early"
    return f"{verdict.patience.value} patience, {smallest}{sure}{most}{early}"


def _limits(label: str, run: float | None, experiment: float | None) -> str:
    """As in "agents $5, $0.5 an experiment"."""
    each = f"{label}{experiment:,g} an experiment" if experiment is not None else ""
    whole = f"{label}{run:,g}" if run is not None else ""
    said = ", ".join(filter(None, (whole, each)))
    return f"agents {said}" if said else ""


def _budget(budget: BudgetConfig) -> str:
    parts = (
        words.count(budget.experiments, "experiment") if budget.experiments is not None else "",
        budget.wall or "",
        f"stop after {budget.plateau} without a gain" if budget.plateau is not None else "",
        _limits("$", budget.cost_usd, budget.experiment_cost_usd),
        _limits("tokens ", budget.tokens, budget.experiment_tokens),
    )
    return ", ".join(filter(None, parts)) or "until there is nothing left to try"
