"""Opening the storage of a shared study, seeing beforehand that it can be, and waiting while it is away."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from autoopt.errors import DamagedStateError, ResourceError, UsageError
from autoopt.files import make_directory
from autoopt.proposers.search.addresses import OPTION, Address, Kind
from autoopt.proposers.search.sampling import quiet
from autoopt.proposers.search.study_file import MendingLock

if TYPE_CHECKING:
    from optuna.storages import GrpcStorageProxy

T = TypeVar("T")

CONNECT_S = 10
_PATIENCE_S = 900.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_TABLE_TRIES = 20
_JOURNAL, _SQLITE = b'{"op_code":', b"SQLite format 3"
"""How a file begins that holds a study."""
_POSTGRESQL = {
    "connect_timeout": CONNECT_S,
    # a host that went away without a word is noticed within a minute
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def reach(address: Address) -> None:
    """See that a study can be kept there; writes nothing but the tables of a database.

    Raises:
        UsageError: it cannot, or a package is missing.
    """
    try:
        _REACH[address.kind](address)
    except ImportError as error:
        raise UsageError(_missing(address, error)) from error
    except gone(address.kind) as error:
        raise UsageError(f"{OPTION}: {address.shown} cannot be used: {reason(error)}") from error


def opened(address: Address) -> BaseStorage:
    """The storage, with its file or tables made where they are missing.

    Raises:
        DamagedStateError: a journal file cannot be read.
        UsageError: a package is missing, or another version of Optuna made the tables.
    """
    optuna.logging.disable_default_handler()  # the terminal belongs to the run
    try:
        return _OPEN[address.kind](address)
    except ImportError as error:
        raise UsageError(_missing(address, error)) from error
    except RuntimeError as error:
        raise UsageError(f"{OPTION}: {address.shown} cannot be used: {reason(error)}") from error


def gone(kind: Kind) -> tuple[type[Exception], ...]:
    """What is raised when a storage does not answer, or not in order."""
    if kind is Kind.file:
        return (OSError,)
    if kind is Kind.grpc:
        import grpc

        return (OSError, grpc.RpcError)
    from sqlalchemy.exc import SQLAlchemyError

    return (OSError, StorageInternalError, SQLAlchemyError)


def damaged(address: Address, error: Exception) -> DamagedStateError:
    """What to say of a journal file that cannot be read."""
    return DamagedStateError(
        f"{address.shown}: the study's file is damaged ({error}). Once no run uses it, move it away: each "
        "run tells a new one what it has measured."
    )


def reason(error: BaseException) -> str:
    """What went wrong, on one line and without what libraries add to it."""
    while isinstance(error, StorageInternalError) and error.__cause__ is not None:
        error = error.__cause__
    told = getattr(error, "details", None)  # of gRPC
    text = told() if callable(told) else str(getattr(error, "orig", None) or error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class Patience:
    """Does what needs the storage, again and again while it is away.

    Args:
        note: Told once for each time it is away, and once when it is back.
        limit_s: How long it is waited for.
    """

    def __init__(
        self, address: Address, note: Callable[[int, str], None], limit_s: float = _PATIENCE_S
    ) -> None:
        self._address, self._note, self._limit_s = address, note, limit_s
        try:
            self._gone = gone(address.kind)
        except ImportError as error:
            raise UsageError(_missing(address, error)) from error

    def __call__(self, number: int, work: Callable[[], T]) -> T:
        """What the work returns; it must bear being begun anew.

        Raises:
            ResourceError: the storage stays away.
        """
        began, tries = time.monotonic(), 0
        while True:
            try:
                result = work()
            except self._gone as error:
                why = reason(error)
                if time.monotonic() - began > self._limit_s:
                    raise ResourceError(
                        f"{OPTION}: {self._address.shown} is silent for {self._limit_s:.0f} s now ({why}); "
                        "see to it, then resume the run."
                    ) from error
                if tries == 2:  # what is over at once is not worth a line
                    self._note(number, f"waits for the study at {self._address.shown}: {why}")
            else:
                if tries > 2:
                    self._note(number, f"the study at {self._address.shown} answers again")
                return result
            time.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
            tries += 1


def _reach_file(address: Address) -> None:
    path = Path(address.target.removeprefix("sqlite:///"))
    folder = path.parent
    if path.is_dir() or not folder.is_dir():
        what = f"{path} is a directory" if path.is_dir() else f"there is no directory {folder}"
        raise UsageError(f"{OPTION}: {what}; name a file in one that all workers can write to.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"{OPTION}: {path} cannot be written to; name a file that can.")
    check_ours(address)


def check_ours(address: Address) -> None:
    """See that a file that is there holds a study: what is half written at its end will be cut off.

    Raises:
        UsageError: it holds something else.
    """
    path = Path(address.target.removeprefix("sqlite:///"))
    begins = _SQLITE if address.kind is Kind.sqlite else _JOURNAL
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(len(begins))
    if head.strip(b"\0") and not begins.startswith(head) and not head.startswith(begins):
        raise UsageError(f"{OPTION}: {path} is there and holds no study; name another file.")


def _reach_sqlite(address: Address) -> None:
    import sqlalchemy  # noqa: F401 - Optuna may have been installed without

    _reach_file(address)


def _reach_database(address: Address) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(address.target, connect_args={"connect_timeout": CONNECT_S})
    try:
        with engine.connect():
            pass
    finally:
        engine.dispose()
    _open_database(address)  # a user without rights is told now, and not when there is a result


def _reach_proxy(address: Address) -> None:
    proxy = _proxy(address)
    try:
        proxy.wait_server_ready(timeout=CONNECT_S)
    except ConnectionError as error:
        raise UsageError(
            f"{OPTION}: nobody answers at {address.shown} within {CONNECT_S} s; start the proxy there, with "
            "optuna.storages.run_grpc_proxy_server."
        ) from error
    finally:
        proxy.close()


def _open_file(address: Address) -> BaseStorage:
    path = Path(address.target)
    make_directory(path.parent)
    check_ours(address)
    lock = MendingLock(path)
    lock.acquire()  # which makes it, in a directory that is synced
    lock.release()
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=cast(Any, lock)))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise damaged(address, error) from error


def _open_database(address: Address) -> BaseStorage:
    from sqlalchemy.exc import SQLAlchemyError

    if address.kind is Kind.sqlite:
        check_ours(address)
    arguments = {"timeout": 60} if address.kind is Kind.sqlite else _POSTGRESQL
    options = {"pool_pre_ping": True, "connect_args": arguments}
    for left in reversed(range(_TABLE_TRIES)):
        try:
            return optuna.storages.get_storage(RDBStorage(address.target, engine_kwargs=options))
        except (SQLAlchemyError, StorageInternalError):
            if not left:
                raise
            # workers that start together make the tables at the same time, and all but one of them fail
            time.sleep(random.uniform(0.01, 0.1))
    raise AssertionError("the last try returns or raises")


def _proxy(address: Address) -> GrpcStorageProxy:
    # The loop forks for every command it runs, and gRPC's own handlers for that write to the terminal. What
    # is forked here starts another program at once, which needs none of them.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc  # noqa: F401 - here, as Optuna's proxy would only fail once it is used

    from autoopt.proposers.search.proxy import Proxy

    host, _, port = address.target.rpartition(":")
    with quiet():  # Optuna calls it experimental
        return Proxy(host=host, port=int(port))


def _open_proxy(address: Address) -> BaseStorage:
    return _proxy(address)


def _missing(address: Address, error: ImportError) -> str:
    inner = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    name = (inner.name or str(inner)).partition(".")[0]
    return f"{OPTION}: {address.shown} needs {name}; pip install 'autoopt[search]'."


_REACH: dict[Kind, Callable[[Address], None]] = {
    Kind.file: _reach_file,
    Kind.sqlite: _reach_sqlite,
    Kind.postgresql: _reach_database,
    Kind.grpc: _reach_proxy,
}
_OPEN: dict[Kind, Callable[[Address], BaseStorage]] = {
    Kind.file: _open_file,
    Kind.sqlite: _open_database,
    Kind.postgresql: _open_database,
    Kind.grpc: _open_proxy,
}
