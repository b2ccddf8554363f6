"""Values in YAML files: found by ruamel's position marks, replaced in the text, so nothing is reformatted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor or tag belongs to the node but not to the value
_SAFE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+-]*\Z")
_OTHERWISE = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|none)\Z")


def form(where: str, file: str, config: ParameterConfig) -> YamlForm:
    """A value at a key path of a YAML file."""
    assert config.key is not None
    return YamlForm(where, file, config.key, plain.key_path(where, config.key), config)


@dataclass(frozen=True, slots=True)
class YamlForm:
    """A scalar at a key path."""

    where: str
    file: str
    key: str
    path: tuple[str | int, ...]
    config: ParameterConfig
    optional: bool = False

    def read(self, text: str) -> Value:
        """The scalar's value by YAML 1.2; yes, no, on, off are switches unless choices say otherwise."""
        start, end, node = self._find(text)
        raw = text[start:end]
        kind = str(node.tag).rpartition(":")[2]
        if node.style in {"'", '"'} or kind not in {"int", "float", "bool", "null", "str"}:
            return str(node.value)
        if kind == "null":
            return None
        if kind == "str":
            return plain.decode(raw, self.config) if _OTHERWISE.match(raw) else str(node.value)
        if kind == "bool":
            return raw.lower() == "true"
        return self._number(raw)

    def write(self, text: str, value: Value) -> str:
        """The text with the scalar replaced."""
        start, end, node = self._find(text)
        return plain.splice(text, (start, end), _spell(value, text[start:end], node.style))

    def _number(self, raw: str) -> Value:
        digits = raw.replace("_", "")
        found = plain.number(digits)
        if found is None:
            found = int(digits, 0) if re.match(r"[+-]?0[xo]", digits) else None
        return raw if found is None else found

    def _find(self, text: str) -> tuple[int, int, ScalarNode]:
        found = [node for root in self._compose(text) if (node := self._descend(root)) is not None]
        if len(found) != 1:
            what = "not there" if not found else "in more than one document"
            raise UsageError(f"{self.where}: `{self.key}` is {what} in {self.file}.")
        node = found[0]
        if not isinstance(node, ScalarNode) or node.style in {"|", ">"}:
            raise UsageError(f"{self.where}: `{self.key}` in {self.file} is not a value on one line.")
        # ruamel does not count a byte order mark, which text read as UTF-8 still has
        shift = int(text.startswith("\ufeff"))
        start, end = node.start_mark.index + shift, node.end_mark.index + shift
        match = _PROPERTIES.match(text, start, end)
        return start + (len(match.group()) if match else 0), end, node

    def _compose(self, text: str) -> list[Any]:
        try:
            return list(YAML(typ="rt").compose_all(text.removeprefix("\ufeff")))
        except YAMLError as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"{self.where}: {self.file} is not valid YAML: {reason[:200]}") from error

    def _descend(self, node: Any) -> Any:
        after = -1
        for step in self.path:
            if isinstance(node, MappingNode):
                pairs = [(key, value) for key, value in node.value if _named(key, step)]
                if not pairs:
                    return None
                key, node = pairs[0]
                after = key.end_mark.index
            elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
                after = max(after, node.start_mark.index)
                node = node.value[step]
            else:
                return None
            if node.start_mark.index < after:
                raise UsageError(
                    f"{self.where}: `{self.key}` in {self.file} is an alias; name the value it stands for."
                )
        return node


def _named(key: Any, step: str | int) -> bool:
    return isinstance(key, ScalarNode) and key.value == str(step)


def _spell(value: Value, present: str, style: str | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return plain.switch(value, present)
    if isinstance(value, (int, float)):
        text = plain.spell(value, present)
        mantissa, mark, exponent = text.partition("e")
        if not mark:
            return text
        # YAML 1.1 readers take 1e-5 for a string: they want the point and the sign
        point = mantissa if "." in mantissa else f"{mantissa}.0"
        return f"{point}e{int(exponent):+d}"
    return _quote(value, style)


def _quote(value: str, style: str | None) -> str:
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style != '"' and _SAFE.match(value) and not _OTHERWISE.match(value):
        return value
    return plain.quote(value)
