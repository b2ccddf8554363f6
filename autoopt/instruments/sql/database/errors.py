"""What goes wrong while queries run."""

from autoopt.errors import AutooptError


class QueryError(AutooptError):
    """A statement failed: the change under measurement is broken, not the command line."""

    exit_code = 1


class EngineError(Exception):
    """The engine's own complaint, for a caller who knows which file the statement came from."""


def first_line(error: BaseException) -> str:
    """The complaint without the engine's excerpts and carets, which do not fit one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
