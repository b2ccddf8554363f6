"""The command line's `key=value` words, as people type them, made into what Hydra's grammar reads.

Three things are mended. Commands, patterns and prose are taken verbatim, whatever characters they have:
quotes, `=`, `,`, braces, and `${...}`, which is not an interpolation there; of a command that is quoted as a
whole, as Hydra's users write it, the quotes are left out. Names may be added under
`guards`, `constraints`, `params`, `metric.env` and `propose.optuna.options` without Hydra's plus, and nowhere
else with it.
`recipe/measure=psql` chooses from a sub-folder although recipes apply to the whole run, and `inspector=codex`
one of the agents for another place than `agent`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Quote, QuotedString
from hydra.errors import HydraException

from autoopt.compose import agents, shape
from autoopt.errors import UsageError

VERBATIM = (
    *("command", "prepare", "discover", "setup", "cleanup", "python", "expect", "pattern", "regex", "line"),
    *("key", "sql", "description", "goal", "rewrites", "simplicity"),
)
"""Options, by the last part of their path, whose value is taken as it is; only a bare `null` still unsets."""

_COMMANDS = ("command", "prepare", "discover", "setup", "cleanup", "rewrites")
"""Those of them that a shell reads."""
_WRAPPED = re.compile(r"(?P<quote>['\"])(?P<inner>(?:\\.|(?!(?P=quote)).)*)(?P=quote)", re.DOTALL)
_NAMED = ("guards", "constraints", "params")  # people choose the names; each entry has options of its own
_CLOSED = ("options", "option_help", "option_choices")  # only a recipe can declare its own options
_PLAIN_LIST = re.compile(r"\[([^\[\]{}\"']+)\]")
_WORD = re.compile(r"(?P<sign>\+{0,2}|~)(?P<key>[^\s=+~'\"-][^\s='\"]*)=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The `key=value` words of a command line, mended and read."""

    parsed: tuple[Override, ...]

    @property
    def words(self) -> list[str]:
        """All of them as Hydra should see them, with the names they add first."""
        return [*self._added_names(), *(str(override.input_line) for override in self.parsed)]

    def paths(self) -> list[tuple[str, ...]]:
        """The path of each option that is set."""
        return [tuple(override.key_or_group.split(".")) for override in self.parsed]

    def chosen(self, group: str = "recipe") -> list[str]:
        """The recipes named on the command line; several in a multirun, none for `null` or `glob(...)`."""
        found: list[str] = []
        for override in self.parsed:
            if override.key_or_group == group:
                found = [str(value) for value in _values(override) if value is not None]
        return found

    def all_recipes(self, known: Sequence[str]) -> list[str]:
        """The recipes named on the command line, those that `glob(...)` finds among the known ones too."""
        values: list[object] = [one.value() for one in self.parsed if one.key_or_group == "recipe"]
        globs = [name for value in values if isinstance(value, Glob) for name in value.filter(list(known))]
        return [*self.chosen(), *globs]

    def scope(self) -> list[str]:
        """The files that may be edited, where the words name them for all recipes alike."""
        found: list[object] = []
        for override in self.parsed:
            if override.key_or_group == "scope" and not override.is_delete():
                each = [value if isinstance(value, list) else [value] for value in _values(override)]
                found = [item for one in each for item in one]
        return [str(item) for item in found if isinstance(item, str) and not item.startswith("{")]

    def repositories(self) -> list[str]:
        """Where the runs are to be, if the words say so; several in a multirun."""
        found: list[str] = []
        for override in self.parsed:
            if override.key_or_group == "repo" and not override.is_delete():
                found = [str(value) for value in _values(override)]
        return found

    def agents(self, option: str) -> list[str]:
        """The agents named for `agent` or `inspector`; several in a multirun."""
        package = None if option == "agent" else option
        return [
            str(value)
            for override in self.parsed
            if override.key_or_group == "agent" and override.package == package
            for value in _values(override)
        ]

    def choices(self) -> list[str]:
        """Everything chosen below the recipe folder (`recipe/measure=psql`), as names from its root."""
        groups = [one.key_or_group for one in self.parsed if one.key_or_group.startswith("recipe/")]
        return [f"{group[7:]}/{name}" for group in groups for name in self.chosen(group)]

    def _added_names(self) -> list[str]:
        """Overrides that create the guards and params that later ones set single options of.

        OmegaConf cannot set an option of an entry that is not there; one override for each dict, because
        Hydra's sweeper keeps only the last of several with one key.
        """
        found: dict[str, dict[str, None]] = {}
        for override in self.parsed:
            root, _, rest = override.key_or_group.partition(".")
            if root in _NAMED and "." in rest and not override.is_delete():
                found.setdefault(root, {})[rest.partition(".")[0]] = None
        return [f"++{root}={{{','.join(f'{name}:{{}}' for name in names)}}}" for root, names in found.items()]


def _values(override: Override) -> Iterator[object]:
    if override.is_sweep_override():
        if isinstance(override.value(), ChoiceSweep):
            yield from override.sweep_iterator()
    else:
        yield override.value()


def sort(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides, and the flags with their values: Hydra wants the former in one piece."""
    given = [word for word in words if is_override(word)]
    return given, [word for word in words if not is_override(word)]


def is_override(word: str) -> bool:
    """Whether a word is `key=value` or `~key`."""
    return word.startswith("~") or _WORD.fullmatch(word) is not None


def prepare(words: Sequence[str], *, multirun: bool) -> Overrides:
    """The overrides as Hydra should see them.

    Raises:
        UsageError: the schema has no such option or does not take the value, or a value has commas that
            mean several runs where there is one.
    """
    parser = OverridesParser.create()
    given = [_parsed(parser, word) for word in words if word != "recipe=null"]  # Hydra takes no null
    parsed = [one for override in given for one in _apart(parser, override)]
    for override in parsed:
        _check(override, multirun)
    return Overrides(parsed=tuple(parsed))


def _parsed(parser: OverridesParser, word: str) -> Override:
    """The word, mended and read; one that Hydra's grammar cannot read is taken as plain text."""
    try:
        override = parser.parse_override(mend(word))
    except HydraException as error:
        match = _WORD.fullmatch(word)
        if match is None or _is_hydras(match["key"]):
            raise UsageError(f"{word}: cannot be read; options are written key=value.") from error
        try:
            return parser.parse_override(_left(match) + _as_text(match["key"], match["value"]))
        except HydraException:
            raise UsageError(
                f"{match['key']}: not the name of an option; options are written key=value."
            ) from error
    match = _WORD.fullmatch(word)
    if match and _is_text(match["key"]) and isinstance(override.value(), (bool, int, float)):
        return parser.parse_override(_left(match) + quoted(match["value"]))  # `1e3` stays as it was typed
    return override


def _apart(parser: OverridesParser, override: Override) -> Iterator[Override]:
    """A whole guard or parameter as one override for each option: OmegaConf takes no plain dict there."""
    path = tuple(override.key_or_group.split("."))
    value = None if override.is_sweep_override() or override.is_delete() else override.value()
    if path == ("scope",) and isinstance(
        value, dict
    ):  # as text: OmegaConf merges no dict over a recipe's list
        override = parser.parse_override(f"scope={quoted(json.dumps(value))}")
    if len(path) != 2 or path[0] not in _NAMED or not isinstance(value, dict) or not value:
        yield override
        return
    for name, below in value.items():
        yield parser.parse_override(f"++{override.key_or_group}.{name}={_spelled(below)}")


def _spelled(value: object) -> str:
    """A value in Hydra's grammar."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{_spelled(below)}" for name, below in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(_spelled, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return quoted(value) if isinstance(value, str) else repr(value)


def _as_text(key: str, value: str) -> str:
    """What cannot be read, quoted; item by item where a list is wanted, as in `writable=[~/.cache]`."""
    items = None if _is_text(key) else _PLAIN_LIST.fullmatch(value)
    if items is None:
        return quoted(value)
    return f"[{','.join(quoted(item.strip()) for item in items[1].split(','))}]"


def _is_text(key: str) -> bool:
    kind = shape.kind_at(tuple(key.split(".")))
    return kind is str or kind == str | None


def mend(word: str) -> str:
    """One `key=value` word with the quotes, plus signs and package that Hydra needs."""
    match = _WORD.fullmatch(word)
    if match is None or match["sign"] == "~" or _is_hydras(match["key"]):
        return word
    value = match["value"]
    if match["key"] in (*agents.OPTIONS, *agents.OPTIONS.values()):
        return _left(match) + ("none" if value == "null" else value)  # which unsets what a recipe has chosen
    if _is_verbatim(match["key"]) and value != "null":
        value = quoted(escaped(unwrapped(value) if _is_command(match["key"]) else value))
    return _left(match) + value


def unwrapped(command: str) -> str:
    """The command without the quotes around all of it, which Hydra wants elsewhere and a shell took none of.

    Left as they are, they would make one word of it, the name of a program that nobody has.
    """
    found = _WRAPPED.fullmatch(command)
    return command if found is None else found["inner"].replace("\\" + found["quote"], found["quote"])


def _is_command(key: str) -> bool:
    return key.rpartition(".")[2] in _COMMANDS


def _is_verbatim(key: str) -> bool:
    path = key.split(".")
    is_expression = path[0] in agents.OPTIONS and len(path) == 3 and path[1] in ("answer", "flags")
    return path[-1] in VERBATIM or is_expression


def _left(match: re.Match[str]) -> str:
    """Everything up to and with the equals sign."""
    sign, key = match["sign"], match["key"]
    if key.startswith("recipe/"):
        return f"{sign}{key if '@' in key else key + '@_global_'}="
    if key == "recipe":
        return "recipe="
    if key in agents.OPTIONS:
        return f"{agents.OPTIONS[key]}="
    path = tuple(key.split("."))
    return f"{'++' if path[0] not in _CLOSED and shape.is_open(path) else ''}{key}="


def quoted(text: str) -> str:
    """The text as a quoted string of Hydra's grammar, whatever is in it."""
    return QuotedString(text=text, quote=Quote.single).with_quotes()


def escaped(text: str) -> str:
    r"""The text with `${` literal: backslashes before it are doubled and one more is put there."""
    return re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + r"\${", text)


def _is_hydras(key: str) -> bool:
    return key.startswith(("hydra.", "hydra/"))


def _check(override: Override, multirun: bool) -> None:
    """Refuse what the schema does not know or take, and several values where there is one run."""
    key = override.key_or_group
    if _is_hydras(key) or key.startswith("recipe/"):
        return
    if override.is_sweep_override() and not multirun:
        raise UsageError(
            f"{key}: {override.get_value_string()} is several values; write a list as {key}=[a,b], "
            f"quote text with commas, or start one run for each with -m."
        )
    path = tuple(key.split("."))
    if path[0] == "detected":
        raise UsageError(f"{key}: only autoopt writes this; give the options themselves.")
    kind = shape.kind_at(path)
    if kind is None:
        raise UsageError(shape.no_such(path))
    for value in _values(override):
        if key in ("recipe", *agents.OPTIONS):
            if isinstance(value, (list, dict)):
                raise UsageError(f"{key}: one name was expected; -m {key}=a,b starts one run for each.")
            continue
        for _, line in () if override.is_delete() else shape.faults(value, kind, path):
            raise UsageError(line)
