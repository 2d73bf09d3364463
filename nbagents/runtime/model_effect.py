"""Asking a model, as the gate does it: within the budget, on the I/O thread where a server is asked, and counted.

A client that talks to a server says so (`on_io_thread`) and is asked on the I/O thread; one of the user's own, or one
that answers from a script, is asked on the loop of its caller.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import replace
from typing import Any

from ..errors import ModelResponseError
from ..io_thread import performed_there, streamed_there
from ..models.client import ChatCompletionClient, name_of
from ..models.messages import CreateResult, LLMMessage, RequestUsage
from ..models.notices import listen, listening
from ..models.offered import OfferedTool
from ..models.token_estimate import estimate_text
from .model_ear import ModelEar
from .run_log import Effect, RunLog
from .usage import ModelCall

NO_RESULT = "No final model result in streaming mode. {} ended its stream without a result: a client yields it last"


async def whole_answer(
    ear: ModelEar,
    effect: Effect,
    client: ChatCompletionClient,
    messages: Sequence[LLMMessage],
    asked: Mapping[str, Any],
) -> CreateResult:
    """The answer in one piece."""
    if client.on_io_thread is True:
        answer = await performed_there(lambda: client.create(messages, **asked), _context_there(effect, ear))
    else:
        with listening(ear):
            answer = await client.create(messages, **asked)
    return _checked(answer, f"{type(client).__name__}.create returned")


def streamed_answer(
    ear: ModelEar,
    effect: Effect,
    client: ChatCompletionClient,
    messages: Sequence[LLMMessage],
    asked: Mapping[str, Any],
    heard: Callable[[Any], None] | None,
) -> AsyncGenerator[str | CreateResult, None]:
    """The answer in pieces, the whole last. On the I/O thread `heard` gets each part as it comes."""
    if client.on_io_thread is True:
        return streamed_there(lambda: client.create_stream(messages, **asked), heard, _context_there(effect, ear))
    return _streamed_here(client.create_stream(messages, **asked), ear, f"{type(client).__name__}.create_stream")


async def _streamed_here(
    answer: AsyncIterable[str | CreateResult], ear: ModelEar, whose: str
) -> AsyncGenerator[str | CreateResult, None]:
    """The parts; the ear is there while the client works, and not where its parts are read."""
    if not hasattr(answer, "__aiter__"):
        raise ModelResponseError(f"{whose} returned a {type(answer).__name__}: expected an async def that yields")
    parts = aiter(answer)
    try:
        while True:
            with listening(ear):
                try:
                    part = await anext(parts)
                except StopAsyncIteration:
                    return
            if isinstance(part, str):
                yield part
            elif part is not None:  # a server's piece without text, handed on as it came
                yield _checked(part, f"Invalid chunk type: {type(part)}. {whose} yielded")
    finally:
        if close := getattr(parts, "aclose", None):  # not every iterator has something to give back
            with listening(ear):
                await close()


def _checked(answer: object, whose: str) -> CreateResult:
    """The answer, which a client of the user's own may have said in another form."""
    if not isinstance(answer, CreateResult):
        raise ModelResponseError(f"{whose} a {type(answer).__name__}: expected a CreateResult")
    return answer


def _context_there(effect: Effect, ear: ModelEar) -> Context:
    """The context of a call on the I/O thread: below its span, and heard."""
    context = effect.span.context()
    context.run(listen, ear)
    return context


def count(
    log: RunLog,
    agent: str,
    client: ChatCompletionClient,
    messages: Sequence[LLMMessage],
    tools: Sequence[OfferedTool],
    result: CreateResult,
    effect: Effect,
) -> None:
    """Make an answer of a model the outcome of the effect, and take it off the budget."""
    server = "cached" if result.cached else result.billed_by or client.billed_by
    billed = f"{server}/{result.model or client.model}"
    costs = True in (client.asks_a_server, client.on_io_thread)
    uncounted = costs and not result.cached and result.usage == RequestUsage()
    used = _estimated(client, messages, tools, result) if uncounted else result.usage
    call = ModelCall(agent, result.model or name_of(client), billed, used, estimated=uncounted)
    effect.outcome, effect.cost = result, call
    effect.span.answered(result)
    if log.allowance is not None:
        log.allowance.spent(call)


def _estimated(
    client: ChatCompletionClient, messages: Sequence[LLMMessage], tools: Sequence[OfferedTool], result: CreateResult
) -> RequestUsage:
    """The tokens of a call whose server does not count: else it could go on for ever and no budget would end it."""
    parts = [result.content] if isinstance(result.content, str) else [call.arguments for call in result.content]
    written = sum(map(estimate_text, [result.thought or "", *parts]))
    return RequestUsage(client.count_tokens(messages, tools=tools), written)


def without_secrets(result: CreateResult, redact: Callable[[str], str]) -> CreateResult:
    """What agents act on is what is recorded and shown: a block is run as it was approved."""
    said = {"content": result.content, "thought": result.thought}
    clean: dict[str, Any] = {name: redact(text) for name, text in said.items() if isinstance(text, str)}
    if not isinstance(result.content, str):
        clean["content"] = [replace(call, arguments=redact(call.arguments)) for call in result.content]
    if all(clean[name] == said[name] for name in clean):
        return result
    return result.model_copy(update=clean)
