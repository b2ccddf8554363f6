"""Values in JSON files, replaced in the text, so nothing is reformatted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_BLANK = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def form(where: str, file: str, config: ParameterConfig) -> JsonForm:
    """A value at a key path of a JSON file."""
    assert config.key is not None
    return JsonForm(where, file, config.key, plain.key_path(where, config.key))


@dataclass(frozen=True, slots=True)
class JsonForm:
    """A scalar at a key path."""

    where: str
    file: str
    key: str
    path: tuple[str | int, ...]
    optional: bool = False

    def read(self, text: str) -> Value:
        """The value as JSON has it."""
        start, end = self._find(text)
        value = json.loads(text[start:end])
        if isinstance(value, (dict, list)):
            raise UsageError(f"{self.where}: `{self.key}` in {self.file} is not a plain value.")
        found: Value = value
        return found

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced; escapes only where the present string has them."""
        start, end = self._find(text)
        present = text[start:end]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return plain.splice(text, (start, end), plain.spell(value, present))
        escaped = "\\u" in present
        return plain.splice(text, (start, end), json.dumps(value, ensure_ascii=escaped))

    def _find(self, text: str) -> tuple[int, int]:
        start = _skip(text, 1 if text.startswith("\ufeff") else 0)
        try:
            json.loads(text.removeprefix("\ufeff"))
        except ValueError as error:
            raise UsageError(f"{self.where}: {self.file} is not valid JSON: {error}") from error
        for step in self.path:
            inside = _member(text, start, step)
            if inside is None:
                raise UsageError(f"{self.where}: `{self.key}` is not there in {self.file}.")
            start = inside
        return start, _decoder.raw_decode(text, start)[1]


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _member(text: str, start: int, step: str | int) -> int | None:
    """Where the value of a member or element begins; the last one of a name counts, as for every reader."""
    position, found, index = _skip(text, start + 1), None, 0
    if text[start] not in "{[" or (text[start] == "[" and not isinstance(step, int)):
        return None
    while text[position] not in "}]":
        name: object = index
        if text[start] == "{":
            name, position = _decoder.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
        if str(name) == str(step):
            found = position
        position = _skip(text, _decoder.raw_decode(text, position)[1])
        position = _skip(text, position + 1) if text[position] == "," else position
        index += 1
    return found
