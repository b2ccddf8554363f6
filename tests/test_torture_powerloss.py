"""A few of the disks that `python -m tests.torture.powerloss` goes on from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from torture import powerloss, strace
from torture.powerloss import Disk, Outage


@pytest.mark.skipif(strace.missing() is not None, reason=str(strace.missing()))
def test_a_run_goes_on_from_what_a_power_loss_leaves(tmp_path: Path) -> None:
    different, wrong = powerloss.outages(tmp_path, "queue", 60, every=30, seed=1)

    assert different > 20  # a slow machine makes more calls that change nothing
    assert wrong == []


def crashed(place: Path, calls: list[tuple[str, list[str], int]], outage: Outage) -> dict[str, bytes]:
    disk = Disk(place)
    for call in calls:
        disk.play(*call)
    root = powerloss.crash(disk, outage)
    return {name: node.data for name, node in root.names.items()}


def escaped(text: object) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in os.fsencode(str(text))) + '"'


def test_what_was_not_synced_can_be_lost_and_what_was_cannot(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    here = f"AT_FDCWD<{escaped(tmp_path)[1:-1]}>"
    made = [
        ("openat", [here, escaped(tmp_path / "new"), "O_WRONLY|O_CREAT", "0644"], 3),
        ("write", ["3", escaped("content"), "7"], 7),
    ]
    synced = [("fsync", ["3"], 0)]
    renamed = [("rename", [escaped(tmp_path / "new"), escaped(tmp_path / "old")], 0)]
    named = [
        ("openat", [here, escaped(tmp_path), "O_RDONLY|O_DIRECTORY"], 4),
        ("fsync", ["4"], 0),
    ]
    lost, half = Outage(0, "lost", "kept"), Outage(0, "half", "kept")
    unnamed = Outage(0, "kept", "lost")

    assert crashed(tmp_path, made, lost) == {"old": b"old", "new": b""}
    assert crashed(tmp_path, made, half) == {"old": b"old", "new": b"con"}
    assert crashed(tmp_path, made, unnamed) == {"old": b"old"}
    assert crashed(tmp_path, made + renamed, lost) == {"old": b""}
    assert crashed(tmp_path, made + synced + renamed, lost) == {"old": b"content"}
    assert crashed(tmp_path, made + synced + renamed, unnamed) == {"old": b"old"}
    assert crashed(tmp_path, made + synced + renamed + named, unnamed) == {"old": b"content"}
