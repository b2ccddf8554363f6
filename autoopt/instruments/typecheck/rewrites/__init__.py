"""Mechanical fixes that the checker has confirmed, as proposals: a kind at once, then a kind in one file.

Only annotations, casts and comments are edited, and the parsed code is compared: what runs stays the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.instruments.typecheck import diagnostics
from autoopt.instruments.typecheck.checkers import Asked
from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.rewrites import casts, defaults, forms, ignores, names, returns
from autoopt.instruments.typecheck.rewrites.fix import Fix, Rule
from autoopt.instruments.typecheck.rewrites.module import Module, apply
from autoopt.instruments.typecheck.rewrites.sameness import same_at_run_time
from autoopt.instruments.typecheck.rewrites.tree import copied
from autoopt.instruments.typecheck.rewrites.trial import Trial
from autoopt.scope import Scope

RULES = (
    Rule(
        name="unused-ignores",
        what="remove unused ignore comments",
        why="they silence nothing any more",
        find=ignores.find,
    ),
    Rule(
        name="typing-imports",
        what="import the typing names that are used",
        why="an annotation can only mean what is defined",
        find=names.find,
    ),
    Rule(
        name="optional-defaults",
        what="say None where None is the default",
        why="the annotation then holds for the default too",
        find=defaults.find,
    ),
    Rule(
        name="optional-returns",
        what="say None where None is returned",
        why="the annotation then holds for every return",
        find=returns.find_optional,
    ),
    Rule(
        name="return-annotations",
        what="annotate returns that leave no doubt",
        why="every value that is returned is of a type that is plain to see",
        find=returns.find_missing,
    ),
    Rule(
        name="type-forms",
        what="write tuple and list annotations as types",
        why="a value is no type",
        find=forms.find,
    ),
    Rule(
        name="redundant-casts",
        what="remove redundant casts",
        why="the value has that type anyway",
        find=casts.find,
    ),
)
_FIRST_WITH_UNIONS = 10
_OLDEST = re.compile(r"(?m)^\s*(?:requires-python|python_requires|python)\s*=\s*[\"']?[>=~^]*\s*3\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be found: fixes for the checker's complaints in scope."""

    checker: str
    asked: Asked
    scope: Scope
    warnings: bool


def find(job: Job) -> list[dict[str, Any]]:
    """The proposals, those that mend most first, in the form that `propose.rewrites` wants."""
    with copied(job.asked.directory) as copy:
        trial = Trial(job.checker, job.asked, job.scope, copy, warnings=job.warnings)
        modules = dict(_modules(job, trial.before.inside))
        fixes = [fix for module in modules.values() for fix in _fixes(module, trial.before.inside)]
        edited = _Edited(modules)
        confirmed = trial.confirmed(fixes, edited.contents)
    return list(_proposals(confirmed, edited))


class _Edited:
    """Files with fixes made."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = modules

    def contents(self, fixes: Iterable[Fix]) -> dict[str, bytes]:
        """The files that the fixes change; one whose fixes get into each other's way stays as it is."""
        by_path: dict[str, list[Fix]] = {}
        for fix in fixes:
            by_path.setdefault(fix.path, []).append(fix)
        contents = {path: self._content(self._modules[path], own) for path, own in by_path.items()}
        return {path: content for path, content in contents.items() if content is not None}

    @staticmethod
    def _content(module: Module, fixes: Sequence[Fix]) -> bytes | None:
        wanted = {name for fix in fixes for name in fix.imports}
        cuts = [cut for fix in fixes for cut in fix.cuts] + module.import_cut(wanted)
        content = apply(module.content, cuts)
        if content is None or content == module.content:
            return None
        return content if same_at_run_time(module.content, content) else None


def _modules(job: Job, wrong: Sequence[Diagnostic]) -> Iterator[tuple[str, Module]]:
    """The files with complaints that can be read and edited."""
    has_unions = _has_unions(job.asked.directory)
    for path, _ in diagnostics.ranked(one.path for one in wrong):
        try:
            content = (job.asked.directory / path).read_bytes()
            yield path, Module(path, content, has_unions=has_unions)
        except (
            OSError,
            SyntaxError,
            ValueError,
            RecursionError,
        ):  # its errors are not of the mechanical kind
            continue


def _fixes(module: Module, wrong: Sequence[Diagnostic]) -> Iterator[Fix]:
    own = [one for one in wrong if one.path == module.path]
    for rule in RULES:
        for cuts, imports in rule.find(module, own):
            yield Fix(rule=rule.name, path=module.path, cuts=cuts, imports=imports)


def _proposals(fixes: Sequence[Fix], edited: _Edited) -> Iterator[dict[str, Any]]:
    """First each kind wherever it occurs, then, should that be turned down, in one file at a time."""
    frequent = Counter(fix.rule for fix in fixes)
    rules = sorted(RULES, key=lambda rule: -frequent[rule.name])
    for rule in rules:
        own = [fix for fix in fixes if fix.rule == rule.name]
        if len({fix.path for fix in own}) > 1:
            yield _proposal(rule, own, edited)
    for rule in rules:
        own = [fix for fix in fixes if fix.rule == rule.name]
        for path, _ in diagnostics.ranked(fix.path for fix in own):
            yield _proposal(rule, [fix for fix in own if fix.path == path], edited)


def _proposal(rule: Rule, fixes: Sequence[Fix], edited: _Edited) -> dict[str, Any]:
    paths = sorted({fix.path for fix in fixes})
    places = f"{len(fixes)} place" + "s" * (len(fixes) > 1)
    where = f"{places} in {paths[0]}" if len(paths) == 1 else f"{places} in {len(paths)} files"
    return {
        "description": f"{rule.what}: {where}",
        "hypothesis": f"To {rule.what} in {where} should lower the errors because {rule.why}.",
        "area": rule.name,
        "edits": {path: content.decode("utf-8") for path, content in edited.contents(fixes).items()},
    }


def _has_unions(root: Path) -> bool:
    """Whether every Python that the project supports has `X | None`; projects that do not say are modern."""
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        try:
            oldest = _OLDEST.search((root / name).read_text("utf-8", "replace"))
        except OSError:
            continue
        if oldest is not None:
            return int(oldest[1]) >= _FIRST_WITH_UNIONS
    return True
