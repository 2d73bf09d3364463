"""The agents as JSON: what stands in the `config` of their components. Names and fields are AutoGen's.

Fields that AutoGen does not have are said only where they matter, so that it can read what nbagents wrote.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, field_validator

from ..component import ComponentConfig, ComponentModel
from .handoff import Handoff


class AssistantAgentConfig(ComponentConfig):
    """An `AssistantAgent`; its tools are in its workbenches. Version 1 had them in `tools`."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    model_client: ComponentModel
    tools: list[ComponentModel] | None = None
    workbench: list[ComponentModel] | None = None
    handoffs: list[Handoff | str] | None = None
    model_context: ComponentModel | None = None
    memory: list[ComponentModel] | None = None
    description: str = "An agent that provides assistance with ability to use tools."
    system_message: str | None = None
    model_client_stream: bool = False
    reflect_on_tool_use: bool | None = None
    tool_call_summary_format: str = "{result}"
    max_tool_iterations: int = 1
    metadata: dict[str, str] | None = None
    structured_message_factory: ComponentModel | None = None

    @field_validator("workbench", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, workbench: Any) -> Any:
        return workbench if workbench is None or isinstance(workbench, list) else [workbench]  # as in version 1


class CodeExecutorAgentConfig(ComponentConfig):
    """A `CodeExecutorAgent`; `max_retries_on_error` is not in AutoGen's."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    code_executor: ComponentModel
    model_client: ComponentModel | None = None
    description: str | None = None
    sources: list[str] | None = None
    system_message: str | None = None
    model_client_stream: bool = False
    model_context: ComponentModel | None = None
    supported_languages: list[str] | None = None
    max_retries_on_error: int | None = None


class CodeWritingAgentConfig(ComponentConfig):
    """A `CodeWritingAgent`; AutoGen has none."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    code_executor: ComponentModel
    model_client: ComponentModel
    model_client_stream: bool = False
    max_retries_on_error: int = 0
    description: str | None = None
    system_message: str | None = None


class UserProxyAgentConfig(ComponentConfig):
    """A `UserProxyAgent`; its function is not part of it."""

    name: str
    description: str = "A human user"
    input_func: str | None = None


class SocietyOfMindAgentConfig(ComponentConfig):
    """A `SocietyOfMindAgent`."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    team: ComponentModel
    model_client: ComponentModel
    description: str | None = None
    instruction: str | None = None
    response_prompt: str | None = None
    model_context: ComponentModel | None = None


class AgentToolConfig(ComponentConfig):
    """An `AgentTool`."""

    agent: ComponentModel
    return_value_as_last_message: bool = False


def said(**arguments: Any) -> dict[str, Any]:
    """The arguments that a config says; the rest is left to the defaults."""
    return {name: value for name, value in arguments.items() if value is not None}
