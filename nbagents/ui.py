"""`Console`: shows a run on the terminal. `UserInputManager`: asks for input when the output before it is shown.

Names and layout are AutoGen's. Model output may carry terminal control codes: they are taken out before they reach a
terminal.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from .agents.task import Response, TaskResult
from .agents.user_proxy import InputFunc, UserProxyAgent, reply_of
from .cancellation import CancellationToken
from .messages import (
    BaseAgentEvent,
    BaseChatMessage,
    ModelClientStreamingChunkEvent,
    MultiModalMessage,
    SelectorEvent,
    ToolCallRequestEvent,
    UserInputRequestedEvent,
)
from .models.messages import RequestUsage

T = TypeVar("T", bound=TaskResult | Response)

CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


class UserInputManager:
    """Holds back an `input_func` until the console has shown the event that asks for it.

    Args:
        callback: the function that asks the person.
    """

    def __init__(self, callback: InputFunc) -> None:
        self.callback = callback
        self.input_events: dict[str, asyncio.Event] = {}

    def get_wrapped_callback(self) -> Callable[[str, CancellationToken | None], Awaitable[str]]:
        """The function to give to a `UserProxyAgent`."""

        async def ask(prompt: str, cancellation_token: CancellationToken | None = None) -> str:
            request_id = UserProxyAgent.InputRequestContext.request_id()
            # Whoever comes first makes the event: the console may have been quicker.
            try:
                await self._event(request_id).wait()
            finally:
                del self.input_events[request_id]
            return await reply_of(self.callback, prompt, cancellation_token)

        return ask

    def notify_event_received(self, request_id: str) -> None:
        """The event with this id was shown."""
        self._event(request_id).set()

    def _event(self, request_id: str) -> asyncio.Event:
        return self.input_events.setdefault(request_id, asyncio.Event())


async def Console(
    stream: AsyncGenerator[BaseAgentEvent | BaseChatMessage | T, None],
    *,
    no_inline_images: bool = False,
    output_stats: bool = False,
    user_input_manager: UserInputManager | None = None,
) -> T:
    """Print what a `run_stream` or `on_messages_stream` yields, as it comes.

    Args:
        stream: the run.
        no_inline_images: name pictures also where the terminal could show them (iTerm2).
        output_stats: print the tokens of each message, and a summary at the end.
        user_input_manager: told when a request for input was shown.

    Returns:
        The `TaskResult` or `Response` at the stream's end.

    Raises:
        ValueError: the stream ended without one.
    """
    screen = _Screen(_shows_images() and not no_inline_images, output_stats)
    last: T | None = None
    async for item in stream:
        if isinstance(item, TaskResult | Response):
            last = item
            screen.end(item)
        elif isinstance(item, UserInputRequestedEvent):
            screen.flush()
            if user_input_manager is not None:
                user_input_manager.notify_event_received(item.request_id)
        else:
            screen.show(item)
    if last is None:
        raise ValueError("No TaskResult or Response was processed.")
    return last


class _Screen:
    """Prints one run."""

    def __init__(self, images: bool, stats: bool) -> None:
        self._images, self._stats = images, stats
        self._started, self._usage = time.monotonic(), RequestUsage()
        self._streaming = ""
        self._streamed: set[str] = set()

    def show(self, message: BaseAgentEvent | BaseChatMessage) -> None:
        if isinstance(message, ModelClientStreamingChunkEvent):
            self._chunk(message)
            return
        stands_there = self._was_streamed(message)
        self.flush()
        if not stands_there:
            self._titled(f"{type(message).__name__} ({message.source})", self._text(message))
        self._count(message.models_usage)

    def _was_streamed(self, message: BaseAgentEvent | BaseChatMessage) -> bool:
        """True when its text stands there already, in pieces that named the message, or at least its source."""
        if isinstance(message, ToolCallRequestEvent):
            return False  # What was streamed is what the model said before it asked for the calls.
        named = message.id in self._streamed
        self._streamed.discard(message.id)
        return named or (isinstance(message, BaseChatMessage | SelectorEvent) and self._streaming == message.source)

    def flush(self) -> None:
        """End a line that was left open by a piece of text."""
        if self._streaming:
            print()
        self._streaming = ""
        sys.stdout.flush()

    def end(self, result: TaskResult | Response) -> None:
        self.flush()
        if isinstance(result, Response):
            self._titled(result.chat_message.source, self._text(result.chat_message))
            self._count(result.chat_message.models_usage)
            facts = [f"Number of inner messages: {len(result.inner_messages or ())}"]
        else:
            facts = [f"Number of messages: {len(result.messages)}", f"Finish reason: {result.stop_reason}"]
        if self._stats:
            seconds = time.monotonic() - self._started
            facts += [
                f"Total prompt tokens: {self._usage.prompt_tokens}",
                f"Total completion tokens: {self._usage.completion_tokens}",
                f"Duration: {seconds:.2f} seconds",
            ]
            self._titled("Summary", "\n".join(facts))

    def _chunk(self, chunk: ModelClientStreamingChunkEvent) -> None:
        whose = chunk.full_message_id or chunk.source
        if self._streaming != whose:
            self.flush()
            print(f"{'-' * 10} {type(chunk).__name__} ({chunk.source}) {'-' * 10}")
            self._streamed.add(whose)
        self._streaming = whose
        print(CONTROL.sub("", chunk.content), end="", flush=True)

    def _text(self, message: BaseAgentEvent | BaseChatMessage) -> str:
        if isinstance(message, MultiModalMessage) and self._images:
            return message.to_text(iterm=True)
        return CONTROL.sub("", message.to_text())

    def _count(self, usage: RequestUsage | None) -> None:
        if usage is None:
            return
        self._usage += usage
        if self._stats:
            print(f"[Prompt tokens: {usage.prompt_tokens}, Completion tokens: {usage.completion_tokens}]", flush=True)

    def _titled(self, title: str, text: str) -> None:
        print(f"{'-' * 10} {title} {'-' * 10}\n{text}", flush=True)


def _shows_images() -> bool:
    """True on the one terminal whose way to show pictures is used here."""
    return os.environ.get("TERM_PROGRAM") == "iTerm.app" and sys.stdout.isatty()
