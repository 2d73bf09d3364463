"""A block as a file: in which language it is, what the file is called, what is written into it.

The rules are AutoGen's: a first line ``# filename: plot.py`` names the file, else it is called after its content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from ...code import CodeBlock

LANGUAGES = {
    "python": "python", "py": "python", "python3": "python", "bash": "bash", "sh": "sh", "shell": "sh",
    "pwsh": "pwsh", "powershell": "pwsh", "ps1": "pwsh",
}  # fmt: skip
"""What a fence may say, and the program that runs it."""

_ENDINGS = {"python": "py", "pwsh": "ps1"}
_PIP = {
    "python": re.compile(r"^(! ?pip install)(?!.*-qqq)", re.M),
    **dict.fromkeys(["bash", "sh", "pwsh"], re.compile(r"^(pip install)(?!.*-qqq)", re.M)),
}
_NAME_LINE = "# filename:"


class BlockRefused(Exception):
    """A block cannot be run; its text is what the agent is told as the block's output."""


@dataclass(frozen=True)
class CodeFile:
    """One block, ready to be written.

    Attributes:
        program: "python", "bash", "sh" or "pwsh".
        content: what is written.
        name: the file's name as the block gives it, or one made of its content.
        named: the block gives it, so the file is there to stay.
    """

    program: str
    content: bytes
    name: str
    named: bool


def code_file(block: CodeBlock) -> CodeFile:
    """`block` as a file.

    Raises:
        BlockRefused: its language is none that can be run.
    """
    language = block.language.lower()
    program = LANGUAGES.get(language)
    if program is None:
        raise BlockRefused(f"\nunknown language {language}")
    code = silence_pip(block.code, program)
    content = code.encode(errors="replace")  # what a model writes may hold halves of characters
    first_line = code.split("\n", 1)[0]
    if first_line.startswith(_NAME_LINE):
        return CodeFile(program, content, first_line.removeprefix(_NAME_LINE).strip(), named=True)
    name = f"tmp_code_{sha256(content).hexdigest()}.{_ENDINGS.get(program, language)}"
    return CodeFile(program, content, name, named=False)


def silence_pip(code: str, program: str) -> str:
    """`code` whose ``pip install`` lines say nothing when all is well."""
    return _PIP[program].sub(r"\1 -qqq", code)


def command_for(program: str, interpreter: str, path: str) -> list[str]:
    """The command that runs the file at `path` with `interpreter`, which is the program's own path."""
    if program == "pwsh":
        return [interpreter, "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", path]
    return [interpreter, path]
