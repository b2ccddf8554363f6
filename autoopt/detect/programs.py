"""How a Python program of the checkout is started, so that it imports the checkout's own packages."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

from autoopt.detect import files
from autoopt.detect.place import Place


def script(place: Place, path: PurePosixPath) -> str:
    """The command that runs a script, of a package by its module's name."""
    top = path.parent
    while top.parts and (place.root / top / "__init__.py").is_file():
        top = top.parent
    if top != path.parent:
        parts = path.relative_to(top).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__main__" else parts)
        return module(place, name, *([str(top)] if top.parts else []))
    # A script's own directory is where Python looks first; the packages at the top need a word.
    needed = ["."] if top.parts else []
    return f"{importing(place, *needed)}{place.interpreter} {shlex.quote(str(path))}"


def module(place: Place, name: str, *folders: str) -> str:
    """The command that runs a module, which may be in one of these directories."""
    return f"{importing(place, *folders)}{place.interpreter} -m {name}"


def entry_point(place: Place, named: str = "") -> str | None:
    """The only script of pyproject.toml with such a name, called from the checkout.

    An installed one runs the files it was installed from.

    Args:
        named: A regex that is in the script's name.
    """
    scripts = files.table(place.root, "pyproject.toml", "project", "scripts")
    targets = [str(target) for name, target in scripts.items() if re.search(named, str(name))]
    if len(targets) != 1 or not re.fullmatch(r"[\w.]+:\w+", targets[0]):
        return None
    owner, _, function = targets[0].partition(":")
    code = f"import sys; from {owner} import {function}; sys.exit({function}())"
    return f"{importing(place)}{place.interpreter} -c '{code}'"


def importing(place: Place, *folders: str) -> str:
    """The assignment that makes the checkout's packages importable, rather than an installed copy of them.

    What was in the variable stays: whoever profiles the command puts its recorder there.
    """
    every = [*(["src"] if _is_src_layout(place) else []), *folders]
    listed = ":".join(dict.fromkeys(map(shlex.quote, every)))
    return f"PYTHONPATH={listed}:$PYTHONPATH " if every else ""


def _is_src_layout(place: Place) -> bool:
    return any((place.root / "src").glob("*/__init__.py")) or any((place.root / "src").glob("*.py"))
