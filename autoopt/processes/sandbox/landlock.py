"""Asks the Linux kernel itself to keep this process and all it starts from writing elsewhere (Landlock).

For the child that becomes a command, after the fork: hence nothing but the standard library is imported, and
the supervisor, which knows no packages, finds this file by its place. It needs no rights and no other
program, works where namespaces are forbidden (in most containers), and cannot be undone.

What it cannot do: give a command a /tmp or a network of its own, keep a directory read-only in a writable
one, or keep mode, owner and times of a file from being changed by whoever owns it.
"""

import ctypes
import errno
import os
import stat

# Rights of the kernel's `linux/landlock.h`; in brackets the version of the interface that brought them.
_WRITE_FILE, _READ_FILE = 1 << 1, 1 << 2
_REMOVE_DIR, _REMOVE_FILE, _MAKE_ANY = 1 << 4, 1 << 5, 0b1111111 << 6
_REFER = 1 << 13  # [2]
_TRUNCATE = 1 << 14  # [3]
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1  # [4]
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1  # [6]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP, _SECCOMP_FILTER = 22, 2

WRITE, READ, NO_NETWORK, FILTER = "w", "r", "n", "f"


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


_kernel = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The kernel's version of the interface; 0 where there is none."""
    found: int = _kernel.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(0, found)


def restrict(rules: list[bytes]) -> None:
    """Give up every right but those in the rules, for this process and all it starts.

    Args:
        rules: `w` and a place that may be changed, `r` and one that may be read (without any, everything
            may), `n` for no TCP, `f` and a filter of system calls in hexadecimal. Places that do not exist
            are skipped.

    Raises:
        OSError: the kernel refuses.
    """
    known = version()
    kinds = {rule[:1].decode() for rule in rules}
    handled = _writing(known) | (_READ_FILE if READ in kinds else 0)
    ruleset = _create(known, handled, network=NO_NETWORK not in kinds)
    for rule in rules:
        right = rule[:1].decode()
        if right == WRITE:
            _allow(ruleset, rule[1:], handled)
        elif right == READ:
            _allow(ruleset, rule[1:], _READ_FILE)
    _checked(_kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_kernel.syscall(_RESTRICT_SELF, ruleset, 0))
    for rule in rules:
        if rule[:1].decode() == FILTER:
            _filter(bytes.fromhex(rule[1:].decode()))
    os.close(ruleset)


def _writing(known: int) -> int:
    """The rights to change files that this version knows; before 2, no file moves between directories."""
    return (
        _WRITE_FILE
        | _REMOVE_DIR
        | _REMOVE_FILE
        | _MAKE_ANY
        | (_REFER if known >= 2 else 0)
        | (_TRUNCATE if known >= 3 else 0)
    )


def _create(known: int, handled: int, *, network: bool) -> int:
    """A ruleset that takes these rights; signals and abstract sockets stay among its own processes."""
    attributes = _Ruleset(
        fs=handled,
        net=0 if network or known < 4 else _BIND_TCP | _CONNECT_TCP,
        scoped=_ABSTRACT_SOCKETS | _SIGNALS if known >= 6 else 0,
    )
    size = 24 if known >= 6 else 16 if known >= 4 else 8  # an older kernel refuses what it does not know
    return _checked(_kernel.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0))


def _allow(ruleset: int, place: bytes, rights: int) -> None:
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it is not there, or behind a directory that this user may not enter
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _WRITE_FILE | _READ_FILE | _TRUNCATE
        rule = _PathBeneath(allowed=rights, parent=descriptor)
        _checked(_kernel.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _filter(code: bytes) -> None:
    """Have the kernel ask this program about every call; where it knows no filters, it goes without."""
    program = _Program(length=len(code) // 8, code=code)
    if _kernel.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0) < 0:
        _checked(0 if ctypes.get_errno() == errno.EINVAL else -1)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
