"""The work of agents, folded from effects and their results: calls of models, blocks of code, calls of tools.

An effect begins something and its result ends it; what has begun and not ended is what goes on now.
"""

from __future__ import annotations

from typing import Any

from . import tool_results
from .entry_texts import Entry, as_text, what_is_tried, why_it_ended
from .item_list import ItemList
from .items import Block, Item, ToolCall
from .spent import Spent


class Work:
    """What agents do, in `items`.

    Args:
        items: where blocks and calls of tools are shown.
        spent: what calls of models are added to.
    """

    def __init__(self, items: ItemList, spent: Spent) -> None:
        self._items, self._spent = items, spent
        self._effects: dict[str, tuple[str, str]] = {}
        self._doing: dict[str, Item] = {}
        self._retries: dict[str, str] = {}
        self._asked_model: set[str] = set()

    def asked_model(self, agent: str) -> bool:
        """True when `agent` has asked a model since its last block began."""
        return agent in self._asked_model

    def activity(self) -> str:
        """What goes on now, in a few words: "analyst thinking…"; "" for nothing."""
        for item in reversed(self._doing.values()):
            if isinstance(item, Block):
                return f"running block {item.number} of {item.agent}…"
            if isinstance(item, ToolCall):
                return f"{item.agent} calls {item.name}…"
        if self._retries:
            return f"{list(self._retries.values())[-1]}…"
        thinking = [agent for kind, agent in self._effects.values() if kind == "model"]
        return f"{', '.join(dict.fromkeys(thinking))} thinking…" if thinking else ""

    def effect(self, entry: Entry) -> None:
        """Something begins."""
        id, kind, agent, request = entry["effect"], entry["kind"], entry.get("agent", ""), entry.get("request") or {}
        self._effects[id] = (kind, agent)
        if kind == "model":
            self._asked_model.add(agent)
            self._spent.asked(entry)
        elif kind == "code":
            self._doing[id] = self._block_begun(agent, request)
        elif kind == "tool":
            self._doing[id] = self._tool_called(agent, str(request.get("name", "tool")), request.get("arguments", ""))

    def retry(self, entry: Entry) -> None:
        """A model did not answer, and is asked again."""
        self._retries[entry["effect"]] = what_is_tried(entry)
        self._spent.tried(entry)

    def result(self, entry: Entry) -> None:
        """What began has ended."""
        kind, _ = self._effects.pop(entry["effect"], ("", ""))
        self._retries.pop(entry["effect"], None)
        if kind == "model":
            self._spent.answered(entry)
        item = self._doing.pop(entry["effect"], None)
        value = entry.get("value")
        if isinstance(item, Block) and kind == "tool":
            exit_code = int(tool_results.is_error(value))
            self._ran(item, {**entry, "value": {"output": tool_results.as_text(value), "exit_code": exit_code}})
        elif isinstance(item, Block):
            self._ran(item, entry)
        elif isinstance(item, ToolCall):
            item.state = "done" if entry["ok"] and not tool_results.is_error(value) else "failed"
            item.result = tool_results.as_text(value if entry["ok"] else entry.get("error"))
            self._items.touch(item)

    def end(self) -> None:
        """The run has ended, and everything with it."""
        for block in self._items.blocks:
            if block.state == "running":
                block.state, block.reason = "failed", "interrupted: the run ended"
                self._items.touch(block)
        self._items.skip_open_blocks(None, "the run ended")
        self._effects.clear()
        self._doing.clear()
        self._retries.clear()

    def _block_begun(self, agent: str, request: Entry) -> Block:
        code, language = request.get("code", ""), request.get("language", "")
        block = self._items.block_for(agent, code, language, ["approved", "proposed"])
        self._asked_model.discard(agent)
        block.state, block.target = "running", request.get("target", block.target)
        self._items.touch(block)
        return block

    def _tool_called(self, agent: str, name: str, arguments: Any) -> Item:
        """The call, which goes on where a person has approved it."""
        for block in self._items.blocks:
            if (block.agent, block.state, block.target) == (agent, "approved", name):
                block.state = "running"
                self._items.touch(block)
                return block
        return self._items.add(ToolCall(self._items.new_id("tool"), self._items.turn, agent, name, as_text(arguments)))

    def _ran(self, block: Block, entry: Entry) -> None:
        value = entry.get("value") or {}
        block.seconds = entry.get("seconds")
        block.output, block.outputs = value.get("output", ""), list(value.get("outputs") or [])
        block.names = value.get("names") or {}
        if not block.outputs and block.output:
            block.outputs = [{"output_type": "stream", "name": "stdout", "text": block.output}]
        block.state = "done" if entry["ok"] and value.get("exit_code") == 0 else "failed"
        if not entry["ok"]:
            block.reason = why_it_ended(entry.get("error", ""))
        self._items.touch(block)
