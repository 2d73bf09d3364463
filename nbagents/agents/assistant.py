"""`AssistantAgent`: an agent that answers with a model and its tools. Name and signature are AutoGen's.

What a model asked for and what came of it enter the model's context together: a turn that is cancelled while a tool
works leaves no call without its result behind, and the next run can go on.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from ..cancellation import CancellationToken
from ..component import Component
from ..errors import RunFailed
from ..memory import ChatCompletionContext, Memory, UnboundedChatCompletionContext
from ..memory.context import prompt_of
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    MemoryQueryEvent,
    ModelClientStreamingChunkEvent,
    StructuredMessage,
    TextMessage,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from ..models.client import ChatCompletionClient
from ..models.messages import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
)
from ..state import AssistantAgentState
from ..tools import BaseTool, Workbench
from .asks_model import AsksModel
from .assistant_component import arguments_of, config_of
from .assistant_setup import handoffs_by_name, memories_of, workbenches_of
from .configs import AssistantAgentConfig
from .handoff import Handoff
from .heard import Heard
from .model_turn import AgentModel, instructions, text_of, words_of
from .saved import load_states, memory_states, workbench_states
from .streaming_agent import StreamingChatAgent
from .task import Response
from .tool_summary import ToolSummary
from .toolbox import Toolbox

DEFAULT_SYSTEM_MESSAGE = (
    "You are a helpful assistant. Work on the task step by step, with your tools where they help. "
    "When the task is solved, say TERMINATE."
)

Happening = BaseAgentEvent | BaseChatMessage | Response


class AssistantAgent(AsksModel, StreamingChatAgent, Component[AssistantAgentConfig]):
    """Answers each turn with a model, which may call tools, ask a memory, or hand off to another agent.

    Args:
        name: a Python identifier, unique in a team.
        model_client: who answers.
        tools: what the model may call: tools, or functions with annotated parameters.
        workbench: one or several workbenches of tools, in place of `tools`.
        handoffs: whom the agent may hand the conversation to, by name or as `Handoff`.
        model_context: how much of the conversation the model is shown; everything unless given.
        description: what the agent is for, as the other agents read it.
        system_message: its instructions; None for none.
        model_client_stream: yield the answer's text while it comes.
        reflect_on_tool_use: answer from the tools' results with one more model call; otherwise the results are the
            answer. True for structured output unless given.
        max_tool_iterations: how often in one turn the model may call tools.
        tool_call_summary_format: one result in the summary, with {tool_name}, {arguments}, {result}, {is_error}.
        tool_call_summary_formatter: makes that text in place of the format.
        output_content_type: the answer is a `StructuredMessage` of this model.
        output_content_type_format: how such an answer is shown as text.
        memory: asked before each turn; each adds what it knows to the context.
        metadata: kept for the user.

    Raises:
        ValueError: names that are not unique, a model that cannot call functions, tools beside a workbench.
        TypeError: `memory` is no list.
    """

    component_version = 2
    component_config_schema = AssistantAgentConfig

    def __init__(
        self,
        name: str,
        model_client: ChatCompletionClient,
        *,
        tools: Sequence[BaseTool[Any, Any] | Callable[..., Any]] | None = None,
        workbench: Workbench | Sequence[Workbench] | None = None,
        handoffs: Sequence[Handoff | str] | None = None,
        model_context: ChatCompletionContext | None = None,
        description: str = "An agent that provides assistance with ability to use tools.",
        system_message: str | None = DEFAULT_SYSTEM_MESSAGE,
        model_client_stream: bool = False,
        reflect_on_tool_use: bool | None = None,
        max_tool_iterations: int = 1,
        tool_call_summary_format: str = "{result}",
        tool_call_summary_formatter: Callable[[FunctionCall, FunctionExecutionResult], str] | None = None,
        output_content_type: type[BaseModel] | None = None,
        output_content_type_format: str | None = None,
        memory: Sequence[Memory] | None = None,
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, description)
        if max_tool_iterations < 1:
            raise ValueError(
                f"Maximum number of tool iterations must be greater than or equal to 1, got {max_tool_iterations}"
            )
        self._workbench, self._tools = workbenches_of(tools, workbench, model_client)
        self._handoffs = handoffs_by_name(handoffs, self._tools, model_client)
        self._handoff_tools = [handoff.handoff_tool for handoff in self._handoffs.values()]
        self._agent_model = AgentModel(name, model_client, stream=model_client_stream)
        self._memory = memories_of(memory)
        self._model_context = UnboundedChatCompletionContext() if model_context is None else model_context
        self._system_messages = instructions(system_message)
        self._reflect_on_tool_use = (
            output_content_type is not None if reflect_on_tool_use is None else reflect_on_tool_use
        )
        self._max_tool_iterations = max_tool_iterations
        self._tool_call_summary_format = tool_call_summary_format
        self._tool_call_summary_formatter = tool_call_summary_formatter
        self._output_content_type, self._output_content_type_format = output_content_type, output_content_type_format
        self._metadata = dict(metadata or {})
        self._heard = Heard()

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        types: list[type[BaseChatMessage]] = [TextMessage, ToolCallSummaryMessage, HandoffMessage]
        if self._output_content_type is not None:
            # AutoGen names the generic class; a team must know the very class, which no checker does.
            types += [StructuredMessage, StructuredMessage[self._output_content_type]]  # type: ignore[name-defined]
        return types

    @property
    def model_context(self) -> ChatCompletionContext:
        """The conversation as the model is shown it."""
        return self._model_context

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._model_context.clear()
        self._heard.finished()

    async def save_state(self) -> Mapping[str, Any]:
        """The model's context, and the states of workbenches and memories that have one."""
        state = AssistantAgentState.model_construct(
            llm_context=await self._model_context.save_state(),
            unfinished=self._heard.unfinished,
            workbench=await workbench_states(self._workbench),
            memory=await memory_states(self._memory),
        )
        return state.dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        loaded = AssistantAgentState.model_validate(state)
        await self._model_context.load_state(loaded.llm_context)
        self._heard.restore(loaded.unfinished)
        await load_states(self._workbench, loaded.workbench)
        await load_states(self._memory, loaded.memory)

    async def _take_turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Happening, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        async with aclosing(self._happenings(messages, cancellation_token)) as happenings:
            async for item in happenings:
                if isinstance(item, Response):
                    self._heard.finished()
                    item.inner_messages = inner
                elif not isinstance(item, ModelClientStreamingChunkEvent):
                    inner.append(item)
                yield item

    async def _happenings(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[Happening, None]:
        """Hear, remember, and then ask the model until it says something or has called tools often enough."""
        await self._heard.take(messages, self._model_context)
        for memory in self._memory:
            update = await memory.update_context(self._model_context)
            if update.memories.results:
                yield MemoryQueryEvent(content=update.memories.results, source=self.name)
        toolbox = Toolbox(self._workbench, self._handoffs, self._handoff_tools)
        calls, results = list[FunctionCall](), list[FunctionExecutionResult]()
        for _ in range(self._max_tool_iterations):
            id, answer = str(uuid.uuid4()), None
            tools = await toolbox.offered()
            async with await self._asking(id, token, tools=tools, json_output=self._output_content_type) as asking:
                async for item in asking:
                    if isinstance(item, CreateResult):
                        answer = item
                    else:
                        yield item
            assert answer is not None, "asking a model ends with its answer"
            if isinstance(answer.content, str):
                yield Response(chat_message=await self._answer_of(answer, id))
                return
            calls = answer.content or self._no_calls(answer)
            yield ToolCallRequestEvent(id=id, content=calls, source=self.name, models_usage=answer.usage)
            async with aclosing(toolbox.run(self.name, calls, token)) as running:
                async for told in running:
                    if isinstance(told, list):
                        results = told
                    else:
                        yield told
            await self._add_to_context(answer, results)
            yield ToolCallExecutionEvent(content=results, source=self.name)
            if handoff := toolbox.handoff(self.name, answer, results):
                yield Response(chat_message=handoff)
                return
        if self._reflect_on_tool_use:
            async with aclosing(self._reflection(token)) as reflection:
                async for happening in reflection:
                    yield happening
        else:
            summary = ToolSummary(self._tool_call_summary_format, self._tool_call_summary_formatter)
            yield Response(chat_message=summary.of(self.name, calls, results))

    async def _asking(
        self, id: str, token: CancellationToken, **asked: Any
    ) -> aclosing[AsyncGenerator[BaseAgentEvent | CreateResult, None]]:
        """Ask the model about the conversation so far."""
        prompt = await prompt_of(self._model_context, self._system_messages)
        return aclosing(self._agent_model.ask(prompt, token, message_id=id, **asked))

    async def _reflection(self, token: CancellationToken) -> AsyncGenerator[Happening, None]:
        """One more model call, without tools, for an answer from their results."""
        id = str(uuid.uuid4())
        async with await self._asking(id, token, tool_choice="none", json_output=self._output_content_type) as asking:
            async for item in asking:
                if not isinstance(item, CreateResult):
                    yield item
                elif isinstance(item.content, str):
                    yield Response(chat_message=await self._answer_of(item, id))
                else:
                    raise RunFailed("Reflect on tool use produced no valid text response.", agent=self.name)

    async def _answer_of(self, answer: CreateResult, id: str) -> BaseChatMessage:
        """The answer as a message; it enters the context once it is known to be one."""
        text = words_of(answer, self._agent_model.client)
        message: BaseChatMessage
        if self._output_content_type is None:
            message = TextMessage(id=id, content=text, source=self.name, models_usage=answer.usage)
        else:
            message = self._structured(self._output_content_type, text, answer, id)
        await self._model_context.add_message(
            AssistantMessage(content=text, source=self.name, thought=answer.thought or None)
        )
        return message

    def _structured(self, type: type[BaseModel], text: str, answer: CreateResult, id: str) -> BaseChatMessage:
        try:
            content = type.model_validate_json(text)
        except ValidationError as error:
            error.add_note(
                f"{self.name} expected JSON of {type.__name__} from its model: run it again, "
                "or use a model with structured output"
            )
            raise
        return StructuredMessage[type](  # type: ignore[valid-type]  # a class that is known at run time only
            id=id,
            content=content,
            source=self.name,
            models_usage=answer.usage,
            format_string=self._output_content_type_format,
        )

    async def _add_to_context(self, answer: CreateResult, results: list[FunctionExecutionResult]) -> None:
        """The calls and their results, together."""
        await self._model_context.add_message(
            AssistantMessage(content=answer.content, source=self.name, thought=answer.thought or None)
        )
        await self._model_context.add_message(FunctionExecutionResultMessage(content=results))

    def _no_calls(self, answer: CreateResult) -> list[FunctionCall]:
        """An empty list of calls is no answer."""
        text_of(answer.model_copy(update={"content": ""}), self._agent_model.client)
        raise AssertionError("an empty text is refused")

    def _to_config(self) -> AssistantAgentConfig:
        return config_of(self)

    @classmethod
    def _from_config(cls, config: AssistantAgentConfig) -> Self:
        return cls(**arguments_of(config))

    @classmethod
    def _from_config_past_version(cls, config: dict[str, Any], version: int) -> Self:
        return cls._from_config(AssistantAgentConfig.model_validate(config))  # version 1 had fewer fields
