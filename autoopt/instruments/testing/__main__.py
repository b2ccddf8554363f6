"""Entry point of `python -m autoopt.instruments.testing`."""

import os
import sys

from autoopt.instruments.testing.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
