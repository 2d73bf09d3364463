"""The outputs of a block as text: what people skim and models read.

Images become words, terminal colours go, and a progress bar is its last state. What is longer than `LIMIT` loses its
middle, and says so: the beginning shows what ran, the end how it ended.
"""

from __future__ import annotations

import re
from typing import Any

LIMIT = 200_000
"""Characters of text that are kept of one block."""

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_OVERWRITTEN = re.compile(r"[^\r\n]*\r(?=[^\r\n])")


def plain_text(outputs: list[dict[str, Any]]) -> str:
    """The text of nbformat outputs, in order; errors are left out, because they are told last and in other words."""
    parts: list[str] = []
    for output in outputs:
        if output["output_type"] == "stream":
            parts.append(terminal_text(output["text"]))
        elif output["output_type"] in ("display_data", "execute_result"):
            # What is displayed stands on lines of its own.
            if parts and not parts[-1].endswith("\n"):
                parts.append("\n")
            parts.append(f"{_words_for(output['data'])}\n")
    return cut_middle("".join(parts))


def terminal_text(text: str) -> str:
    """`text` as a terminal would end up showing it: no escape codes; of lines that overwrite each other, the last."""
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    return _OVERWRITTEN.sub("", text) if "\r" in text else text


def cut_middle(text: str, limit: int = LIMIT) -> str:
    """`text`, or its two ends with a note between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return text[:half] + left_out(len(text) - 2 * half) + text[-half:]


def left_out(characters: int) -> str:
    """The note that stands where text was cut."""
    return f"\n[... {characters} characters left out ...]\n"


def _words_for(data: dict[str, Any]) -> str:
    if any(mime.startswith("image/") for mime in data):
        return "[figure]"
    if "application/vnd.jupyter.widget-view+json" in data:
        return "[widget]"
    for mime in ("text/markdown", "text/plain", "text/latex"):
        text = data.get(mime)
        if isinstance(text, str) and not (mime == "text/plain" and text.startswith("<IPython.core.display.")):
            return terminal_text(text)
    return f"[{', '.join(data) or 'nothing'}]"
