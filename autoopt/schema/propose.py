"""Options of where ideas come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autoopt.schema.agent import AgentIdeasConfig
from autoopt.schema.option import option


@dataclass(kw_only=True)
class OptunaConfig:
    """Parameter-level search."""

    sampler: str = option(
        "Optuna sampler by name: `tpe`, `random`, `gp`, `cmaes`, `qmc`, `nsgaii`, ...", "tpe"
    )
    options: dict[str, Any] = option("Options of that sampler, by their Optuna names.", dict)
    storage: str = option(
        "Where the study is kept: empty for a file of the run's (or of its `search`) on this machine, the path of a "
        "journal file on a disk that all hosts share, `sqlite:///FILE`, `postgresql://USER@HOST/DATABASE`, or "
        "`grpc://HOST:PORT` of an Optuna proxy. A password is named by its variable, `postgresql://me:$NAME@host/db`, "
        "or left to libpq. Only on the command line.",
        "",
    )
    heartbeat_s: float = option(
        "How often a worker of a shared study says that it is alive; one that is silent for four times as long has "
        "its trial failed and measured by another.",
        15.0,
        unit="s",
    )


@dataclass(kw_only=True)
class RuffConfig:
    """Fixes of ruff, one rule and file per experiment."""

    select: list[str] = option(
        "Rules or prefixes, in the order they are tried.",
        lambda: ["PERF", "FURB", "C4", "SIM", "UP", "PIE", "RET"],
    )
    unsafe: bool = option("Whether fixes that ruff calls unsafe are tried too; the guards decide.", True)


@dataclass(kw_only=True)
class QueueConfig:
    """Changes from people or other tools, each an experiment."""

    patches: str | None = option("Directory of `*.patch` and `*.diff` files, applied three-way.", None)
    branch: str | None = option("Branch whose commits since it left the base are tried one by one.", None)


@dataclass(kw_only=True)
class ProposeConfig:
    """Where ideas come from."""

    use: list[str] = option(
        "Proposers that share the budget, of `optuna` (needs params), `agent` (needs one), `queue` (needs patches "
        "or a branch), `ruff`, `codemods`, `deadcode`, `rewrites` (needs its command) and `combine`; those without what they need sit out.",
        lambda: ["optuna", "agent", "queue", "combine"],
    )
    discover: str | None = option(
        "Shell command, run once at the base commit, that prints further `params` as a JSON object.", None
    )
    rewrites: str | None = option(
        "Shell command, run once for each incumbent, that prints candidate edits as JSON: a list of "
        '`{"description", "hypothesis", "area", "edits": {path: text}}`, the most promising first.',
        None,
    )
    known: str | None = option(
        "File of what was tried before, as `autoopt import` writes it, relative to the repository root: agents are told of "
        "it as claims, and what failed there is not tried again. None of its numbers counts as a measurement.",
        None,
    )
    optuna: OptunaConfig = option("Parameter-level search.", OptunaConfig)
    agent: AgentIdeasConfig = option("Code-level edits by a coding agent.", AgentIdeasConfig)
    ruff: RuffConfig = option("Fixes of ruff.", RuffConfig)
    queue: QueueConfig = option("Changes from people or other tools.", QueueConfig)
