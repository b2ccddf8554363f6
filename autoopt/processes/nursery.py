"""Has a supervisor ready for every command: a small process that autoopt starts once and that forks them.

It is a program of its own (`python -I -S nursery.py CHANNEL_FD`). To start an interpreter for each command
takes far longer than to fork this one, and autoopt itself is too large to be forked. It keeps nothing: what
it is sent for a supervisor is that supervisor's alone, which goes on without it.

For each byte that comes through the channel, together with a supervisor's standard input, output, error and
the descriptor of its report, the number of the new process is sent back; a negative one says why there is
none. The channel's end means that autoopt is gone.
"""

import _signal  # type: ignore[import-not-found]  # no stubs: it is the C half of `signal`
import _socket
import os
import sys
from _collections_abc import Callable  # `collections.abc` would load `collections`

_HERE = os.path.dirname(__file__)  # noqa: PTH120  # pathlib takes 10 ms
sys.path += [_HERE, os.path.join(_HERE, "sandbox")]  # noqa: PTH118

import supervisor  # type: ignore[import-not-found]  # noqa: E402  # found by its place

LINES = 4
_NUMBER = 4  # bytes of a descriptor's number
_PR_SET_CHILD_SUBREAPER = 36
_RTLD_NOW = 2


def serve(channel: _socket.socket) -> None:
    """Fork supervisors until nobody wants any more."""
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # nobody waits for them: their reports tell
    adopt = _adopter()
    while lines := _received(channel):
        try:
            pid = os.fork()
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0:
            _become_supervisor(channel, lines, adopt)
        for line in lines:
            os.close(line)
        channel.send(b"%010d" % pid)


def _received(channel: _socket.socket) -> list[int]:
    """The descriptors for a supervisor; none when autoopt is gone."""
    said, extra, _, _ = channel.recvmsg(1, _socket.CMSG_SPACE(LINES * _NUMBER))
    if said == b"l":
        import landlock  # type: ignore[import-not-found]  # noqa: F401  # once for all of them: it takes 10 ms
    data = b"".join(content for _, _, content in extra)
    lines = [int.from_bytes(data[at : at + _NUMBER], sys.byteorder) for at in range(0, len(data), _NUMBER)]
    for line in lines:
        os.set_inheritable(line, False)
    return lines


def _become_supervisor(channel: _socket.socket, lines: list[int], adopt: Callable[[], object]) -> None:
    """Carry out the order that comes, in a session of its own, and end."""
    try:
        channel.close()
        os.setsid()
        adopt()
        for number, line in enumerate(lines[:-1]):
            os.dup2(line, number)
            os.close(line)
        supervisor.carry_out(lines[-1])
    finally:  # nothing of the nursery may go on here
        if (error := sys.exc_info())[1] is not None:
            sys.excepthook(*error)  # into the command's log
        os._exit(0)


def _adopter() -> Callable[[], object]:
    """What makes orphans below this process its children; nothing does outside Linux."""
    if sys.platform != "linux":
        return lambda: None
    import _ctypes  # `ctypes` takes another 8 ms and 1.5 MB

    prctl = _ctypes.dlsym(_ctypes.dlopen(None, _RTLD_NOW), "prctl")  # type: ignore[arg-type]  # None: ourselves
    return lambda: _ctypes.call_function(prctl, (_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


if __name__ == "__main__":
    serve(_socket.socket(fileno=int(sys.argv[1])))
