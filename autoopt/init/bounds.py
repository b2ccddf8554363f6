"""What people type for budgets and constraints, as words of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autoopt.errors import UsageError

_CONSTRAINT = re.compile(
    r"(?P<name>[\w./:@%+-]+?)\s*(?P<sign><=|>=|<|>|\+|-|no worse)\s*"
    r"(?P<amount>\d+(?:\.\d+)?(?:[eE]\d+)?)?\s*(?P<share>%)?"
)
_PART = re.compile(
    r"\$\s*(?P<usd>\d+(?:\.\d+)?)|(?P<wall>(?:\d+(?:\.\d+)?\s*[smhd]\s*)+)|"
    r"(?P<amount>\d+(?:\.\d+)?)\s*(?P<scale>[kM]?)\s*(?P<what>experiments?|exps?|tokens?|tok)?",
)
BUDGET = "as in: 20 (experiments), 2h, 20 or 90m, $5, 500k tokens; several with commas"
CONSTRAINTS = "as in: peak_mb <= 500, cpu_s +10%, f1 >= 0.7, errors no worse"


def budget(said: str) -> dict[str, str]:
    """The options of a budget, as in "20 experiments, 2h, $5"; those not named are without limit.

    Raises:
        UsageError: something in it cannot be understood.
    """
    found: dict[str, str] = {"budget.experiments": "null"}
    for part in filter(None, re.split(r"\s*(?:,|\bor\b|\band\b)\s*", said.strip())):
        match = _PART.fullmatch(part)
        if match is None:
            raise UsageError(f"budget: {part!r} is not understood; write it {BUDGET}.")
        found |= _part(match)
    return found


def _part(match: re.Match[str]) -> dict[str, str]:
    if match["usd"]:
        return {"budget.cost_usd": match["usd"]}
    if match["wall"]:
        return {"budget.wall": match["wall"].replace(" ", "")}
    amount = float(match["amount"]) * {"": 1, "k": 1e3, "M": 1e6}[match["scale"]]
    if amount != int(amount) or amount < 1:
        raise UsageError(f"budget: {match[0]!r} is no whole number above 0; write it {BUDGET}.")
    is_tokens = (match["what"] or "").startswith("tok")
    return {"budget.tokens" if is_tokens else "budget.experiments": str(int(amount))}


def constraints(said: str) -> dict[str, str]:
    """The options of constraints, as in "peak_mb <= 500, cpu_s +10%".

    Raises:
        UsageError: something in it cannot be understood.
    """
    found: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in said.split(","))):
        found |= dict(_constraint(part))
    return found


def _constraint(part: str) -> Iterator[tuple[str, str]]:
    match = _CONSTRAINT.fullmatch(part)
    if match is None or (match["sign"] == "no worse") != (match["amount"] is None):
        raise UsageError(f"constraints: {part!r} is not understood; write it {CONSTRAINTS}.")
    option, sign = f"constraints.{match['name']}", match["sign"]
    if sign == "no worse":
        yield f"{option}.max_regression", "0"
    elif sign in "+-":
        if not match["share"]:
            raise UsageError(
                f"constraints: {part!r}: how much worse it may get is a share, as in cpu_s +10%."
            )
        yield f"{option}.max_regression", f"{float(match['amount']) / 100:g}"
        if sign == "-":
            yield f"{option}.direction", "higher"
    elif match["share"]:
        raise UsageError(f"constraints: {part!r}: a bound is a plain number; write a share as cpu_s +10%.")
    else:
        yield f"{option}.{'max' if '<' in sign else 'min'}", match["amount"]
