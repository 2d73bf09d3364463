"""An error that a kernel told of, in the fewest words: what the live kernel says of its own blocks, over the wire.

Only lines of the block are told; frames of libraries say nothing to whoever wrote it. They are read off the traceback
as IPython writes it since version 8. A kernel that writes another is told by the last lines of what it wrote.
"""

from __future__ import annotations

import re
from typing import Any

from .output_text import cut_middle, plain_text, terminal_text

MAX_LINES = 5
"""Lines of the block, the innermost ones."""

MAX_FOREIGN_LINES = 12

_HEADER = re.compile(r"\w[\w.]* +Traceback \(most recent call last\)")
_FRAME = re.compile(r" *Cell In ?\[\d+\], line (\d+)(?:, in ([^(]+)\(.*)?")
_ARROW = re.compile(r"-+> +\d+ (.*)")
_FILE = re.compile(r" \([\w<>. ]*, line \d+\)$")


def text_of(outputs: list[dict[str, Any]]) -> str:
    """Outputs as text for people and models, what went wrong on the last lines."""
    text = plain_text(outputs)
    errors = [
        error_words(output["ename"], output["evalue"], output["traceback"])
        for output in outputs
        if output["output_type"] == "error"
    ]
    if errors:
        text += "\n" if text and not text.endswith("\n") else ""
        text += cut_middle("\n".join(errors))
    return text


def error_words(name: str, value: str, traceback: list[str]) -> str:
    """The lines of the block in which it happened, outermost first, and what happened last."""
    lines = terminal_text("\n".join(traceback)).splitlines()
    starts = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line)]
    frames = _frames(lines[starts[-1] :] if starts else lines)
    said = terminal_text(
        f"{name}: {_FILE.sub('', value) if name.endswith('SyntaxError') else value}" if value else name
    )
    if frames:
        return "\n".join([*frames[-MAX_LINES:], said])
    told = [line for line in lines if line.strip() and not line.startswith("-----")]
    return "\n".join(told[-MAX_FOREIGN_LINES:]) if name != said and len(told) > 1 else said


def _frames(lines: list[str]) -> list[str]:
    found = []
    for number, line in enumerate(lines):
        frame = _FRAME.fullmatch(line)
        if frame is None:
            continue
        code = ""
        for following in lines[number + 1 :]:
            arrow = _ARROW.match(following)
            if arrow or not following.strip() or line.startswith(" "):  # of a syntax error the next line is the code
                code = (arrow[1] if arrow else following).strip()
                break
        function = f", in {frame[2].rpartition('.')[2]}" if frame[2] else ""
        found.append(f"line {frame[1]}{function}: {code}")
    return found
