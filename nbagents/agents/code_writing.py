"""`CodeWritingAgent`: writes code, has it run, and answers from what it showed. What a notebook's agents are.

Made for small local models, which follow a plain word better than a JSON schema: there is no decision to ask for
before code is corrected, and a block that showed nothing counts as one to be written again, because a model that
saw no number invents one.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..component import Component
from ..executors import CodeExecutor, extract_code_blocks
from ..memory import UnboundedChatCompletionContext
from ..memory.context import prompt_of
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    ModelClientStreamingChunkEvent,
    TextMessage,
)
from ..models.client import ChatCompletionClient
from ..models.messages import AssistantMessage, CreateResult, LLMMessage, RequestUsage, SystemMessage, UserMessage
from ..state import CodeExecutorAgentState
from .code_running import edits_of, run_blocks
from .configs import CodeWritingAgentConfig, said
from .heard import Heard
from .model_turn import AgentModel, text_of
from .streaming_agent import StreamingChatAgent
from .task import Response

DEFAULT_SYSTEM_MESSAGE = (
    "You solve tasks with Python. When something must be computed, write one ```python block that prints what you "
    "need; it is run for you and its output comes back. Never invent an output."
)
AFTER_SUCCESS = "Now answer every part of the task in words, with each number of this output. Write no more code."
AFTER_FAILURE = (
    "Write the whole block again, corrected and with a print of what you need, or say why it cannot be done."
)
AFTER_LAST_FAILURE = "Do not write more code: say in words what was found out and what is missing."


class CodeWritingAgent(StreamingChatAgent, Component[CodeWritingAgentConfig]):
    """Answers each turn with a model whose code is run, and corrected while attempts are left.

    Args:
        name: a Python identifier, unique in a team.
        code_executor: where code runs.
        model_client: who writes the code.
        model_client_stream: yield the model's text while it comes.
        max_retries_on_error: how often the model may correct a block that failed, was refused or showed nothing.
        description: what the agent is for, as the other agents read it.
        system_message: instructions for the model; None for none.
    """

    component_config_schema = CodeWritingAgentConfig

    def __init__(
        self,
        name: str,
        code_executor: CodeExecutor,
        model_client: ChatCompletionClient,
        *,
        model_client_stream: bool = False,
        max_retries_on_error: int = 0,
        description: str = "Writes code for a task, runs it and answers from its output.",
        system_message: str | None = DEFAULT_SYSTEM_MESSAGE,
    ) -> None:
        super().__init__(name, description)
        self._executor = code_executor
        self._agent_model = AgentModel(name, model_client, stream=model_client_stream)
        self._retries = max_retries_on_error
        self._system: list[LLMMessage] = [SystemMessage(content=system_message)] if system_message else []
        self._context = UnboundedChatCompletionContext()
        self._heard = Heard()

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._context.clear()
        self._heard.finished()

    async def save_state(self) -> Mapping[str, Any]:
        """The model's context."""
        context = await self._context.save_state()
        return CodeExecutorAgentState(llm_context=context, unfinished=self._heard.unfinished).dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        loaded = CodeExecutorAgentState.model_validate(state)
        await self._context.load_state(loaded.llm_context)
        self._heard.restore(loaded.unfinished)

    async def _take_turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        async with aclosing(self._write_and_run(messages, cancellation_token)) as work:
            async for item in work:
                if isinstance(item, Response):
                    self._heard.finished()
                    item.inner_messages = inner
                elif not isinstance(item, ModelClientStreamingChunkEvent):
                    inner.append(item)
                yield item

    async def _write_and_run(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Write, run, correct what failed, and answer from the output."""
        await self._heard.take(messages, self._context)
        runs_left, attempt = self._retries + 1, 0
        while True:
            id, text, usage = str(uuid.uuid4()), "", RequestUsage()
            prompt = await prompt_of(self._context, self._system)
            async with aclosing(self._agent_model.ask(prompt, token, message_id=id)) as asking:
                async for item in asking:
                    if isinstance(item, CreateResult):
                        text, usage = text_of(item, self._agent_model.client), item.usage
                    else:
                        yield item
            said = AssistantMessage(content=text, source=self.name)
            blocks = extract_code_blocks(text) if runs_left else []
            if not blocks:
                await self._context.add_message(said)
                yield Response(chat_message=TextMessage(id=id, content=text, source=self.name, models_usage=usage))
                return
            yield CodeGenerationEvent(
                id=id, retry_attempt=attempt, content=text, code_blocks=blocks, source=self.name, models_usage=usage
            )
            ran, result = await run_blocks(self.name, self._executor, blocks, token)
            # An output needs no further block. A failure, or a block that showed nothing and would leave the model
            # to invent its numbers, may be corrected while attempts are left.
            succeeded = not result.exit_code and bool(result.output.strip())
            runs_left = 0 if succeeded else runs_left - 1
            advice = AFTER_SUCCESS if succeeded else AFTER_FAILURE if runs_left else AFTER_LAST_FAILURE
            told = f"{_described(blocks, ran, result)}\n\n{advice}"
            # Together: a turn that was cancelled in between would leave code behind of which nobody knows what it did.
            await self._context.add_message(said)
            await self._context.add_message(UserMessage(content=told, source=self.name))
            yield CodeExecutionEvent(retry_attempt=attempt, result=result, source=self.name)
            attempt += 1

    def _to_config(self) -> CodeWritingAgentConfig:
        return CodeWritingAgentConfig(
            name=self.name,
            code_executor=self._executor.dump_component(),
            model_client=self._agent_model.client.dump_component(),
            model_client_stream=self._agent_model.stream,
            max_retries_on_error=self._retries,
            description=self.description,
            system_message=str(self._system[0].content) if self._system else None,
        )

    @classmethod
    def _from_config(cls, config: CodeWritingAgentConfig) -> Self:
        return cls(
            config.name,
            CodeExecutor.load_component(config.code_executor),
            ChatCompletionClient.load_component(config.model_client),
            model_client_stream=config.model_client_stream,
            max_retries_on_error=config.max_retries_on_error,
            system_message=config.system_message,
            **said(description=config.description),
        )


def _described(proposed: list[CodeBlock], ran: list[CodeBlock], result: CodeResult) -> str:
    """What a model is told about its code."""
    note = edits_of(proposed, ran)
    if result.exit_code:
        return f"{note}The code failed (exit code {result.exit_code}):\n{result.output}"
    return f"{note}The code ran. Its output:\n{result.output or '(it showed nothing)'}"
