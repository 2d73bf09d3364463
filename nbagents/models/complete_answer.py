"""Whether what a server sent is a whole answer: a part of one is never taken for one, nor is nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..errors import ModelContentFilterError, ModelResponseError
from .faults import Server
from .messages import CreateResult


async def result_of(parts: AsyncGenerator[str | CreateResult, None]) -> CreateResult:
    """The whole answer, which a client yields last; the stream is closed with it."""
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, CreateResult):
                return part
    raise AssertionError("a stream ends with its result")


def check_complete(server: Server, finish_reason: str | None, text: str, empty: bool) -> None:
    """Refuse an answer that is not whole.

    Args:
        server: who answered.
        finish_reason: why it ended, as the server says it; None if it did not.
        text: what was said.
        empty: nothing was said, and nothing called.

    Raises:
        ModelContentFilterError: the provider's filter stopped it on its way.
        ModelResponseError: it broke off, or there is none.
    """
    if finish_reason is None:
        raise server.error(
            ModelResponseError,
            f"the model broke off its answer after {len(text)} characters and did not say why: run it again",
            transient=True,
        )
    if finish_reason in ("content_filter", "refusal"):
        raise server.error(
            ModelContentFilterError,
            f"the content filter of {server.address} stopped the answer after {len(text)} characters: say it otherwise",
        )
    if empty and finish_reason in ("length", "max_tokens"):
        raise server.error(
            ModelResponseError, "all its tokens went into thinking, and none was left for an answer: raise max_tokens"
        )
    if empty:
        raise server.error(ModelResponseError, "the answer is empty: run it again", transient=True)
