"""`autoopt show RUN [N] [--follow] [--prompt] [--answers] [--keep REASON] [--json]`: a run or an experiment.

  --follow       watch the run until it ends, from any terminal; Ctrl-C stops watching, not the run
  --prompt       what agents were asked for experiment N
  --answers      what they answered (with --prompt: both)
  --keep REASON  overrule the suspicion against experiment N: make its change again on the best so far,
                 measure it afresh, and keep it if the numbers and all other guards agree; REASON goes on
                 record with your name, and is asked for on a terminal where it is left out
  --json         print one JSON object

Without N: every experiment, the result and the commands that come next. With N: everything known about that
experiment: why it was decided so, its pairs with a picture of them, and its diff. RUN is the latest run by
default.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autoopt.commands import facts
from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import RepositoryError, UsageError
from autoopt.journal import Journal, pairs
from autoopt.records import Call, Experiment
from autoopt.reporters import evidence, words
from autoopt.reporters.summary import summary
from autoopt.reporters.tables import experiment_text
from autoopt.schema import Config
from autoopt.workspaces.history import diff
from autoopt.workspaces.returned import away

_FLAGS = {"--prompt": "prompt", "--answers": "answer"}
_ALONE = ("--json", "--follow")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Show the run, `last` by default, or its experiment N; with --keep, have that tried again."""
    argv, reason = _reason(argv)
    flags = {word for word in argv if word.startswith("-")}
    given = [word for word in argv if word not in flags]
    names = [word for word in given if not word.isdigit()] or ["last"]
    numbers = [int(word) for word in given if word.isdigit()]
    if len(names) > 1 or len(numbers) > 1 or not flags <= {*_FLAGS, *_ALONE}:
        raise UsageError(
            "show takes one run and one experiment; write `autoopt show RUN` or `autoopt show RUN N`."
        )
    found = find(runs(environ, Path.cwd()), names[0])
    if reason is not None:
        return _keep(found, environ, numbers, flags, reason)
    if "--follow" in flags:
        return _follow(found, environ, numbers, flags)
    config, record = settings(found), Journal(found.files.journal)
    number = numbers[0] if numbers else None
    if kinds := [kind for flag, kind in _FLAGS.items() if flag in flags]:
        _show_calls(found, record, number, kinds)
    elif "--json" in flags:
        facts.put(_facts(found, config, record, number))
    elif number is None:
        terminal(environ).print(summary(account_of(config, record, found.layout)))
    else:
        experiment, metric = _numbered(record, number), config.metric
        shown = experiment_text(experiment, _diff(found, experiment), metric.unit, metric.direction)
        terminal(environ).print(shown)
    return 0


def _reason(argv: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """The words without `--keep` and what follows it, and that; None where there is no such word."""
    for place, word in enumerate(argv):
        if word.startswith("--keep="):
            return [*argv[:place], *argv[place + 1 :]], word.removeprefix("--keep=")
        if word == "--keep":
            has_reason = place + 1 < len(argv) and not argv[place + 1].startswith("--")
            after = place + 1 + has_reason
            return [*argv[:place], *argv[after:]], argv[place + 1] if has_reason else ""
    return argv, None


def _keep(
    found: Found, environ: Mapping[str, str], numbers: Sequence[int], flags: set[str], reason: str
) -> int:
    """Have a suspect experiment tried again; the exit code is 0 whether it is kept or not."""
    from autoopt.commands.overruling import overrule  # the whole loop, which no other `show` needs

    if len(numbers) != 1 or flags - {"--json"}:
        raise UsageError('show: --keep is about one experiment; write `autoopt show RUN N --keep "reason"`.')
    decided = overrule(found, environ, numbers[0], reason, aside="--json" in flags)
    if "--json" in flags:
        facts.put(facts.of_experiment(decided))
    return 0


def _follow(found: Found, environ: Mapping[str, str], numbers: Sequence[int], flags: set[str]) -> int:
    from autoopt.commands import watching  # what watches draws, which no other `show` needs

    if numbers or flags - {"--follow"}:
        raise UsageError("show: --follow is about a whole run; write `autoopt show RUN --follow`.")
    watching.follow(found, environ)
    return 0


def _facts(found: Found, config: Config, record: Journal, number: int | None) -> facts.Facts:
    if number is None:
        return facts.of_run(found, config, record)
    experiment = _numbered(record, number)
    return {
        **facts.of_experiment(experiment),
        "because": evidence.why(experiment, config.metric.direction, config.metric.unit),
        "pairs": facts.of_pairs(pairs(experiment)),
        "further_pairs": facts.of_pairs(experiment.further),
        "diff": _diff(found, experiment),
    }


def _show_calls(found: Found, record: Journal, number: int | None, kinds: Sequence[str]) -> None:
    """Print what went to and came from agents for one experiment.

    Raises:
        UsageError: no number was given, or no agent was asked.
    """
    if number is None:
        raise UsageError(
            "show: --prompt and --answers are about one experiment; write `autoopt show RUN N --prompt`."
        )
    calls = [call for call in record.calls if call.number == number]
    if not calls:
        _numbered(record, number)
        raise UsageError(f"{number}: no agent was asked for this experiment, so there is no prompt.")
    for call in calls:
        for line in _call(found, call, kinds):
            sys.stdout.write(line)


def _call(found: Found, call: Call, kinds: Sequence[str]) -> Iterator[str]:
    for kind in kinds:
        took = words.usage(call.usage) if kind == kinds[-1] else ""
        head = ", ".join(filter(None, (f"{call.stage} by {words.one_line(call.agent)}: {kind}", took)))
        yield f"===== {head} =====\n"
        path = found.files.prompts / f"{call.transcript}.{kind}.md"
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as error:
            text = f"{path}: cannot be read: {error.strerror}."
        yield f"{words.lines(text).rstrip()}\n\n"


def _numbered(record: Journal, number: int) -> Experiment:
    for experiment in record.history:
        if experiment.number == number:
            return experiment
    last = record.history[-1].number if record.history else None
    raise UsageError(
        "no experiment is decided yet."
        if last is None
        else f"{number}: no such experiment; they go from 0 to {last}."
    )


def _diff(found: Found, experiment: Experiment) -> str:
    if not experiment.commit or experiment.commit == experiment.parent:
        return ""
    try:
        return diff(Path(found.layout.control), experiment.parent, experiment.commit)
    except RepositoryError as error:
        if away(found.files.state) is None:  # what another machine has not kept it need not have sent
            print(f"autoopt: no diff: {error}", file=sys.stderr)
        return ""
