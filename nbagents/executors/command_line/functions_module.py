"""The module that an executor's functions are written into, and how a model is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from string import Template

from ...tools.function_source import Import, import_statement
from .functions import Function, FunctionWithRequirements, FunctionWithRequirementsStr, source_text, to_stub

FUNCTION_PROMPT_TEMPLATE = (
    "The module `$module_name` holds these functions. Import those that you need by name, for example "
    "`from $module_name import some_function`.\n\n$functions"
)


@dataclass(frozen=True)
class FunctionsModule:
    """The functions of one executor as a module.

    Args:
        name: what blocks import.
        functions: what is in it.

    Raises:
        ValueError: `name` is no identifier.
    """

    name: str = "functions"
    functions: Sequence[Function] = field(default=())

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"Module name must be a valid Python identifier, which {self.name!r} is not")

    def __bool__(self) -> bool:
        return bool(self.functions)

    @property
    def source(self) -> str:
        """The module's text: imports, then the functions.

        Raises:
            ConfigurationError: one of them has no source of its own.
        """
        imports = sorted({import_statement(wanted) for wanted in self._global_imports()})
        # Annotations stay text: a function may name in them what only its own module imports.
        head = ["from __future__ import annotations", "", *imports]
        return "\n\n\n".join(["\n".join(head), *map(source_text, self.functions)]) + "\n"

    @property
    def packages(self) -> list[str]:
        """What pip must provide for them, each once."""
        return sorted(
            {package for function in _with_requirements(self.functions) for package in function.python_packages}
        )

    def prompt(self, template: str = FUNCTION_PROMPT_TEMPLATE) -> str:
        """What a model is told; `template` has ``$module_name`` and ``$functions``."""
        stubs = "\n\n".join(map(to_stub, self.functions))
        return Template(template).substitute(module_name=self.name, functions=stubs)

    def _global_imports(self) -> Iterable[Import]:
        for function in _with_requirements(self.functions):
            yield from function.global_imports


def _with_requirements(
    functions: Sequence[Function],
) -> list[FunctionWithRequirements[object, ...] | FunctionWithRequirementsStr]:
    kinds = (FunctionWithRequirements, FunctionWithRequirementsStr)
    return [function for function in functions if isinstance(function, kinds)]
