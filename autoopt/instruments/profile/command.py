"""The command line: runs a command, gathers what its Python processes recorded, prints a table."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.errors import AutooptError, UsageError
from autoopt.instruments.profile import table

_RECORDER = Path(__file__).with_name("recorder.py")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the profile of a command; return the exit code. What goes wrong is one line on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m autoopt.instruments.profile",
        description="Where a command's Python programs spend time.",
    )
    parser.add_argument("--command", required=True, help="shell command to run in the working directory")
    parser.add_argument("--top", type=int, default=25, help="functions of the scope to show")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, directories or globs of the scope")
    arguments = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="autoopt-profile-") as folder:
            rows = _recorded(arguments.command, Path(folder), environ)
        print(*table.lines(rows, Path.cwd(), arguments.paths, arguments.top), sep="\n")
    except AutooptError as error:
        print(f"autoopt: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _recorded(command: str, folder: Path, environ: Mapping[str, str]) -> list[table.Row]:
    """Run the command; what its processes recorded.

    Raises:
        UsageError: it failed, or no Python process of it could be seen.
    """
    shutil.copyfile(_RECORDER, folder / "sitecustomize.py")
    # No supervisor here: whoever runs this instrument has one, and it ends all of its descendants.
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{command}"],
        env=_environment(folder, environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UsageError(f"the command failed under the profiler (exit code {done.returncode}): {said}")
    files = sorted(folder.glob("seen-*.json"))
    if not files:
        raise UsageError("the command ran no Python program that could be profiled.")
    return [table.Row.of(fields) for file in files for fields in json.loads(file.read_text("utf-8"))]


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
