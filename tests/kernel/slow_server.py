"""A server of chat completions that writes a word at a time, slowly, over a real socket: as text, or in a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class SlowServer:
    """Answers every request with `words` words, one each `pause` seconds; those of a call where there is a `tool`."""

    def __init__(self, words: int, pause: float, tool: str = "") -> None:
        self.words, self.pause, self.tool = words, pause, tool
        self.url = ""
        self.sent = 0
        self.left = asyncio.Event()
        """Set when a client went away before the end."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        gone = asyncio.ensure_future(reader.read())
        try:
            for number in range(self.words):
                writer.write(_chunk(self._delta(f"word{number} ")))
                await writer.drain()
                self.sent += 1
                done, _ = await asyncio.wait([gone], timeout=self.pause)
                if done:
                    self.left.set()
                    return
            writer.write(_chunk({}, finish="stop") + b"data: [DONE]\n\n")
            await writer.drain()
        except ConnectionError:
            self.left.set()
        finally:
            gone.cancel()
            writer.close()

    def _delta(self, word: str) -> dict[str, Any]:
        if not self.tool:
            return {"content": word}
        return {"tool_calls": [{"index": 0, "id": "c", "function": {"name": self.tool, "arguments": word}}]}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7} if finish else None
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return f"data: {json.dumps({**chunk, 'usage': usage})}\n\n".encode()


@asynccontextmanager
async def slow_server(words: int, pause: float, tool: str = "") -> AsyncIterator[SlowServer]:
    """A server for the time of one test."""
    script = SlowServer(words, pause, tool)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    try:
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield script
    finally:
        server.close()
