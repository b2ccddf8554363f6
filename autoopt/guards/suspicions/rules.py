"""What a change is searched for: each rule by its name, and what such a line does to the judging."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from autoopt.errors import UsageError


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of suspicious line.

    Attributes:
        why: What such a line does to the judging, as the end of a sentence that begins with the line.
        certain: Whether no honest change has a reason for it; else a person may overrule it.
    """

    why: str
    certain: bool = False


RULES = {
    "clock": Rule("replaces a clock by which changes are measured", certain=True),
    "judge": Rule("replaces what the measuring program itself uses", certain=True),
    "objects": Rule("takes objects out of the caller's hands", certain=True),
    "benchmark": Rule("finds out that it is being measured", certain=True),
    "equality": Rule("compares as equal whatever it is compared with", certain=True),
    "frames": Rule("looks at who calls, or follows what runs"),
    "patch": Rule("replaces a function of another module for everybody"),
    "imports": Rule("changes which modules are found"),
    "exit": Rule("ends the process before the program that called has finished"),
    "late": Rule("puts work off to a time that may not be measured"),
    "output": Rule("prints while it is imported"),
    "metric-line": Rule("prints what the metric is read from"),
    "names": Rule("knows the files of the measurement, or looks through the environment"),
    "argv": Rule("reads the command line, which the product did not read before"),
    "seed": Rule("fixes or reads the seed of what is random"),
    "lazy": Rule("hands out work that is not done yet"),
    "constant": Rule("no longer computes its result"),
    "answers": Rule("has an answer written down for one input"),
    "table": Rule("brings values that were computed elsewhere"),
    "sampling": Rule("looks at a part of the data only"),
    "precision": Rule("computes less precisely"),
    "disk": Rule("leaves something on the disk that the next run may find"),
    "background": Rule("starts something that may go on when the result is returned"),
    "network": Rule("reaches for the network"),
    "history": Rule("reads the repository's other commits"),
    "dynamic": Rule("runs code that cannot be read here"),
    "suppression": Rule("silences a check"),
    "settings": Rule("loosens the settings of a tool that checks"),
    "skip": Rule("keeps a test from running or from failing"),
    "tests": Rule("takes away or changes what a test asserts"),
    "binary": Rule("cannot be read"),
    "unreadable": Rule("is no Python that can be read here"),
}

OTHERS = ("clocks", "minimal-diff", "traces")
"""Guards beside these rules whose suspicions can be ignored too."""


def check(ignore: Collection[str]) -> None:
    """See that every name is a rule's.

    Raises:
        UsageError: naming the option.
    """
    known = (*RULES, *OTHERS)
    for name in ignore:
        if name not in known:
            raise UsageError(f"suspicions.ignore: {name!r} is no rule; there are {', '.join(known)}.")
