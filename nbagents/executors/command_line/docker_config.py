"""A `DockerCommandLineCodeExecutor` as JSON."""

from __future__ import annotations

from pydantic import Field

from ...component import ComponentConfig


class DockerCommandLineCodeExecutorConfig(ComponentConfig):
    """A `DockerCommandLineCodeExecutor` as JSON; the shape is AutoGen's."""

    image: str = "python:3-slim"
    container_name: str | None = None
    timeout: int = 60
    work_dir: str | None = None
    bind_dir: str | None = None
    auto_remove: bool = True
    stop_container: bool = True
    functions_module: str = "functions"
    extra_volumes: dict[str, dict[str, str]] = Field(default_factory=dict)
    extra_hosts: dict[str, str] = Field(default_factory=dict)
    init_command: str | None = None
    delete_tmp_files: bool = False
