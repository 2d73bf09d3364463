"""What may come out of a kernel that runs an agent's code: the messages of its iopub channel, taken as hostile.

Code in a kernel can publish whatever it likes, also through the protocol itself. So only known kinds of messages and an
allow list of media types get through, each checked to be what nbformat says it is. Script, widgets and comms are
dropped, and an output of which nothing else is left says so. SVG is dropped as well: it may hold script and addresses,
matplotlib and plotly offer PNG, and nothing here draws it.

HTML is cleaned here, so that a result is safe wherever it goes (a journal, a saved notebook, `display` in a cell of
the user); what of it a run shows is decided by the stricter list of `nbagents.widgets.sanitize`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from .block_outputs import BlockOutputs

if TYPE_CHECKING:
    import nh3

TEXTS = ("text/plain", "text/markdown", "text/latex")
PICTURES = ("image/png", "image/jpeg")
HTML = "text/html"
JSON = "application/json"

LONGEST_WORD = 2_000
"""Characters of a name, such as that of an exception."""

LONGEST_ERROR = 20_000
"""Characters of what an exception says, and of each line of its traceback."""

TRACEBACK_LINES = 500

_TAG = re.compile(r"<[^>]*>")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def take(message: dict[str, Any], outputs: BlockOutputs, clean: Callable[[str], str]) -> None:
    """Put what an iopub message says into `outputs`; what is not an output, or none that may pass, is dropped.

    Args:
        clean: what becomes of HTML: `cleaned` for code that nobody vouches for.
    """
    content = message.get("content")
    kind = message.get("msg_type")
    if not isinstance(content, dict):
        return
    if kind == "stream":
        name, text = content.get("name"), content.get("text")
        if isinstance(text, str):
            outputs.write("stderr" if name == "stderr" else "stdout", printable(text))
    elif kind == "clear_output":
        outputs.clear(bool(content.get("wait")))
    elif kind == "error":
        outputs.error(*error_of(content))
    elif kind in ("display_data", "execute_result", "update_display_data"):
        data = safe_data(content.get("data"), clean)
        metadata = safe_metadata(content.get("metadata"), data)
        if kind == "execute_result":
            outputs.result(data, metadata)
        elif kind == "display_data":
            outputs.publish(data, metadata, _transient(content))
        else:
            outputs.update(data, metadata, _transient(content))


def safe_data(bundle: Any, clean: Callable[[str], str]) -> dict[str, Any]:
    """What of a mime bundle may pass; never empty: a bundle of which nothing may is named."""
    bundle = bundle if isinstance(bundle, dict) else {}
    found: dict[str, Any] = {}
    for mime in (HTML, *PICTURES, *TEXTS, JSON):
        value = _joined(bundle.get(mime))
        if mime == JSON and mime in bundle and _is_json(bundle[mime]):
            found[mime] = bundle[mime]
        elif value is None:
            continue
        elif mime == HTML:
            html = clean(printable(value))
            if _TAG.sub("", html).strip():
                found[mime] = html
        elif mime in PICTURES:
            if _BASE64.fullmatch(value):
                found[mime] = value
        elif mime in TEXTS:
            found[mime] = printable(value)
    if not set(found) - {"text/plain"} and (dropped := [str(mime)[:100] for mime in bundle if mime != "text/plain"]):
        note = f"[{', '.join(dropped[:5])}: not shown]"
        found["text/plain"] = f"{found['text/plain']}\n{note}" if found.get("text/plain") else note
    return found or {"text/plain": ""}


def safe_metadata(metadata: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The sizes of the pictures, which is all that is used."""
    found = {}
    for mime in PICTURES:
        size = metadata.get(mime) if mime in data and isinstance(metadata, dict) else None
        if isinstance(size, dict):
            found[mime] = {side: size[side] for side in ("width", "height") if _is_length(size.get(side))}
    return found


def error_of(content: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Name, words and traceback of an `error` message, or of an `execute_reply` that failed."""
    lines = content.get("traceback")
    traceback = [printable(str(line))[:LONGEST_ERROR] for line in lines] if isinstance(lines, list) else []
    name = printable(str(content.get("ename", "")))[:LONGEST_WORD] or "Error"
    return name, printable(str(content.get("evalue", "")))[:LONGEST_ERROR], traceback[-TRACEBACK_LINES:]


def printable(text: str) -> str:
    """`text` as UTF-8 can say it: half a surrogate pair is no character, and breaks every file that it gets into."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def cleaned(html: str) -> str:
    """`html` without anything that acts, loads or reaches out."""
    return _cleaner().clean(html)


def as_it_is(html: str) -> str:
    """`html` of code that runs in the user's own name."""
    return html


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=nh3.ALLOWED_TAGS - {"img", "map", "area"},
        clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "title", "svg", "math"},
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )


def _transient(content: dict[str, Any]) -> dict[str, Any]:
    transient = content.get("transient")
    display_id = transient.get("display_id") if isinstance(transient, dict) else None
    return {"display_id": display_id[:LONGEST_WORD]} if isinstance(display_id, str) else {}


def _joined(value: Any) -> str | None:
    """nbformat allows a text to be a list of its lines."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else None


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000
