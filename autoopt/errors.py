"""The errors a person can act on, by who must act; each carries the process's exit code."""


class AutooptError(Exception):
    """Base of every error shown to a person as one line: what was found, what was wanted, the next step."""

    exit_code = 2


class UsageError(AutooptError):
    """The command line, a recipe or an option is wrong."""

    exit_code = 2


class RepositoryError(AutooptError):
    """The repository is in a state a run cannot start from or go on with."""

    exit_code = 3


class ResourceError(AutooptError):
    """The machine lacks something: disk, a program, a writable place."""

    exit_code = 4


class BusyError(AutooptError):
    """Another process has this run open."""

    exit_code = 5


class DamagedStateError(AutooptError):
    """The run's own records do not add up; nothing is guessed."""

    exit_code = 6


class NotTrustedError(AutooptError):
    """A recipe, an agent's file or a prompt was not written on this machine, and nobody has agreed to it."""

    exit_code = 7


class IncumbentError(AutooptError):
    """The best commit so far, which has been measured before, gives no number any more."""

    exit_code = 4


class OutOfScopeError(AutooptError):
    """A proposal touches something that may not be edited; the experiment is rejected, the run goes on.

    Attributes:
        guard: Which rule it breaks: scope, frozen, names, size, binary or secrets.
        where: The place, as in "src/app.py:12"; may be empty.
    """

    exit_code = 2

    def __init__(self, message: str, *, guard: str = "scope", where: str = "") -> None:
        super().__init__(message)
        self.guard = guard
        self.where = where


class NothingChangedError(AutooptError):
    """A proposal leaves every file as it was; there is nothing to measure."""

    exit_code = 2


class BudgetSpentError(AutooptError):
    """The next call of an agent could exceed what may be spent; the run ends here, in order."""

    exit_code = 0


class ExperimentBudgetError(BudgetSpentError):
    """The next call could exceed what may be spent on this one experiment; the run goes on."""


class AgentError(AutooptError):
    """An agent cannot be asked: every call fails before it answers; somebody has to log in or mend it."""

    exit_code = 4


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM, SIGHUP); no error, but like Ctrl-C it ends the whole command."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.exit_code = 128 + number
