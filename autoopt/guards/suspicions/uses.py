"""Suspicious by the names that are used: where a thing was imported from says what it does."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, Source, text_of

_NAMES = {
    "frames": """
        sys._getframe sys._getframemodulename sys._current_frames sys.settrace sys.setprofile sys.monitoring
        threading.settrace threading.setprofile inspect.stack inspect.currentframe inspect.getouterframes
        inspect.getinnerframes inspect.trace traceback.walk_stack traceback.extract_stack faulthandler
    """,
    "objects": """
        gc.get_objects gc.get_referrers gc.get_referents ctypes.pythonapi inspect.getclosurevars
        inspect.getargvalues
    """,
    "exit": """
        os._exit os.abort os.execl os.execle os.execlp os.execv os.execve os.execvp
        os.execvpe os.kill os.killpg
        signal.raise_signal signal.pthread_kill
    """,
    "late": """
        atexit.register weakref.finalize signal.signal signal.setitimer signal.alarm
        threading._register_atexit
    """,
    "imports": """
        sys.path.insert sys.path.append sys.path.extend sys.path_hooks sys.meta_path sys.path_importer_cache
        site.addsitedir importlib.util.spec_from_file_location importlib.reload sys.modules.update
        sys.modules.setdefault sys.modules.pop
    """,
    "benchmark": "sys.orig_argv",
    "network": """
        socket.socket socket.create_connection urllib.request http.client requests
        httpx aiohttp urllib3 ftplib
        smtplib paramiko websockets websocket boto3 grpc
    """,
    "history": "dulwich git.Repo pygit2",
    "dynamic": """
        exec eval compile runpy marshal.loads types.CodeType types.FunctionType code.interact ctypes.CDLL
        ctypes.PyDLL ctypes.cdll ctypes.memmove ctypes.from_address cffi
    """,
    "disk": "os.setxattr os.getxattr os.memfd_create",
    "background": """
        os.fork os.forkpty os.spawnl os.spawnv os.spawnvp os.posix_spawn os.setsid os.startfile
        os.sched_setaffinity os.setpriority os.nice threading.Timer sched.scheduler
    """,
}
"""Dotted names by rule; what begins with one of them counts too."""

_ATTRIBUTES = {
    "f_back": "frames", "tb_frame": "frames", "gi_frame": "frames", "cr_frame": "frames",
    "f_locals": "objects", "f_globals": "frames", "f_builtins": "frames",
    "__globals__": "frames", "cell_contents": "objects",
}  # fmt: skip
_STORED = ("__code__", "__closure__", "__defaults__", "__kwdefaults__")
_RULE_OF = {name: rule for rule, names in _NAMES.items() for name in names.split()}
_WHOLE = frozenset({"frames", "objects", "network", "history"})
"""Rules in which one name stands for another: a cheaper way to the same is no new thing."""
_LEAVES = frozenset({"sys.exit", "exit", "quit"})
_ENTRIES = ("main", "run", "cli", "cmd", "command", "entry", "usage", "fail", "die")


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """Names and attributes that speak for themselves."""
    for node in source.nodes:
        match node:
            case ast.Attribute() | ast.Name(ctx=ast.Load()):
                yield from _named(source, node)
            case ast.Call():
                yield from _called(source, node)
            case ast.FunctionDef(name="__del__"):
                yield source.sign("late", node, "__del__", "`def __del__`")
            case ast.Raise() if _leaves(source, node):
                yield source.sign("exit", node, "sys.exit")


def rule_of(dotted: str) -> str | None:
    """The rule that a dotted name falls under."""
    while dotted:
        if dotted in _RULE_OF:
            return _RULE_OF[dotted]
        dotted = dotted.rpartition(".")[0]
    return None


def _named(source: Source, node: ast.Attribute | ast.Name) -> Iterator[Sign]:
    if isinstance(node, ast.Attribute):
        if (rule := _ATTRIBUTES.get(node.attr)) is not None:
            yield source.sign(rule, node, rule)
            return
        if node.attr in _STORED and isinstance(node.ctx, ast.Store):
            yield source.sign("patch", node, node.attr)
    origin = source.origin(node)
    rule = None if origin is None else rule_of(origin)
    if rule is None or origin is None or _is_more(source, node) or _is_excused(source, node, origin):
        return
    yield source.sign(rule, node, rule if rule in _WHOLE else origin)


def _is_more(source: Source, node: ast.AST) -> bool:
    """Whether a longer name around this one is looked at anyway."""
    above = source.parents.get(node)
    origin = source.origin(above) if isinstance(above, ast.Attribute) else None
    return origin is not None and rule_of(origin) is not None


def _is_excused(source: Source, node: ast.AST, origin: str) -> bool:
    """Whether this is no use of the thing: an exception that is caught, a type that is asked for."""
    if rule_of(origin) == "network":
        return not isinstance(source.parents.get(node), ast.Call | ast.withitem | ast.Attribute)
    if origin in ("compile", "eval", "exec"):
        above = source.parents.get(node)
        return not (isinstance(above, ast.Call) and above.func is node) and not isinstance(above, ast.Assign)
    return False


def _called(source: Source, node: ast.Call) -> Iterator[Sign]:
    origin, made = source.origin(node.func), source.origin(node)
    if made is not None and (rule := rule_of(made)) is not None:  # taken by a name that is a text
        yield source.sign(rule, node, rule if rule in _WHOLE else made)
    if origin in ("__import__", "importlib.import_module") and not isinstance(
        node.args[0] if node.args else None, ast.Constant
    ):
        yield source.sign("dynamic", node, "import")
    elif origin == "getattr" and _is_disguised(source, node):
        yield source.sign("dynamic", node, "getattr")
    elif origin in _LEAVES and _is_early(source, node):
        yield source.sign("exit", node, "sys.exit")


def _is_disguised(source: Source, node: ast.Call) -> bool:
    """Whether a thing is taken out of a module by a name that is not written out."""
    match node.args:
        case [module, name, *_]:
            root = (source.origin(module) or ".").partition(".")[0]
            return root in sys.stdlib_module_names and text_of(name) is None
    return False


def _leaves(source: Source, node: ast.Raise) -> bool:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return raised is not None and source.origin(raised) == "SystemExit" and _is_early(source, node)


def _is_early(source: Source, node: ast.AST) -> bool:
    """Whether it stands where a module ought not to end the program: nobody runs it as a script there."""
    function = source.around(node)
    if isinstance(function, ast.Module):
        return node in source.imported
    name = getattr(function, "name", "").strip("_")
    return not name.startswith(_ENTRIES)
