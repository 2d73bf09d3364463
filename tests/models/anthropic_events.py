"""Streams of Anthropic's Messages API, block by block."""

from __future__ import annotations

import json
from typing import Any

from tests.models.fault_server import EVENT_STREAM, FaultServer, Reply


def sends(server: FaultServer, *blocks: tuple[dict[str, Any], list[dict[str, Any]]], stop: str = "end_turn") -> None:
    """Script a stream: each block as it starts, and its deltas."""

    async def step(reply: Reply) -> None:
        await reply.begin(200, {"Content-Type": EVENT_STREAM})
        usage = {"input_tokens": 3, "cache_read_input_tokens": 10, "output_tokens": 1}
        message = {"id": "x", "type": "message", "role": "assistant", "model": "m-1", "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": usage}  # fmt: skip
        events: list[dict[str, Any]] = [{"type": "message_start", "message": message}, {"type": "ping"}]
        for index, (start, deltas) in enumerate(blocks):
            events.append({"type": "content_block_start", "index": index, "content_block": start})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 7}})
        for event in [*events, {"type": "message_stop"}]:
            await reply.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")

    server.script.append(step)


def text(*pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]


def thinking(*pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    start = {"type": "thinking", "thinking": "", "signature": ""}
    return start, [*deltas, {"type": "signature_delta", "signature": "sig"}]


def use(id: str, name: str, *pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    start = {"type": "tool_use", "id": id, "name": name, "input": {}}
    return start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
