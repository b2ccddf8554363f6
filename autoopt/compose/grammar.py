"""Which functions a text calls, by OmegaConf's own grammar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omegaconf.errors import GrammarParseError
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse


def calls(text: str) -> list[str]:
    """The names before the colon of each `${name:...}`; none where the text cannot be read at all."""
    try:
        return list(_calls(parse(text)))
    except GrammarParseError:
        return []  # it is refused as a whole when the settings are put together


def _calls(node: Any) -> Iterator[str]:
    if isinstance(node, OmegaConfGrammarParser.InterpolationResolverContext):
        name: Any = node.resolverName  # made by a generator, without types
        yield name().getText().strip()
    for inner in getattr(node, "children", None) or ():
        yield from _calls(inner)
