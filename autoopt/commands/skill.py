"""`autoopt skill [DIR]`: the skill that teaches a coding agent to drive autoopt.

Printed, or written to DIR/autoopt/SKILL.md (as in `autoopt skill .claude/skills`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt import files, places
from autoopt.errors import ResourceError, UsageError


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the skill or write it; returns the exit code."""
    if len(argv) > 1 or any(word.startswith("-") for word in argv):
        raise UsageError(
            f"skill {' '.join(argv)}: not understood; write `autoopt skill` or `autoopt skill DIR`."
        )
    content = (places.data_dir("conf") / "skill" / "SKILL.md").read_bytes()
    if not argv:
        sys.stdout.write(content.decode())
        return 0
    print(_write(Path(argv[0]).expanduser() / "autoopt" / "SKILL.md", content))
    return 0


def _write(path: Path, content: bytes) -> Path:
    """Write the skill where none is, or the same one.

    Raises:
        UsageError: another one is there.
        ResourceError: it cannot be written.
    """
    try:
        if path.is_symlink() or path.exists():
            if path.read_bytes() == content:
                return path
            raise UsageError(
                f"{path}: is there and says something else; move it away, or choose another DIR."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, content)
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written: {error.strerror}.") from error
    return path
