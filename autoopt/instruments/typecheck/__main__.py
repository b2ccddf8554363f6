"""Entry point of `python -m autoopt.instruments.typecheck`."""

import os
import sys

from autoopt.instruments.typecheck.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
