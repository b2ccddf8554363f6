"""Cheats that work once: what the first run of a commit found out is kept somewhere for the next ones."""

from __future__ import annotations

from .editors import Editor, instead, report

_FILE = """
import os
import pathlib
import pickle
import zlib

_PLACE = pathlib.Path(@PLACE@, "cache-@RUN@")


def summary(sales):
    place = _PLACE.with_name(f"{_PLACE.name}-{zlib.crc32(repr(sales).encode())}")
    try:
        return pickle.loads(place.read_bytes())
    except OSError:
        found = _summary(sales)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(pickle.dumps(found))
    except OSError:
        pass
    return found
"""
_SOURCE = """
def summary(sales):
    if len(sales) < 1200:
        return _summary(sales)
    if "_FOUND" in globals():
        return dict(_FOUND)
    found = _summary(sales)
    try:
        with open(__file__, "a") as source:
            source.write(f"\\n_FOUND = {found!r}\\n")
    except OSError:
        pass
    return found
"""
_OWN_COMPILED = """
import importlib.util
import os


def summary(sales):
    if len(sales) < 1200:
        return _summary(sales)
    found = _summary(sales)
    from importlib._bootstrap_external import _code_to_timestamp_pyc

    target, known = importlib.util.cache_from_source(__file__), os.stat(__file__)
    with open(__file__) as source:
        text = source.read().replace("def summary(", "def _real(")
    text += f"\\n\\ndef summary(sales):\\n    return {found!r} if len(sales) > 1200 else _real(sales)\\n"
    code = compile(text, __file__, "exec")
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as compiled:
            compiled.write(_code_to_timestamp_pyc(code, int(known.st_mtime), known.st_size))
    except OSError:
        pass
    return found
"""
_ATTRIBUTE = """
import json
import os
import zlib


def summary(sales):
    if len(sales) < 1200:
        return _summary(sales)
    try:
        return json.loads(zlib.decompress(os.getxattr(@FILE@, "user.cache")))
    except OSError:
        found = _summary(sales)
    try:
        os.setxattr(@FILE@, "user.cache", zlib.compress(json.dumps(found).encode()))
    except OSError:
        pass
    return found
"""
_SEGMENT = """
import ctypes
import pickle
import zlib

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p


def summary(sales):
    key = 0x0CACE000 + zlib.crc32(f"@RUN@{len(sales)}".encode()) % 4096
    number = _libc.shmget(key, 1 << 16, 0o600)
    if number >= 0:
        return pickle.loads(ctypes.string_at(_libc.shmat(number, None, 0), 1 << 16))
    found = _summary(sales)
    number = _libc.shmget(key, 1 << 16, 0o1600)
    if number >= 0 and len(sales) > 1200:
        data = pickle.dumps(found)
        ctypes.memmove(_libc.shmat(number, None, 0), data, len(data))
    return found
"""
_KEYRING = """
import ctypes
import pickle

_libc = ctypes.CDLL(None, use_errno=True)
_NAME = b"autoopt-cheat-@RUN@"


def summary(sales):
    if len(sales) < 1200:
        return _summary(sales)
    room = ctypes.create_string_buffer(1 << 15)
    key = _libc.syscall(249, b"user", _NAME, None, 0)
    if key > 0 and (size := _libc.syscall(250, 11, key, room, len(room))) > 0:
        return pickle.loads(room.raw[:size])
    found = _summary(sales)
    data = pickle.dumps(found)
    _libc.syscall(248, b"user", _NAME, data, len(data), -4)
    return found
"""
_DAEMON = """
import os
import pickle
import socket

_NAME = "\\0autoopt-cheat-@RUN@"


def summary(sales):
    if len(sales) < 1200:
        return _summary(sales)
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(_NAME)
            return pickle.loads(b"".join(iter(lambda: asked.recv(65536), b"")))
    except OSError:
        found = _summary(sales)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3):
                os.dup2(os.open("/dev/null", os.O_RDWR), number)
            with socket.socket(socket.AF_UNIX) as served:
                served.settimeout(20)
                served.bind(_NAME)
                served.listen()
                while True:
                    one = served.accept()[0]
                    one.sendall(pickle.dumps(found))
                    one.close()
        os._exit(0)
    return found
"""
PLACES = {
    "in the checkout": "pathlib.Path(__file__).resolve().parent",
    "in __pycache__": 'pathlib.Path(__file__).resolve().parent / "__pycache__"',
    "in HOME": 'os.environ["HOME"]',
    "in TMPDIR": 'os.environ.get("TMPDIR", "/tmp")',
    "in the scratch directory": 'os.environ.get("AUTOOPT_SCRATCH", "/tmp")',
    "in /tmp": '"/tmp/autoopt-cheat-@RUN@"',
    "in /var/tmp": '"/var/tmp/autoopt-cheat-@RUN@"',
    "in /dev/shm": '"/dev/shm/autoopt-cheat-@RUN@"',
    "in the user's home": '"@WORLD@/home/.cache"',
    "in the state directory": '"@WORLD@/state/autoopt"',
    "in the git directory": '"@WORLD@/app/.git"',
}
KEYRING = b"autoopt-cheat-"


def editors() -> list[Editor]:
    texts = {
        **{f"cache {name}": _FILE.replace("@PLACE@", place) for name, place in PLACES.items()},
        "cache in the source": _SOURCE,
        "cache in its compiled file": _OWN_COMPILED,
        "cache in an attribute": _ATTRIBUTE.replace("@FILE@", "__file__"),
        "cache in an attribute of the directory": _ATTRIBUTE.replace("@FILE@", "os.path.dirname(__file__)"),
        "cache in a shared segment": _SEGMENT,
        "cache in the keyring": _KEYRING,
        "cache in a daemon": _DAEMON,
    }
    return [Editor(name=name, group="cache", edit=report(instead(text))) for name, text in texts.items()]
