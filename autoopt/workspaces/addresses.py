"""Addresses of repositories that are elsewhere: `URL[@ref]`, as `repo` takes them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from autoopt.errors import UsageError

SCHEMES = ("file", "ssh", "git+ssh", "git", "http", "https")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)(/.*)?", re.IGNORECASE)
_SCP = re.compile(r"((?:[\w.+-]+@)?[\w.-]+):(?!//)(.+)")
_WHERE = re.compile(r"(?:[\w.%-]+|\[[\da-fA-F:.%]+\])?(?::\d{1,5})?")
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Address:
    """A repository elsewhere, and where in it a run starts.

    Attributes:
        url: Without anything secret.
        ref: A branch, a tag, a full ref or a commit; empty for what the repository has as its HEAD.
    """

    url: str
    ref: str = ""

    @property
    def name(self) -> str:
        """The repository's own name, fit for a directory."""
        last = re.split(r"[/:]", self.url.rstrip("/"))[-1].removesuffix(".git")
        return _ODD.sub("-", last).strip(".-")[:60] or "repository"

    @property
    def key(self) -> str:
        """A name that no other address has."""
        return f"{self.name}-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"


def address_of(repo: str) -> Address | None:
    """The address that `repo` is; None where it is a path on this machine.

    Raises:
        UsageError: it is one that cannot be used, or holds a password.
    """
    if found := _URL.fullmatch(repo):
        scheme, host, path = found[1].lower(), found[2], found[3] or ""
        _check(scheme, host, path)
        path, ref = _split(path, whole=scheme == "file" and Path(path).exists())
        return Address(f"{scheme}://{host}{path.rstrip('/')}", ref)
    if (found := _SCP.fullmatch(repo)) and not Path(repo).exists():
        if found[1].lower() in ("file", "ssh", "http", "https"):  # and no host of that name
            raise UsageError(f"repo: {found[1]}: is followed by //, as in {found[1]}://HOST/PATH.")
        _check_host(found[1])
        path, ref = _split(found[2], whole=False)
        if path.startswith("-"):  # the program at the other end would take it for an option
            raise UsageError("repo: the path begins with a dash; write HOST:./PATH.")
        return Address(f"{found[1]}:{path.rstrip('/')}", ref)
    return None


def _check(scheme: str, host: str, path: str) -> None:
    if scheme not in SCHEMES:
        raise UsageError(f"repo: {scheme}:// cannot be fetched from; give one of {', '.join(SCHEMES)}.")
    _check_host(host)
    user, at, where = host.rpartition("@")
    if not _WHERE.fullmatch(where):  # else the library would take all of it for a host and a path of ssh
        raise UsageError("repo: the host has something odd in it; write HOST or HOST:PORT, with a number.")
    if at and (":" in user or scheme.startswith("http")):  # what services take for a user there is a token
        raise UsageError(
            "repo: the address holds a password, and addresses are written down; leave it out, and for http "
            "give it as AUTOOPT_GIT_TOKEN (and AUTOOPT_GIT_USER), for ssh use a key."
        )
    if "?" in path or "#" in path:
        raise UsageError("repo: the address has more than a path after its host; give URL or URL@BRANCH.")
    if scheme == "file" and host not in ("", "localhost"):
        raise UsageError(f"repo: file://{host}/… names a host; write file:///PATH.")


def _check_host(host: str) -> None:
    """Refuse what a program that is given the host would take for an option."""
    if host.startswith("-") or host.rpartition("@")[2].startswith("-"):
        raise UsageError("repo: the host begins with a dash; give URL or URL@BRANCH.")


def _split(path: str, *, whole: bool) -> tuple[str, str]:
    """The path and what follows its last `@`."""
    if whole or "@" not in path:
        return path, ""
    before, _, ref = path.rpartition("@")
    if not before.strip("/") or not ref:
        raise UsageError(
            f"repo: {path!r} lacks a path or a branch beside its @; write URL@BRANCH, or %40 for @."
        )
    if ":" in ref:  # which no ref has: this was a user and what one keeps secret, most often
        raise UsageError("repo: what follows the last @ is no branch; write USER@HOST:PATH, and no password.")
    return before, ref
