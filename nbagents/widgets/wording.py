"""The words in which a transcript is told, the same on every screen: titles, states, who decided what, counts."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from ..models.prices import dollars
from .items import Asked, Block, Item, Resumed, Said, Task, ToolCall
from .sanitize import visible
from .transcript import Transcript

PREVIEW = 72

MOST_NAMES = 8
"""So many variables of a block are named, and the others counted."""

_STATES = {
    "proposed": "proposed",
    "waiting": "waiting for you",
    "approved": "approved",
    "rejected": "rejected",
    "running": "running…",
    "done": "ran",
    "failed": "failed",
    "skipped": "not run",
}

_DECISIONS = {"decide": "You decide.", "end": "Ended the conversation."}


def title(item: Item) -> str:
    """What stands over an item besides its agent: "block 1 · python · live"; "" for plain text."""
    if isinstance(item, Block):
        return " · ".join(filter(None, [f"block {item.number}", item.language, item.target]))
    if isinstance(item, ToolCall):
        return f"tool {item.name}"
    return ""


def state(item: Item) -> str:
    """How far an item is, and who decided: "ran · approved by you"; "" for plain text."""
    if isinstance(item, ToolCall):
        return _STATES[item.state]
    if not isinstance(item, Block):
        return ""
    return " · ".join(filter(None, [_state(item), _approval(item)]))


def _state(block: Block) -> str:
    """A block that a person stopped did not fail."""
    return "stopped" if block.state == "failed" and block.reason.startswith("stopped") else _STATES[block.state]


def _approval(block: Block) -> str:
    if block.state == "rejected":
        return "by you"
    if block.approved_by:
        edited = "edited and " if block.proposed_code is not None else ""
        every = f", with all from {block.agent}" if block.allowed_all else ""
        return f"{edited}approved by you{every}"
    return "unasked" if block.state in ("running", "done", "failed") else ""


def reason(block: Block) -> str:
    """Why a block did not run, or ended early: one sentence, or "" when there is nothing to explain."""
    if block.state == "rejected":
        return f"Reason: {block.reason or 'none was given'}"
    return block.reason[:1].upper() + block.reason[1:]


def names(block: Block) -> str:
    """Which variables a block changed: "writes monthly · rebinds df"; "" when it changed none, or nobody knows.

    What it merely imports is left out: it says what is at work, not what came of it.
    """
    imported, verbs = _imported(block.code), {"created": "writes", "rebound": "rebinds", "deleted": "deletes"}
    told = {verb: [name for name in block.names.get(what, ()) if name not in imported] for what, verb in verbs.items()}
    return " · ".join(f"{verb} {_listed(names)}" for verb, names in told.items() if names)


def _imported(code: str) -> set[str]:
    """The names that import statements bind; none of code that Python alone cannot read, such as magics."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError):
        return set()
    aliases = [alias for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    return {alias.asname or alias.name.partition(".")[0] for alias in aliases}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return visible(", ".join(names[:MOST_NAMES])) + more


def reply(asked: Asked) -> str:
    """What a person replied; "" while it waits."""
    return asked.reply or _DECISIONS.get(asked.decision, "")


def waiting(asked: Asked) -> str:
    """What is said in place of a reply that is not there."""
    return "not answered: the run ended" if asked.unanswered else "waits for a reply"


def preview(item: Item) -> str:
    """An item in a few words, for a folded line; "" when its title says it all."""
    if isinstance(item, Block):
        return f"block {item.number} {_state(item)}"
    if isinstance(item, Said):
        return _shortened(item.markdown)
    if isinstance(item, Asked):
        return _shortened(reply(item)) or ("not answered" if item.unanswered else "is asked")
    if isinstance(item, Task):
        return _shortened(item.text)
    return title(item)


def _shortened(markdown: str) -> str:
    text = " ".join(visible(markdown).translate(str.maketrans("", "", "*_`#>|")).split())
    return text if len(text) <= PREVIEW else text[:PREVIEW].rsplit(" ", 1)[0] + " …"


def counts(transcript: Transcript) -> list[str]:
    """What a run took so far: turns, blocks, tokens, money, time."""
    blocks = len(transcript.blocks)
    return [
        *([plural(transcript.turn, "turn")] if transcript.turn else []),
        *([plural(blocks, "block")] if blocks else []),
        *([f"{thousands(transcript.spent.tokens)} tokens"] if transcript.spent.tokens else []),
        *([money(transcript)] if money(transcript) else []),
        duration(transcript.seconds),
    ]


def cost(transcript: Transcript) -> str:
    """What a run cost, exactly."""
    if not transcript.spent.calls:
        return "no model was called"
    about = "about " if transcript.spent.estimated else ""
    told = f"{about}{transcript.spent.tokens:,} tokens in {plural(transcript.spent.calls, 'model call')}"
    if transcript.spent.usd or not transcript.spent.cost.known:
        told += f" · {transcript.spent.cost}"
    if transcript.spent.unbounded and not transcript.spent.cost.known:
        told += f", {transcript.spent.unbounded}"
    return told


def money(transcript: Transcript) -> str:
    """What a run costs so far, in short: "$0.03", "$0.03+" where a price is not known; "" when that says nothing."""
    return (
        f"{dollars(transcript.spent.usd)}{'' if transcript.spent.cost.known else '+'}" if transcript.spent.usd else ""
    )


def spending(transcript: Transcript) -> str:
    """As `money`, with the budget that it is spent of: "$0.03 of $0.50"."""
    limit, spent = (transcript.settings.get("budget") or {}).get("usd"), money(transcript)
    return f"{spent} of {dollars(limit)}" if spent and limit and transcript.status == "running" else spent


def plural(number: int, noun: str) -> str:
    """ "1 turn", "2 turns"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def thousands(number: int) -> str:
    """ "980", "8.1k", "1.2M"."""
    if number < 1_000:
        return str(number)
    return f"{number / 1_000:.1f}k" if number < 999_950 else f"{number / 1_000_000:.1f}M"


def duration(seconds: float) -> str:
    """ "0:14", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ending(transcript: Transcript) -> str:
    """How a run ended, in one sentence; "" while it goes on."""
    if transcript.status == "running":
        return ""
    return ": ".join(filter(None, [transcript.status, visible(transcript.reason).removesuffix(".")]))


def outcome(transcript: Transcript) -> str:
    """How a run ended, and what can be done about it."""
    return " · ".join(filter(None, [ending(transcript), " ".join(how_to_resume(transcript)).strip()]))


def how_to_resume(transcript: Transcript) -> tuple[str, str]:
    """What can be done about a run that is not done, and the line that does it; "" and "" where nothing can."""
    if transcript.status not in ("paused", "stopped", "failed"):
        return "", ""
    if transcript.went_on:
        return "resumed since then, see", f"%team show {transcript.name}"
    if transcript.unanswered and transcript.status == "failed":
        return "", ""  # the same would be asked again
    budget = f" --budget {transcript.more}" if transcript.more else ""
    return "go on with", f"%team resume {transcript.name}{budget}"


def resumed(item: Resumed) -> str:
    """That a run went on: how it had ended, who wanted it, what it may spend, and what is done once more."""
    spend = limits(item.limits)
    again = [f"{plural(number, 'block')} of {agent}" for agent, number in item.again.items()]
    told = [
        item.ended.removesuffix("."),
        f"resumed by {item.by}{f' with a budget of {spend}' if spend else ''}",
        f"run once more in new containers: {', '.join(again)}" if again else "",
    ]
    return visible(" · ".join(filter(None, told)))


def limits(budget: Mapping[str, float]) -> str:
    """The limits of a budget: "$1.00, 12 turns"."""
    told = {
        "usd": dollars(budget.get("usd", 0)),
        "tokens": f"{budget.get('tokens', 0):,} tokens",
        "turns": plural(int(budget.get("turns", 0)), "turn"),
        "minutes": f"{budget.get('minutes', 0):g} min",
    }
    return ", ".join(text for name, text in told.items() if budget.get(name))


def how_to_answer(transcript: Transcript) -> str:
    """What to write in a cell to answer the question that waits; "" where a cell that awaits its run is in the way."""
    if transcript.waiting is None or not transcript.detached:
        return ""
    if isinstance(transcript.waiting, Asked):
        return f"answer it with %team reply {transcript.name} TEXT"
    return f"answer it with %team approve {transcript.name}, or %team reject {transcript.name} REASON"
