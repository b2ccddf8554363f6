"""Prints the median cost of judging one pair, by the pairs so far: `python tests/bench/judge_speed.py`."""

import random
from statistics import median
from time import perf_counter

from autoopt.judge import Judge
from autoopt.schema import Direction, Patience, VerdictConfig

ROUNDS = 40


def main() -> None:
    draw = random.Random(1)
    judge = Judge(VerdictConfig(patience=Patience.careful), Direction.lower, "s")
    judge.start([draw.gauss(10, 0.2) for _ in range(5)])
    for _ in range(12):  # from six experiments on, remembered runs are weighed too
        judge.learn([(draw.gauss(10, 0.2), draw.gauss(10, 0.2)) for _ in range(4)], kept=False)
    seconds: list[list[float]] = [[] for _ in range(judge.comparison().max_pairs)]
    for _ in range(ROUNDS):
        comparison = judge.comparison()
        for position in range(len(seconds)):
            pair = draw.gauss(10, 0.2), draw.gauss(9.9, 0.2)
            since = perf_counter()
            comparison.add(*pair)
            seconds[position].append(perf_counter() - since)
    for position in (0, 1, 3, 7, 15, 31):
        print(f"pair {position + 1:2d}: {1e3 * median(seconds[position]):.2f} ms")


if __name__ == "__main__":
    main()
