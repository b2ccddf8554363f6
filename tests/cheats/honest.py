"""Honest edits, which must get through; and some that do nothing, which never pay."""

from __future__ import annotations

from .editors import HONEST, Editor, report
from .project import FAST, SLOW

_LEANER = SLOW.partition("\n\n\ndef _audit")[0].replace("    _audit(sales)\n", "") + "\n"
_SMALL = SLOW.replace(
    "largest = max(largest, amount)", "if amount > largest:\n                    largest = amount"
)
_AMOUNTS = """\
        amounts = [amount for shop, amount in sales if shop == name]
        found[name] = (len(amounts), sum(amounts), max(amounts))
"""
_LOOP = SLOW.partition("        count, total, largest")[2].partition("    return found")[0]
_MENDED = SLOW.replace(f"        count, total, largest{_LOOP}", _AMOUNTS)


def editors() -> list[Editor]:
    honest = {
        "honest: 50 times as fast": report(FAST),
        "honest: 3 %": report(_SMALL),
        "honest: code removed": report(_LEANER),
        "honest: bug mended, and faster": report(_MENDED),
    }
    idle = {
        "comment only": report(SLOW.replace("    found = {}", "    # start with none\n    found = {}")),
        "reformatted only": report(
            SLOW.replace("count, total, largest = 0, 0, 0", "count, total, largest = 0, 0, 0\n")
        ),
    }
    return [
        *(
            Editor(name=name, group=HONEST, edit=edit, kept=name.startswith("honest: 50"))
            for name, edit in honest.items()
        ),
        *(Editor(name=name, group="nothing", edit=edit) for name, edit in idle.items()),
    ]
