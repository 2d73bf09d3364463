"""`CodeExecutorAgent`: writes code, has it run, and answers from what it showed. Name and signature are AutoGen's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..executors import CodeExecutor, extract_code_blocks
from ..messages import BaseAgentEvent, BaseChatMessage, CodeExecutionEvent, CodeGenerationEvent, TextMessage
from ..models.client import ChatCompletionClient
from ..models.messages import AssistantMessage, CreateResult, LLMMessage, RequestUsage, SystemMessage, UserMessage
from ..runtime import current_gate
from .chat_agent import BaseChatAgent
from .model_turn import ask_model, text_of
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
NO_CODE = "There is no code to run in the messages: put it into a ```python block."


class CodeExecutorAgent(BaseChatAgent):
    """Runs code blocks: those of a model of its own, or, without a model, those that other agents wrote.

    Args:
        name: a Python identifier, unique in a team.
        code_executor: where code runs.
        model_client: who writes the code; None runs the blocks found in the incoming messages.
        model_client_stream: yield the model's text while it comes.
        max_retries_on_error: how often the model may correct a block that failed or was refused.
        description: what the agent is for, as the other agents read it.
        system_message: instructions for the model; None for none.
        sources: without a model, whose messages may bring code; None for everybody's.
    """

    def __init__(
        self,
        name: str,
        code_executor: CodeExecutor,
        *,
        model_client: ChatCompletionClient | None = None,
        model_client_stream: bool = False,
        max_retries_on_error: int = 0,
        description: str = "A Code Execution Agent that generates and executes code based on user instructions.",
        system_message: str | None = DEFAULT_SYSTEM_MESSAGE,
        sources: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name, description)
        self._executor = code_executor
        self._client = model_client
        self._stream = model_client_stream
        self._retries = max_retries_on_error
        self._sources = sources
        self._system: list[LLMMessage] = [SystemMessage(content=system_message)] if system_message else []
        self._context: list[LLMMessage] = []

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        async for item in self.on_messages_stream(messages, cancellation_token):
            if isinstance(item, Response):
                return item
        raise AssertionError("the stream ends with the response")

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        work = (
            self._run_code_of(messages, cancellation_token)
            if self._client is None
            else self._write_and_run(self._client, messages, cancellation_token)
        )
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        async for item in work:
            if isinstance(item, Response):
                item.inner_messages = inner
            else:
                inner.append(item)
            yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self._context.clear()

    async def _run_code_of(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Without a model: run what the others wrote."""
        heard = [message for message in messages if self._sources is None or message.source in self._sources]
        blocks = [block for message in heard for block in extract_code_blocks(message.to_text())]
        if not blocks:
            yield Response(chat_message=TextMessage(content=NO_CODE, source=self.name))
            return
        _, result = await self._run(blocks, token)
        yield CodeExecutionEvent(retry_attempt=0, result=result, source=self.name)
        yield Response(chat_message=TextMessage(content=_described(blocks, blocks, result), source=self.name))

    async def _write_and_run(
        self, client: ChatCompletionClient, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """With a model: write, run, correct what failed, and answer from the output."""
        self._context += [message.to_model_message() for message in messages]
        runs_left, attempt = self._retries + 1, 0
        while True:
            id, text, usage = str(uuid.uuid4()), "", RequestUsage()
            prompt = [*self._system, *self._context]
            async for item in ask_model(
                self.name, client, prompt, stream=self._stream, message_id=id, cancellation_token=token
            ):
                if isinstance(item, CreateResult):
                    text, usage = text_of(item, client), item.usage
                else:
                    yield item
            self._context.append(AssistantMessage(content=text, source=self.name))
            said = {"id": id, "content": text, "source": self.name, "models_usage": usage}
            blocks = extract_code_blocks(text) if runs_left else []
            if not blocks:
                yield Response(chat_message=TextMessage.model_validate(said))
                return
            yield CodeGenerationEvent.model_validate({**said, "retry_attempt": attempt, "code_blocks": blocks})
            ran, result = await self._run(blocks, token)
            yield CodeExecutionEvent(retry_attempt=attempt, result=result, source=self.name)
            # An output needs no further block. A failure, or a block that showed nothing and would leave the model
            # to invent its numbers, may be corrected while attempts are left.
            succeeded = not result.exit_code and bool(result.output.strip())
            runs_left = 0 if succeeded else runs_left - 1
            advice = AFTER_SUCCESS if succeeded else AFTER_FAILURE if runs_left else AFTER_LAST_FAILURE
            told = f"{_described(blocks, ran, result)}\n\n{advice}"
            self._context.append(UserMessage(content=told, source=self.name))
            attempt += 1

    async def _run(self, blocks: list[CodeBlock], token: CancellationToken) -> tuple[list[CodeBlock], CodeResult]:
        """Run the blocks in order, up to the first that fails; also returns them as they really ran."""
        gate = current_gate()
        ran, results = [], []
        for block in blocks:
            really, result = await gate.code(self.name, self._executor, block, token)
            ran.append(really)
            results.append(result)
            if result.exit_code:
                break
        return ran, CodeResult(
            exit_code=results[-1].exit_code,
            output="\n".join(result.output for result in results if result.output),
            outputs=[output for result in results for output in result.outputs],
        )


def _described(proposed: list[CodeBlock], ran: list[CodeBlock], result: CodeResult) -> str:
    """What a model is told about its code."""
    edited = [block.code for was, block in zip(proposed, ran, strict=False) if was.code != block.code]
    note = "".join(f"A person changed the code before it ran, to:\n```python\n{code}\n```\n" for code in edited)
    if result.exit_code:
        return f"{note}The code failed (exit code {result.exit_code}):\n{result.output}"
    return f"{note}The code ran. Its output:\n{result.output or '(it showed nothing)'}"
