"""Reading patches: git's mails and diffs, and plain unified diffs; what no edit can express is refused."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk as UnidiffHunk
from unidiff.patch import PatchedFile, PatchSet

from autoopt.proposers.patches.carrying import UnfitError

_ENCODED = re.compile(
    rb"^content-transfer-encoding: *(quoted-printable|base64)", re.MULTILINE | re.IGNORECASE
)
_MAIL = re.compile(rb"^From [0-9a-f]{40} .*\n", re.MULTILINE)
_DIFF = re.compile(rb"^(?:diff --git |--- [^\n]+\n\+\+\+ |Binary files? .* differ)", re.MULTILINE)
_TAG = re.compile(r"^(\s*\[[^\]]*\])+\s*")
_INDEX = re.compile(r"index ([0-9a-f]+)\.\.[0-9a-f]+")
_EPOCH = re.compile(r"1970-01-01|1969-12-31")  # what diff -N writes for a file that is not there, in any zone
_QUOTED = re.compile(r'\\([0-7]{3}|[abtnvfr"\\])')
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_NO_FILE = "/dev/null"


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place of a patch.

    Attributes:
        start: Where it is in the file before, counted from 0.
        before, after: The lines with their ends, context included.
        lead, trail: How many lines of context come first and last.
    """

    start: int
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    lead: int
    trail: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatch:
    """What a patch does to one file.

    Attributes:
        old, new: Its path before and after; None where there is no file.
        blob: How the id of its content before begins; empty when the patch does not say.
        copies: Whether the old file stays.
    """

    old: str | None
    new: str | None
    blob: str
    hunks: tuple[Hunk, ...]
    copies: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change somebody sent.

    Attributes:
        subject, body, author: Of the mail or commit; empty when it is a mere diff.
        converted: Whether the patch itself was brought to CRLF on its way, so that its line ends say nothing
            about the file's; the lines here end in LF then.
    """

    subject: str
    body: str
    author: str
    files: tuple[FilePatch, ...]
    converted: bool


def parts(data: bytes) -> list[bytes]:
    """The patches in a file one by one: a mailbox holds several."""
    starts = [found.start() for found in _MAIL.finditer(data)]
    if not starts or starts[0]:
        return [data]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def parse(data: bytes) -> Patch:
    """The patch.

    Raises:
        UnfitError: it is none, or does what edits cannot express (binary files, links, submodules, modes).
    """
    data = _decoded(data)
    found = _DIFF.search(data)
    if found is None:
        raise UnfitError("holds no unified diff")
    head, diff = data[: found.start()], data[found.start() :]
    converted = diff.partition(b"\n")[0].endswith(b"\r")
    if converted:
        diff = diff.replace(b"\r\n", b"\n")
    subject, body, author = _message(head.replace(b"\r\n", b"\n"))
    files = tuple(_files(diff))
    paths = [path for file in files for path in {file.old, file.new} if path is not None and not file.copies]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise UnfitError(f"{twice}: is changed twice; make it two patches")
    return Patch(subject=subject, body=body, author=author, files=files, converted=converted)


def _decoded(data: bytes) -> bytes:
    """A mail whose text was encoded for transport, without that."""
    if not _ENCODED.search(data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]):
        return data
    mail = email.message_from_bytes(data, policy=email.policy.default)
    text = mail.get_payload(decode=True)
    if not isinstance(text, bytes):
        raise UnfitError("a mail of several parts; save the patch itself")
    headers = [f"{name}: {mail[name]}".encode() for name in ("From", "Subject") if mail[name]]
    return b"\n".join([*headers, b"Content-Type: text/plain; charset=utf-8", b"", text])


def _message(head: bytes) -> tuple[str, str, str]:
    """Subject, body and author as a mail, `git show` or `git log -p` has them."""
    if head.startswith(b"commit "):
        fields, _, text = head.decode("utf-8", "replace").partition("\n\n")
        found = re.search(r"^Author: *([^<\n]*)", fields, re.MULTILINE)
        subject, _, body = re.sub(r"^    ", "", text, flags=re.MULTILINE).strip().partition("\n")
        return subject.strip(), body.strip(), found[1].strip() if found else ""
    if not re.search(rb"^Subject:", head, re.MULTILINE):
        return "", "", ""
    mail = email.message_from_bytes(head, policy=email.policy.default)
    payload = mail.get_payload(decode=True)
    body = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    addresses = mail["from"].addresses if mail["from"] else ()
    author = addresses[0].display_name if addresses else ""
    subject = _TAG.sub("", " ".join(str(mail["subject"]).split()))
    body = re.split(r"^---\s*$", body, maxsplit=1, flags=re.MULTILINE)[0].strip()
    return _printable(subject), body, _printable(author)


def _printable(text: str) -> str:
    """Without the stand-ins for bytes that were no text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _files(diff: bytes) -> Iterator[FilePatch]:
    # Latin-1 keeps every byte; the marker is also written in other languages, and unidiff knows one.
    text = re.sub(r"(?m)^\\ .*$", r"\\ No newline at end of file", diff.decode("latin-1"))
    try:
        found = PatchSet(StringIO(text))
    except UnidiffParseError as error:
        raise UnfitError(f"cannot be read: {str(error).strip()[:80]!r}") from error
    for file in found:
        yield _file(file)


def _file(file: PatchedFile) -> FilePatch:
    info = [str(line) for line in file.patch_info or ()]
    if file.is_binary_file:
        raise UnfitError(f"{_plain(file.path)}: a binary file, which no edit can express")
    old, new = _names(file, info)
    _check_modes(new or old or "", file)
    index = next((found[1] for line in info if (found := _INDEX.match(line))), "")
    old = None if _EPOCH.match(file.source_timestamp or "") else old
    new = None if _EPOCH.match(file.target_timestamp or "") else new
    return FilePatch(
        old=old,
        new=new,
        blob=index if index.strip("0") else "",
        hunks=tuple(_hunk(hunk) for hunk in file),
        copies=any(line.startswith("copy from ") for line in info),
    )


def _check_modes(path: str, file: PatchedFile) -> None:
    modes = {file.source_mode, file.target_mode} - {None}
    if "120000" in modes:
        raise UnfitError(f"{path}: a symbolic link; proposals change regular files only")
    if "160000" in modes:
        raise UnfitError(f"{path}: a submodule; proposals change regular files only")
    made = file.source_file == _NO_FILE and file.target_mode == "100755"
    if len(modes) > 1 or made:
        raise UnfitError(f"{path}: changes who may execute it; proposals change contents only")


def _names(file: PatchedFile, info: list[str]) -> tuple[str | None, str | None]:
    """The paths before and after, without the prefixes that git and people put before them."""
    moved = [
        line.split(" ", 2)[2].rstrip("\n") for line in info if re.match(r"(rename|copy) (from|to) ", line)
    ]
    if len(moved) == 2:
        return _plain(moved[0]), _plain(moved[1])
    source, target = file.source_file, file.target_file
    if info and info[0].startswith("diff --git "):
        both = info[0].removeprefix("diff --git ").rstrip("\n")
        left = both[: -len(target) - 1] if source == _NO_FILE else source
        right = both[len(source) + 1 :] if target == _NO_FILE else target
    else:
        left = re.sub("^b/", "a/", target) if source == _NO_FILE else source
        right = re.sub("^a/", "b/", source) if target == _NO_FILE else target
    path = _common(_plain(left), _plain(right))
    return None if source == _NO_FILE else path, None if target == _NO_FILE else path


def _common(left: str, right: str) -> str:
    """The one path that two names with different prefixes, or with an ending like `.orig`, stand for."""
    if left == right:
        return left
    rest = left.partition("/")[2]
    if rest and rest == right.partition("/")[2]:
        return rest
    for path, other in ((right, left), (left, right)):
        if other.startswith(path) and "/" not in other[len(path) :]:
            return path
    raise UnfitError(f"{left} and {right}: cannot be told to be one file")


def _plain(name: str) -> str:
    """The name as the file system has it: unquoted, in UTF-8."""
    raw = name.encode("latin-1")
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        raw = _QUOTED.sub(_unquoted, name[1:-1]).encode("latin-1")
    return raw.decode("utf-8", "surrogateescape")


def _unquoted(found: re.Match[str]) -> str:
    text = found[1]
    return chr(_ESCAPES[text] if text in _ESCAPES else int(text, 8) & 0xFF)


def _hunk(hunk: UnidiffHunk) -> Hunk:
    before: list[bytes] = []
    after: list[bytes] = []
    kinds: list[str] = []
    for line in hunk:
        sides = {" ": (before, after), "-": (before,), "+": (after,)}.get(line.line_type, ())
        for side in sides:
            side.append(line.value.rstrip("\n").encode("latin-1") + b"\n")
        if line.line_type == "\\" and kinds:
            for side in {" ": (before, after), "-": (before,), "+": (after,)}[kinds[-1]]:
                side[-1] = side[-1].removesuffix(b"\n")
        elif sides:
            kinds.append(line.line_type)
    start = hunk.source_start - 1 if before else hunk.source_start
    return Hunk(start, tuple(before), tuple(after), _context(kinds), _context(kinds[::-1]))


def _context(kinds: list[str]) -> int:
    return next((n for n, kind in enumerate(kinds) if kind != " "), len(kinds))
