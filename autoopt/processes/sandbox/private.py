"""What of a person's own files commands have no business with, and what of a closed home their tools need."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from autoopt.processes.sandbox.places import within

_NAMES = """
    .ssh .gnupg .netrc _netrc .git-credentials .config/git/credentials .config/gh .config/glab-cli .config/hub
    .aws .azure .config/gcloud .boto .s3cfg .oci .config/rclone .config/doctl
    .terraform.d/credentials.tfrc.json
    .docker .kube .config/containers/auth.json .config/helm/registry
    .npmrc .yarnrc.yml .pypirc .cargo/credentials .cargo/credentials.toml .gem/credentials .composer/auth.json
    .gradle/gradle.properties .m2/settings-security.xml .config/pypoetry/auth.toml
    .password-store .local/share/keyrings .local/share/kwalletd .config/op .config/Bitwarden .vault-token
    .config/sops .age .config/age .kaggle
    .claude .claude.json .codex .gemini .cursor .config/anthropic .config/openai .config/goose
    .local/share/opencode
    .mozilla .config/google-chrome .config/chromium .config/BraveSoftware .thunderbird
    .bash_history .zsh_history .python_history .psql_history .mysql_history .local/share/fish
    Library/Keychains Library/Cookies
"""
_CREDENTIALS = _NAMES.split()
"""Files and directories with keys, tokens and what was typed, below the home.

Not ~/.pgpass, ~/.my.cnf, ~/.databrickscfg and the like: commands find their data by them, on purpose.
"""

_DOORS = (
    "/run/docker.sock",
    "/run/podman",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/buildkit",
    "/run/libvirt",
    "/run/incus",
    "/var/lib/incus/unix.socket",
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/run/snapd.socket",
    "/run/systemd/private",
    "/run/dbus/system_bus_socket",
    "/run/screen",
)
"""Services that start programs for whoever asks, outside any walls."""
_DOORS_OF_SESSION = "podman", "docker.sock", "systemd/private", "emacs", "screen"
_SHELLS_IN_TMP = "tmux-", "emacs", "screen"
_DOORS_IN_TMP = *_SHELLS_IN_TMP, "ssh-", "vscode-", ".X11-unix", ".ICE-unix"
_PROGRAM_FOLDERS = {"bin", "sbin", "shims", "Scripts"}
_SHARED = {".local", ".config", ".cache", "Library"}
"""Directories below the home that belong to no one program."""


def credentials(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What commands are not shown: known credential files, and sockets of services that would act for them.

    Each is there to be found with `ls`; what does not exist is skipped later.
    """
    found = [Path(door) for door in _DOORS]
    if runtime := _runtime(environ):
        found.append(Path(runtime))
    if agent := environ.get("SSH_AUTH_SOCK"):
        found.append(Path(agent))
    found += [Path("/tmp", name) for name in _in_tmp() if name.startswith(_DOORS_IN_TMP)]
    return (*found, *(place / name for place in home(environ) for name in _CREDENTIALS))


def doors(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Sockets by which programs can be started outside the walls, by nobody's leave but the user's own.

    For agents, who need logins, and so what else a session has: its bus, keys and windows.
    """
    session = [Path(place, name) for place in filter(None, [_runtime(environ)]) for name in _DOORS_OF_SESSION]
    shells = [Path("/tmp", name) for name in _in_tmp() if name.startswith(_SHELLS_IN_TMP)]
    return (*map(Path, _DOORS), *session, *shells)


def _runtime(environ: Mapping[str, str]) -> str:
    return environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")


def home(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The person's home directory; none where there is none, or where it is the whole disk."""
    place = environ.get("HOME", "")
    return (Path(place),) if place.startswith("/") and Path(place) != Path("/") else ()


def homes(environ: Mapping[str, str], needed: Iterable[Path] = ()) -> tuple[Path, ...]:
    """What below the home stays readable where the home is hidden.

    Those are the places that variables of the commands name, such as tool homes and the PATH, with what
    links in there lead to, and whatever else is needed.

    Args:
        environ: autoopt's own environment, with the variables of the commands.
        needed: Further places: the interpreter, linked files, the repository.
    """
    found = [*needed, *_named(environ)]
    for place in home(environ):
        roots = {root for path in found for root in _roots(path, place)}
        return tuple(sorted(roots - {place}))
    return ()


def _named(environ: Mapping[str, str]) -> Iterator[Path]:
    for name, value in environ.items():
        if name not in ("HOME", "PWD", "OLDPWD") and not name.startswith("XDG_"):
            yield from (Path(part) for part in value.split(":") if part.startswith("/"))


def _roots(path: Path, home: Path) -> Iterator[Path]:
    """The directories below the home that a program or a file there needs, as far as it lies in it."""
    for one in {path, Path(os.path.realpath(path)), *_linked_from(path, home)}:
        if within(str(one), home) and one != home and one.exists():
            yield _whole(one, home)


def _linked_from(folder: Path, home: Path) -> Iterator[Path]:
    """Where the links in a directory of programs lead, if that is in the home as well."""
    if folder.name not in _PROGRAM_FOLDERS or not within(str(folder), home) or not folder.is_dir():
        return
    for entry in os.scandir(folder):
        if entry.is_symlink():
            yield Path(os.path.realpath(entry.path))


def _whole(path: Path, home: Path) -> Path:
    """The installation that a program's directory is part of, or the program; else the path itself."""
    folder = path if path.name in _PROGRAM_FOLDERS else path.parent
    if folder.name not in _PROGRAM_FOLDERS:
        return path
    root = folder.parent
    return path if root == home or (root.name in _SHARED and root.parent == home) else root


def _in_tmp() -> list[str]:
    try:
        return os.listdir("/tmp")  # noqa: PTH208
    except OSError:
        return []
