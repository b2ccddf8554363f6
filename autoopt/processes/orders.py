"""What a supervisor is to do, as it is written to it."""

import os

CHUNK = 1 << 16


class Order:
    """A command and what holds for it, written as fields that are separated by NUL.

    They are: seconds it may take, bytes of each output, processors, whether it waits for the others, where it
    runs, the words that put up its walls, the rules of walls it puts up itself, the shell, the command, and
    the variables of its environment.
    """

    def __init__(self, data: bytes) -> None:
        """Take the fields apart."""
        timeout, cap, self.cores, waits, self.cwd, *rest = data.split(b"\0")
        self.timeout_s, self.cap, self.waits = float(timeout), int(cap), waits == b"1"
        self.prefix, rest = _listed(rest)
        self.rules, (shell, command, *pairs) = _listed(rest)
        self.argv = [shell, b"-c", command]
        self.environment = dict(pair.split(b"=", 1) for pair in pairs)  # autoopt has checked the names


def _listed(fields: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """A list, whose length comes first, and the fields after it."""
    count = int(fields[0])
    return fields[1 : count + 1], fields[count + 1 :]


def read(source: int) -> Order:
    """The order that comes from a descriptor: its length in eight digits, then itself."""
    data = b""
    while len(data) < 8 or len(data) < 8 + int(data[:8]):
        chunk = os.read(source, CHUNK)
        if not chunk:
            os._exit(1)  # autoopt has died before it said what to run
        data += chunk
    return Order(data[8:])
