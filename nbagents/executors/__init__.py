"""Where code runs: the port `CodeExecutor`, and the blocks that agents write."""

from ..code import CodeBlock, CodeResult
from .code_executor import CodeExecutor
from .fenced_code import extract_code_blocks

__all__ = ["CodeBlock", "CodeExecutor", "CodeResult", "extract_code_blocks"]
