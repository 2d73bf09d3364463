"""`KernelRequest`: one execute request on its way, and what has come back of it.

It is over when the kernel has replied and has said that it is idle again: output may follow the reply, on another
channel. Messages of other requests (a thread that an earlier block left behind) are none of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..code import NamesChange
from ..errors import TransferError
from .block_outputs import BlockOutputs
from .in_kernel import MEDIA_TYPE
from .kernel_connection import Message
from .safe_outputs import error_of, printable, take

MOST_NAMES = 1000


class KernelRequest:
    """What came back so far.

    Args:
        outputs: where its output goes.
        clean: what becomes of HTML.
        byte_limit: of output; what comes after is not looked at.
        ask: is called with the content of an `input_request`.

    Attributes:
        ended: a future; done when the request is over, its output complete.
        flooded: a future; done when more than `byte_limit` came.
        reply: the content of the reply; {} when there was none.
        incomplete: a part got lost on the way.
        loose_end_seconds: how long to wait for the other of the two once there is a reply, or the kernel is idle. It
            may have been dropped: ZeroMQ drops what nobody takes, and messages that are too large.
        reply_is_all: whatever follows the reply is of no interest.
    """

    def __init__(
        self, outputs: BlockOutputs, clean: Callable[[str], str], byte_limit: int, ask: Callable[[dict[str, Any]], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.id = ""
        self.outputs, self.ask = outputs, ask
        self.ended: asyncio.Future[None] = loop.create_future()
        self.flooded: asyncio.Future[None] = loop.create_future()
        self.reply: dict[str, Any] = {}
        self.incomplete = self.reply_is_all = False
        self.loose_end_seconds = 2.0
        self._clean, self._left = clean, byte_limit
        self._replied = self._idle = False
        self._loose_end: asyncio.TimerHandle | None = None

    @property
    def complete(self) -> bool:
        """All of it has come: the reply, and that the kernel is idle again."""
        return self._replied and self._idle

    def receive(self, channel: str, message: Message, size: int) -> None:
        """Take a message of the kernel, if it is an answer to this request."""
        content = message.get("content")
        if self.ended.done() or not isinstance(content, dict) or _parent(message) != self.id:
            return
        if channel == "iopub":
            self._take_output(message, content, size)
        elif channel == "shell" and message.get("msg_type") == "execute_reply":
            self._replied, self.reply = True, content
            self._end_soon()
        elif channel == "stdin" and message.get("msg_type") == "input_request":
            self.ask(content)

    def _take_output(self, message: Message, content: dict[str, Any], size: int) -> None:
        if message.get("msg_type") == "status":
            if content.get("execution_state") == "idle":
                self._idle = True
                self._end_soon()
            return
        if self._loose_end is not None and not self._idle:
            self._end_soon()  # it still has something to say: wait anew
        self._left -= size
        if self._left >= 0:
            take(message, self.outputs, self._clean)
        elif not self.flooded.done():
            self.flooded.set_result(None)

    def _end_soon(self) -> None:
        if self._loose_end is not None:
            self._loose_end.cancel()
        if self._replied and (self._idle or self.reply_is_all):
            self.end()
        else:
            self._loose_end = asyncio.get_running_loop().call_later(self.loose_end_seconds, self._end_incomplete)

    def _end_incomplete(self) -> None:
        self.incomplete = True
        self.end()

    def end(self) -> None:
        """It is over, also if it is not: the kernel died, or nobody waits any more."""
        if self._loose_end is not None:
            self._loose_end.cancel()
        if not self.ended.done():
            self.ended.set_result(None)

    def take_reply(self) -> None:
        """Put into the outputs what only the reply says."""
        if self.incomplete:
            self.outputs.write(
                "stderr", "\n[a part of the output got lost: it came too fast, or in too large a piece]\n"
            )
        payload = self.reply.get("payload")
        for each in payload if isinstance(payload, list) else []:  # `name?` opens a pager
            data = each.get("data") if isinstance(each, dict) else None
            if isinstance(data, dict):
                self.outputs.write("stdout", printable(str(data.get("text/plain", ""))))
        if self.reply.get("status") != "ok" and not self.outputs.failed:
            said = self.reply or {"ename": "NoReply", "evalue": "the kernel did not reply"}
            self.outputs.error(*error_of(said))

    def answer(self, name: str) -> Any:
        """What an expression of ours came to; taken as hostile as all else.

        Raises:
            TransferError: it came to nothing that is ours.
        """
        found = self.reply.get("user_expressions")
        result = found.get(name) if isinstance(found, dict) else None
        data = result.get("data") if isinstance(result, dict) else None
        if not isinstance(data, dict) or MEDIA_TYPE not in data:
            ename, evalue, _ = error_of(result if isinstance(result, dict) else {})
            raise TransferError(f"the kernel did not do what nbagents asked for: {ename}: {evalue}")
        return data[MEDIA_TYPE]


def names_told(told: Any) -> NamesChange | None:
    """The names that `in_kernel.watch` told, if it is what it says."""
    if not isinstance(told, dict):
        return None
    lists = [told.get(kind) for kind in ("created", "rebound", "deleted")]
    strings = [[each for each in names if isinstance(each, str)] if isinstance(names, list) else [] for names in lists]
    return NamesChange(*(tuple(printable(each)[:200] for each in names[:MOST_NAMES]) for names in strings))


def _parent(message: Message) -> Any:
    header = message.get("parent_header")
    return header.get("msg_id") if isinstance(header, dict) else None
