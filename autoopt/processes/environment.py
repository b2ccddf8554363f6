"""The environment of the commands: scrubbed, private, and the same on every run."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

_NAMES = """
    PATH USER LOGNAME SHELL TZ

    VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV JAVA_HOME GOROOT SDKROOT DEVELOPER_DIR HOMEBREW_PREFIX
    CC CXX LD_LIBRARY_PATH DYLD_LIBRARY_PATH LIBRARY_PATH CPATH PKG_CONFIG_PATH LOCALE_ARCHIVE NIX_PROFILES
    CARGO_HOME RUSTUP_HOME PYENV_ROOT PYTHONUSERBASE GOPATH NVM_DIR VOLTA_HOME ASDF_DATA_DIR MISE_DATA_DIR

    CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCM_PATH
    OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS

    HF_HOME HF_DATASETS_CACHE TORCH_HOME KERAS_HOME NLTK_DATA SCIKIT_LEARN_DATA

    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS NIX_SSL_CERT_FILE

    PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGSERVICEFILE PGPASSFILE PGDATA
    PGSSLMODE PGSSLCERT PGSSLKEY PGSSLROOTCERT

    SPARK_HOME PYSPARK_PYTHON
    DATABRICKS_HOST DATABRICKS_CLUSTER_ID DATABRICKS_SERVERLESS_COMPUTE_ID
    DATABRICKS_PROFILE DATABRICKS_CONFIG_PROFILE DATABRICKS_CONFIG_FILE
"""
PASSED = frozenset(_NAMES.split())
"""The variables of autoopt's own environment that commands see.

They say who and where, which tools (an activated environment is not found without them), which hardware and
how many threads, where models and data sets are that nobody wants to download for each commit, certificates,
and which database or cluster. No secret is among them: PGPASSWORD or DATABRICKS_TOKEN must be named in
`metric.env` by whoever wants it; ~/.pgpass and ~/.databrickscfg are found.
"""

_IN_THE_REAL_HOME = {
    "CARGO_HOME": ".cargo",
    "RUSTUP_HOME": ".rustup",
    "PYENV_ROOT": ".pyenv",
    "PYTHONUSERBASE": ".local",
    "GOPATH": "go",
    "NVM_DIR": ".nvm",
    "VOLTA_HOME": ".volta",
    "ASDF_DATA_DIR": ".asdf",
    "MISE_DATA_DIR": ".local/share/mise",
    "PGPASSFILE": ".pgpass",
    "DATABRICKS_CONFIG_FILE": ".databrickscfg",
}
"""Where tools look below HOME: as HOME becomes another directory, they are told."""

_ASSIGNMENT = re.compile(
    r"""(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*("[^"\0]*"|'[^'\0]*'|[^\0]*?)(?:\s+\#[^\0]*)?"""
)
_ENV_FILE_LIMIT = 1 << 20


def clean_environment(environ: Mapping[str, str], home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for a command: what `PASSED` names, a private home, and `extra`, which wins.

    Args:
        environ: autoopt's own environment.
        home: Private directory for HOME, TMPDIR and compiled Python files. The latter are not written beside
            their sources, where a change could leave some that the next commit would load.
        extra: Variables that the configuration names.
    """
    passed = {name: value for name, value in environ.items() if name in PASSED}
    return {
        **_real_home(environ),
        **passed,
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPYCACHEPREFIX": str(home / "pycache"),
        "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        "TERM": "dumb",
        **extra,
    }


def named(environ: Mapping[str, str], patterns: Collection[str]) -> dict[str, str]:
    """The variables whose names match one of the patterns, such as `AWS_*`."""
    return {
        name: value
        for name, value in environ.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def _real_home(environ: Mapping[str, str]) -> dict[str, str]:
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        return {}
    places = {name: Path(home, place) for name, place in _IN_THE_REAL_HOME.items()}
    return {name: str(place) for name, place in places.items() if place.exists()}


def read_assignments(path: Path, names: Collection[str]) -> dict[str, str]:
    """The variables among `names` that a file of `NAME=value` lines sets; the last line of a name counts.

    Nothing when there is no such file. Quotes around a value and a comment after it are no part of it;
    nothing is expanded.
    """
    content = read_regular(path, _ENV_FILE_LIMIT) or b""
    found = dict(_assignments(content.decode("utf-8", "replace").splitlines()))
    return {name: value for name, value in found.items() if name in names}


def _assignments(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        if match := _ASSIGNMENT.fullmatch(line.strip()):
            value = match[2]
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
            yield match[1], value[1:-1] if quoted else value


def read_regular(path: Path, limit: int) -> bytes | None:
    """The content of a file that a command may have put there, or None.

    None when it is missing, larger than `limit`, or no regular file: a link would lead out of the checkout,
    and a pipe would never end.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)
