"""Which files commands name: scripts, configuration, data. Only looks; runs and resolves nothing."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

_SPACE = re.compile(r"[\s'\"`;|&()<>]+")
_FINER = re.compile(r"[=:,@{}\[\]$]+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ASSIGNED = re.compile(r"(?<![\w$])([A-Za-z_]\w*)=([^\s;|&()<>]+)")
_PATTERN = re.compile(r"(?=.*[*?\[])(?=.*\w)(?!/).*")
_STARS = re.compile(r"\*+")
_MOST = 10_000  # of files that one pattern means
_LONGEST = 100_000  # characters of a command in which variables stand for each other
_VARIABLE = re.compile(r"^\$\w+/")  # a directory that only the shell knows, most often this one
_MODULE = re.compile(r"-m[\s=]*([A-Za-z_]\w*(?:\.\w+)*)")
_PROGRAM = re.compile(r"(?<![\w./-])([a-z][\w-]*)(?![\w-])")
_FOLDER = re.compile(
    r"(?:\bcd|\bpushd|-C|--directory|--prefix|--cwd|\bPYTHONPATH)[\s=]+['\"]?([^\s'\";|&()<>]+)"
)
_IMPLIED = {
    **dict.fromkeys(("make", "gmake"), ("GNUmakefile", "makefile", "Makefile")),
    **dict.fromkeys(("npm", "npx", "yarn", "pnpm", "bun"), ("package.json",)),
    **dict.fromkeys(("just",), ("justfile", "Justfile", ".justfile")),
    **dict.fromkeys(("tox",), ("tox.ini",)),
    **dict.fromkeys(("nox",), ("noxfile.py",)),
    **dict.fromkeys(("invoke", "inv"), ("tasks.py",)),
    **dict.fromkeys(("rake",), ("Rakefile",)),
    **dict.fromkeys(("task",), ("Taskfile.yml", "Taskfile.yaml")),
    **dict.fromkeys(("cmake",), ("CMakeLists.txt", "CMakePresets.json")),
    **dict.fromkeys(("gradle", "gradlew"), ("build.gradle", "build.gradle.kts")),
}
"""Files that say what a program does which is called without naming them."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix", "/dev", "/proc", "/sys", "/etc")


def candidates(commands: Iterable[str], root: Path, others: Sequence[Path] = ()) -> list[Path]:
    """Every path that shell commands could mean, whether anything is there or not.

    Args:
        root: Where commands run, as far as names are concerned: the top of the repository.
        others: Further directories in which a name may be meant, the recipe's own for instance.
    """
    found: dict[Path, None] = {}
    for command in commands:
        places = [root, *others]
        places += [place / folder for place in places for folder in _FOLDER.findall(command)]
        for name in dict.fromkeys(_names(command)):
            named = [Path(name).expanduser()] if name.startswith("~/") else [place / name for place in places]
            found |= dict.fromkeys(Path(os.path.normpath(path)) for path in named)
        for pattern in filter(_PATTERN.fullmatch, _SPACE.split(_QUOTED.sub("", command))):
            found |= dict.fromkeys(path for place in places for path in _matching(place, pattern))
    return list(found)


def _matching(place: Path, pattern: str) -> list[Path]:
    """The files that the shell would put in for a pattern; to it, two stars are one."""
    with suppress(ValueError, OSError):
        found = islice(place.glob(_STARS.sub("*", pattern)), _MOST)
        return sorted(Path(os.path.normpath(path)) for path in found)
    return []


def label(path: Path, root: Path) -> str:
    """The path as a person in the repository calls it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _names(command: str) -> Iterator[str]:
    """Everything in a command that could be a file's name."""
    for word in filter(None, _SPACE.split(command)):
        yield from (word, *_FINER.split(word))
        yield word.replace("\\", "")
        yield _VARIABLE.sub("", word)
    yield from _SPACE.split(_spelled_out(command))
    for quoted in re.findall(r"'([^']+)'|\"([^\"]+)\"", command):
        yield from quoted  # a name with blanks
    for module in _MODULE.findall(command):
        path = module.replace(".", "/")
        for folder in ("", "src/"):
            yield from (f"{folder}{path}.py", f"{folder}{path}/__main__.py", f"{folder}{path}/__init__.py")
    for program in _PROGRAM.findall(command):
        yield from _IMPLIED.get(program, ())


def _spelled_out(command: str) -> str:
    """The command without quotes, and with the variables put in that it sets itself."""
    plain = re.sub(r"['\"\\]", "", command)
    for name, value in _ASSIGNED.findall(plain):
        if len(plain) < _LONGEST:
            plain = plain.replace(f"${{{name}}}", value)
            plain = re.sub(rf"\${name}\b", value, plain)
    return plain


def is_meant(path: Path, root: Path, others: Sequence[Path] = ()) -> bool:
    """Whether it is a regular file that may say what is done, rather than a program of the machine.

    Args:
        others: Directories of somebody else's files, which may be among those of the machine.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - names from commands can be anything
            return False
    except (OSError, ValueError):
        return False
    if any(path.is_relative_to(place) for place in others):
        return True
    real = path.resolve()
    inside = real.is_relative_to(root.resolve())
    return inside or not any(real.is_relative_to(place) for place in (*_SYSTEM, sys.prefix, sys.base_prefix))
