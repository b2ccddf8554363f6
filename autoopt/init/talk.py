"""Who answers: a person at a terminal, line by line, or nobody, where what was found has to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Protocol

from rich.console import Console
from rich.text import Text

from autoopt.errors import UsageError
from autoopt.reporters import words

WIDEST = 78
_MARKED = r">>[-+.\deE]+<<"
_BACK, _HELP, _QUIT = "<", "?", ("q", "quit")


class BackError(Exception):
    """The person wants to answer the question before once more."""


class QuitError(Exception):
    """The person wants to leave; nothing is written."""


class Talk(Protocol):
    """Questions with proposals, and things to tell."""

    asked: int
    """How many questions somebody has answered."""

    @property
    def width(self) -> int:
        """How many letters fit on a line."""
        ...

    def say(self, *lines: str) -> None:
        """Tell something, each line wrapped by itself."""
        ...

    def show(self, *lines: str) -> None:
        """Print lines as they are, cut where the terminal ends."""
        ...

    def ask(
        self, key: str, question: str, default: str | None, about: str, *, sure: bool = True, found: str = ""
    ) -> str:
        """The answer, or the default for an empty one; empty where there is neither.

        Args:
            key: The word `key=...` that answers it beforehand.
            default: What is proposed; None where an answer is needed.
            about: What it means, for `?`.
            sure: Whether the proposal may be taken where nobody was asked to agree.
            found: What the proposal stands for, where it does not say so itself.

        Raises:
            BackError: the question before is wanted.
            QuitError: nothing is wanted any more.
            UsageError: nobody is there, and it cannot do without.
        """
        ...

    def refuse(self, problem: str) -> None:
        """Say what is wrong with the last answer, which is then asked for again.

        Raises:
            UsageError: nobody is there to answer again.
        """
        ...


class Person:
    """Somebody at a terminal, however narrow."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.asked = 0

    @property
    def width(self) -> int:
        """How many letters fit on a line."""
        return max(20, min(self._console.width, WIDEST))

    def say(self, *lines: str) -> None:
        """Tell something, each line wrapped by itself."""
        for line in lines:
            self._put(*_wrapped(line, self.width))

    def show(self, *lines: str) -> None:
        """Print lines as they are, cut where the terminal ends."""
        width = max(20, self._console.width)
        self._put(*(line if len(line) < width else f"{line[: width - 2]}…" for line in lines))

    def ask(
        self, key: str, question: str, default: str | None, about: str, *, sure: bool = True, found: str = ""
    ) -> str:
        """The answer; `?` explains, `<` goes back, `q` and the end of input leave."""
        while True:
            self._put("", *_wrapped(question, self.width))
            said = self._read(f"[{words.one_line(default)}] " if default else "")
            if said == _HELP:
                self.say(*about.splitlines(), f"(Beforehand: autoopt init {key}=...)" if key else "")
                continue
            if said == _BACK:
                raise BackError
            if said.lower() in _QUIT:
                raise QuitError
            if said or default is not None:
                self.asked += 1
                return said or default or ""
            self.say("An answer is needed here; ? explains, < goes back, q leaves.")

    def _read(self, proposal: str) -> str:
        prompt = f"{proposal}> "
        if len(prompt) > self.width:
            self._put(*_wrapped(proposal, self.width))
            prompt = "> "
        try:
            return words.one_line(self._console.input(Text(prompt))).strip()
        except EOFError as error:
            self._put("")
            raise QuitError from error

    def refuse(self, problem: str) -> None:
        """Say what is wrong with the last answer."""
        self.say(f"! {problem}")

    def _put(self, *lines: str) -> None:
        _print(self._console, lines)


class Nobody:
    """Takes what was found, and names what is missing."""

    def __init__(self, console: Console, *, agrees: bool) -> None:
        """Answer for nobody.

        Args:
            agrees: Whether every proposal is accepted, also where a person should have looked.
        """
        self._console = console
        self._agrees = agrees
        self.asked = 0

    @property
    def width(self) -> int:
        """How many letters fit on a line."""
        return self._console.width

    def say(self, *lines: str) -> None:
        """Tell something."""
        _print(self._console, lines)

    show = say

    def ask(
        self, key: str, question: str, default: str | None, about: str, *, sure: bool = True, found: str = ""
    ) -> str:
        """The proposal."""
        if default is None or not (sure or self._agrees):
            what = words.one_line(found or default or "")
            more = f" ({what} was found; --yes takes what is found)" if what else ""
            raise UsageError(f"{key}: is missing, and there is no terminal to ask at; give {key}=...{more}.")
        return default

    def refuse(self, problem: str) -> None:
        """Leave it at that."""
        raise UsageError(problem)


def _print(console: Console, lines: Iterable[str]) -> None:
    """Print lines that may hold what strangers wrote; a marked number stands out where there are colours."""
    for line in lines:
        text = Text(words.lines(line))
        text.highlight_regex(_MARKED, "bold reverse")
        console.print(text, soft_wrap=True)


def chosen(said: str, choices: Sequence[str]) -> str | None:
    """Which of the choices is meant, by its name or the beginning of only one; None for none."""
    begun = [one for one in choices if one.casefold().startswith(said.casefold())]
    exact = [one for one in choices if one.casefold() == said.casefold()]
    return exact[0] if exact else begun[0] if said and len(begun) == 1 else None


def _wrapped(line: str, width: int) -> list[str]:
    """The line in lines that fit; further ones keep its indentation."""
    indent = line[: len(line) - len(line.lstrip())]
    made = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=True, break_on_hyphens=False)
    return made or [""]
