"""What the number is read from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one execution left behind.

    Attributes:
        stdout, stderr: Its output; long ones may lack their middle.
        file: Content of `metric.extract.file`, None when it was not written.
        code: Exit code.
        wall_s, cpu_s, peak_bytes: As measured from outside.
    """

    stdout: str
    stderr: str
    file: str | None
    code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
