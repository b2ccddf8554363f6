"""What the names of a module stand for, by whatever alias."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meanings:
    """Each name that is imported or assigned from another one, and the dotted names that it may stand for."""

    names: Mapping[str, frozenset[str]]

    def of(self, node: ast.AST) -> frozenset[str]:
        """The dotted names of a name or attribute, as in `sys.exit`; of what hangs on a value, `.exit`."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, frozenset()) | {name}
            case ast.Attribute(value=owner, attr=attribute):
                return frozenset(f"{dotted}.{attribute}" for dotted in self.of(owner))
            case _:
                return frozenset({""})


def read(module: ast.Module) -> Meanings:
    """The meanings in the module, all scopes together: who hides something may choose any scope.

    An assignment is resolved by the imports alone, so that names which are assigned in turns stay few.
    """
    imported = list(_imported(module))
    return Meanings(_grouped([*imported, *_assigned(module, Meanings(_grouped(imported)))]))


def imports(node: ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """What a module's names that are imported are called here, and their dotted names."""
    for alias in node.names:
        yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}".lstrip(".")


def _imported(module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            yield from imports(node)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _assigned(module: ast.Module, known: Meanings) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=targets, value=ast.Name() | ast.Attribute() as value):
                pass
            case (
                ast.AnnAssign(target=target, value=ast.Name() | ast.Attribute() as value)
                | ast.NamedExpr(target=target, value=ast.Name() | ast.Attribute() as value)
            ):
                targets = [target]
            case _:
                continue
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from ((name, dotted) for name in names for dotted in known.of(value))


def _grouped(pairs: list[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, dotted in pairs:
        found.setdefault(name, set()).add(dotted)
    return {name: frozenset(dotted) for name, dotted in found.items()}
