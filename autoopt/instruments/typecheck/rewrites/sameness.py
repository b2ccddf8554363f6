"""Whether two versions of a module run the same: they differ in annotations, casts and comments only."""

from __future__ import annotations

import ast
from typing import Any


def same_at_run_time(before: bytes, after: bytes) -> bool:
    """Whether the code is the same but for what only type checkers read."""
    try:
        return ast.dump(_Bare().visit(ast.parse(before))) == ast.dump(_Bare().visit(ast.parse(after)))
    except (SyntaxError, ValueError, RecursionError):
        return False


class _Bare(ast.NodeTransformer):
    """Takes away annotations, imports from typing, and casts."""

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        node.annotation = ast.Constant(value=None)
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        return None if node.module == "typing" else node

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        return node.args[1] if is_cast(node) else node


def is_cast(node: ast.Call) -> bool:
    """Whether it looks like `cast(T, value)`, which returns the value."""
    match node:
        case ast.Call(func=ast.Name(id="cast"), args=[_, _], keywords=[]):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="typing"), attr="cast"), args=[_, _], keywords=[]):
            return True
        case _:
            return False
