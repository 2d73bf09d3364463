"""Functions that blocks may import: a user's own, handed to an executor. Names are those of AutoGen's.

They are passed on as source, so a function stands for itself: what it needs from elsewhere it says with
`with_requirements`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar

from ...tools.function_source import Import, source_of

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class FunctionWithRequirements(Generic[T, P]):
    """A function with the packages and imports that it needs; called, it is the function.

    Args:
        func: made with ``def``.
        python_packages: what pip is asked for, such as ``"pandas>=2"``.
        global_imports: modules by name, `Alias` or `ImportFromModule`.
    """

    func: Callable[P, T]
    python_packages: Sequence[str] = field(default_factory=list)
    global_imports: Sequence[Import] = field(default_factory=list)

    @classmethod
    def from_callable(
        cls, func: Callable[P, T], python_packages: Sequence[str] = (), global_imports: Sequence[Import] = ()
    ) -> FunctionWithRequirements[T, P]:
        """The same as the constructor."""
        return cls(func, python_packages, global_imports)

    @staticmethod
    def from_str(
        func: str, python_packages: Sequence[str] = (), global_imports: Sequence[Import] = ()
    ) -> FunctionWithRequirementsStr:
        """A function that is given as its source."""
        return FunctionWithRequirementsStr(func, python_packages, global_imports)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.func(*args, **kwargs)


@dataclass
class FunctionWithRequirementsStr:
    """A function as source, with what it needs; nothing of it runs here.

    Raises:
        ValueError: the source is no Python, or defines no or several functions.
    """

    func: str
    python_packages: Sequence[str] = field(default_factory=list)
    global_imports: Sequence[Import] = field(default_factory=list)

    def __post_init__(self) -> None:
        definition_in(self.func)

    @functools.cached_property
    def compiled_func(self) -> Callable[..., Any]:
        """The function itself: reading this runs the source."""
        scope: dict[str, Any] = {}
        exec(compile(self.func, "<function with requirements>", "exec"), scope)
        function: Callable[..., Any] = scope[definition_in(self.func).name]
        return function

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "String based function with requirement objects are not directly callable: import it by its name in a block"
        )


def with_requirements(
    python_packages: Sequence[str] = (), global_imports: Sequence[Import] = ()
) -> Callable[[Callable[P, T]], FunctionWithRequirements[T, P]]:
    """Decorates a function that an executor's blocks may import, with what it needs there.

    Args:
        python_packages: installed with pip before the first block, where they are missing.
        global_imports: written above the functions.
    """

    def decorated(func: Callable[P, T]) -> FunctionWithRequirements[T, P]:
        with_them = FunctionWithRequirements(func, python_packages, global_imports)
        functools.update_wrapper(with_them, func)
        return with_them

    return decorated


Function = FunctionWithRequirements[Any, Any] | FunctionWithRequirementsStr | Callable[..., Any]
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def source_text(function: Function) -> str:
    """The source without its decorators.

    Raises:
        ConfigurationError: the function has no source of its own.
    """
    if isinstance(function, FunctionWithRequirementsStr):
        return function.func
    source = source_of(function.func if isinstance(function, FunctionWithRequirements) else function)
    lines = source.splitlines()
    return "\n".join(lines[definition_in(source).lineno - 1 :])


def to_stub(function: Function) -> str:
    """The head of the function and its docstring, with ``...`` for the body: what a model is told of it."""
    definition = definition_in(source_text(function))
    doc = [definition.body[0]] if ast.get_docstring(definition) is not None else []
    definition.body = [*doc, ast.Expr(ast.Constant(...))]
    return ast.unparse(ast.fix_missing_locations(definition))


def definition_in(source: str) -> Definition:
    """The one function that `source` defines at its top.

    Raises:
        ValueError: it is no Python, or defines no or several.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"Could not compile function: {error}") from error
    found = [node for node in tree.body if isinstance(node, Definition)]
    if len(found) != 1:
        names = [node.name for node in found]
        raise ValueError(f"The string must contain exactly one function, not {len(found)}: {names!r}")
    return found[0]
