"""The option table of `autoopt help options` and the text of `--help`, made from the schema.

`python -m autoopt.reference` writes the table between the markers of that topic.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from textwrap import fill
from typing import Any

from autoopt import files, places, schema

OPTIONS = Path(__file__).resolve().parent / "help" / "options.md"
START, END = "<!-- options -->", "<!-- /options -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One option as it is documented; a `path` with `<name>` stands for names people choose."""

    path: str
    type: str
    default: str
    unit: str
    doc: str


def rows(kind: type = schema.Config, prefix: str = "") -> Iterator[Row]:
    """Every option in the schema's order; a group's own options follow it, where they come first."""
    hints = typing.get_type_hints(kind)
    first: dict[type, str] = {}
    for field in dataclasses.fields(kind):
        path, hint = prefix + field.name, hints[field.name]
        group = _group(hint)
        if group is not None and first.setdefault(group, path) != path:
            about = f"{field.metadata['doc']} It has the options of `{first[group]}`."
            yield Row(path=path, type="options", default="", unit="", doc=about)
            continue
        if group is None or typing.get_origin(hint) is dict:
            doc, unit = field.metadata["doc"], field.metadata["unit"]
            yield Row(path=path, type=_type(hint), default=_default(field), unit=unit, doc=doc)
        if group is not None:
            inner = f"{path}.<name>." if typing.get_origin(hint) is dict else f"{path}."
            yield from rows(group, inner)


def _group(hint: Any) -> type | None:
    """The options class behind a field: its own, or that of a dict's values."""
    if typing.get_origin(hint) is dict:
        hint = typing.get_args(hint)[1]
    return hint if dataclasses.is_dataclass(hint) and isinstance(hint, type) else None


_WORDS = {str: "text", int: "whole number", float: "number", bool: "yes or no", Any: "any", object: "any"}


def _type(hint: Any) -> str:
    arguments = typing.get_args(hint)
    if types.NoneType in arguments:
        return _type(next(part for part in arguments if part is not types.NoneType))
    if typing.get_origin(hint) is list:
        return "list" if arguments[0] is Any else f"list of {_type(arguments[0])}"
    if typing.get_origin(hint) is dict:
        return "options by name" if _group(hint) else f"{_type(arguments[1])} by name"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(hint.__members__)
    return _WORDS[hint]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING or field.default is None or field.default == "":
        return ""
    if field.default == schema.MISSING:
        return "required"
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    return field.default.name if isinstance(field.default, Enum) else str(field.default)


def table() -> str:
    """All options as a Markdown table."""
    lines = ["| option | type | default | meaning |", "| --- | --- | --- | --- |"]
    for row in rows():
        default = f"{row.default} {row.unit}".strip() if row.default else ""
        unit = f" ({row.unit})" if row.unit and not row.default else ""
        cells = (f"`{row.path}`", row.type + unit, default and f"`{default}`", row.doc)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def help_text(subcommands: typing.Mapping[str, str]) -> str:
    """What `autoopt --help` prints.

    Args:
        subcommands: Their names and what each does, in the order to show.
    """
    width = max(map(len, subcommands))
    parts = [
        "autoopt makes one number of a repository better, one measured commit at a time.",
        "usage:\n  autoopt recipe=NAME scope=PATH [option=value ...]     one run\n"
        "  autoopt -m recipe=A,B scope=PATH [option=value ...]   several runs\n"
        "  autoopt SUBCOMMAND ...",
        "subcommands:\n" + "\n".join(f"  {name:<{width}}  {doc}" for name, doc in subcommands.items()),
        "flags:\n  --cfg job        show the settings a run would have, and stop\n"
        "  -m, --multirun   start one run for each of several values\n"
        "  --hydra-help     all other flags\n"
        "  --version        show the version, and stop",
    ]
    names = ", ".join(sorted(path.stem for path in (places.data_dir("conf") / "agent").glob("*.yaml")))
    parts.append(
        f"agents, for agent=NAME and inspector=NAME:\n  {names},\n  and files .autoopt/agents/NAME.yaml"
    )
    return "\n\n".join([*parts, *paragraphs()]) + "\n"


def paragraphs() -> Iterator[str]:
    """The options as text for a terminal, a paragraph for each group."""
    groups: dict[str, list[Row]] = {}
    for row in rows():
        groups.setdefault(row.path.partition(".")[0] if "." in row.path else "a run", []).append(row)
    for group, members in groups.items():
        yield "\n".join([f"options of {group}:", *map(_entry, members)])


def about(wanted: str) -> str:
    """The option of that path and those below it, as in `--help`; empty where there is none."""
    parts = wanted.split(".")
    found = [row for row in rows() if _begins(row.path.split("."), parts)]
    if not found and len(parts) > 1:  # a name of people's own, as in metric.env.NAME
        found = [row for row in rows() if row.path.split(".") == parts[:-1] and row.type.endswith(" by name")]
    return "\n".join(map(_entry, found)) + "\n" if found else ""


def _begins(path: list[str], wanted: list[str]) -> bool:
    """Whether a path is the wanted one or below it; people's own names stand where it has `<name>`."""
    pairs = list(zip(path, wanted, strict=False))
    return len(pairs) == len(wanted) and all(part in (given, "<name>") for part, given in pairs)


def _entry(row: Row) -> str:
    about = ", ".join(filter(None, [row.type, f"default {row.default}" if row.default else "", row.unit]))
    head = fill(f"{row.path} ({about})", 96, initial_indent="  ", subsequent_indent=" " * 6)
    return f"{head}\n" + fill(row.doc, 96, initial_indent=" " * 6, subsequent_indent=" " * 6)


def refreshed(text: str) -> str:
    """The text with the present table between its markers.

    Raises:
        ValueError: the markers are not there.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"no {START} ... {END} markers")
    return f"{before}{START}\n\n{table()}\n{END}{after}"


def main(paths: list[str]) -> None:
    """Refresh the table in each file; by default in the topic."""
    for path in map(Path, paths or [str(OPTIONS)]):
        files.replace(path, refreshed(path.read_text(encoding="utf-8")).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
