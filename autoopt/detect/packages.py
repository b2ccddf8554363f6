"""What a `package.json` says: how the project is built and tested, and where a build leaves its files."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path, PurePosixPath
from typing import Any

from autoopt.detect import files
from autoopt.detect.place import Place

_FILE = "package.json"
_MANAGERS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
_OUTPUT = {
    "react-scripts": "build/**",
    "next": ".next/static/**",
    "gatsby": "public/**",
    "@sveltejs/kit": "build/**",
    "nuxt": ".output/public/**",
}
_NO_TEST = "no test specified"  # what `npm init` writes


def build(place: Place) -> str | None:
    """The command that builds the project; None when its package has no build script."""
    return _script(place, "build")


def tests(place: Place) -> str | None:
    """The command that runs the package's tests; None when it has none."""
    package = _read(place.root, _folder(place))
    return None if _NO_TEST in str(_scripts(package).get("test", _NO_TEST)) else _script(place, "test")


def output(place: Place) -> str | None:
    """Glob of the files that a build leaves, by the framework that is used; None when nothing is built."""
    folder = _folder(place)
    package = _read(place.root, folder)
    if "build" not in _scripts(package):
        return None
    used: dict[str, Any] = {}
    for group in ("dependencies", "devDependencies"):
        if isinstance(given := package.get(group), dict):
            used |= given
    return folder + next((glob for name, glob in _OUTPUT.items() if name in used), "dist/**")


def _script(place: Place, name: str) -> str | None:
    folder = _folder(place)
    if name not in _scripts(_read(place.root, folder)):
        return None
    locks = ((lock, word) for lock, word in _MANAGERS.items() if (place.root / folder / lock).is_file())
    _, manager = next(locks, ("", "npm"))
    return f"{f'cd {shlex.quote(folder)} && ' if folder else ''}{manager} run {name}"


def _folder(place: Place) -> str:
    """Where the scope's package is, with `/` behind it; empty for the top of the repository."""
    for pattern in place.scope:
        plain = PurePosixPath(re.split(r"[*?\[]", pattern)[0])
        for above in (plain, *plain.parents):
            if ".." not in above.parts and _read(place.root, found := f"{above}/".removeprefix("./")):
                return found
    return ""


def _scripts(package: dict[str, Any]) -> dict[str, Any]:
    scripts = package.get("scripts")
    return scripts if isinstance(scripts, dict) else {}


def _read(root: Path, folder: str) -> dict[str, Any]:
    try:
        found = json.loads(files.text(root, f"{folder}{_FILE}") or "{}")
    except (ValueError, RecursionError):  # a file that is being edited, or hostile
        return {}
    return found if isinstance(found, dict) else {}
