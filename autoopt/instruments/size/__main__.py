"""Entry point of `python -m autoopt.instruments.size`."""

import sys

from autoopt.instruments.size.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
