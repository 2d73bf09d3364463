"""What a session of Azure answers, as a result with a notebook's outputs."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from ..code import CodeResult
from .block_outputs import BlockOutputs
from .output_text import cut_middle, terminal_text

PICTURES = {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
LARGEST_PICTURES = 10_000_000


def session_result(done: dict[str, Any], *, with_value: bool) -> CodeResult:
    """The published ``SessionCodeExecutionResource`` as a result.

    Args:
        done: the answer.
        with_value: also the value of the last expression: text, or a picture.
    """
    result = done.get("result") or {}
    shown, words = BlockOutputs(rich_limit=LARGEST_PICTURES), ""
    for stream in ("stderr", "stdout"):
        shown.write(stream, str(result.get(stream) or ""))
    text = "".join(output["text"] for output in shown.outputs())
    value = result.get("executionResult")
    if done.get("status") != "Succeeded":
        words = _failure(done) if not result.get("stderr") else ""
        shown.write("stderr", words)
    elif with_value and value not in (None, ""):
        data = _displayed(value)
        words = data.get("text/plain", "[figure]")
        shown.result(data, {})
    return CodeResult(
        exit_code=0 if done.get("status") == "Succeeded" else 1,
        output=cut_middle(terminal_text(text + words)),
        outputs=shown.outputs(),
    )


def _failure(done: dict[str, Any]) -> str:
    """Why code failed that wrote nothing to stderr; the published error stands in an object of the same name."""
    error = done.get("error") or {}
    error = error.get("error", error) if isinstance(error, dict) else {}
    said = ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
    return said or f"the session says {done.get('status')!r}"


def _displayed(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value.get("type") == "image":
        mime, picture = PICTURES.get(str(value.get("format")).lower()), value.get("base64_data")
        if mime and isinstance(picture, str) and _is_base64(picture):
            return {mime: picture}
    return {"text/plain": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True
