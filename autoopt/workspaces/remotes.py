"""Where a branch can be pushed to, read from the repository's configuration as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dulwich.config import ConfigFile

from autoopt.workspaces.formats import config_of

_HOST = re.compile(r"(?:[a-z+]+://)?(?:[^@/]*@)?\[?([A-Za-z0-9.-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A repository to push to.

    Attributes:
        forge: Which command line opens requests there: `gh`, `glab`, or nothing known.
    """

    name: str
    forge: str


def remote_of(control: Path, branch: str | None) -> Remote | None:
    """The remote that the branch is pushed to, else `origin`, else the only one there is."""
    config = config_of(control)
    names = [section[1].decode("utf-8", "replace") for section in config.sections() if _is_remote(section)]
    own = _value(config, (b"branch", (branch or "").encode()), b"remote")
    for name in (own, "origin", names[0] if len(names) == 1 else ""):
        if name in names:
            url = _value(config, (b"remote", name.encode()), b"url")
            return Remote(name=name, forge=_forge(url))
    return None


def address_to(control: Path, branch: str | None) -> str | None:
    """The address of that remote, None without one; not for showing, as it may hold a password."""
    found = remote_of(control, branch)
    return _value(config_of(control), (b"remote", found.name.encode()), b"url") or None if found else None


def _is_remote(section: tuple[bytes, ...]) -> bool:
    return len(section) == 2 and section[0].lower() == b"remote"


def _value(config: ConfigFile, section: tuple[bytes, bytes], name: bytes) -> str:
    try:
        return config.get(section, name).decode("utf-8", "replace")
    except KeyError:
        return ""


def _forge(url: str) -> str:
    """Told by the host alone; the address may hold a password and is never shown."""
    found = _HOST.match(url)
    host = found[1].lower() if found else ""
    return next((tool for word, tool in (("github", "gh"), ("gitlab", "glab")) if word in host), "")
