"""What a tool's effect says, as the screen shows it: its texts, and whether it went well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def as_text(value: Any) -> str:
    """The texts of a result, in lines; a picture is named only."""
    if isinstance(value, Mapping) and isinstance(value.get("result"), list):
        return "\n".join(_piece(piece) for piece in value["result"])
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def is_error(value: Any) -> bool:
    """True when the tool was called and says that it failed."""
    return isinstance(value, Mapping) and bool(value.get("is_error"))


def _piece(piece: Mapping[str, Any]) -> str:
    content = piece.get("content")
    return content if isinstance(content, str) else "[image]"
