"""`${beside:FILE}` in a recipe: a file of the recipe's own folder, as one shell word.

What it stands for depends on the file that says it, so it is put in as that file is read. A recipe of the
repository gets the path in the checkout, because the commit is what is measured; any other one gets the file
where it lies.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoopt.compose import shape, strictyaml
from autoopt.compose.library import PACK, Shelf, top
from autoopt.errors import UsageError

NAME = "beside"
_CALL = re.compile(r"(?<!\\)\$\{\s*beside\s*:([^{}]*)\}")
_LEFT = re.compile(r"(?<!\\)\$\{\s*beside\b")
_PLAIN = re.compile(r"[\w.,+@%-]+(?:/[\w.,+@%-]+)*")
_REPOSITORY = "repository"


def names(data: Mapping[str, Any]) -> Iterator[tuple[shape.Path, str]]:
    """The files that a recipe names so: the option's path, and the name as it is written."""
    for path, text in shape.texts(data):
        yield from ((path, found.strip()) for found in _CALL.findall(text))


def put_in(document: strictyaml.Document, data: Mapping[str, Any], shelf: Shelf) -> dict[str, Any]:
    """The recipe's content with the paths in the place of what is written.

    Raises:
        UsageError: one line, starting with `FILE:LINE`: it is no file of the shelf.
    """
    for path, text in shape.texts(data):
        if _LEFT.search(_CALL.sub("", text)):
            raise UsageError(
                f"{document.at(path)}: {'.'.join(path)}: ${{{NAME}:...}} takes the plain name of a file."
            )
    paths = {name: _word(document, at, name, shelf) for at, name in names(data)}
    found = _replaced(dict(data), paths) if paths else dict(data)
    assert isinstance(found, dict)
    return found


def _replaced(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _CALL.sub(lambda call: paths[call[1].strip()], value)
    if isinstance(value, dict):
        return {key: _replaced(item, paths) for key, item in value.items()}
    return [_replaced(item, paths) for item in value] if isinstance(value, list) else value


def _word(document: strictyaml.Document, at: shape.Path, name: str, shelf: Shelf) -> str:
    """The shell word for one of the files."""
    where = f"{document.at(at)}: {'.'.join(at)}: ${{{NAME}:{name}}}"
    path = Path(os.path.normpath(document.path.parent / name))
    if not _PLAIN.fullmatch(name) or not path.is_relative_to(shelf.path):
        raise UsageError(f"{where}: the plain name of a file in {shelf.path} was expected.")
    if not path.is_file():
        raise UsageError(f"{where}: {path} is not there; a recipe and its files belong into one folder.")
    is_installed = shelf.label.startswith(PACK)  # installers may link files
    if not is_installed and not path.resolve().is_relative_to(shelf.path.resolve()):
        raise UsageError(f"{where}: {path} is a link out of {shelf.path}.")
    word = shlex.quote(str(path.relative_to(top(shelf.path)) if shelf.label == _REPOSITORY else path))
    return re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", word)  # an odd path is no interpolation
