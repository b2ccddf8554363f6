"""How an experiment is marked on a picture; shape and colour both say what was decided."""

from __future__ import annotations

from autoopt.records import Experiment, Status
from autoopt.reporters.html.elements import Html, element, joined

_SHAPES = {
    Status.baseline: ((-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)),
    Status.follow: ((0.0, -5.5), (5.5, 0.0), (0.0, 5.5), (-5.5, 0.0)),
    Status.inspector_reject: ((0.0, -5.5), (5.5, 4.5), (-5.5, 4.5)),
    Status.crash: (
        *((-1.2, 0.0), (-5.0, -3.8), (-3.8, -5.0), (0.0, -1.2), (3.8, -5.0), (5.0, -3.8)),
        *((1.2, 0.0), (5.0, 3.8), (3.8, 5.0), (0.0, 1.2), (-3.8, 5.0), (-5.0, 3.8)),
    ),
}


def size_for(count: int) -> float:
    """How large the marks of so many experiments are, to be told apart from those beside them."""
    return 1.0 if count <= 60 else max(0.55, (60 / count) ** 0.4)


def mark(experiment: Experiment, x: float, y: float, said: str, size: float = 1.0) -> Html:
    """The experiment at this place, with what it is as a tooltip, leading to its line in the table."""
    shape = _shape(experiment.status, x, y, size)
    return element("a", element("title", said), shape, href=f"#e{experiment.number}")


def legend(statuses: tuple[Status, ...]) -> Html:
    """The marks of these statuses with their words."""
    return element("p", joined(*(_entry(status) for status in statuses)), class_="legend")


def _entry(status: Status) -> Html:
    drawn = element("svg", _shape(status, 7, 7), viewBox="0 0 14 14", class_="key", aria_hidden="true")
    return element("span", drawn, status.value)


def _shape(status: Status, x: float, y: float, size: float = 1.0) -> Html:
    kind = f"mark {status.value}"
    if status not in _SHAPES:
        return element("circle", class_=kind, cx=x, cy=y, r=size * (5 if status is Status.keep else 4))
    points = " ".join(f"{x + size * right:.5g},{y + size * down:.5g}" for right, down in _SHAPES[status])
    return element("polygon", class_=kind, points=points)
