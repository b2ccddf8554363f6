"""Entry point of `python -m autoopt.instruments.spark`."""

import os
import sys

from autoopt.instruments.spark.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
