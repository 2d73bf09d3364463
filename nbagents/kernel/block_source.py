"""Compiles a block as IPython compiles a cell: magics, `!shell`, top-level await, the last expression as its value."""

from __future__ import annotations
import __future__

import ast
import itertools
import linecache
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

FUTURE_FLAGS = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class BlockSource:
    """A block, ready to run.

    Attributes:
        filename: what tracebacks call it; no such file exists.
        statements: all but the last expression; None when there is nothing else.
        value: the last expression; None when it shows nothing.
        changes_inside: variables of which it sets or deletes an item or an attribute.
    """

    filename: str
    statements: CodeType | None
    value: CodeType | None
    changes_inside: frozenset[str]


def next_filename() -> str:
    """A name for the next block, told apart from files by its brackets."""
    return f"<block {next(_NUMBERS)}>"


def compile_block(shell: InteractiveShell, code: str, filename: str) -> BlockSource:
    """Compile `code` for the user's namespace.

    Raises:
        SyntaxError: it is not Python, even with IPython's additions.
    """
    untyped: Any = shell
    source: str = untyped.transform_cell(code)
    # No time of change: the cache then keeps the lines, for tracebacks and `inspect.getsource`.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = untyped.transform_ast(ast.parse(source, filename))
    value, changes_inside = None, frozenset(_changed_inside(module))
    if module.body and isinstance(module.body[-1], ast.Expr):
        last = module.body.pop()
        value = _compile(shell, ast.Expression(last.value), filename, "eval")
        if _ends_with_semicolon(source):
            module.body.append(last)
            value = None
    statements = _compile(shell, module, filename, "exec") if module.body else None
    return BlockSource(filename, statements, value, changes_inside)


def _changed_inside(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            root: ast.expr = node
            while isinstance(root, ast.Subscript | ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name):
                yield root.id


def _compile(shell: InteractiveShell, tree: ast.Module | ast.Expression, filename: str, mode: str) -> CodeType:
    # The user's `from __future__` imports hold for the block; this file's own must not.
    flags = shell.compile.flags & FUTURE_FLAGS | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled: CodeType = compile(tree, filename, mode, flags=flags, dont_inherit=True)
    return compiled


def _ends_with_semicolon(source: str) -> bool:
    from IPython.core.displayhook import DisplayHook

    try:
        untyped: Any = DisplayHook
        return bool(untyped.semicolon_at_end_of_expression(source))
    except (tokenize.TokenError, SyntaxError):
        return False
