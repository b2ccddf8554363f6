"""Values as plain text: comparing, guessing a type from text, and spelling a value as its file does."""

from __future__ import annotations

import json
import re

from autoopt.errors import UsageError
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][+-]?[0-9]+)?\Z")
_WORDS = {"true": "false", "yes": "no", "on": "off"}
_SPELLINGS = {
    spelling: value
    for yes, no in _WORDS.items()
    for pair in ((yes, no), (yes.title(), no.title()), (yes.upper(), no.upper()))
    for spelling, value in zip(pair, (True, False), strict=True)
}


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal; 1 equals 1.0, but neither is True."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def number(text: str) -> int | float | None:
    """The decimal number this text is, or None; ASCII only, no underscores, no nan."""
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else None


def decode(text: str, config: ParameterConfig) -> Value:
    """The value a bare piece of text stands for.

    The recipe's choices decide where text alone cannot: `1`, `on` or `64` may be a switch, a word or
    a number.
    """
    for choice in config.choices or []:
        if isinstance(choice, str) and choice == text:
            return choice
    found = number(text)
    if _wants_switch(config) and text in {"0", "1"}:
        return text == "1"
    if found is not None:
        return found
    if text in _SPELLINGS and not _wants_words(config):
        return _SPELLINGS[text]
    return text


def _wants_switch(config: ParameterConfig) -> bool:
    values = [value for value in config.choices or config.first if value is not None]
    return bool(values) and all(isinstance(value, bool) for value in values)


def _wants_words(config: ParameterConfig) -> bool:
    values = [value for value in config.choices or [] if value is not None]
    return bool(values) and not any(isinstance(value, bool) for value in values)


def encode(value: Value, present: str) -> str:
    """The value as bare text, switches and floats spelled the way the present text is."""
    if isinstance(value, bool):
        return switch(value, present)
    if isinstance(value, (int, float)):
        return spell(value, present)
    return "" if value is None else value


def switch(value: bool, present: str) -> str:
    """`true` or `false`, in the pair of words and the case of the present text."""
    if present in {"0", "1"}:
        return "1" if value else "0"
    for yes, no in _WORDS.items():
        if present.lower() in {yes, no}:
            word = yes if value else no
            return word.upper() if present.isupper() else word.title() if present[0].isupper() else word
    return "true" if value else "false"


def spell(value: int | float, present: str) -> str:
    """The shortest text that reads back equal; a whole number stays a float where a float was."""
    if isinstance(value, int) and isinstance(number(present), float):
        value = float(value)
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def quote(value: str) -> str:
    """The string in double quotes with the escapes that YAML, TOML and Python share."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def key_path(where: str, path: str) -> tuple[str | int, ...]:
    """The steps of a key path: `a.b[0]."x.y"` is a, b, 0, x.y."""
    steps: list[str | int] = []
    position = 0
    step = re.compile(r"""(?:^|\.)(?:"([^"]*)"|'([^']*)'|([^.\[\]"']+))|\[([0-9]+)\]""")
    while position < len(path):
        match = step.match(path, position)
        if match is None:
            raise UsageError(f"{where}: {path!r} is no key path; write it like model.layers[0].width.")
        index = match[4]
        steps.append(int(index) if index is not None else next(g for g in match.groups() if g is not None))
        position = match.end()
    return tuple(steps)


def splice(text: str, span: tuple[int, int], piece: str) -> str:
    """The text with the piece in place of what was between the two positions."""
    return text[: span[0]] + piece + text[span[1] :]
