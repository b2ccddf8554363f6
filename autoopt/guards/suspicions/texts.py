"""Files that are no Python: shell, SQL, JavaScript, settings; read line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from autoopt.detect.settings import are_settings
from autoopt.guards.essence import is_python
from autoopt.guards.suspicions import uses
from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, is_test, shortened

_Pattern = tuple[str, re.Pattern[str]]


def _patterns(**rules: str) -> tuple[_Pattern, ...]:
    return tuple((rule.rstrip("_").replace("_", "-"), re.compile(text)) for rule, text in rules.items())


_SHELL = _patterns(
    suppression=r"\|\|\s*(true|:)\s*$|^\s*set \+e\b",
    background=r"\b(nohup|setsid|disown)\b|[^&>]&\s*$",
    network=r"(^|[\s;&|(])(curl|wget|nc|ssh|scp)\s",
    history=r"(^|[\s;&|(])git (log|show|stash|reflog|cat-file|checkout|restore|rev-list|archive)\b",
    clock=r"\bfaketime\b|\bLD_PRELOAD\b|^\s*(alias\s+)?(date|time)\s*(\(\)|=)",
    imports=r"^\s*(export\s+)?(PATH|PYTHONPATH|PYTHONSTARTUP|BASH_ENV)=",
    exit=r"^\s*exit 0\b",
    metric_line=r"\bMETRIC\s+\w+=",
    benchmark=r"\bAUTOOPT_(?!SEED\b|FOLDS?\b|SCRATCH\b)[A-Z_]+|\bPYTEST_CURRENT_TEST\b|/proc/(self|\d+)/",
    disk=r"/dev/shm\b",
)
_SCRIPT = _patterns(
    suppression=r"@ts-(ignore|nocheck|expect-error)\b|\beslint-disable|\bas any\b|\btslint:disable",
    clock=r"\b(Date\.now|performance\.now|process\.hrtime(\.bigint)?)\s*=[^=]|"
    r"\bglobalThis\.(Date|performance)\s*=[^=]",
    exit=r"\bprocess\.(exit|abort|kill)\s*\(",
    benchmark=r"\bprocess\.env\.(AUTOOPT_|JEST_WORKER|VITEST)|\bprocess\.argv\b",
    skip=r"\b(describe|it|test)\.(skip|only|todo|failing)\b|\b(xit|xdescribe|fit|fdescribe)\s*\(",
    network=r"\bfetch\s*\(\s*['\"`]https?:|\brequire\(['\"](https?|net)['\"]\)",
    dynamic=r"\beval\s*\(|\bnew Function\s*\(",
    background=r"\.unref\s*\(\)|\bdetached:\s*true",
    patch=r"^\s*(Array|Object|String|Map|Set|Number|Promise|JSON|Math)(\.prototype)?\.\w+\s*=[^=]",
)
_COMPILED = _patterns(
    suppression=r"//\s*nolint\b|#!?\[allow\(|@SuppressWarnings\b|#pragma\s+(GCC|clang) diagnostic ignored|"
    r"NOLINT",
    skip=r"\bt\.Skip(Now|f)?\(|#\[ignore|@(Disabled|Ignore)\b",
    exit=r"\b(_exit|_Exit|quick_exit|abort|os\.Exit|process::(exit|abort)|System\.exit)\s*\(",
    precision=r"-ffast-math|-Ofast|#pragma\s+float_control",
    dynamic=r"\bdlsym\s*\(",
)
_SQL = _patterns(
    sampling=r"(?i)\b(TABLESAMPLE|USING SAMPLE)\b",
    precision=r"(?i)\b(approx_\w+|approximate\s+count)\s*\(|"
    r"::\s*(real|float4|float16)\b|\bAS\s+(real|float4)\s*\)",
    table=r"(?i)\bCREATE\s+(OR REPLACE\s+)?((TEMP|TEMPORARY|UNLOGGED)\s+)?"
    r"(MATERIALIZED\s+VIEW\b|TABLE\b.*\bAS\b)",
    network=r"(?i)\b(httpfs|dblink|postgres_fdw|COPY\b.*\bPROGRAM)\b|'https?://",
    disk=r"(?i)\bATTACH\b|\bpersist\w* cache\b",
)
_EXCLUDING = """
    exclude extend[-_]exclude ignore extend[-_]ignore per[-_]file[-_]ignores omit exclude_lines
    exclude_also ignore_errors ignore_missing_imports disable_error_code disable follow_imports skipLibCheck
    typeCheckingMode allow_untyped_\\w+ norecursedirs collect_ignore\\w* filterwarnings fail_under
    xfail_strict testPathIgnorePatterns coverageThreshold report[A-Z]\\w+
"""
_DESELECTING = """
    -k -m -x -o -p\\s*no:\\S+ --deselect --ignore(-glob)? --maxfail --lf --co --collect-only --no-cov
    --assert=plain --exitfirst --ff
"""
_SETTINGS = _patterns(
    settings=rf"(?i)^\s*[\"']?({'|'.join(_EXCLUDING.split())})[\"']?\s*[:=]|"
    rf"\s({'|'.join(_DESELECTING.split())})([=\s\"']|$)|"
    r"^\s*[\"']?(strict|check_untyped_defs|disallow_\w+|warn_\w+)[\"']?\s*[:=]\s*(false|0|no|off)\b|"
    r"[=\s]\"?(ignore|off|skip)\"?\s*,?$",
)
_LANGUAGES = (
    (_SHELL, ".sh .bash .zsh .mk Makefile justfile Dockerfile"),
    (_SCRIPT, ".js .mjs .cjs .ts .tsx .jsx .mts .vue .svelte"),
    (_COMPILED, ".c .h .cc .cpp .hpp .rs .go .java .kt .scala .swift"),
    (_SQL, ".sql"),
    (_SETTINGS, "package.json .pre-commit-config.yaml"),
)
_TYPES = {name: patterns for patterns, names in _LANGUAGES for name in names.split()}
_CLOSED = """
    .so .pyd .pyc .pyo .dll .dylib .a .o .exe .jar .class .whl .pth .egg .wasm .pkl .pickle .npy .npz .db
    .sqlite .sqlite3 .duckdb .bin .parquet .feather
"""
_ANSWERED = re.compile(
    r"(?i)^\s*SELECT\s+('[^']*'|[\d.]+)(\s+AS\s+\w+)?(\s*,\s*('[^']*'|[\d.]+)(\s+AS\s+\w+)?)*\s*;?\s*$"
)
_GATED = frozenset({"sampling", "precision", "background", "disk"})


def is_closed(path: str) -> bool:
    """Whether a file of this name is code or data that no reader can judge."""
    return PurePosixPath(path).suffix.lower() in _CLOSED.split()


def signs(path: str, text: str, judging: Judging) -> Iterator[Sign]:
    """Suspicious lines by what they hold; comments count, as in these languages they may be told to tools."""
    name = PurePosixPath(path)
    known = _SETTINGS if are_settings(name.name) else _TYPES.get(name.name)
    patterns = known or _TYPES.get(name.suffix.lower(), ())
    if patterns is _SHELL and text.startswith("#!") and "python" in text.partition("\n")[0]:
        patterns = ()
    for number, line in enumerate(text.splitlines(), start=1):
        for rule, pattern in patterns:
            if _applies(rule, path, judging) and (found := pattern.search(line)) is not None:
                yield Sign(rule, found.group().strip(), number, shortened(line))
    if patterns is _SQL and _ANSWERED.match(_without_comments(text)):
        yield Sign("constant", "select", 1, "the query is a constant")


def _applies(rule: str, path: str, judging: Judging) -> bool:
    """Whether a rule means anything for the file and for how the run is judged."""
    if rule == "skip":
        return is_test(path)
    if rule == "suppression" and not judging.is_checked:
        return False
    return judging.is_resource or rule not in _GATED


def unparsed(path: str, text: str) -> Iterator[Sign]:
    """What can be found in Python that cannot be parsed: the dotted names, and that it is so."""
    if not is_python(path):
        return
    yield Sign("unreadable", path, 1, "the file")
    for number, line in enumerate(text.splitlines(), start=1):
        for dotted in re.findall(r"\b[A-Za-z_]\w*(?:\.\w+)+", line):
            if (rule := uses.rule_of(dotted)) is not None:
                yield Sign(rule, dotted, number, shortened(line))


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
