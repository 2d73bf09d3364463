"""The transcript: a run's journal, folded into what a reader sees.

It is the only reader of the journal's format on the side of the screen: the live view, the saved block, the plain
text and a reopened run are made from its items. It knows no Jupyter and nothing of HTML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from . import tool_results
from .code_split import Fence, Prose, split_at_code
from .item_list import ItemList
from .items import Asked, Block, Item, Said, Task, Thought, ToolCall
from .spent import Spent

Status = Literal["running", "done", "paused", "stopped", "failed"]
Entry = Mapping[str, Any]

CHAT_TYPES = ("TextMessage", "StopMessage", "ToolCallSummaryMessage", "HandoffMessage")
SILENT_TYPES = (
    "UserInputRequestedEvent",
    "ModelClientStreamingChunkEvent",
    # The effects show what was called and what it gave back.
    "ToolCallRequestEvent",
    "ToolCallExecutionEvent",
)


class Transcript:
    """Apply a run's entries in order; read the attributes at any time."""

    def __init__(self) -> None:
        self.name = ""
        self.team: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.turn = 0
        self.speakers: list[str] = []
        self.status: Status = "running"
        self.reason = ""
        self.detached = False
        self.spent = Spent()
        self._retries: dict[str, str] = {}
        self.started: datetime | None = None
        self.latest: datetime | None = None
        self._list = ItemList()
        self._chat: list[tuple[str, str]] = []
        self._asked_model: set[str] = set()
        self._shared: list[str] = []
        self._effects: dict[str, tuple[str, str]] = {}
        self._doing: dict[str, Item] = {}
        self._folds: dict[str, Callable[[Entry], None]] = {
            "run": self._run,
            "task": self._task,
            "speaker": self._speaker,
            "message": self._message,
            "question": self._question,
            "answer": self._answer,
            "effect": self._effect,
            "result": self._result,
            "retry": self._retry,
            "unpriced": self.spent.not_bounded,
            "detached": self._detached,
            "end": self._end,
        }

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Transcript:
        """The transcript of a journal's entries."""
        transcript = cls()
        for entry in entries:
            transcript.apply(entry)
        return transcript

    def apply(self, entry: Entry) -> None:
        """Fold in the next entry. A type that a later version wrote is passed over."""
        if "at" in entry:
            self.latest = datetime.fromisoformat(entry["at"])
            self.started = self.started or self.latest
        fold = self._folds.get(entry["type"])
        if fold is not None:
            fold(entry)

    # What a reader asks -----------------------------------------------------------------------------------

    @property
    def items(self) -> list[Item]:
        """All items, in the order in which they are shown."""
        return self._list.all

    @property
    def blocks(self) -> list[Block]:
        """All blocks, in the order in which they are shown."""
        return self._list.blocks

    def take_changed(self) -> set[str]:
        """The ids of the items that were added or changed since the last call."""
        changed, self._list.changed = self._list.changed, set()
        return changed

    @property
    def waiting(self) -> Block | Asked | None:
        """What waits longest for a person."""
        for item in self.items:
            if isinstance(item, Block) and item.state == "waiting":
                return item
            if isinstance(item, Asked) and not item.decision and self.status == "running":
                return item
        return None

    @property
    def answer(self) -> str:
        """The last chat message that says more than the word which ends the conversation; "" before the end."""
        return self._last_word()[1]

    def is_answer(self, item: Item) -> bool:
        """True for the item that says what the answer says."""
        id, text = self._last_word()
        return isinstance(item, Said) and item.message == id and item.markdown == text

    def _last_word(self) -> tuple[str, str]:
        if self.status == "done":
            word = str(self.team.get("stop") or "")
            for id, text in reversed(self._chat):
                rest = text.replace(word, "") if word else text
                if any(character.isalnum() for character in rest):
                    return id, text
        return "", ""

    @property
    def seconds(self) -> float:
        """From the first entry to the latest."""
        if self.started is None or self.latest is None:
            return 0.0
        return (self.latest - self.started).total_seconds()

    @property
    def runs_unasked(self) -> bool:
        """True when agents' code runs in the live kernel without a person being asked."""
        return self.settings.get("approve") == "always" and self.settings.get("code") == "live"

    def activity(self) -> str:
        """What is going on now, in a few words: "analyst thinking…", "waiting for you"."""
        if self.status != "running":
            return self.status
        waiting = self.waiting
        if isinstance(waiting, Block):
            return f"waiting for you: block {waiting.number}"
        if waiting is not None:
            return "waiting for you"
        for item in reversed(self._doing.values()):
            if isinstance(item, Block):
                return f"running block {item.number} of {item.agent}…"
            if isinstance(item, ToolCall):
                return f"{item.agent} calls {item.name}…"
        if self._retries:
            return f"{list(self._retries.values())[-1]}…"
        thinking = [agent for kind, agent in self._effects.values() if kind == "model"]
        if thinking:
            return f"{', '.join(dict.fromkeys(thinking))} thinking…"
        return f"{', '.join(self.speakers)}…" if self.speakers else "starting…"

    # Entries ----------------------------------------------------------------------------------------------

    def _run(self, entry: Entry) -> None:
        self.name = entry.get("name") or entry.get("id") or ""
        self.team, self.settings = dict(entry.get("team") or {}), dict(entry.get("settings") or {})
        self._shared = _shared(entry.get("shared"))

    def _task(self, entry: Entry) -> None:
        asked = [message for message in entry.get("messages") or [] if not _tells_of_shared_data(message)]
        texts = [_text(message) for message in asked]
        text, places = "\n\n".join(filter(None, texts)), [str(line) for line in self.settings.get("places") or []]
        self._list.add(Task(self._list.new_id("task"), 0, "you", text, self._shared, places))

    def _speaker(self, entry: Entry) -> None:
        self.turn, self.speakers = entry["turn"], list(entry["agents"])

    def _message(self, entry: Entry) -> None:
        message = entry["message"]
        kind, agent, id = message.get("type", ""), message.get("source", ""), message.get("id", "")
        self.turn = entry.get("turn", self.turn)
        if kind == "CodeGenerationEvent":
            self._code_written(agent, id, message)
        elif kind == "CodeExecutionEvent":
            self._list.skip_open_blocks(agent, "an earlier block did not succeed")
        elif kind == "ThoughtEvent":
            self._list.add(Thought(self._list.new_id("thought"), self.turn, agent, _text(message)))
        elif kind not in SILENT_TYPES and (text := _text(message)):
            if kind in CHAT_TYPES:
                self._chat.append((id, text))
            if not self._repeats(agent, id, text):
                self._list.add(Said(self._list.new_id("said"), self.turn, agent, text, id))

    def _code_written(self, agent: str, id: str, message: Entry) -> None:
        blocks = message.get("code_blocks") or []
        parts = split_at_code(message.get("content") or "", [block["code"] for block in blocks])
        hidden = [Fence(index) for index in range(len(blocks)) if Fence(index) not in parts]
        for part in [*parts, *hidden]:
            if isinstance(part, Prose):
                self._list.add(Said(self._list.new_id("said"), self.turn, agent, part.markdown, id))
            else:
                block = blocks[part.index]
                self._list.add(self._list.new_block(self.turn, agent, block["code"], block.get("language", "")))

    def _question(self, entry: Entry) -> None:
        if entry["kind"] != "approval":
            self._list.add(
                Asked(self._list.new_id("asked"), self.turn, entry["agent"], entry["question"], entry.get("prompt", ""))
            )
            return
        block = self._list.block_for(self.turn, entry["agent"], entry["code"], entry.get("language", ""), ["proposed"])
        block.state, block.question, block.target = "waiting", entry["question"], entry.get("target", "")
        self._list.touch(block)

    def _answer(self, entry: Entry) -> None:
        decision, text = entry["decision"], entry.get("text", "")
        for item in self.items:
            if isinstance(item, Asked) and item.question == entry["question"]:
                item.decision, item.reply = decision, text
                self._list.touch(item)
            elif isinstance(item, Block) and item.question == entry["question"]:
                self._decided(item, decision, text, entry)

    def _decided(self, block: Block, decision: str, text: str, entry: Entry) -> None:
        if decision == "reject":
            block.state, block.reason = "rejected", text
        else:
            block.state, block.approved_by = "approved", entry.get("channel") or "you"
            block.allowed_all = decision == "allow"
            if decision == "edit" and entry.get("code", "") != block.code:
                block.proposed_code, block.code = block.code, entry.get("code", "")
        self._list.touch(block)

    def _effect(self, entry: Entry) -> None:
        id, kind, agent, request = entry["effect"], entry["kind"], entry.get("agent", ""), entry.get("request") or {}
        self._effects[id] = (kind, agent)
        if kind == "model":
            self._asked_model.add(agent)
            self.spent.asked(entry)
        elif kind == "code":
            code, language = request.get("code", ""), request.get("language", "")
            block = self._list.block_for(self.turn, agent, code, language, ["approved", "proposed"])
            self._asked_model.discard(agent)
            block.state, block.target = "running", request.get("target", block.target)
            self._doing[id] = block
            self._list.touch(block)
        elif kind == "tool":
            self._doing[id] = self._tool_called(agent, str(request.get("name", "tool")), request.get("arguments", ""))

    def _tool_called(self, agent: str, name: str, arguments: Any) -> Item:
        """The call, which goes on where a person has approved it."""
        for block in self.blocks:
            if (block.agent, block.state, block.target) == (agent, "approved", name):
                block.state = "running"
                self._list.touch(block)
                return block
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return self._list.add(ToolCall(self._list.new_id("tool"), self.turn, agent, name, text))

    def _result(self, entry: Entry) -> None:
        kind, _ = self._effects.pop(entry["effect"], ("", ""))
        self._retries.pop(entry["effect"], None)
        if kind == "model":
            self.spent.answered(entry)
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
            self._list.touch(item)

    def _ran(self, block: Block, entry: Entry) -> None:
        value = entry.get("value") or {}
        block.seconds = entry.get("seconds")
        block.output, block.outputs = value.get("output", ""), list(value.get("outputs") or [])
        block.names = value.get("names") or {}
        if not block.outputs and block.output:
            block.outputs = [{"output_type": "stream", "name": "stdout", "text": block.output}]
        block.state = "done" if entry["ok"] and value.get("exit_code") == 0 else "failed"
        if not entry["ok"]:
            block.reason = _why(entry.get("error", ""))
        self._list.touch(block)

    def _retry(self, entry: Entry) -> None:
        other, wait = entry.get("fallback"), entry.get("wait", 0)
        attempt = f"attempt {entry['attempt'] + 1} of {entry['attempts']}"
        then = f"asking {other}" if other else f"asking again in {wait:.0f} s ({attempt})" if wait >= 1 else attempt
        self._retries[entry["effect"]] = f"{entry['provider']}/{entry['model']} did not answer, {then}"

    def _detached(self, _: Entry) -> None:
        self.detached = True

    def _end(self, entry: Entry) -> None:
        self.status, self.reason = entry["status"], entry.get("error") or entry.get("reason") or ""
        for block in self.blocks:
            if block.state == "running":
                block.state, block.reason = "failed", "interrupted: the run ended"
                self._list.touch(block)
        self._list.skip_open_blocks(None, "the run ended")
        self._effects.clear()
        self._doing.clear()

    def _repeats(self, agent: str, id: str, text: str) -> bool:
        """True for a message that only says what stands there: a person's reply, an executor's output."""
        last = self._list.last_of(agent)
        if isinstance(last, Asked) and last.decision and not last.message:
            last.message, last.reply = id, text
            self._list.touch(last)
            return True
        # An agent that asked no model since its block ended has nothing to say but what the block did.
        return isinstance(last, Block) and not last.open and agent not in self._asked_model


def _text(message: Entry) -> str:
    return _json(message.get("content"))


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _tells_of_shared_data(message: Entry) -> bool:
    """True for the message that told the agents what the first entry says as `shared`."""
    return (message.get("metadata") or {}).get("nbagents") == "shared"


def _shared(shared: Any) -> list[str]:
    """What went to the models, one line each: names, or names with their summaries."""
    if isinstance(shared, Mapping):
        return [f"{name}: {_line(what)}" if what else str(name) for name, what in shared.items()]
    return [_line(what) for what in shared or []]


def _line(what: Any) -> str:
    if isinstance(what, Mapping):
        name, rest = what.get("name", ""), what.get("summary") or what.get("schema") or ""
        return ": ".join(filter(None, [str(name), _json(rest)]))
    return str(what)


def _why(error: str) -> str:
    """A cancelled block was stopped; the name of the exception helps nobody, only that it took effect late."""
    if not error.startswith("CancelledError"):
        return error
    late = error.partition(": only ")[2]
    return f"stopped, only {late}" if late else "stopped"
