"""`AssistantAgent` to its config, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..component import ComponentModel
from ..memory import ChatCompletionContext, Memory
from ..messages import StructuredMessageFactory
from ..models.client import ChatCompletionClient
from ..tools import BaseTool, Workbench
from .configs import AssistantAgentConfig, said

if TYPE_CHECKING:
    from .assistant import AssistantAgent


def config_of(agent: AssistantAgent) -> AssistantAgentConfig:
    """What `arguments_of` needs; a function that words the summary of tool calls is not part of it.

    Raises:
        NotImplementedError: a part of it (a tool, a memory) cannot be said in JSON.
    """
    return AssistantAgentConfig(
        name=agent.name,
        model_client=agent._agent_model.client.dump_component(),
        workbench=[workbench.dump_component() for workbench in agent._workbench] or None,
        handoffs=list(agent._handoffs.values()) or None,
        model_context=agent._model_context.dump_component(),
        memory=[memory.dump_component() for memory in agent._memory] or None,
        description=agent.description,
        system_message=str(agent._system_messages[0].content) if agent._system_messages else None,
        model_client_stream=agent._agent_model.stream,
        reflect_on_tool_use=agent._reflect_on_tool_use,
        tool_call_summary_format=agent._tool_call_summary_format,
        max_tool_iterations=agent._max_tool_iterations,
        metadata=agent._metadata,
        structured_message_factory=_output(agent),
    )


def arguments_of(config: AssistantAgentConfig) -> dict[str, Any]:
    """The arguments of the agent that `config` says."""
    output: Mapping[str, Any] = {}
    if config.structured_message_factory is not None:
        factory = StructuredMessageFactory.load_component(config.structured_message_factory)
        output = {"output_content_type": factory.ContentModel, "output_content_type_format": factory.format_string}
    tools: list[BaseTool[Any, Any]] = [BaseTool.load_component(tool) for tool in config.tools or ()]
    workbenches = [Workbench.load_component(workbench) for workbench in config.workbench or ()]
    return {
        **said(
            name=config.name,
            model_client=ChatCompletionClient.load_component(config.model_client),
            tools=tools or None,
            workbench=workbenches or None,
            handoffs=config.handoffs,
            model_context=ChatCompletionContext.load_component(config.model_context) if config.model_context else None,
            memory=[Memory.load_component(memory) for memory in config.memory] if config.memory else None,
            description=config.description,
            model_client_stream=config.model_client_stream,
            reflect_on_tool_use=config.reflect_on_tool_use,
            tool_call_summary_format=config.tool_call_summary_format,
            max_tool_iterations=config.max_tool_iterations,
            metadata=config.metadata,
        ),
        **output,
        "system_message": config.system_message,  # None is an agent without instructions
    }


def _output(agent: AssistantAgent) -> ComponentModel | None:
    if agent._output_content_type is None:
        return None
    return StructuredMessageFactory(
        None, agent._output_content_type, agent._output_content_type_format
    ).dump_component()
