"""The files of the desk that hold parameter values: read, checked, and rewritten as a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.proposers.search import wording
from autoopt.proposers.search.knowledge import Values
from autoopt.proposers.search.sites import site
from autoopt.proposers.search.sites.plain import same
from autoopt.records import Edit, Proposal
from autoopt.schema import ParameterConfig
from autoopt.scope import Scope


class Editor:
    """Reads and writes the parameters where they stand.

    Args:
        params: What is searched, by name.
        env_file: `metric.env_file`, for parameters of kind `env`.
    """

    def __init__(self, params: Mapping[str, ParameterConfig], env_file: str | None) -> None:
        self._params = params
        self._sites = {name: site(name, options, env_file) for name, options in params.items()}

    def check(self, scope: Scope) -> None:
        """See that every value may be edited.

        Raises:
            UsageError: a parameter's file is outside the scope.
        """
        for name, place in self._sites.items():
            if not scope.contains(place.file):
                option = f"params.{name}.file" if self._params[name].file else "metric.env_file"
                raise UsageError(
                    f"{option}: {place.file} is not in scope, so it cannot be edited; add it to scope."
                )

    def texts(self, desk: Path, *, started: bool) -> dict[str, str]:
        """The files that hold values; once started, without those that a change took away or broke."""
        texts = {}
        for name, place in self._sites.items():
            try:
                texts[place.file] = (desk / place.file).read_bytes().decode()
            except FileNotFoundError as error:
                if place.optional:
                    texts.setdefault(place.file, "")
                elif not started:
                    where = f"params.{name}.file"
                    raise UsageError(f"{where}: {place.file} is not there; name a tracked file.") from error
            except (UnicodeDecodeError, OSError) as error:
                if not started:
                    raise UsageError(f"params.{name}.file: cannot read {place.file}: {error}.") from error
        return texts

    def present(self, texts: Mapping[str, str], *, started: bool) -> Values:
        """The values that the files hold; once started, without those whose place a change took away."""
        present = {}
        for name, place in self._sites.items():
            if place.file not in texts:
                continue
            try:
                present[name] = place.read(texts[place.file])
            except UsageError:
                if not started:
                    raise
        return present

    def proposal(self, before: Values, after: Values, reason: str, texts: Mapping[str, str]) -> Proposal:
        """The edits that bring the files from these values to those."""
        changed = [name for name in after if not same(before[name], after[name])]
        files = list(dict.fromkeys(self._sites[name].file for name in changed))
        return Proposal(
            description=wording.description(before, after, changed),
            hypothesis=wording.hypothesis(after, changed, reason),
            area=changed[0] if len(changed) == 1 else ", ".join(files),
            source="optuna",
            edits=tuple(self._edit(file, changed, after, texts[file]) for file in files),
            parameters=after,
        )

    def _edit(self, file: str, changed: list[str], values: Values, text: str) -> Edit:
        for place in (self._sites[name] for name in changed):
            if place.file == file:
                text = place.write(text, values[place.name])
        return Edit(path=file, content=text.encode())
