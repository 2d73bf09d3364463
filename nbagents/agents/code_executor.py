"""`CodeExecutorAgent`: runs code, that of others or that of a model of its own. Name and signature are AutoGen's.

Every block passes the gate, so it is approved there unless the agent has an `approval_func` of its own. A model's
code and what came of it enter the context together: a turn that is cancelled leaves no half of them behind.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..component import Component
from ..executors import CodeExecutor, extract_code_blocks
from ..memory import ChatCompletionContext, UnboundedChatCompletionContext
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    ModelClientStreamingChunkEvent,
    TextMessage,
)
from ..models.client import ChatCompletionClient
from ..models.messages import AssistantMessage, CreateResult, LLMMessage, SystemMessage, UserMessage
from ..runtime import ensured_gate
from ..state import CodeExecutorAgentState
from .chat_agent import StreamingChatAgent
from .code_approval import NOT_APPROVED, ApprovalFuncType, ApprovalRequest, ask_approval, record_decision
from .code_executor_component import arguments_of, config_of
from .code_running import edits_of, fenced, run_blocks
from .configs import CodeExecutorAgentConfig
from .heard import Heard
from .model_turn import AgentModel, words_of
from .task import Response

Happening = BaseAgentEvent | BaseChatMessage | Response


class RetryDecision(BaseModel):
    """What the model decides about code that failed."""

    reason: str
    retry: bool


class CodeExecutorAgent(StreamingChatAgent, Component[CodeExecutorAgentConfig]):
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
        "There is no code to run in the messages: put complete code into a ```python or ```sh block."
    )
    DEFAULT_SUPPORTED_LANGUAGES = ("python", "sh")

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
            _check_retries(model_client)
        self._executor, self._sources, self._retries = code_executor, sources, max(0, max_retries_on_error)
        self._languages = tuple(word.lower() for word in supported_languages or self.DEFAULT_SUPPORTED_LANGUAGES)
        self._approval_func = approval_func
        self._model_context = UnboundedChatCompletionContext() if model_context is None else model_context
        self._system: list[LLMMessage] = [] if system_message is None else [SystemMessage(content=system_message)]
        self._heard = Heard()
        self._model = self._decider = None
        if model_client is not None:
            self._model = AgentModel(name, model_client, stream=model_client_stream)
            self._decider = AgentModel(name, model_client)

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    @property
    def model_context(self) -> ChatCompletionContext:
        """The conversation as the model is shown it."""
        return self._model_context

    async def extract_code_blocks_from_messages(self, messages: Sequence[BaseChatMessage]) -> list[CodeBlock]:
        """The blocks in the text messages of those whose code is run."""
        texts = [message for message in messages if isinstance(message, TextMessage) and self._listens_to(message)]
        return [block for message in texts for block in extract_code_blocks(message.content, self._languages)]

    async def execute_code_block(
        self, code_blocks: Sequence[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Have the blocks approved and run; `output` is worded for whoever reads it."""
        with ensured_gate():
            return (await self._execute(list(code_blocks), cancellation_token))[0]

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

    async def _turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Happening, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        if self._model is None:
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
            result, edits = await self._execute(blocks, token)
            text = edits + result.output
        return Response(chat_message=TextMessage(content=text, source=self.name), inner_messages=[])

    async def _write_and_run(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[Happening, None]:
        """With a model: write, run, correct what failed, and answer from the output."""
        await self._heard.take(messages, self._model_context)
        for attempt in range(self._retries + 1):
            answer, id = None, str(uuid.uuid4())
            async for item in self._ask(id, token):
                if isinstance(item, CreateResult):
                    answer = item
                else:
                    yield item
            said = self._message_of(answer)
            blocks = extract_code_blocks(str(said.content), self._languages)
            usage = answer.usage if answer else None
            if not blocks:
                await self._model_context.add_message(said)
                text = str(said.content)
                yield Response(chat_message=TextMessage(id=id, content=text, source=self.name, models_usage=usage))
                return
            yield CodeGenerationEvent(
                id=id, retry_attempt=attempt, content=str(said.content), code_blocks=blocks, source=self.name,
                models_usage=usage,
            )  # fmt: skip
            result, edits = await self._execute(blocks, token, said)
            await self._model_context.add_message(said)
            await self._model_context.add_message(UserMessage(content=edits + result.output, source=self.name))
            yield CodeExecutionEvent(retry_attempt=attempt, result=result, source=self.name)
            if not result.exit_code or attempt == self._retries:
                break
            decision = await self._decide(result, token)
            if not decision.retry:
                break
            correction = f"Attempt number: {attempt + 1}\nProposed correction: {decision.reason}"
            await self._model_context.add_message(
                UserMessage(content=f"Write the code again, corrected: {decision.reason}", source=self.name)
            )
            yield CodeGenerationEvent(retry_attempt=attempt, content=correction, code_blocks=[], source=self.name)
        async for concluding in self._conclusion(token):
            yield concluding

    async def _conclusion(self, token: CancellationToken) -> AsyncGenerator[Happening, None]:
        """The answer from what the code showed."""
        id = str(uuid.uuid4())
        async for item in self._ask(id, token):
            if not isinstance(item, CreateResult):
                yield item
                continue
            said = self._message_of(item)
            await self._model_context.add_message(said)
            text, usage = str(said.content), item.usage
            yield Response(chat_message=TextMessage(id=id, content=text, source=self.name, models_usage=usage))

    async def _ask(self, id: str, token: CancellationToken) -> AsyncGenerator[BaseAgentEvent | CreateResult, None]:
        assert self._model is not None, "only an agent with a model asks it"
        prompt = [*self._system, *await self._model_context.get_messages()]
        async with aclosing(self._model.ask(prompt, token, message_id=id)) as asking:
            async for item in asking:
                yield item

    async def _decide(self, result: CodeResult, token: CancellationToken) -> RetryDecision:
        """Ask the model whether to try again. A decision that cannot be read is a no."""
        assert self._decider is not None, "only an agent with a model retries"
        question = UserMessage(
            content=f"The code failed:\n{result.output}\n\nCan it be corrected, and how? Answer with `reason` (what is "
            "wrong and what to change) and `retry` (true to write it again, false when that would not help).",
            source=self.name,
        )
        prompt, decision = [*await self._model_context.get_messages(), question], ""
        async with aclosing(self._decider.ask(prompt, token, json_output=RetryDecision)) as asking:
            async for item in asking:
                if isinstance(item, CreateResult):
                    decision = words_of(item, self._decider.client)
        try:
            return RetryDecision.model_validate_json(decision)
        except ValidationError:
            return RetryDecision(reason=f"the decision could not be read: {decision[:200]!r}", retry=False)

    async def _execute(
        self, blocks: list[CodeBlock], token: CancellationToken, said: AssistantMessage | None = None
    ) -> tuple[CodeResult, str]:
        """What the blocks did, and what a person changed in them before they ran."""
        if self._approval_func is not None:
            context = [*await self._model_context.get_messages(), *([said] if said else [])]
            request = ApprovalRequest(code=fenced(blocks), context=context)
            response = await ask_approval(self._approval_func, request)
            record_decision(self.name, blocks, self._executor.target, response)
            if not response.approved:
                return CodeResult(exit_code=1, output=f"{NOT_APPROVED} Reason: {response.reason}"), ""
        ran, result = await run_blocks(
            self.name, self._executor, blocks, token, approved=self._approval_func is not None
        )
        return result.model_copy(update={"output": _worded(result)}), edits_of(blocks, ran)

    def _message_of(self, answer: CreateResult | None) -> AssistantMessage:
        assert self._model is not None and answer is not None, "asking a model ends with its answer"
        text = words_of(answer, self._model.client)
        return AssistantMessage(content=text, source=self.name, thought=answer.thought or None)

    def _listens_to(self, message: BaseChatMessage) -> bool:
        return self._sources is None or message.source in self._sources

    def _to_config(self) -> CodeExecutorAgentConfig:
        return config_of(self)

    @classmethod
    def _from_config(cls, config: CodeExecutorAgentConfig) -> Self:
        return cls(**arguments_of(config))


def _check_retries(client: ChatCompletionClient | None) -> None:
    if client is None or not client.model_info:
        raise ValueError("model_client.model_info must be provided when max_retries_on_error > 0")
    if not client.model_info.get("structured_output"):
        raise ValueError("Specified model_client doesn't support structured output mode.")


def _worded(result: CodeResult) -> str:
    """What a reader is told: an output as it is, and a sentence where there is none or the code failed."""
    if result.output.startswith(NOT_APPROVED):
        return result.output
    if result.exit_code:
        return f"The code failed (exit code {result.exit_code}). Its output:\n{result.output}"
    if not result.output.strip():
        return f"The code ran (exit code {result.exit_code}) but printed nothing: print what you want to know."
    return result.output
