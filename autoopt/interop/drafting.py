"""From what another tool left to the settings of a recipe that goes on with it here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.interop import instructions, log
from autoopt.interop.finding import Session
from autoopt.interop.instructions import Told
from autoopt.interop.log import Log

_METRIC = re.compile(r"\bMETRIC[ \t]+([\w.µ]+)=")
_SHEBANG = re.compile(r"#!\s*(?:\S*/env\s+(?:-S\s+)?)?(?:\S*/)?(\S+)((?:[ \t]+-[\w=-]+)*)")
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 40


@dataclass(slots=True)
class Draft:
    """A recipe in the making.

    Attributes:
        scripts: Files that its commands run, which checkouts need.
        remarks: What a person should know before running it.
    """

    content: dict[str, Any]
    scripts: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def draft(found: Session, read: Log | None, root: Path) -> Draft:
    """The settings that say the same as the session did, as far as it said it.

    Args:
        root: The top of the repository, which the session's folder is in.

    Raises:
        UsageError: a file of the session cannot be read, or it worked outside the repository.
    """
    made = Draft({"defaults": ["command", "_self_"], "goal": "", "metric": {}})
    folder = _folder(found, root)
    told = _told(found, root, folder)
    made.content["goal"] = (read.name if read else "") or told.goal
    if told.scope:
        made.content["scope"] = list(told.scope)
    if told.off_limits:
        made.content["off_limits"] = list(told.off_limits)
    _measured(made, found, read, root, folder)
    _direction(made, read)
    if found.checks is not None:
        made.content["guards"] = {"checks": {"command": _call(found.checks, found.folder, folder)}}
        made.scripts.append(_own(found.checks, root))
    if found.config is not None:
        most = instructions.settings(found.config).get("maxIterations")
        if isinstance(most, int) and not isinstance(most, bool) and most > 0:
            made.content["budget"] = {"experiments": most}
    if found.handoff is not None:
        _handed(made, instructions.settings(found.handoff), root, folder)
    made.remarks += [said for script in made.scripts for said in instructions.warnings(script)]
    return made


def missing(content: Mapping[str, Any]) -> list[str]:
    """What the recipe needs and nothing has said, as examples of words to give."""
    metric = content.get("metric", {})
    wanted = {
        "metric.command=COMMAND": metric.get("command"),
        "metric.extract.kind=KIND": metric.get("extract"),  # else the command's time would be the number
        "metric.direction=lower|higher": metric.get("direction"),
        "scope=PATH": content.get("scope"),
    }
    return [word for word, value in wanted.items() if not value]


def name_of(read: Log | None, content: Mapping[str, Any], folder: Path) -> str:
    """A recipe's name after what the session was called."""
    for text in ((read.name if read else ""), str(content.get("goal") or ""), folder.resolve().name):
        words = _NOT_A_NAME.sub("-", text.lower()).strip("-")
        cut = words[: _LONGEST_NAME + 1]
        short = words if len(words) <= _LONGEST_NAME else cut.rpartition("-")[0] or cut[:_LONGEST_NAME]
        if short and not short[0].isdigit() and short not in content["defaults"]:
            return short
    return "imported"


def put(content: dict[str, Any], key: str, value: Any) -> None:
    """Set an option by its dotted name."""
    *groups, last = key.split(".")
    for group in groups:
        inner = content.setdefault(group, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{key}: {group} is no group of options.")
        content = inner
    content[last] = value


def _folder(found: Session, root: Path) -> str:
    """The session's directory from the top of the repository; empty for the top."""
    inside = found.folder.resolve()
    if not inside.is_relative_to(root.resolve()):
        raise UsageError(
            f"{found.folder}: is not in {root}; run this in the repository that the session worked on."
        )
    relative = inside.relative_to(root.resolve()).as_posix()
    return "" if relative == "." else relative


def _own(script: Path, root: Path) -> Path:
    """The script, where it is the repository's own: each checkout gets it as it lies here, and no link.

    Raises:
        UsageError: it is a link, or lies elsewhere.
    """
    if script.is_symlink() or not script.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{script}: leads to {script.resolve()}; copy that file here in its place.")
    return script


def _told(found: Session, root: Path, folder: str) -> Told:
    if found.prompt is not None:
        return instructions.of_prompt(found.prompt, root, folder)
    return Told() if found.program is None else instructions.of_program(found.program, root)


def _measured(made: Draft, found: Session, read: Log | None, root: Path, folder: str) -> None:
    """The command and how its number is read."""
    metric = made.content["metric"]
    if found.measure is not None:
        metric["command"] = _call(found.measure, found.folder, folder)
        made.scripts.append(_own(found.measure, root))
        printed = list(dict.fromkeys(_METRIC.findall(log.content(found.measure))))
        name = read.metric if read and read.metric else printed[0] if printed else ""
        metric["extract"] = {"kind": "named", "pattern": name or "metric"}
        if not printed:
            made.remarks.append(
                f"{found.measure.name} has no line `METRIC name=value` that can be seen; where it prints "
                "none, set metric.extract"
            )
    elif found.program is not None:
        metric["command"] = instructions.command_of_program(found.program, made.content.get("scope", ()))
        if read is not None and read.metric:
            pattern = rf"^{re.escape(read.metric)}:\s*(\S+)"
            metric["extract"] = {"kind": "regex", "pattern": pattern}
    if read is not None and read.unit:
        metric["unit"] = read.unit


def _direction(made: Draft, read: Log | None) -> None:
    if read is None or not read.direction:
        return
    made.content["metric"]["direction"] = read.direction
    if read.guessed:
        made.remarks.append(f"{read.direction} is taken for better, as what was kept went that way")


def _handed(made: Draft, settings: Mapping[str, Any], root: Path, folder: str) -> None:
    """What uditgoenka/autoresearch notes of its settings when it ends."""
    said = settings.get("config")
    config: Mapping[str, Any] = said if isinstance(said, dict) else {}
    metric, within = made.content["metric"], f"cd {shlex.quote(folder)} && " if folder else ""
    made.content["goal"] = made.content["goal"] or log.line(config.get("goal"), 200)
    if isinstance(verify := config.get("verify"), str) and verify.strip():
        metric.setdefault("command", within + verify.strip())
        metric.setdefault("extract", {"kind": "line", "pattern": "-1"})
    if isinstance(guard := config.get("guard"), str) and guard.strip():
        made.content["guards"] = {"checks": {"command": within + guard.strip()}}
    way = str(config.get("direction", ""))
    if way.startswith(("lower", "higher")):
        metric["direction"] = way.partition("_")[0]
        made.remarks = [one for one in made.remarks if "taken for better" not in one]
    wanted = config.get("scope", [])
    names = re.split(r"[,\s]+", wanted) if isinstance(wanted, str) else wanted
    if isinstance(names, list) and (scope := instructions.existing(_texts(names), root, folder)):
        made.content.setdefault("scope", scope)


def _texts(values: Sequence[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _call(script: Path, beside: Path, folder: str) -> str:
    """The command that runs a script from the top of the repository, where the session ran it."""
    first = log.content(script).partition("\n")[0]
    called = _SHEBANG.match(first)
    program = f"{shlex.quote(called[1])}{called[2]}" if called else "bash"
    path = script.relative_to(beside).as_posix()
    within = f"cd {shlex.quote(folder)} && " if folder else ""
    return f"{within}{program} {shlex.quote(path)}"
