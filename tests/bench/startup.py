"""What quick commands cost against `python -c pass`: `python tests/bench/startup.py`."""

import subprocess
import sys
from statistics import median
from time import perf_counter

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "autoopt --help": ("-m", "autoopt", "--help"),
    "autoopt recipes": ("-m", "autoopt", "recipes"),
    "autoopt runs": ("-m", "autoopt", "runs"),
}


def main() -> None:
    """Print the median of 15 interleaved starts of each, and the ratio to the bare interpreter."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(15):
        for name, words in COMMANDS.items():
            begun = perf_counter()
            subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(perf_counter() - begun)
    bare = median(seconds["python -c pass"])
    for name, taken in seconds.items():
        print(f"{name:16s} {1e3 * median(taken):6.1f} ms  {median(taken) / bare:5.1f} times")


if __name__ == "__main__":
    main()
