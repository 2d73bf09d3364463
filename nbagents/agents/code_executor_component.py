"""`CodeExecutorAgent` to its config, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..executors import CodeExecutor
from ..memory import ChatCompletionContext
from ..models.client import ChatCompletionClient
from .configs import CodeExecutorAgentConfig, said

if TYPE_CHECKING:
    from .code_executor import CodeExecutorAgent


def config_of(agent: CodeExecutorAgent) -> CodeExecutorAgentConfig:
    """What `arguments_of` needs.

    Raises:
        ValueError: the agent has an `approval_func`: loaded without it, code would run that it was to refuse.
        NotImplementedError: the executor, or another part, cannot be said in JSON.
    """
    if agent._approval_func is not None:
        raise ValueError(
            "Cannot serialize CodeExecutorAgent with approval_func set. The approval function is not serializable."
        )
    return CodeExecutorAgentConfig(
        name=agent.name,
        code_executor=agent._code_executor.dump_component(),
        model_client=agent._agent_model.client.dump_component() if agent._agent_model is not None else None,
        description=agent.description,
        sources=list(agent._sources) if agent._sources is not None else None,
        system_message=str(agent._system_messages[0].content) if agent._system_messages else None,
        model_client_stream=agent._agent_model.stream if agent._agent_model is not None else False,
        model_context=agent._model_context.dump_component(),
        supported_languages=list(agent._supported_languages),
        max_retries_on_error=agent._max_retries_on_error or None,
    )


def arguments_of(config: CodeExecutorAgentConfig) -> dict[str, Any]:
    """The arguments of the agent that `config` says."""
    client = ChatCompletionClient.load_component(config.model_client) if config.model_client else None
    context = ChatCompletionContext.load_component(config.model_context) if config.model_context else None
    return {
        **said(
            name=config.name,
            code_executor=CodeExecutor.load_component(config.code_executor),
            model_client=client,
            model_context=context,
            model_client_stream=config.model_client_stream,
            max_retries_on_error=config.max_retries_on_error,
            description=config.description,
            sources=config.sources,
            supported_languages=config.supported_languages,
        ),
        "system_message": config.system_message,  # None is an agent without instructions
    }
