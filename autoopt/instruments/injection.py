"""Has every Python process of a command record itself, children of the shell and of other programs too.

Only processes that ignore the environment (`python -I`, `-E`, `-S`) or leave by `os._exit` (workers of
multiprocessing among them) stay unseen.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.instruments import shell

_INJECTED = Path(__file__).with_name("injected.py")


def recorded(
    command: str, recorder: Path, environ: Mapping[str, str], settings: Mapping[str, str] | None = None
) -> list[Any]:
    """What the command's Python processes recorded of themselves, one value for each.

    Args:
        command: A shell command for the working directory.
        recorder: A module that needs nothing but the standard library; its `start(folder)` has the
            process write `seen-*.json` files into the folder, or `missing-*` ones that say what it lacks.
        environ: The environment of the command.
        settings: Further variables, which the recorder reads.

    Raises:
        UsageError: the command failed, or no Python process of it could be seen.
    """
    with tempfile.TemporaryDirectory(prefix="autoopt-record-") as name:
        folder = Path(name)
        shutil.copyfile(_INJECTED, folder / "sitecustomize.py")
        shutil.copyfile(recorder, folder / "_recording.py")
        shell.succeed(command, {**_environment(folder, environ), **(settings or {})})
        for file in sorted(folder.glob("missing-*")):
            raise UsageError(file.read_text("utf-8"))
        seen = [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("seen-*.json"))]
    if not seen:
        raise UsageError(
            "the command ran no Python program that could be watched (one that sets PYTHONPATH itself must "
            "keep what is in it, as in PYTHONPATH=src:$PYTHONPATH)."
        )
    return seen


def _environment(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which Python processes record themselves and leave nothing in the checkout."""
    paths = [str(folder), environ["PYTHONPATH"]] if environ.get("PYTHONPATH") else [str(folder)]
    options = f"{environ.get('PYTEST_ADDOPTS', '')} -p no:cacheprovider".strip()
    return {
        "PYTHONPYCACHEPREFIX": str(folder / "pycache"),
        **environ,
        "PYTHONPATH": ":".join(paths),
        "PYTEST_ADDOPTS": options,
    }
