"""Conditions on what a function makes of a column, as conditions on the column itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sqlglot import exp

from autoopt.instruments.sql.database.facts import Column, Facts
from autoopt.instruments.sql.rewrites.trees import MIRRORED, Act, fact

Bounds = tuple[exp.Expr, exp.Expr]
"""First value inside and first value beyond."""


def on_columns(tree: exp.Expr, facts: Facts) -> Iterator[Act]:
    """Functions of a column compared with a constant, and LIKE with a fixed beginning, as ranges."""
    for node in tree.find_all(exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like):
        if node.find_ancestor(exp.Where, exp.Join, exp.Select) is None or isinstance(
            node.find_ancestor(exp.Where, exp.Join, exp.Select), exp.Select
        ):
            continue
        for place, kind, constant in _oriented(node):
            made = _made(place, kind, constant, facts)
            if made is not None:
                yield lambda node=node, made=made: _put(node, made)  # type: ignore[misc]
                break


def _oriented(node: exp.Expr) -> Iterator[tuple[exp.Expr, type[exp.Expr], exp.Expr]]:
    """The comparison with its constant on the right."""
    kind = type(node)
    yield node.args["this"], kind, node.args["expression"]
    if kind in MIRRORED:
        yield node.args["expression"], MIRRORED[kind], node.args["this"]


def _put(node: exp.Expr, made: exp.Expr) -> None:
    node.replace(
        exp.paren(made) if isinstance(made, exp.And) and isinstance(node.parent, (exp.Or, exp.Not)) else made
    )


def _made(place: exp.Expr, kind: type[exp.Expr], constant: exp.Expr, facts: Facts) -> exp.Expr | None:
    host = place.find_ancestor(exp.Select)
    inner = place.find(exp.Column) if not isinstance(place, exp.Column) or kind is exp.Like else None
    if host is None or inner is None:
        return None
    known = fact(inner, host, facts)
    if not isinstance(known, Column):
        return None
    if kind is exp.Like:
        return _prefix(place, _text(constant), known, facts)
    return _shifted(place, kind, constant, known) or _ranged(place, kind, constant, known, facts)


def _prefix(place: exp.Expr, pattern: str | None, known: Column, facts: Facts) -> exp.Expr | None:
    """`c LIKE 'ab%'`, where comparing is byte by byte and case cannot matter or counts."""
    if facts.engine == "postgresql" or not isinstance(place, exp.Column) or not known.is_text or not pattern:
        return None
    head = pattern[:-1]
    if (
        not pattern.endswith("%")
        or not head
        or any(letter in head for letter in "%_\\")
        or not head.isascii()
    ):
        return None
    if facts.engine == "sqlite" and any(letter.isalpha() for letter in head):
        return None  # there LIKE takes small letters and capitals for the same
    return _between(place, (exp.Literal.string(head), exp.Literal.string(_after(head))))


def _after(text: str) -> str:
    """The first text that is greater than all that begin so."""
    return text[:-1] + chr(ord(text[-1]) + 1)


def _shifted(place: exp.Expr, kind: type[exp.Expr], constant: exp.Expr, known: Column) -> exp.Expr | None:
    """`c + 1 > 10` as `c > 9`, for whole numbers."""
    if not isinstance(place, (exp.Add, exp.Sub)) or not known.is_integer:
        return None
    moved, wanted = _number(place.expression), _number(constant)
    if not isinstance(place.this, exp.Column) or moved is None or wanted is None:
        return None
    value = wanted - moved if isinstance(place, exp.Add) else wanted + moved
    return kind(this=place.this.copy(), expression=exp.Literal.number(value))


def _ranged(
    place: exp.Expr, kind: type[exp.Expr], constant: exp.Expr, known: Column, facts: Facts
) -> exp.Expr | None:
    found = _beginning(place, constant, known) if kind is exp.EQ else None
    if found is None and _holds_days(known, facts):
        found = _span(place, constant, facts)
    if found is None:
        return None
    target, (low, high) = found
    if kind is exp.EQ:
        return _between(target, (low, high))
    if kind in (exp.GTE, exp.LT):
        return kind(this=target.copy(), expression=low)
    return (
        exp.GTE(this=target.copy(), expression=high)
        if kind is exp.GT
        else exp.LT(this=target.copy(), expression=high)
    )


def _holds_days(known: Column, facts: Facts) -> bool:
    """Whether comparing is comparing moments; in SQLite these are text, which is taken to be ISO 8601."""
    return any(word in known.type for word in ("date", "timestamp")) or (
        facts.engine == "sqlite" and known.is_text
    )


def _beginning(place: exp.Expr, constant: exp.Expr, known: Column) -> tuple[exp.Column, Bounds] | None:
    """`substr(c, 1, n) = 'text of n letters'`; plain text only, and not under PostgreSQL's collations."""
    text = _text(constant)
    if not isinstance(place, exp.Substring) or not known.is_text or not text or not text.isascii():
        return None
    start, length = _number(place.args.get("start")), _number(place.args.get("length"))
    if not isinstance(place.this, exp.Column) or start != 1 or length != len(text):
        return None
    return place.this, (exp.Literal.string(text), exp.Literal.string(_after(text)))


def _span(place: exp.Expr, constant: exp.Expr, facts: Facts) -> tuple[exp.Column, Bounds] | None:
    """The days a year, month or day lasts, when the function cuts a column to one."""
    target = place.find(exp.Column)
    if target is None or len(list(place.find_all(exp.Column))) != 1:
        return None
    days = _days(place, constant)
    if days is None:
        return None
    first, beyond = (_day(day, facts) for day in days)
    return target, (first, beyond)


def _days(place: exp.Expr, constant: exp.Expr) -> tuple[date, date] | None:
    text, number = _text(constant), _number(constant)
    if isinstance(place, (exp.Year, exp.Extract)) and number is not None:
        unit = "YEAR" if isinstance(place, exp.Year) else place.name.upper()
        return _lasting(f"{number:04}", "YEAR") if unit == "YEAR" else None
    if isinstance(place, exp.TimeToStr) and text:
        unit = {"%Y": "YEAR", "%Y-%m": "MONTH", "%Y-%m-%d": "DAY"}.get(place.args["format"].name, "")
        return _lasting(text, unit)
    if isinstance(place, exp.TimestampTrunc) and text:
        unit = str(place.args["unit"].name).upper()
        days = _lasting(text[:10], "DAY")
        last = days and _lasting({"YEAR": text[:4], "MONTH": text[:7], "DAY": text[:10]}.get(unit, ""), unit)
        return last if last and days and last[0] == days[0] and len(text) == 10 else None
    cut = isinstance(place, exp.Date) or (isinstance(place, exp.Cast) and place.to.is_type("date"))
    return _lasting(text, "DAY") if cut and text else None


def _lasting(text: str, unit: str) -> tuple[date, date] | None:
    """The first day of a year, month or day in ISO 8601, and the first one after it."""
    parts = text.split("-")
    if len(parts) != {"YEAR": 1, "MONTH": 2, "DAY": 3}.get(unit, 0) or not all(
        part.isdigit() for part in parts
    ):
        return None
    if [len(part) for part in parts] != [4, 2, 2][: len(parts)]:
        return None
    year, month, day = (*map(int, parts), 1, 1)[:3]
    try:
        first = date(year, month, day)
        if unit == "DAY":
            return first, first + timedelta(days=1)
        return first, date(year + (unit == "YEAR" or month == 12), 1 if unit == "YEAR" else month % 12 + 1, 1)
    except (ValueError, OverflowError):
        return None


def _day(day: date, facts: Facts) -> exp.Expr:
    text = exp.Literal.string(day.isoformat())
    return text if facts.engine == "sqlite" else exp.cast(text, "DATE")


def _between(target: exp.Expr, bounds: Bounds) -> exp.Expr:
    low, high = bounds
    return exp.And(
        this=exp.GTE(this=target.copy(), expression=low),
        expression=exp.LT(this=target.copy(), expression=high),
    )


def _text(node: exp.Expr | None) -> str | None:
    if isinstance(node, exp.Cast) and node.to.is_type("date"):
        node = node.this
    return node.name if isinstance(node, exp.Literal) and node.is_string else None


def _number(node: exp.Expr | None) -> int | None:
    return (
        int(node.name)
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()
        else None
    )
