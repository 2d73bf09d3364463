"""`CodeExecutorAgent`: runs code, that of others or that of a model of its own. Name and signature are AutoGen's.

Every block passes the gate, so it is approved there unless the agent has an `approval_func` of its own. A model's
code and what came of it enter the context together: a turn that is cancelled leaves no half of them behind.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..component import Component
from ..executors import CodeExecutor, extract_code_blocks
from ..executors.fenced_code import blocks_of_message
from ..memory import ChatCompletionContext, UnboundedChatCompletionContext
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
from ..models.messages import AssistantMessage, CreateResult, LLMMessage, RequestUsage, UserMessage
from ..runtime import ensured_gate
from ..state import CodeExecutorAgentState
from .asks_model import AsksModel
from .code_approval import ApprovalFuncType
from .code_executor_component import arguments_of, config_of
from .code_retry import RetryDecision, check_retries, retry_decision
from .code_runner import CodeRunner
from .configs import CodeExecutorAgentConfig
from .heard import Heard
from .model_turn import AgentModel, instructions, words_of
from .overriding import is_overridden
from .streaming_agent import StreamingChatAgent
from .task import Response

Happening = BaseAgentEvent | BaseChatMessage | Response


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the model answered, under the id that its chunks named."""

    id: str
    said: AssistantMessage
    usage: RequestUsage

    @property
    def text(self) -> str:
        return str(self.said.content)

    def response(self) -> Response:
        message = TextMessage(id=self.id, content=self.text, source=self.said.source, models_usage=self.usage)
        return Response(chat_message=message)

    def generated(self, attempt: int, blocks: list[CodeBlock]) -> CodeGenerationEvent:
        return CodeGenerationEvent(
            id=self.id,
            retry_attempt=attempt,
            content=self.text,
            code_blocks=blocks,
            source=self.said.source,
            models_usage=self.usage,
        )


class CodeExecutorAgent(AsksModel, StreamingChatAgent, Component[CodeExecutorAgentConfig]):
    """Runs code blocks: those that other agents wrote, or, with a model, those that it writes itself.

    Args:
        name: a Python identifier, unique in a team.
        code_executor: where code runs.
        model_client: who writes the code; None runs the blocks found in the incoming text messages.
        model_context: how much of the conversation the model is shown; everything unless given.
        model_client_stream: yield the model's text while it comes.
        max_retries_on_error: how often the model may correct code that failed; it decides itself whether to.
        description: what the agent is for, as the other agents read it.
        system_message: instructions for the model; None for none.
        sources: without a model, whose messages may bring code; None for everybody's.
        supported_languages: the fences whose code is run, whatever their case.
        approval_func: decides on all blocks of an answer in place of the gate; sync functions run in a thread.

    Raises:
        ValueError: retries without a model, or with one that has no structured output.
    """

    component_config_schema = CodeExecutorAgentConfig

    DEFAULT_TERMINAL_DESCRIPTION = (
        "Runs the code blocks (```python or ```sh) of the other agents and answers with their output. It writes none."
    )
    DEFAULT_AGENT_DESCRIPTION = "Writes code for a task, runs it and answers from its output."
    DEFAULT_SYSTEM_MESSAGE = (
        "You solve tasks by writing code. Put complete code that prints what you need into a ```python or ```sh "
        "block: it is run and you are shown its output. When nothing has to be computed, answer without code. "
        "Never invent an output."
    )
    NO_CODE_BLOCKS_FOUND_MESSAGE = (
        "No code blocks found in the thread: put complete code into a ```python or ```sh block."
    )
    DEFAULT_SUPPORTED_LANGUAGES: ClassVar[list[str]] = ["python", "sh"]

    def __init__(
        self,
        name: str,
        code_executor: CodeExecutor,
        *,
        model_client: ChatCompletionClient | None = None,
        model_context: ChatCompletionContext | None = None,
        model_client_stream: bool = False,
        max_retries_on_error: int = 0,
        description: str | None = None,
        system_message: str | None = DEFAULT_SYSTEM_MESSAGE,
        sources: Sequence[str] | None = None,
        supported_languages: Sequence[str] | None = None,
        approval_func: ApprovalFuncType | None = None,
    ) -> None:
        default = self.DEFAULT_TERMINAL_DESCRIPTION if model_client is None else self.DEFAULT_AGENT_DESCRIPTION
        super().__init__(name, default if description is None else description)
        if max_retries_on_error > 0:
            check_retries(model_client)
        self._code_executor, self._approval_func = code_executor, approval_func
        self._sources, self._max_retries_on_error = sources, max(0, max_retries_on_error)
        languages = self.DEFAULT_SUPPORTED_LANGUAGES if supported_languages is None else supported_languages
        self._supported_languages = tuple(word.lower() for word in languages)
        self._model_context = UnboundedChatCompletionContext() if model_context is None else model_context
        self._system_messages = instructions(system_message)
        self._heard = Heard()
        self._agent_model = (
            AgentModel(name, model_client, stream=model_client_stream) if model_client is not None else None
        )

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    @property
    def _runner(self) -> CodeRunner:
        return CodeRunner(self.name, self._code_executor, self._approval_func)

    @property
    def model_context(self) -> ChatCompletionContext:
        """The conversation as the model is shown it."""
        return self._model_context

    async def extract_code_blocks_from_messages(self, messages: Sequence[BaseChatMessage]) -> list[CodeBlock]:
        """The blocks in the text messages of those whose code is run."""
        texts = [message for message in messages if isinstance(message, TextMessage) and self._listens_to(message)]
        return [block for message in texts for block in blocks_of_message(message.content, self._supported_languages)]

    async def execute_code_block(
        self, code_blocks: Sequence[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Have the blocks approved and run; `output` is worded for whoever reads it, and says what a person changed."""
        with ensured_gate():
            context = await self._model_context.get_messages()
            result, edits = await self._runner.run(code_blocks, context, cancellation_token)
            return replace(result, output=edits + result.output)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._model_context.clear()
        self._heard.finished()

    async def save_state(self) -> Mapping[str, Any]:
        """The model's context."""
        context = await self._model_context.save_state()
        return CodeExecutorAgentState(llm_context=context, unfinished=self._heard.unfinished).dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        loaded = CodeExecutorAgentState.model_validate(state)
        await self._model_context.load_state(loaded.llm_context)
        self._heard.restore(loaded.unfinished)

    async def _take_turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Happening, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        if self._agent_model is None:
            yield await self._run_code_of(messages, cancellation_token)
            return
        async with aclosing(self._write_and_run(messages, cancellation_token)) as work:
            async for item in work:
                if isinstance(item, Response):
                    self._heard.finished()
                    item.inner_messages = inner
                elif not isinstance(item, ModelClientStreamingChunkEvent):
                    inner.append(item)
                yield item

    async def _run_code_of(self, messages: Sequence[BaseChatMessage], token: CancellationToken) -> Response:
        """Without a model: run what the others wrote."""
        text = self.NO_CODE_BLOCKS_FOUND_MESSAGE
        if blocks := await self.extract_code_blocks_from_messages(messages):
            result, edits = await self._ran(blocks, await self._model_context.get_messages(), token)
            text = edits + result.output
        return Response(chat_message=TextMessage(content=text, source=self.name))

    async def _write_and_run(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[Happening, None]:
        """With a model: write, run, correct what failed, and answer from the output."""
        await self._heard.take(messages, self._model_context)
        for attempt in range(self._max_retries_on_error + 1):
            answer: _Answer | None = None
            async with aclosing(self._answer(token)) as answering:
                async for item in answering:
                    if isinstance(item, _Answer):
                        answer = item
                    else:
                        yield item
            assert answer is not None, "asking a model ends with its answer"
            blocks = extract_code_blocks(answer.text, self._supported_languages)
            if not blocks:
                await self._model_context.add_message(answer.said)
                yield answer.response()
                return
            yield answer.generated(attempt, blocks)
            result = await self._run_code(answer, blocks, token)
            yield CodeExecutionEvent(retry_attempt=attempt, result=result, source=self.name)
            if not result.exit_code or attempt == self._max_retries_on_error:
                break
            decision = await self._decide(result, token)
            if not decision.retry:
                break
            correction = f"Attempt number: {attempt + 1}\nProposed correction: {decision.reason}"
            yield CodeGenerationEvent(retry_attempt=attempt, content=correction, code_blocks=[], source=self.name)
        async with aclosing(self._answer(token)) as concluding:
            async for item in concluding:
                if isinstance(item, _Answer):
                    await self._model_context.add_message(item.said)
                    yield item.response()
                else:
                    yield item

    async def _answer(self, token: CancellationToken) -> AsyncGenerator[BaseAgentEvent | _Answer, None]:
        """Ask the model: yields what it shows on the way, and its answer last."""
        assert self._agent_model is not None, "only an agent with a model asks it"
        id, prompt = str(uuid.uuid4()), await prompt_of(self._model_context, self._system_messages)
        async with aclosing(self._agent_model.ask(prompt, token, message_id=id)) as asking:
            async for item in asking:
                if isinstance(item, CreateResult):
                    text, thought = words_of(item, self._agent_model.client), item.thought or None
                    yield _Answer(id, AssistantMessage(content=text, source=self.name, thought=thought), item.usage)
                else:
                    yield item

    async def _run_code(self, answer: _Answer, blocks: list[CodeBlock], token: CancellationToken) -> CodeResult:
        """Run what the model wrote; its answer and what came of it enter the context together."""
        context = [*await self._model_context.get_messages(), answer.said]
        result, edits = await self._ran(blocks, context, token)
        await self._model_context.add_message(answer.said)
        await self._model_context.add_message(UserMessage(content=edits + result.output, source=self.name))
        return result

    async def _ran(
        self, blocks: list[CodeBlock], context: Sequence[LLMMessage], token: CancellationToken
    ) -> tuple[CodeResult, str]:
        """What the blocks did, and what a person changed in them; a subclass may run them in its own way."""
        if is_overridden(self.execute_code_block, CodeExecutorAgent.execute_code_block):
            return await self.execute_code_block(blocks, token), ""
        return await self._runner.run(blocks, context, token)

    async def _decide(self, result: CodeResult, token: CancellationToken) -> RetryDecision:
        """Whether the model writes it again; it is then told to."""
        assert self._agent_model is not None, "only an agent with a model retries"
        context = await self._model_context.get_messages()
        decision = await retry_decision(self.name, self._agent_model.client, context, result, token)
        if decision.retry:
            correct = UserMessage(content=f"Write the code again, corrected: {decision.reason}", source=self.name)
            await self._model_context.add_message(correct)
        return decision

    def _listens_to(self, message: BaseChatMessage) -> bool:
        return self._sources is None or message.source in self._sources

    def _to_config(self) -> CodeExecutorAgentConfig:
        return config_of(self)

    @classmethod
    def _from_config(cls, config: CodeExecutorAgentConfig) -> Self:
        return cls(**arguments_of(config))
