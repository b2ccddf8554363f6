"""Keeps commands to what they need: finds out what this machine can do for that, and says it in plain words.

`choose` is asked once; `Walls` carry what it found to each command.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autoopt.errors import ResourceError
from autoopt.processes.sandbox.private import credentials as credentials
from autoopt.processes.sandbox.private import doors as doors
from autoopt.processes.sandbox.private import home as home
from autoopt.processes.sandbox.private import homes as homes
from autoopt.processes.sandbox.wording import told as told
from autoopt.processes.sandbox.wording import warning as warning
from autoopt.processes.walls import Kind, Mechanism
from autoopt.schema import Sandbox


def choose(wanted: Sandbox, state_home: Path, environ: Mapping[str, str]) -> Mechanism:
    """The best means of this machine that really works, as was seen by a trial run since it was booted.

    Args:
        state_home: Where autoopt keeps its state, and what was found.

    Raises:
        ResourceError: what is wanted cannot be had.
    """
    from autoopt.processes.sandbox import probing  # it runs commands, which only a run should pay for

    if wanted is Sandbox.none:
        return Mechanism(kind=Kind.NONE)
    found = probing.remembered(state_home, environ, network=wanted is not Sandbox.strict)
    if wanted is Sandbox.strict and not found.is_bubblewrap:
        raise ResourceError(
            f"sandbox=strict needs bubblewrap, and {found.why or 'it is for Linux only'}. Install it (`apt "
            "install bubblewrap`, `dnf install bubblewrap`) and permit user namespaces, or use sandbox=auto."
        )
    return found
