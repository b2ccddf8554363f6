"""Entry point of `python -m autoopt.instruments.memory`."""

import os
import sys

from autoopt.instruments.memory.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
