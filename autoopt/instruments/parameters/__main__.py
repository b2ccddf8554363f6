"""Entry point of `python -m autoopt.instruments.parameters`."""

import sys

from autoopt.instruments.parameters.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
