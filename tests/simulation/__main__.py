"""Prints the tables of error rates: `python -m tests.simulation [--runs 200] [--rules …] [--noises …]`."""

from __future__ import annotations

import argparse

from .noises import NOISES
from .rules import RULES
from .tallies import table
from .worlds import WORLDS


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--rules", type=_names, default=list(RULES)[:5], help=f"of {'; '.join(RULES)}")
    asked.add_argument("--noises", type=_names, default=list(NOISES), help=f"of {'; '.join(NOISES)}")
    asked.add_argument("--world", choices=WORLDS, default="usual", help="what changes do")
    asked.add_argument("--runs", type=int, default=200, help="simulated runs per line")
    asked.add_argument("--length", type=int, default=60, help="experiments in each")
    asked.add_argument("--seed", type=int, default=0)
    chosen = asked.parse_args()
    for line in table(chosen.rules, chosen.noises, chosen.world, chosen.runs, chosen.length, chosen.seed):
        print(line, flush=True)


def _names(text: str) -> list[str]:
    """Names separated by semicolons, as some have commas in them."""
    return [name.strip() for name in text.split(";")]


if __name__ == "__main__":
    main()
