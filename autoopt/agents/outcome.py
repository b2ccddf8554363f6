"""What an agent's command printed, read: the answer, an error, cost, tokens and turns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.processes import OUTPUT_CAP, plain
from autoopt.processes.environment import read_regular
from autoopt.schema import AnswerConfig, AnswerFormat, PricesConfig

ANSWER_LIMIT = 1 << 20
"""Characters of an answer that are read; a longer one is cut."""
_LARGEST = 1e12
"""No call has as many tokens or dollars; such a number is nonsense and not counted."""
_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What could be read; numbers that are not there are 0, and so is a cost without a known price."""

    text: str | None
    error: str | None
    cost_usd: float
    input_tokens: int
    output_tokens: int
    turns: int


def check(config: AnswerConfig, path: str) -> None:
    """Refuse expressions that cannot be read.

    Raises:
        UsageError: naming the option.
    """
    for name, expression in vars(config).items():
        if name == "format" or expression is None:
            continue
        if problem := _problem(expression, config.format):
            raise UsageError(f"{path}.{name}: {expression!r} {problem}.")


def _problem(expression: str, form: AnswerFormat) -> str | None:
    if form is AnswerFormat.text:
        try:
            groups = re.compile(expression).groups
        except re.error as error:
            return f"is no regex: {error}"
        return None if groups == 1 else f"has {groups} groups, but exactly one was expected"
    import jmespath  # 24 ms that a run without an agent does not pay

    try:
        jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        return f"is no JMESPath expression: {str(error).splitlines()[0]}"
    return None


def read(
    config: AnswerConfig, prices: PricesConfig, stdout: Path, stderr: Path, answer_file: Path | None
) -> Outcome:
    """What the files hold, as far as it can be read; nothing an agent prints makes this fail."""
    printed = _text(stdout)
    if config.format is AnswerFormat.text:
        find = _regex_search(printed + "\n" + _text(stderr))
        answer = printed if config.text is None else find(config.text)
    else:
        find = _path_search(_events(printed) if config.format is AnswerFormat.jsonl else _document(printed))
        answer = None if config.text is None else find(config.text)
    if answer_file is not None:
        answer = _text(answer_file)
    tokens = {
        name: int(_number(find, getattr(config, name)) or 0)
        for name in ("input_tokens", "cached_tokens", "output_tokens", "turns")
    }
    cost = _number(find, config.cost_usd)
    cached = tokens.pop("cached_tokens")
    return Outcome(
        text=_words(answer),
        error=_words(None if config.error is None else find(config.error)),
        cost_usd=cost if cost is not None else _price(prices, cached, **tokens),
        **tokens,
    )


def _price(prices: PricesConfig, cached: int, input_tokens: int, output_tokens: int, turns: int) -> float:
    cached = min(cached, input_tokens)
    cached_price = prices.input if prices.cached is None else prices.cached
    fresh = (input_tokens - cached) * prices.input
    return (fresh + cached * cached_price + output_tokens * prices.output) / 1e6


def _text(path: Path) -> str:
    return plain((read_regular(path, OUTPUT_CAP) or b"").decode("utf-8", "replace"))


def _words(found: Any) -> str | None:
    """An answer or error as text; None when there is none."""
    if found is None or found == [] or found is False:
        return None
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return text.strip()[:ANSWER_LIMIT] or None


def _number(find: Callable[[str], Any], expression: str | None) -> float | None:
    """A number of dollars, tokens or turns; None when there is none that can be meant."""
    found = None if expression is None else find(expression)
    if isinstance(found, str):
        found = _spelled(found)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return float(found) if math.isfinite(found) and 0 <= found <= _LARGEST else None


def _spelled(text: str) -> float | None:
    """A number as people are shown it: `1,234`, `4.2k`, `1.1M`."""
    match = re.fullmatch(r"\$?([0-9][0-9,]*(?:\.[0-9]+)?)([kKmM]?)", text.strip(), re.ASCII)
    return None if match is None else float(match[1].replace(",", "")) * _FACTORS[match[2].lower()]


def _regex_search(text: str) -> Callable[[str], str | None]:
    def find(expression: str) -> str | None:
        found = None
        for match in re.finditer(expression, text):
            found = match[1]
        return found

    return find


def _path_search(document: Any) -> Callable[[str], Any]:
    def find(expression: str) -> Any:
        import jmespath

        try:
            return jmespath.search(expression, document)
        except (
            jmespath.exceptions.JMESPathError,
            RecursionError,
        ):  # the agent printed other things than usual
            return None

    return find


def _document(text: str) -> Any:
    """The JSON object in the output: all of it, or what begins at the first line that starts like one."""
    for match in re.finditer(r"^[{\[]", text, re.MULTILINE):
        if (found := _parse(text[match.start() :])) is not None:
            return found
    return None


def _events(text: str) -> list[Any]:
    """The JSON objects that are one line each; other lines are left out."""
    found = (_parse(line) for line in text.splitlines() if line.startswith("{"))
    return [one for one in found if isinstance(one, dict)]


def _parse(text: str) -> Any:
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
