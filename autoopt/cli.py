"""The front of the command line: sends words to a subcommand or a run, prints errors, chooses the exit code.

The only reader of `sys.argv` and `os.environ`. Nothing heavy is imported before it is known to be needed.
"""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from autoopt.errors import AutooptError, Terminated, UsageError

SUBCOMMANDS = {
    "demo": "run a bundled sample project, offline, in a minute or two",
    "init": "set a run up in a conversation, and write a recipe for it",
    "doctor": "measure noise, time and cost before a run, and recommend settings",
    "start": "make a run and measure its baseline, to edit in its desk yourself",
    "brief": "say what is known before the next experiment",
    "try": "measure and judge what is edited in the desk",
    "runs": "list the runs of this repository",
    "show": "show one run, experiment by experiment",
    "resume": "go on with a run that was interrupted",
    "report": "write the report of a run",
    "review": "score a run from its evidence, with its reasons, and say what to do next",
    "import": "go on with what another tool tried: pi-autoresearch, autoresearch tables",
    "export": "give a run's experiments to other tools: JSON Lines, CSV, MLflow, optuna-dashboard",
    "merge": "put the results of several runs together, as far as they still pay",
    "finish": "put a run's result on a branch for review, with messages and a pull request's text",
    "clean": "remove what runs left: worktrees, state, refs and branches",
    "recipes": "list, show, trust, write and check recipes; bring packs of others",
    "help": "explain a topic, an option or a subcommand, or search for words",
    "completion": "print the script that completes words in bash, zsh or fish",
    "skill": "print the skill that teaches a coding agent to drive autoopt",
    "mcp": "serve start, brief, try, status and report to an agent over MCP",
}
_MODULES = {"start": "start_run", "try": "trying", "import": "import_"}
"""Subcommands whose module has another name."""
_BROKEN_PIPE = 128 + 13  # as if SIGPIPE had ended it; Windows has no such name
_ON_WINDOWS = (
    "Windows itself cannot run it: commands need POSIX signals, bash and file locks. Set up WSL "
    "(`wsl --install`, https://learn.microsoft.com/windows/wsl/install), install autoopt there, and run it "
    "on a clone in your Linux home."
)


_NEAREST = "autoopt.nearest"


def _nearest(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands in for letters that a stream cannot show; the module is needed then only."""
    from autoopt.reporters import words

    return words.nearest(error)


def _open_what_is_closed() -> None:
    """Lead streams nowhere that the caller has closed: the next file to be opened would get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def main(argv: list[str] | None = None) -> int:
    """Do what the words ask for; returns the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if os.name == "nt":  # before anything is imported that is not there
        print(f"autoopt: {_ON_WINDOWS}", file=sys.stderr)
        return UsageError.exit_code
    from autoopt import shortage, signals

    _open_what_is_closed()
    codecs.register_error(_NEAREST, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NEAREST)  # an ASCII terminal shows - for –, and nothing fails
    try:
        with signals.handled():
            code = _dispatch(words, dict(os.environ))
            sys.stdout.flush()
            return code
    except AutooptError as error:
        return _refused(error)
    except Terminated as error:
        _let_go()
        return error.exit_code
    except KeyboardInterrupt:
        _let_go()
        return 128 + signal.SIGINT
    except BrokenPipeError:
        _let_go()
        return _BROKEN_PIPE
    except (OSError, MemoryError) as error:  # the disk is full, say; anything else is a mistake in here
        if (told := shortage.explained(error)) is None:
            raise
        return _refused(told)


def _refused(error: AutooptError) -> int:
    """Say what is wrong, if anybody listens; returns the exit code."""
    from autoopt import secrets, trust

    # It may quote what strangers wrote, in file names for instance.
    lines = map(trust.printable, secrets.gather(os.environ).text(str(error)).split("\n"))
    with contextlib.suppress(OSError, ValueError):
        print("autoopt:", "\n".join(lines), file=sys.stderr)
    _let_go()
    return error.exit_code


def _let_go() -> None:
    """Flush what was said; where nobody hears it any more, keep Python from complaining at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _dispatch(words: list[str], environ: Mapping[str, str]) -> int:
    first = words[0] if words else ""
    if first and "=" not in first and not first.startswith(("-", "~")):
        return _subcommand(first, words[1:], environ)
    if "-h" in words or "--help" in words:
        from autoopt import reference

        print(reference.help_text(SUBCOMMANDS), end="")
        return 0
    if "--version" in words:
        from autoopt import __version__

        print(f"autoopt {__version__}")
        return 0
    if "query=bash" in words:
        from autoopt.commands import completion

        if (answered := completion.answer(environ.get("COMP_LINE", ""), environ, _known())) is not None:
            print(*answered)
            return 0
    return _call("run", words, environ)


def _known() -> dict[str, tuple[str, str]]:
    """Every subcommand's module and what it does."""
    return {name: (_MODULES.get(name, name), about) for name, about in SUBCOMMANDS.items()}


def _subcommand(name: str, words: list[str], environ: Mapping[str, str]) -> int:
    if name not in SUBCOMMANDS:
        import difflib

        near = difflib.get_close_matches(name, SUBCOMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(SUBCOMMANDS)}."
        raise UsageError(
            f"{name}: no such subcommand; {hint} A run starts with autoopt recipe=NAME scope=PATH."
        )
    if name == "help" and _is_subcommand(words):
        name, words = words[0], ["--help"]
    if "-h" in words or "--help" in words:
        print(_module(name).__doc__)
        return 0
    if name == "completion":
        from autoopt.commands import completion

        return completion.main(words, environ, _known())
    return _call(name, words, environ)


def _is_subcommand(words: Sequence[str]) -> bool:
    """Whether help is wanted on a subcommand; a topic of that name says more."""
    from autoopt import help as topics

    return len(words) == 1 and words[0] in SUBCOMMANDS and words[0] not in topics.TOPICS


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"autoopt.commands.{_MODULES.get(name, name)}")


def _call(name: str, words: list[str], environ: Mapping[str, str]) -> int:
    from autoopt import signals

    with signals.held():  # an exception in the midst of an import may come out of it as another one
        module = _module(name)
    code: int = module.main(words, environ)
    return code
