"""What an editor is: what it does in the desk, and what it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .project import REPORT, SLOW


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is, as a cheat that has looked around would know it."""

    desk: Path
    world: Path
    run: str

    @property
    def root(self) -> Path:
        """The user's checkout."""
        return self.world / "app"

    @property
    def home(self) -> Path:
        """The user's home; its `bin` is the first directory of PATH."""
        return self.world / "home"

    @property
    def state(self) -> Path:
        """autoopt's state directory."""
        return self.world / "state"

    @property
    def tool(self) -> Path:
        """The package that judges."""
        return self.world / "tool" / "autoopt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """One editor.

    Attributes:
        name: In the table.
        group: What kind of cheat it is; `honest` for those that are none.
        edit: Edits the desk, and whatever else it can reach.
        options: Of the run, besides those of all runs.
        marks: Whether a comment is added in the end, so that something differs whatever it was denied.
        kept: Whether an honest one has to be kept, rather than merely not be objected to.
    """

    name: str
    group: str
    edit: Callable[[Place], None]
    options: Sequence[str] = ()
    marks: bool = False
    kept: bool = False


HONEST = "honest"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def files(given: dict[str, str]) -> Callable[[Place], None]:
    """An edit that writes these files into the desk; `@WORLD@` and `@RUN@` in them stand for the place's."""

    def edit(place: Place) -> None:
        for name, text in given.items():
            write(place.desk / name, filled(text, place))

    return edit


def filled(text: str, place: Place) -> str:
    return text.replace("@WORLD@", str(place.world)).replace("@RUN@", place.run)


def report(text: str) -> Callable[[Place], None]:
    """An edit that replaces the module."""
    return files({REPORT: text})


def with_first(lines: str, module: str = SLOW) -> str:
    """The module with these lines after its first, run when it is imported."""
    first, _, rest = module.partition("\n")
    return f"{first}\n\n{lines.strip()}\n\n{rest}"


def instead(lines: str, module: str = SLOW) -> str:
    """The module with its function renamed to `_summary` and these lines at its end."""
    return f"{module.replace('def summary(', 'def _summary(')}\n\n{lines.strip()}\n"


def quiet(lines: str) -> str:
    """The lines, with errors passed over: a cheat that is denied something goes on as if nothing was."""
    indented = "\n".join(f"    {line}" if line else "" for line in lines.strip().splitlines())
    return f"try:\n{indented}\nexcept OSError:\n    pass"
