"""One item as HTML, the same in the live view and in the saved block."""

from __future__ import annotations

from html import escape

from . import wording
from .highlight import code_html
from .items import Asked, Block, Item, Resumed, Said, Task, Thought, ToolCall
from .markdown import to_html
from .outputs import outputs_html, picture_type
from .plain import shortened
from .sanitize import literal, visible


def item_html(item: Item) -> str:
    """The body of `item`; its title and state stand elsewhere."""
    match item:
        case Task():
            return _task(item)
        case Said():
            return to_html(item.markdown)
        case Thought():
            return f"<details><summary>thought first</summary>{to_html(item.text)}</details>"
        case Block():
            return "\n".join(filter(None, [block_code_html(item), block_result_html(item)]))
        case Asked():
            return _asked(item)
        case ToolCall():
            parts = [_pre(item.arguments), _pre(item.result)]
            return "\n".join(filter(None, parts))
        case Resumed():
            return f"<p><em>{literal(wording.resumed(item))}</em></p>"
    raise AssertionError(f"unknown item {item!r}")


def block_code_html(block: Block) -> str:
    """The code of a block, and what the agent had written when a person changed it."""
    html = code_html(block.code, block.language)
    if block.proposed_code is None:
        return html
    before = code_html(block.proposed_code, block.language)
    return f"{html}\n<details><summary>as {literal(block.agent)} wrote it</summary>{before}</details>"


def block_result_html(block: Block, *, figures: bool = True) -> str:
    """What came of a block.

    Args:
        figures: False where its pictures stand in another place already.
    """
    why = wording.reason(block) if block.reason or block.state == "rejected" else ""
    outputs = block.outputs if figures else [output for output in block.outputs if not picture_type(output)]
    shown = outputs_html(outputs, f"figure of block {block.number}")
    above = "" if figures else f"<p><em>The figure of block {block.number} stands above.</em></p>"
    said = f"<p><em>{literal(visible(why))}</em></p>" if why else ""
    changed = f"<p><small>{literal(names)}</small></p>" if (names := wording.names(block)) else ""
    return "\n".join(filter(None, [said, shown, above, changed]))


def _asked(asked: Asked) -> str:
    """What was replied; while it waits, the question stands in the form that asks it."""
    if asked.decision:
        return f"<blockquote>{to_html(wording.reply(asked))}</blockquote>"
    return f"<p><em>{literal(visible(asked.prompt))} ({wording.waiting(asked)})</em></p>" if asked.unanswered else ""


def _task(task: Task) -> str:
    parts = [to_html(task.text)]
    if task.places:
        parts.append(f"<p><small>{'<br>'.join(literal(visible(line)) for line in task.places)}</small></p>")
    if task.shared:
        lines = "".join(f"<li>{literal(visible(line))}</li>" for line in task.shared)
        parts.append(f"<details><summary>shared with the agents</summary><ul>{lines}</ul></details>")
    return "".join(parts)


def _pre(text: str) -> str:
    return f"<pre><samp>{escape(visible(shortened(text, 20_000)))}</samp></pre>" if text.strip() else ""
