"""What well-known secrets look like; forms so particular that other text does not happen to have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Match(NamedTuple):
    """Something that looks like a secret.

    Attributes:
        name: What it is, as in "GitHub token".
        token: All of it.
        start: Where it begins.
    """

    name: str
    token: bytes
    start: int


class _Kind:
    """One form.

    Text without `hint` is not searched: most text has none, and looking for a word is much quicker.
    """

    def __init__(self, name: str, hint: str, regex: str) -> None:
        self.name = name
        self.hint = hint
        self.hint_bytes = hint.encode()
        self.text = re.compile(regex, re.ASCII)
        self.content = re.compile(regex.encode())


_LABEL = r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_BODY = r"""(?:[\s\\nr"',+]|[A-Za-z-]+: [^\n]{0,200}\n)*[A-Za-z0-9+/=]{16}"""
_KINDS = (
    _Kind(
        "private key", "PRIVATE KEY", rf"-----BEGIN {_LABEL}{_BODY}(?s:.{{0,20000}}?)(?:-----END {_LABEL}|\Z)"
    ),
    *(
        _Kind("AWS key", hint, rf"(?<![A-Za-z0-9]){hint}[A-Z0-9]{{16}}(?![A-Za-z0-9])")
        for hint in ("AKIA", "ASIA")
    ),
    _Kind(
        "AWS secret key",
        "ecret",
        r"(?i:aws_?)?[sS]ecret_?[aA]ccess_?[kK]ey[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])",
    ),
    *(
        _Kind("GitHub token", hint, rf"(?<![A-Za-z0-9]){hint}[A-Za-z0-9]{{36,255}}")
        for hint in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
    ),
    _Kind("GitHub token", "github_pat_", r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22,255}"),
    _Kind("GitLab token", "glpat-", r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,}"),
    _Kind("Slack token", "xox", r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _Kind("Slack token", "xapp-", r"(?<![A-Za-z0-9])xapp-\d-[A-Za-z0-9-]{10,}"),
    _Kind("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T\w+/B\w+/\w{16,}"),
    _Kind("JSON web token", "eyJ", r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    _Kind("Google key", "AIza", r"(?<![\w-])AIza[\w-]{35}(?![\w-])"),
    _Kind("Google token", "ya29.", r"(?<![\w-])ya29\.[\w-]{20,}"),
    *(
        _Kind("Stripe key", hint, rf"(?<![A-Za-z0-9]){hint}[A-Za-z0-9]{{16,}}")
        for hint in ("sk_live_", "rk_live_", "sk_test_", "rk_test_")
    ),
    _Kind("Anthropic key", "sk-ant-", r"(?<![\w-])sk-ant-[a-z0-9]+-[\w-]{20,}"),
    _Kind("OpenAI key", "sk-", r"(?<![\w-])sk-(?:(?:proj|svcacct|admin)-[\w-]{20,}|[A-Za-z0-9]{40,})"),
    _Kind("npm token", "npm_", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _Kind("PyPI token", "pypi-AgEI", r"pypi-AgEI[\w-]{50,}"),
    _Kind("Hugging Face token", "hf_", r"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{30,}(?![A-Za-z0-9_])"),
    _Kind("Databricks token", "dapi", r"(?<![A-Za-z0-9])dapi[0-9a-f]{32}(?![0-9a-f])"),
    _Kind("SendGrid key", "SG.", r"(?<![\w-])SG\.[\w-]{22}\.[\w-]{43}"),
    _Kind("DigitalOcean token", "_v1_", r"(?<![A-Za-z0-9])do[opr]_v1_[0-9a-f]{64}"),
    _Kind("Azure key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
)


def matches(content: bytes) -> Iterator[Match]:
    """Everything in the content that looks like a secret."""
    for kind in _KINDS:
        if kind.hint_bytes in content:
            yield from (Match(kind.name, m[0], m.start()) for m in kind.content.finditer(content))


def redacted(text: str) -> str:
    """The text with the kind of each such thing in its place."""
    for kind in _KINDS:
        if kind.hint in text:
            text = kind.text.sub(f"[{kind.name}]", text)
    return text


def redacted_content(content: bytes) -> bytes:
    """The same of a file's content."""
    for kind in _KINDS:
        if kind.hint_bytes in content:
            content = kind.content.sub(f"[{kind.name}]".encode(), content)
    return content
