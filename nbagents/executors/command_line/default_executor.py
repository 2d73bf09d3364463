"""`create_default_code_executor`: a container where there is an engine, else this machine. The rule is AutoGen's."""

from __future__ import annotations

import warnings
from pathlib import Path

from ..code_executor import CodeExecutor
from ..docker.engine import probe
from .docker import DockerCommandLineCodeExecutor
from .local import LocalCommandLineCodeExecutor


def create_default_code_executor(work_dir: Path | str | None = None) -> CodeExecutor:
    """An executor for shell and Python blocks: in Docker if an engine answers within two seconds.

    Else one that runs them on this machine, which it says in a warning; in a run each of its blocks is asked for.

    Args:
        work_dir: where blocks run and leave their files; a temporary directory unless given.
    """
    found = probe()
    if found.available:
        return DockerCommandLineCodeExecutor(work_dir=work_dir)
    warnings.warn(f"Docker is not available or not running: blocks run on this machine ({found.why_not})", stacklevel=2)
    return LocalCommandLineCodeExecutor(work_dir=work_dir)
