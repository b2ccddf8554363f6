"""`autoopt review RUN [--json] [--agent NAME]`: a run scored from its evidence, with the reasons.

Four scores from 1 to 10, each with the rules that gave and took points: can the claim be believed, is what
was kept worth owning, does it matter, was the ground covered. Then what to be careful about, what to do next
with the commands to type, and what was not tried. RUN is the latest run by default.

  --json         print one JSON object
  --agent NAME   have an agent read the review and the diffs as well; what it says is an opinion, is shown as
                 one with what it cost, and changes no score
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autoopt.assemble import keeping
from autoopt.commands import facts
from autoopt.commands.lookup import find, runs, settings
from autoopt.commands.reviewing import review_of
from autoopt.commands.telling import terminal
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.reporters import review as texts


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the review of a run, `last` by default."""
    argv, agent = _agent(argv)
    names = [word for word in argv if word != "--json"]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        raise UsageError(
            "review takes one run; write `autoopt review RUN`, with --json or --agent NAME or not."
        )
    found = find(runs(environ, Path.cwd()), names[0] if names else "last")
    config, record = settings(found), Journal(found.files.journal)
    record.redact = keeping.secrets(config, environ).text
    made = review_of(config, record, found.layout, found.files)
    if agent:
        from autoopt.commands import reading  # agents and their templates, which no other review needs

        made = replace(made, reading=reading.read_by(agent, made, found, config, record, environ))
    if "--json" in argv:
        facts.put(texts.facts(made))
    else:
        terminal(environ).print(texts.terminal(made))
    return 0


def _agent(argv: Sequence[str]) -> tuple[Sequence[str], str]:
    """The words without `--agent` and the name that follows it, and that name; empty where there is none.

    Raises:
        UsageError: no name follows.
    """
    for place, word in enumerate(argv):
        if word.startswith("--agent="):
            return [*argv[:place], *argv[place + 1 :]], _named(word.removeprefix("--agent="))
        if word == "--agent":
            return [*argv[:place], *argv[place + 2 :]], _named("".join(argv[place + 1 : place + 2]))
    return argv, ""


def _named(name: str) -> str:
    if not name or name.startswith("-"):
        raise UsageError("review: --agent needs the name of one, as in `autoopt review RUN --agent claude`.")
    return name
