"""`autoopt recipes new`: a recipe with its script, an example and a test, which pass as they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt import places
from autoopt.commands import trusting
from autoopt.compose import foreign
from autoopt.compose import library as shelves
from autoopt.errors import ResourceError, UsageError
from autoopt.packs import scaffold

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def new(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Write the files, trusted as it was this user who had them written; returns the exit code.

    Raises:
        UsageError: there is such a recipe, or one of the files.
    """
    if len(words) not in (1, 2) or not _NAME.fullmatch(words[0]):
        raise UsageError(
            "recipes new: a name of letters, digits, - and _ was expected, then perhaps the directory of the "
            "pack: autoopt recipes new NAME [DIR]."
        )
    name, base = words[0], _base(words[1:])
    if (places.data_dir("recipes") / f"{name}.yaml").exists():
        raise UsageError(f"recipes new: {name}: autoopt has a recipe of that name; choose another.")
    texts = scaffold.files(name)
    around = base.resolve() if words[1:] else shelves.top(Path.cwd())
    if odd := [path for path in texts if not (base / path).resolve().is_relative_to(around)]:
        raise UsageError(f"{base / odd[0]}: leads out of {around}, so nothing was written.")
    if there := [path for path in texts if (base / path).exists()]:
        raise UsageError(
            f"{base / there[0]}: is there already, and nothing was written; choose another name."
        )
    _write(base, texts)
    print(*(f"wrote {base / path}" for path in texts), sep="\n")
    where = shelves.top(base)
    if base.resolve() != where / ".autoopt":
        print(
            f"Its rules: autoopt recipes check {base}; its test: pytest {base / 'tests'}. Try it in any "
            f"repository with AUTOOPT_RECIPES={(base / 'recipes').resolve()}."
        )
        return 0
    library = shelves.visible(environ, where)
    choice = foreign.Choice(recipes=[name], any_scope=True)
    trusting.accept(foreign.materials(choice, library, shelves.Library(()), where), where, environ)
    print(
        f"Commit them, then: autoopt recipe={name} scope=src agent=NAME (or params, for ideas); "
        "its rules: autoopt recipes check"
    )
    return 0


def _base(words: Sequence[str]) -> Path:
    return Path(words[0]).expanduser() if words else shelves.top(Path.cwd()) / ".autoopt"


def _write(base: Path, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        try:
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ResourceError(f"{base / path}: cannot be written: {error.strerror}.") from error
