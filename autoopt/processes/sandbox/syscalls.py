"""A filter for the kernel that takes away calls by which something outlives a command, or leaves its walls.

What is noted in a keyring stays, and keyrings belong to a user, not to any namespace or directory: no other
wall stands before them. A terminal can be told what its user is said to have typed. A file that is marked as
immutable cannot be put back; and attributes can be noted on files that may not be written, where landlock is
the only wall.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ATTRIBUTES_AT = 463
"""The number of `setxattrat` on every machine."""


@dataclass(frozen=True, slots=True)
class _Calls:
    """Numbers of calls on one kind of machine, first and last."""

    keys: tuple[int, int]  # add_key, request_key, keyctl
    attributes: tuple[int, int]  # setxattr, lsetxattr, fsetxattr
    ioctl: tuple[int, ...]


_MACHINES = {
    0xC000003E: _Calls((248, 250), (188, 190), (16, 514)),  # x86-64, and its second numbering
    0x40000003: _Calls((286, 288), (226, 228), (54,)),  # the same machine's 32-bit programs
    0xC00000B7: _Calls((217, 219), (5, 7), (29,)),  # 64-bit ARM
    0x40000028: _Calls((309, 311), (226, 228), (54,)),  # 32-bit ARM
}
"""By the kernel's number of the machine; other machines are not filtered."""

_REQUESTS = (
    0x5412,  # TIOCSTI: as if somebody had typed it
    0x541C,  # TIOCLINUX: the same by copy and paste
    0x40086602,  # FS_IOC_SETFLAGS: immutable
    0x40046602,  # the same of 32-bit programs
    0x401C5820,  # FS_IOC_FSSETXATTR: the same again
)

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ABOVE = 0x15, 0x35, 0x25
_NUMBER, _MACHINE, _REQUEST = 0, 4, 24  # offsets of what is asked about
_WITHOUT_X32 = 0xBFFFFFFF  # a second numbering of the same calls differs by this bit
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


def call_filter(*, attributes: bool = True) -> bytes:
    """The program, as `struct sock_filter` one after the other.

    Args:
        attributes: Whether files may be given extended attributes.
    """
    code = [_step(_LOAD, _MACHINE)]
    for machine, calls in _MACHINES.items():
        inner = [*_of_machine(calls, attributes=attributes)]
        code += [_step(_IF_EQUAL, machine, otherwise=len(inner)), *inner]
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _of_machine(calls: _Calls, *, attributes: bool) -> Iterator[bytes]:
    yield _step(_LOAD, _NUMBER)
    yield _step(_AND, _WITHOUT_X32)
    yield from _refused(calls.keys, errno.ENOSYS)
    if not attributes:
        yield from _refused(calls.attributes, errno.EOPNOTSUPP)
        yield from _refused((_ATTRIBUTES_AT, _ATTRIBUTES_AT), errno.EOPNOTSUPP)
    for number in calls.ioctl:
        requests = [*_requests()]
        yield _step(_IF_EQUAL, number, otherwise=len(requests))
        yield from requests
    yield _step(_RETURN, _ALLOW)


def _requests() -> Iterator[bytes]:
    """What is asked of a file or a terminal: a few things are not granted, all others are."""
    yield _step(_LOAD, _REQUEST)
    for request in _REQUESTS:
        yield _step(_IF_EQUAL, request, otherwise=1)
        yield _step(_RETURN, _ERROR | errno.EPERM)
    yield _step(_RETURN, _ALLOW)


def _refused(numbers: tuple[int, int], error: int) -> Iterator[bytes]:
    """Calls with these numbers fail."""
    yield _step(_IF_AT_LEAST, numbers[0], otherwise=2)
    yield _step(_IF_ABOVE, numbers[1], then=1)
    yield _step(_RETURN, _ERROR | error)


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; `then` and `otherwise` are how many to skip."""
    return struct.pack("=HBBI", code, then, otherwise, value)
