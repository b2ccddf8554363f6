"""The secrets of this machine: seen in what is to be committed, and taken out of what is written down."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from autoopt.errors import AutooptError
from autoopt.secrets import patterns, sources
from autoopt.secrets.patterns import Match
from autoopt.secrets.sources import is_secret as is_secret


class Secrets:
    """Values that are known, and whatever looks like a well-known kind of secret."""

    def __init__(self, values: Iterable[tuple[str, str]] = ()) -> None:
        """Know these, each with a name that may be shown; short and ordinary ones are left out."""
        found = {value: name for name, value in values if sources.is_secret(value)}
        forms = {form: name for value, name in found.items() for form in _forms(value)}
        # The longest first: a shorter one may be a part of it.
        self._names = dict(sorted(forms.items(), key=lambda item: -len(item[0])))
        self._contents = {content: name for form, name in self._names.items() for content in _encoded(form)}

    def text(self, text: str) -> str:
        """The text with `[NAME]` in the place of each secret."""
        for form, name in self._names.items():
            if form in text:
                text = text.replace(form, f"[{name}]")
        return patterns.redacted(text)

    def content(self, content: bytes) -> bytes:
        """The same of a file's content."""
        for form, name in self._contents.items():
            if form in content:
                content = content.replace(form, f"[{name}]".encode())
        return patterns.redacted_content(content)

    def file(self, path: Path) -> None:
        """Take the secrets out of a regular file; one without any is not touched."""
        if path.is_symlink() or not path.is_file():
            return
        content = path.read_bytes()
        if (redacted := self.content(content)) != content:
            _replace(path, redacted)

    def below(self, folder: Path) -> None:
        """The same of every file below a directory."""
        for path in folder.rglob("*"):
            self.file(path)

    def added(self, before: bytes, after: bytes, known: Callable[[bytes], bool]) -> Match | None:
        """The first secret in `after` that is in neither `before` nor what `known` tells of."""
        for match in self._sightings(after):
            if match.token not in before and not known(match.token):
                return match
        return None

    def _sightings(self, content: bytes) -> Iterator[Match]:
        for form, name in self._contents.items():
            if (start := content.find(form)) >= 0:
                yield Match(name, form, start)
        yield from patterns.matches(content)

    @contextmanager
    def out_of_errors(self) -> Iterator[None]:
        """Let no error that a person is told carry a secret out of the block."""
        try:
            yield
        except AutooptError as error:
            error.args = tuple(self.text(arg) if isinstance(arg, str) else arg for arg in error.args)
            raise


PATTERNS = Secrets()
"""Where no values are known."""


def gather(
    environ: Mapping[str, str], passed: Collection[str] = (), given: Mapping[str, str] | None = None
) -> Secrets:
    """The secrets in an environment, and in the credential files of its home.

    Args:
        given: Further variables.
        passed: Patterns of names: those variables count although they may be named otherwise.
    """
    home = sources.home_of(environ)
    files = () if home is None else tuple(sources.of_files(home))
    found = (sources.of_environment(variables, passed) for variables in (given or {}, environ))
    return Secrets((*files, *(one for some in found for one in some)))


def _forms(value: str) -> set[str]:
    """The value, and what it becomes in JSON, in addresses, in HTML, as hex digits and in base64."""
    from urllib.parse import quote  # where nothing is secret, nobody waits for it

    raw = os.fsencode(value)
    forms = {value, json.dumps(value)[1:-1], quote(value, safe=""), _in_html(value), raw.hex()}
    forms |= {form for offset in range(3) for form in _base64(raw, offset)}
    return {form for form in forms if len(form) >= sources.SHORTEST}


def _base64(raw: bytes, offset: int) -> Iterator[str]:
    """What no neighbours can change of the value in base64, `offset` bytes after where a group begins."""
    text = base64.b64encode(bytes(offset) + raw).decode()
    part = text[-(-8 * offset // 6) : 8 * (offset + len(raw)) // 6]
    yield part
    yield part.replace("+", "-").replace("/", "_")


def _encoded(form: str) -> Iterator[bytes]:
    yield os.fsencode(form)
    yield form.encode("utf-16-le", "surrogatepass")
    yield form.encode("utf-16-be", "surrogatepass")


def _in_html(value: str) -> str:
    for letter, name in {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}.items():
        value = value.replace(letter, name)
    return value


def _replace(path: Path, content: bytes) -> None:
    """Put other content in a file's place at once; it is a log, and need not outlast a power loss."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
