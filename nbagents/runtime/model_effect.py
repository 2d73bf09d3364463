"""Asking a model, as the gate does it: within the budget, on the I/O thread where a server is asked, and counted.

A client that talks to a server says so (`on_io_thread`) and is asked on the I/O thread; one of the user's own, or one
that answers from a script, is asked on the loop of its caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from contextvars import Context
from dataclasses import replace
from typing import Any

from ..io_thread import performed_there, streamed_there
from ..models.client import ChatCompletionClient
from ..models.messages import CreateResult, LLMMessage
from ..models.retrying import RetryNotice, on_retry
from .run_log import Effect, RunLog
from .usage import ModelCall, spend


def name_of(client: ChatCompletionClient) -> str:
    """The model as journals and screens name it: ``provider/model``, or what a client of the user's own says."""
    return f"{client.provider}/{client.model}" if client.provider else client.model or type(client).__name__


async def whole_answer(
    log: RunLog, effect: Effect, client: ChatCompletionClient, messages: Sequence[LLMMessage], asked: Mapping[str, Any]
) -> CreateResult:
    """The answer in one piece."""
    tell = _teller(log, effect)
    if client.on_io_thread is True:
        context = _context_there(effect, tell)
        return await performed_there(lambda: client.create(messages, **asked), context)
    token = on_retry.set(tell)
    try:
        return await client.create(messages, **asked)
    finally:
        on_retry.reset(token)


def streamed_answer(
    log: RunLog,
    effect: Effect,
    client: ChatCompletionClient,
    messages: Sequence[LLMMessage],
    asked: Mapping[str, Any],
    heard: Callable[[Any], None] | None,
) -> AsyncGenerator[str | CreateResult, None]:
    """The answer in pieces, the whole last. On the I/O thread `heard` gets each part as it comes."""
    tell = _teller(log, effect)
    if client.on_io_thread is True:
        context = _context_there(effect, tell)
        return streamed_there(lambda: client.create_stream(messages, **asked), heard, context)
    return _streamed_here(client.create_stream(messages, **asked), tell)


async def _streamed_here(
    parts: AsyncGenerator[str | CreateResult, None], tell: Callable[[RetryNotice], None]
) -> AsyncGenerator[str | CreateResult, None]:
    async with aclosing(parts):
        token = on_retry.set(tell)
        try:
            first = await anext(parts, None)  # nothing is asked again once a part has come
        finally:
            on_retry.reset(token)
        if first is not None:
            yield first
        async for part in parts:
            yield part


def _context_there(effect: Effect, tell: Callable[[RetryNotice], None]) -> Context:
    """The context of a call on the I/O thread: below its span, and its retries are told on the run's loop."""
    here = asyncio.get_running_loop()

    def hop(notice: RetryNotice) -> None:
        here.call_soon_threadsafe(tell, notice)

    context = effect.span.context()
    context.run(on_retry.set, hop)
    return context


def _teller(log: RunLog, effect: Effect) -> Callable[[RetryNotice], None]:
    """Writes down that a model is asked again."""

    def tell(notice: RetryNotice) -> None:
        log.write(
            "retry",
            effect=effect.id,
            provider=notice.provider,
            model=notice.model,
            error=f"{type(notice.error).__name__}: {notice.error}",
            attempt=notice.attempt,
            attempts=notice.attempts,
            wait=round(notice.wait, 3),
            fallback=notice.fallback or None,
        )

    return tell


def count(
    log: RunLog, agent: str, asked: str, client: ChatCompletionClient, result: CreateResult, effect: Effect
) -> None:
    """Put an answer of the model that was `asked` on the accounts, and make it the outcome of the effect."""
    server = "cached" if result.cached else result.billed_by or client.billed_by
    billed = f"{server}/{result.model or client.model}"
    call = ModelCall(agent, result.model or asked, billed, result.usage)
    log.usage.made.append(call)
    spend(call)
    if log.allowance is not None:
        log.allowance.answered(call)
    effect.span.answered(result)
    effect.outcome, effect.usage, effect.cost = result, result.usage, call


def without_secrets(result: CreateResult, redact: Callable[[str], str]) -> CreateResult:
    """What agents act on is what is recorded and shown: a block is run as it was approved."""
    said = {"content": result.content, "thought": result.thought}
    clean: dict[str, Any] = {name: redact(text) for name, text in said.items() if isinstance(text, str)}
    if not isinstance(result.content, str):
        clean["content"] = [replace(call, arguments=redact(call.arguments)) for call in result.content]
    if all(clean[name] == said[name] for name in clean):
        return result
    return result.model_copy(update=clean)
