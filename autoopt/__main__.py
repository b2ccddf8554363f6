"""`python -m autoopt` is `autoopt`."""

import os
import sys


def _forget_current_directory() -> None:
    """Look for no modules where somebody's repository may be; unless this program itself is there.

    With `-m` the current directory comes before everything else, and so would its `yaml.py`.
    """
    first = sys.path[0] if sys.path and not sys.flags.safe_path else None
    if first is not None and not __file__.startswith(os.path.join(first, "autoopt", "")):  # noqa: PTH118
        del sys.path[0]


if __name__ == "__main__":
    _forget_current_directory()
    from autoopt.cli import main

    sys.exit(main())
