"""The profile that keeps a command to its walls on macOS, for `sandbox-exec`."""

from __future__ import annotations

import json

from autoopt.processes.sandbox.places import Access, in_order
from autoopt.processes.walls import Walls

_RULES = {
    Access.WRITE: "(allow file-read* file-write* {what})",
    Access.READ: "(deny file-write* {what}) (allow file-read* {what})",
    Access.HIDE: "(deny file-read* file-write* {what})",
}
_DEVICES = ("null", "zero", "random", "urandom", "tty", "ptmx", "dtracehelper")


def words(walls: Walls) -> list[str]:
    """The program and its options; the command's own words follow."""
    return [walls.mechanism.program, "-p", profile(walls)]


def profile(walls: Walls) -> str:
    """The rules, of which the last that fits an access counts: inner places therefore come last."""
    lines = [
        "(version 1)",
        "(allow default)",
        "(deny file-write*)",
        *(f'(allow file-write* (literal "/dev/{name}"))' for name in _DEVICES),
        '(allow file-write* (regex #"^/dev/(ttys[0-9]+|fd/[0-9]+)$"))',
        "(deny signal) (allow signal (target same-sandbox))",
        *(_RULES[access].format(what=f"(subpath {_quoted(path)})") for path, access in in_order(walls)),
    ]
    if not walls.network:
        lines.append("(deny network*) (allow network* (remote unix-socket))")
    return "\n".join(lines)


def _quoted(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)
