"""What outlives a call: files that the next run may find, and work that goes on after the result."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, Source

_STORES = frozenset({
    "shelve.open", "dbm.open", "joblib.Memory", "joblib.dump", "pickle.dump", "marshal.dump",
    "diskcache.Cache", "numpy.save", "numpy.savez",
    "multiprocessing.shared_memory.SharedMemory", "torch.save", "dill.dump",
    "posix_ipc.SharedMemory", "sysv_ipc.SharedMemory",
})  # fmt: skip
_PLACES = frozenset({
    "tempfile.gettempdir", "tempfile.mkdtemp", "tempfile.mkstemp", "pathlib.Path.home", "os.path.expanduser",
    "platformdirs.user_cache_dir", "appdirs.user_cache_dir", "os.memfd_create",
})  # fmt: skip
_PLACE = re.compile(
    r"^(/tmp|/var/tmp|/dev/shm|/run)(/|$)|^~/|(^|/)__pycache__(/|$)|^XDG_CACHE_HOME$|^TMPDIR$"
)
_OPENERS = frozenset({"open", "io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "os.fdopen"})
_MODE = re.compile(r"[rbt]*[wax+][wax+rbt]*")
_WRITERS = frozenset(
    {"write_text", "write_bytes", "to_pickle", "to_parquet", "to_feather", "to_csv", "to_hdf"}
)
_REMEMBERED = frozenset({"functools.lru_cache", "functools.cache"})
_READERS = frozenset({"read_text", "read_bytes", "stat", "exists", "iterdir", "glob", "listdir", "getmtime"})
_STARTED = frozenset(
    {"threading.Thread", "multiprocessing.Process", "_thread.start_new_thread", "subprocess.Popen"}
)
_POOLS = re.compile(r"(^|\.)(ThreadPoolExecutor|ProcessPoolExecutor|Pool|ThreadPool)$")
_TASKS = frozenset({"create_task", "ensure_future", "run_in_executor", "submit", "apply_async"})
_WAITS = frozenset(
    {"join", "wait", "communicate", "result", "shutdown", "gather", "as_completed", "terminate"}
)


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """Where something is left: on the disk, in shared memory, in threads and processes."""
    if source.is_test or not judging.is_resource:
        return
    for node in source.nodes:
        if isinstance(node, ast.Call):
            yield from _stored(source, node)
            yield from _started(source, node)
        elif isinstance(node, ast.FunctionDef):
            yield from _remembered(source, node)
    for text, value in source.literals:
        if _PLACE.search(value):
            yield source.sign("disk", text, "place")


def _stored(source: Source, node: ast.Call) -> Iterator[Sign]:
    origin = source.origin(node.func)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if origin in _STORES or origin in _PLACES:
        yield source.sign("disk", node, "store" if origin in _STORES else "place")
    elif origin == "sqlite3.connect":
        if not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == ":memory:"):
            yield source.sign("disk", node, "store")
    elif method in _WRITERS or origin in ("os.mkdir", "os.makedirs") or _opens_to_write(node, origin):
        yield source.sign("disk", node, "written")


def _opens_to_write(node: ast.Call, origin: str | None) -> bool:
    """Whether it is `open(path, mode)` or `path.open(mode)` with a mode that writes."""
    if origin in _OPENERS:
        mode = node.args[1:2]
    elif origin is None and isinstance(node.func, ast.Attribute) and node.func.attr == "open":
        mode = node.args[:1]
    else:
        return False
    given = mode + [one.value for one in node.keywords if one.arg == "mode"]
    values = (one.value for one in given if isinstance(one, ast.Constant))
    return any(isinstance(value, str) and _MODE.fullmatch(value) for value in values)


def _remembered(source: Source, node: ast.FunctionDef) -> Iterator[Sign]:
    """A remembered result that depends on a file, which may be another one by then."""
    decorators = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    if not any(source.origin(one) in _REMEMBERED for one in decorators):
        return
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            reads = isinstance(call.func, ast.Attribute) and call.func.attr in _READERS
            if reads or source.origin(call.func) in _OPENERS:
                yield source.sign("disk", node, node.name, f"`{node.name}`, which remembers what it read,")
                return


def _started(source: Source, node: ast.Call) -> Iterator[Sign]:
    origin = source.origin(node.func) or ""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if any(one.arg == "start_new_session" for one in node.keywords):
        yield source.sign("background", node, "session")
    elif origin in _STARTED or _POOLS.search(origin):
        if not _is_in_with(source, node) and not _is_waited_for(source, node):
            yield source.sign("background", node, origin)
    elif method in _TASKS or origin in ("asyncio.create_task", "asyncio.ensure_future"):
        above = source.parents.get(node)
        if isinstance(above, ast.Expr) and not _is_below_with(source, node):
            yield source.sign("background", node, "task")


def _is_in_with(source: Source, node: ast.AST) -> bool:
    return isinstance(source.parents.get(node), ast.withitem)


def _is_below_with(source: Source, node: ast.AST) -> bool:
    """Whether a block around it waits at its end, as those of pools and task groups do."""
    above = source.parents.get(node)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(above, ast.With | ast.AsyncWith):
            return True
        above = source.parents.get(above)
    return False


def _is_waited_for(source: Source, node: ast.AST) -> bool:
    """Whether the same function, or the class it belongs to, waits for something."""
    function = source.around(node)
    owner = source.parents.get(function)
    place = owner if isinstance(owner, ast.ClassDef) else function
    if isinstance(place, ast.Module):
        return False
    return any(
        isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in _WAITS
        for one in ast.walk(place)
    ) and not _is_daemon(node)


def _is_daemon(node: ast.AST) -> bool:
    given = node.keywords if isinstance(node, ast.Call) else []
    return any(
        one.arg == "daemon" and isinstance(one.value, ast.Constant) and one.value.value for one in given
    )
