"""`autoopt export [RUN] --to FORMAT [--output PLACE]`: give a run's experiments to another tool.

  --to jsonl   one JSON object for each experiment, on standard output or into the file PLACE
  --to csv     a table for spreadsheets, likewise; no text in it is taken for a formula
  --to mlflow  MLflow runs: one for the run and, nested in it, one for each experiment, with parameters,
               numbers, the report and the records. PLACE is mlflow.db, made where it is not there, or a
               tracking server's address; MLFLOW_TRACKING_URI will do, too. Again, it adds only what is new
  --to optuna  the study of the parameter search into the file PLACE, for `optuna-dashboard PLACE`

RUN is the latest run by default. Exporting changes nothing in the run; a live one is taken as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autoopt import files
from autoopt.assemble import keeping, sharing
from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.telling import account_of
from autoopt.errors import ResourceError, UsageError
from autoopt.interop import rows as exported
from autoopt.interop import sheets, tracking
from autoopt.interop.rows import FIELDS, About
from autoopt.interop.tracking import Whole
from autoopt.journal import Journal
from autoopt.proposers.search.addresses import Kind
from autoopt.reporters import words
from autoopt.reporters.account import headline
from autoopt.schema import Config

__doc__ = f"{__doc__}The fields of jsonl:\n\n" + "".join(
    f"  {name:<13}  {said}\n" for name, said in FIELDS.items()
)

_FORMATS = ("jsonl", "csv", "mlflow", "optuna")
_CALL = f"write `autoopt export RUN --to {'|'.join(_FORMATS)}`, with --output PLACE or not"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    run: str
    to: str
    output: str | None


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Export a run; returns the exit code."""
    asked = _asked(argv)
    found = find(runs(environ, Path.cwd()), asked.run)
    config = settings(found)
    if asked.to == "optuna":
        return _study(found, config, asked.output, environ)
    record = Journal(found.files.journal)
    if not record.history:
        raise UsageError(f"{found.layout.run_id}: nothing was measured yet, so there is nothing to export.")
    redact = keeping.secrets(config, environ).text
    made = [_redacted(row, redact) for row in exported.rows(record.history, _about(found, config))]
    if asked.to == "mlflow":
        return _track(found, config, made, record, asked.output, environ)
    write = sheets.lines if asked.to == "jsonl" else sheets.table
    content = write(made).encode("utf-8", "replace")
    if asked.output in (None, "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
    else:
        print(f"wrote {_put(content, str(asked.output))}", file=sys.stderr)
    return 0


def _asked(argv: Sequence[str]) -> _Asked:
    """The words of the command line.

    Raises:
        UsageError: they are not understood.
    """
    rest, given, names = list(argv), dict[str, str](), list[str]()
    while rest:
        word = rest.pop(0)
        key, equals, value = word.partition("=")
        if key in ("--to", "--output"):
            if not equals and not rest:
                raise UsageError(f"export: {key} wants a word after it; {_CALL}.")
            given[key] = value if equals else rest.pop(0)
            if not given[key]:
                raise UsageError(f"export: {key} wants a word after it; {_CALL}.")
        else:
            names.append(word)
    if len(names) > 1 or any(name.startswith("-") for name in names):
        raise UsageError(f"export {' '.join(names)}: not understood; {_CALL}.")
    if given.get("--to") not in _FORMATS:
        raise UsageError(f"export: --to wants one of {', '.join(_FORMATS)}; {_CALL}.")
    return _Asked(run=names[0] if names else "last", to=given["--to"], output=given.get("--output"))


def _about(found: Found, config: Config) -> About:
    return About(
        run=found.layout.run_id,
        unit=config.metric.unit,
        direction=config.metric.direction.value,
        why=words.decision,
        gain=partial(words.ratio_gain, direction=config.metric.direction),
    )


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """The value with secrets taken out of its texts; numbers stay numbers."""
    if isinstance(value, Mapping):
        return {redact(name): _redacted(inner, redact) for name, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner, redact) for inner in value]
    return redact(value) if isinstance(value, str) else value


def _put(content: bytes, output: str) -> Path:
    """Write a file; returns its path.

    Raises:
        ResourceError: it cannot be written.
    """
    path = Path(output).expanduser()
    try:
        files.replace(path, content)
    except OSError as error:
        raise ResourceError(f"export --output: {path} cannot be written: {error.strerror}.") from error
    return path


def _study(found: Found, config: Config, output: str | None, environ: Mapping[str, str]) -> int:
    """Copy the study's file, as whoever opens it may write to it."""
    address = sharing.address(config, found.files, environ)
    if address is not None and address.kind is not Kind.file:
        raise UsageError(
            f"export --to optuna: the study is in {address.shown}, where optuna-dashboard opens it itself: "
            "give it that address, a PostgreSQL one as postgresql+psycopg://."
        )
    source = found.files.study if address is None else Path(address.target)
    if not source.is_file():
        raise UsageError(
            f"{found.layout.run_id}: has no study here: no parameters were searched, or it is on the "
            "machine that the run worked on."
        )
    if output is None:
        raise UsageError("export --to optuna: wants a file to write: --output study.log.")
    whole = source.read_bytes()
    target = _put(whole[: whole.rfind(b"\n") + 1], output)  # a live run may be in the middle of a line
    print(f"wrote {target}; `optuna-dashboard {target}` shows it")
    return 0


def _track(
    found: Found,
    config: Config,
    made: Sequence[Mapping[str, Any]],
    record: Journal,
    output: str | None,
    environ: Mapping[str, str],
) -> int:
    """Write the run to MLflow."""
    uri, artifacts = _store(output, environ)
    redact = keeping.secrets(config, environ).text
    with TemporaryDirectory(prefix="autoopt-export-") as place:
        listed = Path(place, "experiments.jsonl")
        listed.write_bytes(sheets.lines(made).encode("utf-8", "replace"))
        attached = [path for path in (found.files.report, found.files.page) if path.is_file()]
        whole = Whole(
            name=found.layout.run_id,
            repository=found.files.state.parent.name,
            experiment=f"autoopt {Path(found.layout.root).name}",
            artifacts=artifacts,
            note=redact(headline(account_of(config, record, found.layout))),
            parameters={name: redact(text) for name, text in _settings(config).items()},
            numbers=_results(config, record),
            files=(listed, *attached),
        )
        done = tracking.export(whole, made, uri)
    added = words.count(done.added, "experiment")
    print(redact(f"{done.where}: run {done.run}, {added} added, {done.known} were there"))
    return 0


def _store(output: str | None, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The store's address, and where its files go; None where it has a place of its own for them.

    Raises:
        UsageError: nobody says where.
    """
    if output is None:
        if not (known := environ.get("MLFLOW_TRACKING_URI")):
            raise UsageError(
                "export --to mlflow: nothing says where to; give --output mlflow.db, which need not exist, "
                "or a tracking server's address, or set MLFLOW_TRACKING_URI."
            )
        return known, None
    if "://" in output or output in ("databricks", "databricks-uc"):
        return output, None
    path = Path(output).expanduser().absolute()
    if not path.parent.is_dir():
        raise UsageError(f"export --output: {path.parent} is not there; make it, or give another place.")
    if (path.exists() and not _is_database(path)) or not os.access(path.parent, os.W_OK):
        raise UsageError(f"export --output: {path}: no SQLite store can be there; give another place.")
    return f"sqlite:///{path}", path.with_name(f"{path.stem}-artifacts").as_uri()


def _is_database(path: Path) -> bool:
    """Whether a file may be an SQLite database: MLflow tries for minutes to open what is none."""
    if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
        return False
    with path.open("rb") as file:
        return file.read(16) in (b"", b"SQLite format 3\0")


def _settings(config: Config) -> dict[str, str]:
    """What a run is compared with others by."""
    metric = config.metric
    return {
        "recipe": config.recipe or "",
        "goal": config.goal,
        "metric.command": metric.command,
        "metric.direction": metric.direction.value,
        "metric.unit": metric.unit,
        "scope": ", ".join(config.scope),
        "agent": config.agent.name if config.agent.command else "none",
        "seed": str(config.seed),
    }


def _results(config: Config, record: Journal) -> dict[str, float]:
    """What was confirmed at the end; nothing where nothing was."""
    claim = record.confirmation
    if claim is None:
        return {}
    shown = partial(words.ratio_gain, direction=config.metric.direction) if claim.is_ratio else float
    return {
        "confirmed_baseline": claim.baseline,
        "confirmed_final": claim.final,
        "confirmed_gain": shown(claim.effect),
        "confirmed_gain_low": shown(claim.low),
        "confirmed_gain_high": shown(claim.high),
        "confirmed_pairs": claim.pairs,
    }
