"""A model's server that fails as it is told to, byte by byte, over a real socket: what no mock server can do.

Two dialects of one kind of script, so that every fault is tried with both protocols.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import zip_longest
from typing import Any, ClassVar, Literal

Step = Callable[["Reply"], Awaitable[None]]
End = Literal["finish", "cut", "reset", "stall"]
EVENT_STREAM = "text/event-stream"


class Reply:
    """One request, and the connection on which it is answered."""

    def __init__(self, path: str, body: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.path, self.body, self._reader, self._writer = path, body, reader, writer

    @property
    def streamed(self) -> bool:
        return bool(self.body.get("stream"))

    async def send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        kind = "text/html" if isinstance(body, str) else "application/json"
        await self.begin(status, {"Content-Type": kind, "Content-Length": str(len(raw)), **(headers or {})})
        self._writer.write(raw)
        await self._writer.drain()

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"HTTP/1.1 {status} Said\r\n{lines}Connection: close\r\n\r\n".encode())
        await self._writer.drain()

    async def write(self, raw: str) -> None:
        await self.write_bytes(raw.encode())

    async def write_bytes(self, raw: bytes) -> None:
        self._writer.write(raw)
        await self._writer.drain()

    async def left(self) -> None:
        """Wait until the client ends the connection."""
        await self._reader.read()

    def reset(self) -> None:
        """End the connection so that the other side sees a reset."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class Dialect:
    """How a protocol says what every protocol says."""

    name: str
    error_of_overflow: ClassVar[Any]

    def whole(self, text: str, finish: str) -> Any:
        """An answer in one."""
        raise NotImplementedError

    def pieces(self, text: str, finish: str) -> list[str]:
        """The events of a stream; the last two end it."""
        raise NotImplementedError

    def calls(self, calls: Mapping[str, Sequence[str]]) -> list[str]:
        """The events of a stream of calls: of each the tool's name, and the pieces of its arguments, mixed.

        The first two begin it, the last two end it.
        """
        raise NotImplementedError


class OpenAIDialect(Dialect):
    name = "openai"
    finishes: Mapping[str, str] = {"stop": "stop", "filter": "content_filter", "length": "length"}
    error_of_overflow: ClassVar[Any] = {
        "error": {"message": "This model's maximum context length is 10 tokens.", "code": "context_length_exceeded"}
    }

    def whole(self, text: str, finish: str = "stop") -> Any:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": self.finishes[finish]}
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}

    def pieces(self, text: str, finish: str = "stop") -> list[str]:
        deltas: list[dict[str, Any]] = [{"delta": {"content": word}, "finish_reason": None} for word in text.split()]
        choices = [*deltas, {"delta": {}, "finish_reason": self.finishes[finish]}]
        return [f"data: {json.dumps(self._chunk([{'index': 0, **choice}]))}\n\n" for choice in choices] + [
            "data: [DONE]\n\n"
        ]

    def calls(self, calls: Mapping[str, Sequence[str]]) -> list[str]:
        begin = [
            {"index": at, "id": f"c-{name}", "type": "function", "function": {"name": name, "arguments": ""}}
            for at, name in enumerate(calls)
        ]
        pieces = [{"index": at, "function": {"arguments": piece}} for at, piece in _mixed(calls)]
        deltas: list[dict[str, Any]] = [{"delta": {"tool_calls": [one]}, "finish_reason": None}
                                        for one in [*begin, *pieces]]  # fmt: skip
        choices = [{"delta": {"role": "assistant"}, "finish_reason": None}, *deltas,
                   {"delta": {}, "finish_reason": "tool_calls"}]  # fmt: skip
        return [f"data: {json.dumps(self._chunk([{'index': 0, **choice}]))}\n\n" for choice in choices] + [
            "data: [DONE]\n\n"
        ]

    def _chunk(self, choices: list[Any]) -> dict[str, Any]:
        return {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices}


class AnthropicDialect(Dialect):
    name = "anthropic"
    finishes: Mapping[str, str] = {"stop": "end_turn", "filter": "refusal", "length": "max_tokens"}
    error_of_overflow: ClassVar[Any] = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 200001 tokens > 200000 maximum"},
    }

    def whole(self, text: str, finish: str = "stop") -> Any:
        content = [{"type": "text", "text": text}] if text else []
        return self._message(content, self.finishes[finish])

    def pieces(self, text: str, finish: str = "stop") -> list[str]:
        delta = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
                 for word in text.split()]  # fmt: skip
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": self._message([], None)},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *delta,
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": self.finishes[finish]}, "usage": {"output_tokens": 4}},
            {"type": "message_stop"},
        ]
        return _as_events(events)

    def calls(self, calls: Mapping[str, Sequence[str]]) -> list[str]:
        blocks = [{"type": "tool_use", "id": f"c-{name}", "name": name, "input": {}} for name in calls]
        deltas = [{"type": "content_block_delta", "index": at,
                   "delta": {"type": "input_json_delta", "partial_json": piece}}
                  for at, piece in _mixed(calls)]  # fmt: skip
        return _as_events([
            {"type": "message_start", "message": self._message([], None)},
            *({"type": "content_block_start", "index": at, "content_block": block} for at, block in enumerate(blocks)),
            *deltas,
            *({"type": "content_block_stop", "index": at} for at in range(len(blocks))),
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
            {"type": "message_stop"},
        ])  # fmt: skip

    def _message(self, content: list[Any], stop: str | None) -> dict[str, Any]:
        usage = {"input_tokens": 3, "output_tokens": 4}
        return {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": content,
                "stop_reason": stop, "stop_sequence": None, "usage": usage}  # fmt: skip


def _as_events(events: Iterable[dict[str, Any]]) -> list[str]:
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def _mixed(calls: Mapping[str, Sequence[str]]) -> list[tuple[int, str]]:
    """The pieces of all calls, each with its call's number: the first of each, then the second of each."""
    rounds = zip_longest(*calls.values())
    return [(at, piece) for pieces in rounds for at, piece in enumerate(pieces) if piece is not None]


class FaultServer:
    """Answers each request by the next step of its script, and when that is over, with "ok then"."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.script: list[Step] = []
        self.asked: list[Reply] = []
        self.url = ""
        self.left = asyncio.Event()
        """Set when a client has ended the connection of an answer that stalls."""

    def fails(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None, times: int = 1) -> None:
        """An HTTP error."""
        said = body if body is not None else {"error": {"message": f"said {status}", "type": "said"}}

        async def step(reply: Reply) -> None:
            await reply.send(status, said, headers)

        self.script += [step] * times

    def says(self, text: str, *, finish: str = "stop", end: End = "finish", extra: str = "") -> None:
        """An answer: whole, or ended before its end; `extra` is sent in its middle as it is."""

        async def step(reply: Reply) -> None:
            if reply.streamed:
                await self._stream(reply, text, finish, end, extra)
            else:
                await self._in_one(reply, text, finish, end)

        self.script.append(step)

    def calls(self, calls: Mapping[str, Sequence[str]], *, end: End = "finish") -> None:
        """A stream of calls; one that does not finish is ended before its last two events."""

        async def step(reply: Reply) -> None:
            pieces = self.dialect.calls(calls)
            await reply.begin(200, {"Content-Type": EVENT_STREAM})
            for piece in pieces if end == "finish" else pieces[:-2]:
                await reply.write(piece)
            await self._end(reply, end)

        self.script.append(step)

    async def _stream(self, reply: Reply, text: str, finish: str, end: End, extra: str) -> None:
        pieces = self.dialect.pieces(text, finish)
        body = pieces if end == "finish" else pieces[:4]
        await reply.begin(200, {"Content-Type": EVENT_STREAM})
        for at, piece in enumerate(body):
            await reply.write(extra + piece if at == 3 else piece)
        await self._end(reply, end)

    async def _in_one(self, reply: Reply, text: str, finish: str, end: End) -> None:
        raw = json.dumps(self.dialect.whole(text, finish))
        await reply.begin(200, {"Content-Type": "application/json", "Content-Length": str(len(raw))})
        await reply.write(raw if end == "finish" else raw[:10])
        await self._end(reply, end)

    async def _end(self, reply: Reply, end: End) -> None:
        if end == "reset":
            await asyncio.sleep(0.02)  # what was sent must have arrived: a reset takes away what is still on its way
            reply.reset()
        elif end == "stall":
            await reply.left()
            self.left.set()

    def resets(self) -> None:
        """The connection goes away before any answer."""

        async def step(reply: Reply) -> None:
            reply.reset()

        self.script.append(step)

    def is_silent(self) -> None:
        """No answer ever comes."""

        async def step(reply: Reply) -> None:
            await asyncio.Event().wait()

        self.script.append(step)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
            reply = Reply(first.split()[1], body, reader, writer)
            self.asked.append(reply)
            if not self.script:
                self.says("ok then")
            await self.script.pop(0)(reply)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has left
        finally:
            writer.close()


@asynccontextmanager
async def fault_server(dialect: Dialect) -> AsyncIterator[FaultServer]:
    """A server for the time of one test; requests that it keeps waiting end with it."""
    script, serving = FaultServer(dialect), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await script.serve(reader, writer)
        finally:
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield script
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()
