"""Where code runs: the port `CodeExecutor`, the executors, and the blocks that agents write.

The executors load at first use, and what they need (Docker's SDK, an HTTP client) when they run their first block.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..code import CodeBlock, CodeResult
from .code_executor import CodeExecutor
from .fenced_code import extract_code_blocks

if TYPE_CHECKING:
    from .azure import AzureContainerCodeExecutor, TokenProvider
    from .command_line import (
        CommandLineCodeResult,
        DockerCommandLineCodeExecutor,
        FunctionWithRequirements,
        FunctionWithRequirementsStr,
        LocalCommandLineCodeExecutor,
        create_default_code_executor,
        with_requirements,
    )
    from .docker.container_spec import ContainerOptions
    from .docker_kernel import DockerKernelExecutor
    from .jupyter import JupyterCodeExecutor, JupyterCodeResult
    from .kernel_data import SandboxFile
    from .kernel_executor import KernelExecutor
    from .kernel_limits import KernelLimits

_LAZY = {
    "AzureContainerCodeExecutor": ".azure",
    "CommandLineCodeResult": ".command_line",
    "ContainerOptions": ".docker.container_spec",
    "DockerCommandLineCodeExecutor": ".command_line",
    "DockerKernelExecutor": ".docker_kernel",
    "FunctionWithRequirements": ".command_line",
    "FunctionWithRequirementsStr": ".command_line",
    "JupyterCodeExecutor": ".jupyter",
    "JupyterCodeResult": ".jupyter",
    "KernelExecutor": ".kernel_executor",
    "KernelLimits": ".kernel_limits",
    "LocalCommandLineCodeExecutor": ".command_line",
    "SandboxFile": ".kernel_data",
    "TokenProvider": ".azure",
    "create_default_code_executor": ".command_line",
    "with_requirements": ".command_line",
}

__all__ = [
    "AzureContainerCodeExecutor",
    "CodeBlock",
    "CodeExecutor",
    "CodeResult",
    "CommandLineCodeResult",
    "ContainerOptions",
    "DockerCommandLineCodeExecutor",
    "DockerKernelExecutor",
    "FunctionWithRequirements",
    "FunctionWithRequirementsStr",
    "JupyterCodeExecutor",
    "JupyterCodeResult",
    "KernelExecutor",
    "KernelLimits",
    "LocalCommandLineCodeExecutor",
    "SandboxFile",
    "TokenProvider",
    "create_default_code_executor",
    "extract_code_blocks",
    "with_requirements",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
