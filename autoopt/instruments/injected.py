"""Loads the recorder beside it into every Python process of a command; copied as `sitecustomize.py`.

It runs in whatever Python the command uses, before anything else, so it imports little and never fails.
"""

import importlib
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to import


def _next_of_kin() -> None:
    """Load the `sitecustomize` that this one stands before, if there is one."""
    place = [entry for entry in sys.path if entry and os.path.abspath(entry) == _FOLDER]  # noqa: PTH100
    for entry in place:
        sys.path.remove(entry)
    mine = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        if mine is not None:
            sys.modules["sitecustomize"] = mine


if __name__ == "sitecustomize":
    _recording = importlib.import_module("_recording")
    _next_of_kin()
    _recording.start(_FOLDER)
