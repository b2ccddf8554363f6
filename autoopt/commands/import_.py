"""`autoopt import PATH [key=value ...] [--name NAME] [--replace] [--yes] [--print]`: go on with another tool.

PATH is what the tool left: the directory that holds `.auto/` or autoresearch.jsonl (pi-autoresearch), a
results.tsv (karpathy/autoresearch) or *-results.tsv (uditgoenka/autoresearch), one of these files, or a file
that `autoopt export --to jsonl` wrote elsewhere.

  key=value    an option of the recipe that nothing there says, or says otherwise, as in
               metric.command='uv run train.py' scope=train.py
  --name NAME  what the recipe is called; by default after the session
  --replace    overwrite what an earlier import has written under that name
  --yes        trust the recipe and its scripts without being asked
  --print      print the recipe and what would be imported, and write nothing

It writes a recipe, .autoopt/recipes/NAME.yaml, with the command, how its number is read, the guards and the
scope; and what was tried, .autoopt/history/NAME.jsonl. Those are claims: agents are told of them, what failed
is not tried again, and none of the numbers counts: the run measures its baseline itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from autoopt import files, trust
from autoopt.commands import trusting
from autoopt.compose import commented, foreign, library
from autoopt.errors import NotTrustedError, UsageError
from autoopt.interop import drafting, finding, known
from autoopt.interop.drafting import Draft
from autoopt.interop.known import Known
from autoopt.interop.log import Log
from autoopt.reporters import words
from autoopt.scope import Scope
from autoopt.trust import Store
from autoopt.workspaces.recalled import Recalled, recall, touched
from autoopt.workspaces.repository import Repository, discover

_FLAGS = ("--replace", "--yes", "--print")
_OF_TOOLS = re.compile(r"(?:.*/)?(?:\.auto/.*|autoresearch[./-].*|results\.tsv|run\.log)")
"""The paths of tools' own files: what was kept may have touched them, and nobody wants them in a scope."""
_MOST_SCOPE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    path: Path
    given: Mapping[str, Any]
    name: str
    flags: frozenset[str]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Import a session; returns the exit code."""
    asked = _asked(argv)
    found = finding.session(asked.path)
    read, repository = finding.read(found), discover(found.folder)
    draft = drafting.draft(found, read, repository.root)
    for key, value in asked.given.items():
        drafting.put(draft.content, key, value)
    _complete(draft, read, repository)
    name = asked.name or drafting.name_of(read, draft.content, found.folder)
    recalled = _recalled(draft, read, repository)
    if read is not None:
        drafting.put(draft.content, "propose.known", f".autoopt/history/{name}.jsonl")
        way = str(draft.content["metric"]["direction"])
        read = replace(read, claims=recalled.claims, direction=way)
    place = words.one_line(str(found.log or asked.path))
    goal = words.one_line(str(draft.content["goal"]))
    history = None if read is None else known.of(read, place)
    text = _recipe(draft, history, name)
    told = (*_told(read, recalled, place), *([f"  goal: {goal}"] if goal else []))
    for line in (*told, *(f"  note: {words.one_line(one)}" for one in draft.remarks)):
        print(line)
    if "--print" in asked.flags:
        sys.stdout.write(f"\n{text}")
        return 0
    _write(repository, name, text, history, environ, replaces="--replace" in asked.flags)
    _trust(name, repository, environ, agreed="--yes" in asked.flags)
    print("\n".join(_next(name, draft)))
    return 0


def _asked(argv: Sequence[str]) -> _Asked:
    """The words of the command line.

    Raises:
        UsageError: they are not understood.
    """
    rest, name, given, paths = list(argv), "", dict[str, Any](), list[str]()
    while rest:
        word = rest.pop(0)
        if word == "--name" or word.startswith("--name="):
            name = word.partition("=")[2] or (rest.pop(0) if rest else "")
            if not name.replace("-", "").replace("_", "").isalnum() or not name[0].isalpha():
                raise UsageError(f"import: --name wants letters, digits, '-' and '_', and got {name!r}.")
        elif word in _FLAGS:
            continue
        elif "=" in word and not word.startswith(("-", ".", "/")):
            key, _, value = word.partition("=")
            given[key] = _value(key, value)
        else:
            paths.append(word)
    if len(paths) != 1 or paths[0].startswith("-"):
        raise UsageError("import takes one path; write `autoopt import .` or `autoopt import results.tsv`.")
    return _Asked(
        path=Path(paths[0]).expanduser(), given=given, name=name, flags=frozenset(argv) & frozenset(_FLAGS)
    )


def _value(key: str, text: str) -> Any:
    """The value as the recipe has it; commands, patterns and goals are texts whatever is in them."""
    if key.rpartition(".")[2] in ("command", "pattern", "goal", "unit", "prepare"):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _complete(draft: Draft, read: Log | None, repository: Repository) -> None:
    """Add what the repository itself says: the files that were changed before, and those it does not track.

    Raises:
        UsageError: something that a recipe needs is still not known.
    """
    content = draft.content
    if not content.get("scope") and read is not None:
        kept = [path for path in touched(repository, read.claims) if not _OF_TOOLS.fullmatch(path)]
        if kept and len(kept) <= _MOST_SCOPE:
            content["scope"] = kept
            draft.remarks.append("the scope is what was changed before")
    if lacking := drafting.missing(content):
        names = ", ".join(word.partition("=")[0] for word in lacking)
        raise UsageError(f"import: nothing there says {names}; give {' '.join(lacking)}.")
    if not content["goal"] and read is not None and read.metric:
        content["goal"] = f"a {content['metric']['direction']} {read.metric}"
    tracked = set(repository.tracked)
    loose = [script for script in draft.scripts if _relative(script, repository) not in tracked]
    if loose:
        drafting.put(content, "workspace.link", [_relative(script, repository) for script in loose])
        names = ", ".join(script.name for script in loose)
        draft.remarks.append(f"{names}: not committed, so each checkout gets it as it lies here")


def _relative(path: Path, repository: Repository) -> str:
    return path.resolve().relative_to(repository.root.resolve()).as_posix()


def _recalled(draft: Draft, read: Log | None, repository: Repository) -> Recalled:
    """The claims with their commits, by what is in the scope of each."""
    if read is None:
        return Recalled(claims=())
    scope, off_limits = draft.content["scope"], draft.content.get("off_limits") or []
    patterns = [scope] if isinstance(scope, str) else scope
    return recall(repository, read.claims, Scope(patterns, off_limits).contains)


def _recipe(draft: Draft, history: Known | None, name: str) -> str:
    """The recipe's file."""
    head = [
        f"# Goes on with what another tool began; written by `autoopt import`. Run it: autoopt recipe={name}"
    ]
    if history is not None:
        told = f"{history.told}, from {history.log}: claims in {draft.content['propose']['known']}."
        head += commented.wrapped(told, "# ", "# ")
    return "\n".join(head) + "\n" + commented.as_yaml(_plain(draft.content), {})


def _plain(value: Any) -> Any:
    """The settings without anything that a recipe would take for a reference, and without empty ones."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner not in ("", {}, [])}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value


def _told(read: Log | None, recalled: Recalled, place: str) -> Iterator[str]:
    """What was found, for a person."""
    if read is None:
        yield "There is no log yet: only the recipe is made."
        return
    tally = known.of(read, place).told
    number = f" ({read.metric}, {read.direction} is better)" if read.metric else ""
    yield f"{place}: {tally}{number}"
    if (best := read.best) is not None and best.value is not None:
        value = words.number(best.value, read.unit)
        yield f"  best claimed: {value} (#{best.number}, {words.one_line(best.description)})"
    yield from (f"  {remark}" for remark in read.remarks)
    if recalled.found:
        yield f"  {words.count(recalled.found, 'commit')} of it here, by which repetitions are recognised"
    if recalled.elsewhere:
        count, last = words.count(len(recalled.elsewhere), "kept commit"), recalled.elsewhere[-1][:10]
        yield f"  note: {count} not in what is checked out (the last: {last});"
        yield "        to go on from there, check out the branch that has them before the run"


def _write(
    repository: Repository,
    name: str,
    text: str,
    history: Known | None,
    environ: Mapping[str, str],
    *,
    replaces: bool,
) -> None:
    """Write both files, and see that the recipe is one.

    Raises:
        UsageError: there is one of that name, or what was drafted is no recipe; nothing is left then.
    """
    place = repository.root / ".autoopt"
    recipe, claims = place / "recipes" / f"{name}.yaml", place / "history" / f"{name}.jsonl"
    for path in (recipe, claims):
        if not path.parent.resolve().is_relative_to(repository.root.resolve()):
            raise UsageError(f"{path.parent}: leads out of the repository, so no recipe is written there.")
    before = {path: path.read_bytes() if path.is_file() else None for path in (recipe, claims)}
    if not replaces and before[recipe] not in (None, text.encode()):
        raise UsageError(
            f"{recipe}: exists and is another; give --replace to overwrite it, or another --name."
        )
    files.make_directory(recipe.parent)
    files.replace(recipe, text.encode())
    if history is not None:
        files.make_directory(claims.parent)
        files.replace(claims, known.written(history))
    try:
        _check(name, repository, environ)
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                files.replace(path, content)
        with suppress(OSError):  # not empty, or never made
            claims.parent.rmdir()
        raise
    print(f"wrote {recipe.relative_to(repository.root)}")
    if history is not None:
        print(f"wrote {claims.relative_to(repository.root)}: what was tried, as claims, not as measurements")


def _check(name: str, repository: Repository, environ: Mapping[str, str]) -> None:
    from autoopt.compose.preview import preview  # imports Hydra, which takes a while

    preview(name, [], library.visible(environ, repository.root), environ)


def _trust(name: str, repository: Repository, environ: Mapping[str, str], *, agreed: bool) -> None:
    """Ask whether what the recipe runs is trusted: its scripts may be anybody's."""
    shelves = library.visible(environ, repository.root)
    choice = foreign.Choice(recipes=[name], any_scope=True)
    materials = foreign.materials(choice, shelves, library.Library(()), repository.root)
    store = Store(environ, repository.root)
    missing = trust.untrusted(materials, store)
    if agreed:
        print("\n".join(trusting.shown(missing, store)), end="\n" if missing else "")
        store.add(missing)
        return
    if missing:
        try:
            trusting.ask(missing, store)
        except NotTrustedError:
            print(f"not trusted yet: `{trust.command(missing)}` shows what it runs and asks")


def _next(name: str, draft: Draft) -> Iterator[str]:
    """The commands that come next."""
    own = " metric.self_scored=true" if _scores_itself(draft.content) else ""
    yield "Next:"
    yield f"  autoopt doctor recipe={name}{own}   # noise, time and cost, before anything is spent"
    yield f"  autoopt recipe={name}{own} agent=claude   # or another: autoopt help agents"
    if own:
        yield "  metric.self_scored=true: what is edited prints its own number; only you can allow that"


def _scores_itself(content: Mapping[str, Any]) -> bool:
    """Whether the command runs a file in the scope whose output is the number."""
    metric, scope = content["metric"], content["scope"]
    printed = metric.get("extract", {}).get("kind") in ("regex", "line", "named", "json")
    patterns = Scope([scope] if isinstance(scope, str) else scope, content.get("off_limits") or [])
    return printed and any(
        patterns.contains(word.removeprefix("./")) for word in str(metric["command"]).split()
    )
