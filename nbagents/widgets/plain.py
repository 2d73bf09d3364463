"""Text as it can be shown anywhere: no terminal codes, no control characters, progress bars at their last state."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_]|[ -/]+[0-~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain_text(text: str) -> str:
    """`text` as it stands on a screen after it was printed."""
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    if "\r" in text or "\b" in text:
        text = "\n".join(map(_overprinted, text.split("\n")))
    return _CONTROL.sub("", text)


def _overprinted(line: str) -> str:
    """What is left of a line when each carriage return began it anew."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :] if part else shown
    return shown


def encodable(text: str) -> str:
    """`text` with a question mark for each half of a surrogate pair: no front end can be sent one."""
    return text.encode("utf-8", "replace").decode("utf-8")


def shortened(text: str, limit: int) -> str:
    """`text`, with its middle cut out and the cut named when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters cut …\n{text[-half:]}"
