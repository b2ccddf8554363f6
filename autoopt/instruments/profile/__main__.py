"""Entry point of `python -m autoopt.instruments.profile`."""

import os
import sys

from autoopt.instruments.profile.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
