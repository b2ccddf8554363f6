"""How many instructions the processor executes for a command: nearly the same number on every run."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from autoopt.errors import ResourceError, UsageError
from autoopt.instruments import shell

_EVENT = "instructions:u"
_TOTAL = re.compile(r"^(?:summary|totals):\s*(\d+)", re.MULTILINE)


def count(command: str, counter: str, environ: Mapping[str, str]) -> int:
    """Instructions of the command and all its processes outside the kernel.

    Args:
        counter: `perf` (the processor counts, at full speed), `valgrind` (callgrind simulates it, some fifty
            times slower), or `auto` for the first of them that works here.

    Raises:
        UsageError: the command failed.
        ResourceError: the counter does not work here.
    """
    if counter != "valgrind" and _perf("true", environ) is not None:
        found = _perf(command, environ)
        if found is not None:
            return found
    if counter == "perf":
        raise ResourceError(
            "perf cannot count instructions here (not installed, not permitted, or a virtual machine without "
            "counters); give options.counter=valgrind."
        )
    if shutil.which("valgrind", path=environ.get("PATH")) is None:
        raise ResourceError(
            "instructions cannot be counted here: perf has no counters (perf stat -e instructions true shows "
            "why) and valgrind is not installed; install one, or measure CPU time with recipe=python-cpu."
        )
    return _valgrind(command, environ)


def _perf(command: str, environ: Mapping[str, str]) -> int | None:
    """What `perf stat` counts; None where it cannot."""
    if shutil.which("perf", path=environ.get("PATH")) is None:
        return None
    with tempfile.TemporaryDirectory(prefix="autoopt-count-") as folder:
        log = Path(folder, "stat")
        done = shell.run(
            f"perf stat -x, -e {_EVENT} -o {shlex.quote(str(log))} -- {_shell(command)}", environ
        )
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    fields = next((line.split(",") for line in lines if f",{_EVENT}" in line), [""])
    if not fields[0].isdigit():
        return None
    if done.code:
        raise UsageError(f"the command ended with exit code {done.code}: {done.last_line}")
    return int(fields[0])


def _valgrind(command: str, environ: Mapping[str, str]) -> int:
    """What callgrind counts in every process that the command starts."""
    with tempfile.TemporaryDirectory(prefix="autoopt-count-") as folder:
        words = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--quiet"]
        words += [f"--callgrind-out-file={folder}/%p.out", f"--log-file={folder}/%p.log"]
        shell.succeed(f"{shlex.join(words)} {_shell(command)}", environ)
        texts = [file.read_text("utf-8", "replace") for file in sorted(Path(folder).glob("*.out*"))]
    return sum(int(found[1]) for text in texts if (found := _TOTAL.search(text)))


def _shell(command: str) -> str:
    return f"bash -o pipefail -c {shlex.quote(command)}"
