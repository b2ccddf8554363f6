"""`autoopt help [TOPIC]`: explain a topic, option or subcommand; `autoopt help search WORDS` finds words.

Without words it lists the topics. In a terminal a topic is laid out; where it is piped it is plain Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from autoopt import help as topics
from autoopt.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

_WIDEST = 110  # longer lines of text are hard to read
_PREVIEW = 150


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Show what was asked for; returns the exit code."""
    if not argv:
        print(_contents(), end="")
    elif argv[0] == "search":
        print(_found(" ".join(argv[1:])), end="")
    elif len(argv) > 1:
        words = " ".join(argv)
        raise UsageError(f"help {words}: one topic at a time; `autoopt help search {words}` looks for words.")
    elif argv[0] in topics.TOPICS:
        _show(argv[0])
    else:
        print(_other(argv[0]), end="")
    return 0


def _contents() -> str:
    width = max(map(len, topics.TOPICS))
    lines = [f"  {name:<{width}}  {topics.title(name)}" for name in topics.TOPICS]
    said = [
        "autoopt help TOPIC explains one of these:",
        *lines,
        "",
        "autoopt help OPTION            what an option means, as in autoopt help metric.extract",
        "autoopt help SUBCOMMAND        how a subcommand is used, as in autoopt help finish",
        "autoopt help search WORDS      where something is said; paste an error message",
        "autoopt recipes show NAME      what a recipe does in this repository",
        "autoopt --help                 every subcommand and option on one page",
    ]
    return "\n".join(said) + "\n"


def _found(wanted: str) -> str:
    """The passages that say it, with the topic to read on.

    Raises:
        UsageError: there are no words, or nothing says them.
    """
    if not wanted.strip():
        raise UsageError("help search: no words; write `autoopt help search noisy machine`.")
    passages = topics.search(wanted)
    if not passages:
        raise UsageError(f"help search {wanted}: nothing says that; `autoopt help` lists the topics.")
    return "\n".join(_passage(one, wanted) for one in passages)


def _passage(passage: topics.Passage, wanted: str) -> str:
    return (
        f"autoopt help {passage.topic}: {passage.heading}\n    {topics.excerpt(passage, wanted, _PREVIEW)}\n"
    )


def _other(word: str) -> str:
    """What an option is; a subcommand has said it itself.

    Raises:
        UsageError: it is none.
    """
    from autoopt import reference

    if about := reference.about(word):
        return about
    near = get_close_matches(word, [*topics.TOPICS, *(row.path for row in reference.rows())], 1)
    hint = f"did you mean {near[0]}?" if near else f"`autoopt help search {word}` looks for it everywhere."
    raise UsageError(f"help {word}: no such topic, option or subcommand; {hint}")


def _show(topic: str) -> None:
    """Lay the topic out where somebody looks at it, else print its Markdown."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        print(topics.text(topic), end="")
    elif topic == "options":  # a table of so many words is no reading on a terminal
        from autoopt import reference

        print(*reference.paragraphs(), sep="\n\n")
    else:
        _lay_out(topics.text(topic), console)


def _lay_out(text: str, console: Console) -> None:
    from rich.markdown import Markdown
    from rich.theme import Theme

    quiet = {"markdown.code": "bold", "markdown.h1": "bold", "markdown.h2": "bold underline"}
    width = min(console.width, _WIDEST)
    with console.use_theme(Theme(quiet)):
        console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False), width=width)
