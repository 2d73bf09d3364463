"""What an MCP server says, as tools say it here: schemas, texts, pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...image import Image
from ..results import ImageResultContent, TextResultContent
from ..schema import ParametersSchema, ToolSchema, without_refs

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult, Tool

MOST_PAGES = 100
"""A server whose list has more pages than this is taken to be stuck."""


async def tools_of(client: Client) -> list[Tool]:
    """All tools of a server, page by page."""
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def schema_of(tool: Tool) -> ToolSchema:
    """The schema of a server's tool."""
    given = without_refs(tool.input_schema)
    parameters = ParametersSchema(
        type="object", properties=given.get("properties", {}), required=given.get("required", [])
    )
    # A schema for further arguments is more than a model is told: it may add some, or may not.
    parameters["additionalProperties"] = bool(given.get("additionalProperties", False))
    if "$defs" in given:
        parameters["$defs"] = given["$defs"]
    return ToolSchema(name=tool.name, description=tool.description or "", parameters=parameters)


def contents_of(result: CallToolResult) -> list[TextResultContent | ImageResultContent]:
    """The contents of an answer; where it is data only, the data as JSON."""
    if not result.content and result.structured_content is not None:
        return [TextResultContent(content=json.dumps(result.structured_content, ensure_ascii=False))]
    return list(_contents(result.content))


def _contents(blocks: Iterable[Any]) -> Iterable[TextResultContent | ImageResultContent]:
    for block in blocks:
        if block.type == "text":
            yield TextResultContent(content=block.text)
        elif block.type == "image":
            yield _picture(block)
        elif block.type == "resource" and getattr(block.resource, "text", None) is not None:
            yield TextResultContent(content=block.resource.text)
        elif block.type in ("audio", "resource"):
            # Bytes as base64 would fill the model's context and tell it nothing.
            what = getattr(block, "mime_type", None) or getattr(block.resource, "mime_type", None) or "data"
            yield TextResultContent(content=f"[{what}]")
        else:
            yield TextResultContent(content=block.model_dump_json(exclude_none=True, by_alias=True))


def _picture(block: Any) -> TextResultContent | ImageResultContent:
    try:
        return ImageResultContent(content=Image.from_base64(block.data))
    except (ValueError, ConfigurationError) as error:
        return TextResultContent(content=f"[{block.mime_type} that cannot be shown: {error}]")
