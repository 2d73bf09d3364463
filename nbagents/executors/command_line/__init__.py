"""Where each block is a command: on this machine, or in a container.

code_file              a block as a file: language, name, content
workspace              the directory that files are written into, and never out of it
functions              a user's functions, and what they need
functions_module       the module that blocks import them from
command_line_executor  what both executors have in common
block_process, local   processes of this machine
docker                 processes of a container
"""

from .command_line_executor import CommandLineCodeResult
from .default_executor import create_default_code_executor
from .docker import DockerCommandLineCodeExecutor
from .functions import FunctionWithRequirements, FunctionWithRequirementsStr, to_stub, with_requirements
from .local import LocalCommandLineCodeExecutor

__all__ = [
    "CommandLineCodeResult",
    "DockerCommandLineCodeExecutor",
    "FunctionWithRequirements",
    "FunctionWithRequirementsStr",
    "LocalCommandLineCodeExecutor",
    "create_default_code_executor",
    "to_stub",
    "with_requirements",
]
