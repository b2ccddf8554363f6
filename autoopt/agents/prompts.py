"""The templates of what agents are asked, and who may override them."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autoopt import places
from autoopt.agents.briefing import brief_data
from autoopt.agents.fences import one_line
from autoopt.agents.thoughts import Idea
from autoopt.errors import UsageError
from autoopt.records import Brief

if TYPE_CHECKING:
    import jinja2

STAGES = ("question", "think", "review", "edit", "repair", "simplify", "inspect", "reading")
"""What there is a template for, `<stage>.md.j2`."""

_SUFFIX = ".md.j2"
_EXAMPLE: Mapping[str, object] = {
    # the task
    "goal": "less time",
    "metric": "`python bench.py`",
    "unit": "s",
    "direction": "lower",
    "constraints": ["tests: python -m pytest -q"],
    "scope": ["`src`"],
    "off_limits": ["`src/vendor`"],
    "vocabulary": ["a cache for a pure function"],
    "simplicity": "less code is a win",
    "web_search": "ask",
    # the brief
    "number": 1,
    "value": "1.2",
    "baseline": "1.5",
    "step": "simplify",
    "advice": "leave this approach",
    "profile": "fenced",
    "journal": "fenced",
    "known": "fenced",
    "ideas": "fenced",
    "files": [{"path": "`src/a.py`", "note": "empty", "content": "fenced"}],
    "more_files": 1,
    # think and review
    "count": 3,
    "min_score": 5.0,
    "answer": "fenced",
    "objections": "fenced",
    "allowed": ["jit warm-up"],
    "refused": ["jit warm-up"],
    # edit, repair and inspect
    "idea": {"hypothesis": "X should improve Y because Z", "area": "X", "assumption": "a", "risk": "r"},
    "claim": "fenced",
    "failure": "fenced",
    "diff": "fenced",
    "numbers": "fenced",
    "points": ["The diff does what the claim says."],
}
"""Every name a template may use, with a value it could have; what a stage does not give is empty."""


def folders(repository: Path, environ: Mapping[str, str], recipes: Sequence[Path]) -> list[Path]:
    """Where templates are looked for, first one first; the shipped ones come after these.

    Args:
        repository: Its root; `.autoopt/prompts` in it comes first.
        recipes: Folders of recipes in search order, each of which may have a `prompts` folder in it.
    """
    mine, user = repository / ".autoopt" / "prompts", places.user_recipes(environ).with_name("prompts")
    return [mine, user, *(folder / "prompts" for folder in recipes)]


class Prompts:
    """Renders templates; a repository, a person or a recipe pack overrides any by its name.

    In each folder `<recipe>/<stage>.md.j2` goes before `<stage>.md.j2`. An override can build on the shipped
    template: `{% extends "builtin/edit.md.j2" %}`, then the blocks it wants otherwise.
    """

    def __init__(self, overrides: Sequence[Path] = (), recipes: Sequence[str] = ()) -> None:
        """Look in `overrides` before the shipped templates.

        Args:
            recipes: The recipe's name and those it builds on, the most specific first.
        """
        self._environment = _environment(overrides, recipes)
        self._folders = [
            each for folder in overrides for each in (folder, *(folder / one for one in recipes))
        ]

    def render(self, stage: str, data: Mapping[str, object]) -> str:
        """The prompt of a stage; ends in one line feed.

        Raises:
            UsageError: the template is not there or not right; one line that starts with `FILE:LINE`.
        """
        blanks = {name: type(value)() for name, value in _EXAMPLE.items()}
        return self._render(stage, {**blanks, **data})

    def question(self, brief: Brief, context_tokens: int, ideas: Sequence[Idea] = ()) -> str:
        """The brief as text: what every stage but `inspect` begins with, and what `autoopt brief` prints."""
        return self.render("question", brief_data(brief, context_tokens, ideas))

    def check(self) -> None:
        """Render every template with an example and without, so that a mistake is found before it costs.

        Raises:
            UsageError: as `render`.
        """
        self._refuse_strangers()
        for stage in STAGES:
            self._render(stage, _EXAMPLE)
            self.render(stage, {"idea": _EXAMPLE["idea"]})

    def _refuse_strangers(self) -> None:
        """A template that nothing uses is a slip of the pen; one's own parts begin with an underscore."""
        shipped = sorted(path.name for path in (places.data_dir("conf") / "prompts").glob(f"*{_SUFFIX}"))
        for folder in self._folders:
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                if path.name not in shipped and not path.name.startswith("_"):
                    near = difflib.get_close_matches(path.name, shipped, 1) or shipped
                    raise UsageError(
                        f"{path}: no template has this name, so nothing would use it; did you mean "
                        f"{near[0]}? A part of your own begins with an underscore."
                    )

    def _render(self, stage: str, data: Mapping[str, object]) -> str:
        try:
            text: str = self._environment.get_template(stage + _SUFFIX).render(**data)
        except Exception as error:  # expressions of a template can raise anything
            raise UsageError(_located(stage, error)) from error
        return text.strip() + "\n"


def _environment(overrides: Sequence[Path], recipes: Sequence[str]) -> jinja2.Environment:
    import jinja2  # takes longer to import than all the rest of this package
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def loader(folder: Path) -> jinja2.BaseLoader:
        return jinja2.FileSystemLoader([*(folder / recipe for recipe in recipes), folder])

    shipped = loader(places.data_dir("conf") / "prompts")
    loaders = [loader(folder) for folder in overrides]
    return ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*loaders, shipped, jinja2.PrefixLoader({"builtin": shipped})]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _located(stage: str, error: Exception) -> str:
    """One line: the template's file and line, and what is wrong there."""
    import jinja2

    where = f"prompts: {stage}{_SUFFIX}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(_SUFFIX)
    ]
    if isinstance(error, jinja2.TemplateSyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    elif frames:
        where = f"{frames[-1].filename}:{frames[-1].lineno}"
    if isinstance(error, RecursionError):
        return f"{where}: a template cannot build on itself; the shipped one is builtin/{stage}{_SUFFIX}."
    reason = str(error.message if isinstance(error, jinja2.TemplateSyntaxError) else error)
    if isinstance(error, jinja2.TemplateNotFound):
        reason = f"{error.name} is not there"
    if isinstance(error, jinja2.UndefinedError):
        reason += f"; a template may use {', '.join(sorted(_EXAMPLE))}"
    return f"{where}: {one_line(reason or type(error).__name__, 1500).rstrip('.')}."
