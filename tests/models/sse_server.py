"""A server of chat completions that sends exactly the chunks that a test gives it, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class SSEServer:
    """Answers every request with the next of `answers`; `bodies` are what it was asked."""

    def __init__(self) -> None:
        self.answers: list[list[dict[str, Any]]] = []
        self.bodies: list[dict[str, Any]] = []
        self.url = ""
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    def says(self, *deltas: dict[str, Any], finish: str = "stop") -> None:
        """Script one answer from the deltas of its chunks."""
        chunks = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        self.answers.append([*chunks, {"index": 0, "delta": {}, "finish_reason": finish}])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        self.bodies.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        if not self.answers:  # an answer that never comes
            await writer.drain()
            self.asked.set()
            await reader.read()
            self.left.set()
        else:
            for choice in self.answers.pop(0):
                chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
                writer.write(f"data: {json.dumps(chunk)}\n\n".encode())
            usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
            last = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [],
                    "usage": usage}  # fmt: skip
            writer.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def sse_server() -> AsyncIterator[SSEServer]:
    """A server for the time of one test."""
    script = SSEServer()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    async with server:
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield script
