"""Having an agent read a run and its review: an opinion for a person, kept apart from every score."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from autoopt import assemble, compose
from autoopt.agents.agent import Agent, Reply
from autoopt.agents.briefing import task_data
from autoopt.agents.fences import fence
from autoopt.assemble import confining, proposing
from autoopt.budget import Ledger
from autoopt.commands import trusting
from autoopt.commands.lookup import Found
from autoopt.commands.reporting import full_account
from autoopt.compose import agents, foreign
from autoopt.compose import library as shelves
from autoopt.errors import AgentError
from autoopt.journal import Journal
from autoopt.records import Call
from autoopt.reporters import review as texts
from autoopt.reporters import words
from autoopt.review import Reading, Review
from autoopt.schema import BudgetConfig, Config

STAGE = "reading"
_LONGEST = 60_000
"""Characters of all diffs together that an agent is shown."""


def read_by(
    name: str, review: Review, found: Found, config: Config, record: Journal, environ: Mapping[str, str]
) -> Reading:
    """What the agent of this name makes of the run. Its cost is its own and counts in no budget of the run.

    Raises:
        UsageError: there is no such agent, or its program is not installed.
        NotTrustedError: it is from elsewhere, and nobody agrees to it.
        AgentError: it gave no answer.
    """
    config = _with_agent(name, config, Path(found.layout.root), environ)
    calls: list[Call] = []
    ledger = Ledger(BudgetConfig(), calls, calls.append, lambda call, total: None)
    agent = Agent(
        config.agent,
        found.files.prompts,
        found.files.logs / STAGE,
        environ,
        ledger,
        walls=confining.for_agents(config, found.files, _nearest(found), environ),
    )
    agent.check()
    prompt = assemble.prompts(config, environ).render(STAGE, _data(review, found, config, record))
    with tempfile.TemporaryDirectory(prefix="autoopt-read-", ignore_cleanup_errors=True) as empty:
        reply = agent.call(prompt, stage=STAGE, number=0, cwd=Path(empty), edits=False)
    if not isinstance(reply, Reply):
        run = shlex.quote(review.run_id)
        raise AgentError(
            f"--agent: no reading by {reply.reason}; the review without it is `autoopt review {run}`."
        )
    return Reading(agent=agent.name, text=record.redact(reply.text), usage=reply.usage)


def _with_agent(name: str, config: Config, root: Path, environ: Mapping[str, str]) -> Config:
    """The run's settings with this agent, as its repository knows it; asks for trust where it must."""
    library = agents.visible(environ, root)
    agents.check("--agent", name, library)
    at = library.find(name)
    assert at is not None, "it was checked"
    choice = foreign.Choice(agents={"agent": [name]}, asks=True)
    trusting.vet(environ)(foreign.materials(choice, shelves.visible(environ, root), library, root), root)
    settings = yaml.safe_load(compose.dump(config))
    return compose.load(yaml.safe_dump({**settings, "agent": agents.read(at[1], name)[1]}))


def _nearest(found: Found) -> Path:
    """The run's desk, or the repository where it has none any more."""
    desk = Path(found.layout.desk)
    return desk if desk.is_dir() else Path(found.layout.root)


def _data(review: Review, found: Found, config: Config, record: Journal) -> dict[str, object]:
    account = full_account(config, found.files, record, found.layout)
    kept = [account.diffs[one.number] for one in account.kept if one.number in account.diffs]
    diff = record.redact("\n".join(kept))
    cut = f"{diff[:_LONGEST]}\n[{len(diff) - _LONGEST} more characters]" if len(diff) > _LONGEST else diff
    return {
        **task_data(proposing.task(config)),
        "numbers": fence(texts.markdown(review), "review"),
        "journal": fence("\n".join(_experiments(record)), "experiments"),
        "diff": fence(cut or "nothing was kept", "diff"),
    }


def _experiments(record: Journal) -> Iterator[str]:
    for one in record.history:
        said = f"#{one.number} {words.status(one)}: {words.one_line(one.description)}; {words.decision(one)}"
        yield said
