"""What code showed (nbformat v4 outputs), as safe HTML, as markdown and as plain text.

The richest form that is safe wins: picture, table, markdown, text. What only scripts can draw is shown by its
text. Every output has a limit, and says so where it is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from .images import TYPES, Picture, picture
from .markdown import to_html
from .plain import plain_text, shortened
from .sanitize import literal, sanitized, visible

Output = Mapping[str, Any]

LONGEST_HTML = 200_000
"""Characters of one output's HTML."""

LONGEST_TEXT = 20_000
"""Characters of one output's text in a saved notebook's plain form."""

TRACEBACK_LINES = 12

LARGEST_BLOCK = 4_000_000
"""Characters of HTML that all outputs of one block may take together."""

_HEADER = re.compile(r"-{20,}|\w+ +Traceback \(most recent call last\)")
"""How IPython begins a traceback; the error's name stands above it already."""

_TAG = re.compile(r"<[^>]*>")


def outputs_html(outputs: Sequence[Output], figure: str = "figure") -> str:
    """All outputs of a block.

    Args:
        figure: what a picture is called to those who cannot see it.
    """
    parts: list[str] = []
    for output in merged(outputs):
        part = output_html(output, figure)
        if sum(map(len, parts)) + len(part) > LARGEST_BLOCK:
            parts.append("<p><em>more outputs are not shown: the block showed too much</em></p>")
            break
        parts.append(part)
    return "\n".join(filter(None, parts))


def output_html(output: Output, figure: str = "figure") -> str:
    """One output as safe HTML; "" when there is nothing to show."""
    kind = output.get("output_type")
    if kind == "stream":
        return _pre(_joined(output.get("text")))
    if kind == "error":
        name, value, trace = _error(output)
        return f"<p><strong>{escape(name)}</strong>: {literal(value)}</p>{_pre(trace)}"
    found = picture_of(output)
    if found is not None:
        return f"<p>{found.html(figure)}</p>"
    return _data_html(output.get("data") or {})


def outputs_text(outputs: Sequence[Output]) -> str:
    """All outputs as plain text, pictures named."""
    return "\n".join(filter(None, (output_text(output) for output in merged(outputs))))


def output_text(output: Output) -> str:
    """One output as plain text; a picture by its name."""
    kind = output.get("output_type")
    if kind == "stream":
        text = plain_text(_joined(output.get("text")))
    elif kind == "error":
        name, value, trace = _error(output)
        text = "\n".join(filter(None, [f"{name}: {value}", trace]))
    else:
        data = output.get("data") or {}
        text = plain_text(_joined(data.get("text/plain") or data.get("text/markdown") or data.get("text/latex")))
        if picture_type(output):
            return "[figure]"
    return visible(shortened(text.rstrip("\n"), LONGEST_TEXT))


def picture_type(output: Output) -> str | None:
    """The type of the picture that an output holds; None without one."""
    return next((mime for mime in TYPES if (output.get("data") or {}).get(mime)), None)


def picture_of(output: Output) -> Picture | None:
    """The picture of an output; None when it has none that can be shown."""
    mime = picture_type(output)
    if mime is None:
        return None
    size = (output.get("metadata") or {}).get(mime)
    width = size.get("width") if isinstance(size, Mapping) else None
    return picture(mime, _joined(output["data"][mime]), width if isinstance(width, int) and width > 0 else None)


def merged(outputs: Iterable[Output]) -> Iterator[Output]:
    """The outputs, with what was printed in one go in one piece."""
    waiting: dict[str, Any] | None = None
    for output in outputs:
        if output.get("output_type") != "stream":
            if waiting:
                yield waiting
                waiting = None
            yield output
        elif waiting and waiting.get("name") == output.get("name"):
            waiting["text"] += _joined(output.get("text"))
        else:
            if waiting:
                yield waiting
            waiting = {**output, "text": _joined(output.get("text"))}
    if waiting:
        yield waiting


def _data_html(data: Mapping[str, Any]) -> str:
    html = _joined(data.get("text/html"))
    if html:
        shown = _bounded_html(html)
        if _TAG.sub("", shown).strip():
            return shown
    if data.get("text/markdown"):
        return _bounded(to_html(shortened(_joined(data["text/markdown"]), LONGEST_TEXT)))
    if data.get("text/latex"):
        return f"<p>{escape(visible(shortened(_joined(data['text/latex']), LONGEST_TEXT)))}</p>"
    return _pre(_joined(data.get("text/plain")))


def _bounded_html(html: str) -> str:
    if len(html) <= LONGEST_HTML:
        return _bounded(sanitized(visible(html)))
    # The parser closes what the cut left open.
    shown = sanitized(visible(html[:LONGEST_HTML].rsplit("<", 1)[0]))
    return f"{_bounded(shown)}{_cut(len(html))}"


def _bounded(html: str) -> str:
    """Cleaning may lengthen a text (entities, closing tags); a hostile one is then shown as its text."""
    return html if len(html) <= 2 * LONGEST_HTML else _pre(_TAG.sub("", html)[:LONGEST_HTML])


def _pre(text: str) -> str:
    text = plain_text(text).rstrip("\n")
    if not text.strip():
        return ""
    cut = _cut(len(text)) if len(text) > LONGEST_HTML else ""
    return f"<pre><samp>{escape(visible(text[:LONGEST_HTML]))}</samp></pre>{cut}"


def _cut(length: int) -> str:
    return f"<p><em>output cut: {LONGEST_HTML:,} of {length:,} characters are shown</em></p>"


def _error(output: Output) -> tuple[str, str, str]:
    """Name, message and the last lines of the traceback, without the line that only repeats the two."""
    name, value = plain_text(str(output.get("ename", "Error"))), plain_text(str(output.get("evalue", "")))
    lines = plain_text("\n".join(map(str, output.get("traceback") or []))).rstrip("\n").split("\n")
    lines = [line for line in lines if not _HEADER.fullmatch(line)]
    if lines and lines[-1].strip() == f"{name}: {value}".strip():
        lines.pop()
    if len(lines) > TRACEBACK_LINES:
        lines = ["…", *lines[-TRACEBACK_LINES:]]
    return visible(name), visible(shortened(value, 2_000)), "\n".join(lines).strip("\n")


def _joined(text: Any) -> str:
    """nbformat allows a text to be a list of its lines."""
    if isinstance(text, list | tuple):
        return "".join(map(str, text))
    return "" if text is None else str(text)
