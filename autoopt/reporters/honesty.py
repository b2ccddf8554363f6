"""What a run claims and how much of it stands: claimed, confirmed, held out, and what each keep is worth."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.records import Confirmation, Experiment, Omission
from autoopt.reporters import account as accounts
from autoopt.reporters import words
from autoopt.reporters.account import Account
from autoopt.review import together

COLUMNS = ("kept", "claimed", "worth at the end", "")
"""Headings of `rows`."""
WHY_ROWS = (
    "The final commit was measured without each kept change: what it is worth beside the others may be less "
    "than what it brought when it was kept. Changes proposed for removal stayed out of the measurements that "
    "followed theirs, so all of them can go together. Guards were not run without them: do so afterwards."
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the kept steps claimed together beside what fresh pairs found, as gains in one unit.

    Attributes:
        claimed: The sum of the steps.
        confirmed: The fresh comparison of baseline and final.
        curse: How much of the sum was not there: 0 or more.
        is_clear: Whether the sum is outside the confirmation's interval.
    """

    claimed: float
    confirmed: float
    curse: float
    is_clear: bool
    is_ratio: bool


def claims(account: Account) -> Claims | None:
    """Claimed beside confirmed; None where one of them is missing or they are not in one unit."""
    claimed, confirmation = together(account.history), account.confirmation
    if claimed is None or confirmation is None or confirmation.is_ratio != claimed.is_ratio:
        return None
    return Claims(
        claimed=claimed.effect,
        confirmed=confirmation.effect,
        curse=max(0.0, claimed.effect - confirmation.effect),
        is_clear=claimed.effect > confirmation.high + 1e-12,
        is_ratio=confirmation.is_ratio,
    )


def sentences(account: Account) -> tuple[str, ...]:
    """What is said below the headline, the same on the terminal, in the Markdown and on the page."""
    spent, gone = words.usage(account.usage), accounts.interrupted(account)
    said = (
        accounts.imported(account),
        f"{accounts.counts(account)}.",
        *lines(account),
        f"Not in git any more, so not to be had: {', '.join(f'#{n}' for n in account.lost)}."
        if account.lost
        else "",
        f"Agents: {spent}." if spent else "",
        suspects(account),
        f"Interrupted before a decision, and reverted: {', '.join(map(str, gone))}." if gone else "",
    )
    return tuple(line for line in said if line)


def suspects(account: Account) -> str:
    """As in "2 suspects wait for you (#3, #7)."; empty where there are none."""
    return f"{said}." if (said := accounts.suspects(account)) else ""


def lines(account: Account) -> tuple[str, ...]:
    """Sentences about the claim: the steps' sum and its winner's curse, the holdout, what no longer pays."""
    return tuple(line for line in (_steps(account), held_out(account), _idle(account)) if line)


def _steps(account: Account) -> str:
    claimed = together(account.history)
    if claimed is None:
        return ""
    sum_of = words.count(len(account.kept), "kept step")
    said = f"Claimed step by step: {_gain(account, claimed.effect, is_ratio=claimed.is_ratio)} ({sum_of})"
    found = claims(account)
    if found is None:
        return f"{said}; steps picked for being good claim too much."
    confirmed = f"{said}; confirmed: {_gain(account, found.confirmed, is_ratio=found.is_ratio)}."
    return f"{confirmed} {_curse(account, found)}"


def _curse(account: Account, found: Claims) -> str:
    if found.curse <= 1e-9 * max(1.0, abs(found.claimed)):
        return "None of it was winner's curse."
    share = words.percent(min(1.0, found.curse / found.claimed)) if found.claimed > 0 else "all"
    if found.is_clear:
        return f"Winner's curse: {share} of the sum was not there."
    return f"Winner's curse: {share} of the sum at most; it is within the interval of the confirmation."


def held_out(account: Account) -> str:
    """What the holdout says of the claim; empty where there is none."""
    if account.holdout is None:
        wanted = account.has_holdout and account.kept
        return "Holdout: not measured, so nothing is known beyond what was optimized." if wanted else ""
    said = words.headline(account.holdout, account.direction, account.unit)
    return f"Holdout, which nobody optimized: {said}{_generalizes(account.confirmation, account.holdout)}."


def _generalizes(confirmation: Confirmation | None, holdout: Confirmation) -> str:
    """What the holdout says of the claim, where the two can be compared."""
    if holdout.low <= 0 or confirmation is None or confirmation.is_ratio != holdout.is_ratio:
        return ""
    if holdout.high < confirmation.low:
        return "; less than on what was optimized, so a part of the gain fits that alone"
    return ""


def _idle(account: Account) -> str:
    gone = account.idle
    if not gone:
        return ""
    numbers = words.count(len(gone), "kept change")
    listed = ", ".join(f"#{kept.number}" for kept in gone)
    pays = "no longer pays and can" if len(gone) == 1 else "no longer pay and can"
    return f"{numbers} {pays} be dropped: {listed}."


def rows(account: Account) -> tuple[tuple[str, str, str, str], ...]:
    """Each kept change that was left out of the final commit once: `COLUMNS`, in the order of the keeps."""
    found = {omission.number: omission for omission in account.omissions}
    return tuple(_row(account, kept, found[kept.number]) for kept in account.kept if kept.number in found)


def _row(account: Account, kept: Experiment, omission: Omission) -> tuple[str, str, str, str]:
    verdict = kept.verdict
    claimed = "" if verdict is None else _gain(account, verdict.effect, is_ratio=verdict.is_ratio)
    name = f"#{kept.number} {words.one_line(kept.description)}"
    return name, claimed, worth(account, omission), _advice(omission)


def worth(account: Account, omission: Omission) -> str:
    """What the final commit gains by the change: its absence, turned round; empty where nobody knows."""
    verdict = omission.verdict
    if verdict is None:
        return ""
    said = _gain(account, -verdict.effect, is_ratio=verdict.is_ratio)
    if verdict.low >= verdict.high:
        return said
    ends = words.interval(
        -verdict.high, -verdict.low, account.direction, account.unit, is_ratio=verdict.is_ratio
    )
    return f"{said} (95 % {ends}), {words.count(verdict.pairs, 'pair')}"


def _advice(omission: Omission) -> str:
    if not omission.pays:
        return "no longer pays: drop it"
    if omission.verdict is None:
        return f"stays: {words.one_line(omission.reason)}"
    worse = omission.verdict.outcome.value == "worse" or omission.verdict.high < 0
    return "pays" if worse else "stays: it may still pay, which is not certain"


def _gain(account: Account, effect: float, *, is_ratio: bool) -> str:
    return words.gain(effect, account.direction, account.unit, is_ratio=is_ratio)
