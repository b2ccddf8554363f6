"""Where a study that several workers share is kept, as its user writes it. Brings nothing of Optuna."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from autoopt.errors import UsageError

OPTION = "propose.optuna.storage"
_KNOWN = "a file's path, sqlite:///FILE, postgresql://USER@HOST/DATABASE or grpc://HOST:PORT"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_DATABASES = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_DRIVERS = {"sqlite+pysqlite": "sqlite", "postgresql+psycopg": "postgresql+psycopg"}
_VARIABLE = re.compile(r"\$(\w+)", re.ASCII)
_SECRET_WORD = re.compile(r"[?&](ssl)?password=", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})/?", re.ASCII)


class Kind(enum.StrEnum):
    """What keeps the study."""

    file = "file"
    sqlite = "sqlite"
    postgresql = "postgresql"
    grpc = "grpc"


@dataclass(frozen=True, slots=True)
class Address:
    """A place that can be opened.

    Attributes:
        target: A path, a URL as SQLAlchemy wants it, or HOST:PORT. May hold a password: never shown or kept.
        shown: The same for people, without one.
    """

    kind: Kind
    target: str = field(repr=False)
    shown: str


def read(text: str, folder: Path, environ: Mapping[str, str]) -> Address:
    """The address that the option's text means.

    Args:
        folder: What a relative path starts from.
        environ: What holds the password that the text names.

    Raises:
        UsageError: it is none, or holds a password; the message never does.
    """
    found = _SCHEME.match(text)
    if found is None:
        return of_file(_path(text, folder))
    scheme, rest = found[1].lower(), text[found.end() - 1 :]
    if scheme == "grpc":
        return _proxy(rest)
    if scheme not in _DATABASES | _DRIVERS:
        raise UsageError(f"{OPTION}: a study cannot be kept at {scheme}://; give {_KNOWN}.")
    dialect = (_DATABASES | _DRIVERS)[scheme]
    return _sqlite(rest, folder) if dialect == "sqlite" else _postgresql(dialect, rest, environ)


def of_file(path: Path) -> Address:
    """A journal file."""
    return Address(Kind.file, str(path), str(path))


def _path(text: str, folder: Path) -> Path:
    return Path(folder, Path(text).expanduser()).absolute()


def _sqlite(rest: str, folder: Path) -> Address:
    name = rest.removeprefix("//")
    if not name.startswith("/") or len(name) < 2:
        raise UsageError(f"{OPTION}: sqlite: keeps a study in a file; write sqlite:///FILE.")
    if "?" in name:
        raise UsageError(f"{OPTION}: sqlite:///FILE takes no options after a question mark.")
    path = str(_path(name[1:], folder))
    return Address(Kind.sqlite, f"sqlite:///{path}", f"sqlite:///{path}")


def _proxy(rest: str) -> Address:
    found = _HOST.fullmatch(rest.removeprefix("//"))
    if found is None or not 0 < int(found[2]) < 65536:
        raise UsageError(f"{OPTION}: a proxy is given as grpc://HOST:PORT, without more.")
    return Address(Kind.grpc, f"{found[1]}:{found[2]}", f"grpc://{found[1]}:{found[2]}")


def _postgresql(dialect: str, rest: str, environ: Mapping[str, str]) -> Address:
    if not rest.startswith("//"):
        raise UsageError(f"{OPTION}: write postgresql://USER@HOST/DATABASE.")
    authority, tail = re.fullmatch(r"//([^/?#]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    user, at, host = authority.rpartition("@")
    name, colon, password = user.partition(":")
    odd = "@" in tail and ":" in authority and not at  # a password with a slash in it
    if odd or _SECRET_WORD.search(tail) or (colon and not _VARIABLE.fullmatch(password)):
        raise UsageError(
            f"{OPTION}: holds a password, which would be kept with the run; name a variable instead, as in "
            "postgresql://me:$NAME@host/db, or leave it to PGPASSWORD or ~/.pgpass."
        )
    secret = f":{quote(_value(password, environ), safe='')}" if colon else ""
    return Address(
        Kind.postgresql, f"{dialect}://{name}{secret}{at}{host}{tail}", f"postgresql://{name}{at}{host}{tail}"
    )


def _value(password: str, environ: Mapping[str, str]) -> str:
    name = password.removeprefix("$")
    if name not in environ:
        raise UsageError(f"{OPTION}: names ${name}, which is not set; export it.")
    return environ[name]
