"""Squares of whole numbers are multiplied."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced
from autoopt.proposers.codemods.edits import Place
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.values import INT


def find(function: Function) -> Iterator[Place]:
    """`n ** 2` of a variable that is surely an int: a float would overflow to inf instead of raising."""
    for node in function.own:
        match node:
            case ast.BinOp(
                left=ast.Name(id=name) as number, op=ast.Pow(), right=ast.Constant(value=2 as two)
            ):
                if type(two) is int and kind_of(function, number) == INT:
                    code = f"({name} * {name})"
                    yield Place(
                        f"{name} ** 2 in {{where}} is multiplied",
                        (replaced(function, node, code),),
                        len(function.loops(node)),
                    )
