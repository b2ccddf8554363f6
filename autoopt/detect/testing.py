"""How a project's tests are run by pytest, which also runs those of unittest."""

from __future__ import annotations

from autoopt.detect import files, project
from autoopt.detect.place import Place


def suite(place: Place) -> str | None:
    """The command that runs every test with the project's pytest; None when there are no tests."""
    if not any(project.is_test(path) for path in files.below(place.root)):
        return None
    return f"{place.interpreter} -m pytest -q -p no:cacheprovider"
