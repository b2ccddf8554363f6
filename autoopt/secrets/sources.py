"""Where this machine's secrets are: variables of the environment, and the files that tools keep theirs in."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

SHORTEST = 8
"""Characters; shorter values would be found in plain words."""

_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CRED|KEYS?(?:_|\d|$)|(?:^|_)(?:PASS|PWD|PAT|AUTH|COOKIE)(?:_|\d|$)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"_(?:NAME|USER|USERNAME|TYPE|KIND|HELPER|REGION|ALGORITHM|LENGTH|LIMIT|COUNT|TTL)$", re.I
)
"""Ends of names that say something about a secret and do not hold it."""
_NUMBER = re.compile(r"[\d.,:_-]{1,15}")
_USUAL = """
    password passw0rd postgres postgresql changeme changeit username administrator localhost anonymous
    disabled required optional standard undefined negotiate kerberos 12345678 123456789 1234567890
"""
_ORDINARY = frozenset(_USUAL.split())
"""What is given where no secret is needed: hiding these would hide plain words."""
_PLACES = re.compile(r"(?:FILE|PATH|DIR|SOCK|HOME|ASKPASS|STORE)S?$", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s@]*")
_PLAIN = re.compile(r"[A-Za-z]+(?:[ ._-][A-Za-z]+)*|[\d.,:-]+|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?")
_IN_ADDRESS = re.compile(r"://([^\s/:@]*:([^\s/@]+)@)")

_KEEPERS = """
    .netrc _netrc .pgpass .my.cnf .git-credentials .config/git/credentials .npmrc .yarnrc.yml .pypirc .boto
    .s3cfg .databrickscfg .snowsql/config .aws/credentials .aws/config .config/gh/hosts.yml
    .config/glab-cli/config.yml .docker/config.json .config/containers/auth.json .kube/config
    .azure/accessTokens.json .config/gcloud/application_default_credentials.json .cargo/credentials.toml
    .gem/credentials .vault-token .terraform.d/credentials.tfrc.json .huggingface/token
    .cache/huggingface/token .kaggle/kaggle.json .claude/.credentials.json .codex/auth.json
    .ssh/id_rsa .ssh/id_ecdsa .ssh/id_ed25519 .ssh/id_dsa
"""
_LARGEST = 1 << 18
_WHOLE = frozenset({".vault-token", "token"})
_ASSIGNED = re.compile(
    r"""(?:passw(?:or)?d|token|secret|auth|(?:secret|access|api|private|client)[\w-]*key[\w-]*|key-data)["']?"""
    r"""(?:\s*[:=]\s*|[ \t]+)["']?([^\s"',;{}\[\]]+)""",
    re.IGNORECASE,
)
_KEY_LINE = re.compile(r"^[A-Za-z0-9+/]{60,}={0,2}$", re.MULTILINE)


def credential_files(home: Path) -> tuple[Path, ...]:
    """The files below a home that tools keep secrets in, whether or not they are there."""
    return tuple(home / name for name in _KEEPERS.split())


def of_environment(environ: Mapping[str, str], passed: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Names and values of the variables that hold secrets.

    Args:
        passed: Patterns such as `DATABRICKS_*`: variables that are named because secrets are meant to come by
            them. Places, plain words and numbers among them are none.
    """
    for name, value in environ.items():
        for whole, password in _IN_ADDRESS.findall(value):
            yield name, password if len(password) >= SHORTEST else whole
        if _is_place(name, value):
            continue
        telling = _NAME.search(name) and not _ABOUT.search(name)
        if telling or (_is_one_of(name, passed) and not _PLAIN.fullmatch(value)):
            yield name, value


def of_files(home: Path) -> Iterator[tuple[str, str]]:
    """Names of the files and the secrets in them."""
    for path in credential_files(home):
        name = path.relative_to(home).as_posix()
        yield from ((name, value) for value in _values(path, _read(path)))


def is_secret(value: str) -> bool:
    """Whether it is long enough to be told from plain words, no number, and nothing that everybody gives."""
    if len(value) < SHORTEST or len(set(value)) == 1 or _NUMBER.fullmatch(value):
        return False
    return value.lower() not in _ORDINARY


def _is_place(name: str, value: str) -> bool:
    """Whether it says where something is; a secret can begin with a slash, too."""
    if value.startswith(("/", "~/")):
        return _PLACES.search(name) is not None or os.path.lexists(value.partition(":")[0])
    return _ADDRESS.fullmatch(value) is not None


def _is_one_of(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _values(path: Path, text: str) -> Iterator[str]:
    if path.name in _WHOLE:
        yield text.strip()
    elif path.name == ".pgpass":
        yield from (line.rpartition(":")[2].strip() for line in text.splitlines() if not line.startswith("#"))
    elif path.parent.name == ".ssh":
        yield from _KEY_LINE.findall(text)
    else:
        yield from _ASSIGNED.findall(text)
        yield from (password for _, password in _IN_ADDRESS.findall(text))


def _read(path: Path) -> str:
    """A regular file's text; empty where there is none, or none that we may read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def home_of(environ: Mapping[str, str]) -> Path | None:
    """The home those files are in."""
    home = environ.get("HOME", "")
    return Path(os.path.normpath(home)) if home.startswith("/") else None
