"""`RunView`: a run in the output of its cell, from its first entry to the static block that is saved.

While the run goes on, a widget shows it and takes the person's decisions. Its messages come off the shell stream in any
thread and hop to the run's loop. Where no widget is rendered, questions go to the front end's input box and the text
is rewritten as messages come; where nobody is there, a question fails the run and only the end is shown.
"""

from __future__ import annotations

import asyncio
from collections import deque
from html import escape
from typing import Any

from ..errors import HumanInputUnavailable, NBAgentsError
from ..kernel.cell import Cell
from ..kernel.comm_tap import CommTap
from ..kernel.interrupts import interrupt_main_thread
from ..kernel.stdin import ask_on_stdin
from ..runtime import Question, Run
from ..runtime.console import parse_reply, prompt_for
from ..runtime.journal_lines import Entry
from .display import CellDisplay
from .replies import ACTIONS, answer_of, text_field
from .run_widget import RunWidget
from .screen import Message, Screen
from .static import bundle

HELLO_SECONDS = 2.0
"""So long a front end may take to render the widget before it counts as one without widgets."""

REMEMBERED = 500
"""So many messages of views are remembered, to do none twice."""


class RunView:
    """Shows one run; made before its conversation begins, or goes on, because it listens to every entry.

    Args:
        run: what is shown.
        cell: the cell that runs it.
        interactive: False where nobody is there (nbclient, papermill): then there is no widget.
        awaited: the cell waits for the end of the run and calls `finish` then.
    """

    def __init__(self, run: Run, cell: Cell, *, interactive: bool, awaited: bool = True) -> None:
        self._run, self._cell, self._interactive, self._awaited = run, cell, interactive, awaited
        self._loop = asyncio.get_running_loop()
        self._screen = Screen(self._send)
        self._display = CellDisplay(cell)
        self._widget: RunWidget | None = None
        self._tap: CommTap | None = None
        self._shown_at = 0.0
        self._hello = asyncio.Event()
        self._views: set[str] = set()
        self._done: deque[str] = deque(maxlen=REMEMBERED)
        self._finished = False
        for entry in run.journal.entries:
            self._screen.entry(entry)
        run.gate.listeners.append(self)

    def show(self) -> None:
        """Begin: the widget, with a text for those who cannot see it. Nobody there: nothing yet."""
        if not self._interactive:
            return
        self._widget = self._cell.context.copy().run(RunWidget)
        self._widget.on_msg(lambda _widget, content, buffers: self._received(content, buffers))
        if self._cell.kernel is not None:
            self._tap = CommTap.of(self._cell.kernel)
            self._tap.register(self._widget.comm.comm_id, self._received)
        self._shown_at = self._loop.time()
        self._display.publish(self._live_bundle())

    def finish(self) -> None:
        """End: the static block takes the widget's place. A second call does nothing."""
        if self._finished:
            return
        self._finished = True
        self._run.gate.listeners.remove(self)
        self._screen.close()
        self._display.publish(bundle(self._screen.transcript))
        if self._widget is not None and len(self._views) <= 1:
            self._close(self._widget)

    def leave(self, other: Cell) -> None:
        """The run goes on in another cell: here stays what stood when it ended, and where the rest is."""
        self.finish()
        self._screen.transcript.went_on = True
        self._display.publish(bundle(self._screen.transcript), during=other)
        self._screen.flush()

    def _close(self, widget: RunWidget) -> None:
        # A page that was reloaded gets no more updates of this cell: there the widget stays, with all that it shows.
        if self._tap is not None:  # not `CommTap.of`: after %unload_ext that would be a new one
            self._tap.unregister(widget.comm.comm_id)
        self._cell.context.copy().run(widget.close)
        self._widget = None

    # What the run says (Listener) ---------------------------------------------------------------------------

    def entry(self, entry: Entry) -> None:
        """An entry was written to the run's journal."""
        self._screen.entry(entry)
        if entry["type"] == "effect" and entry["kind"] == "code":
            # The block may keep the loop, and with it the batcher's timer: show now what is about to run.
            self._screen.flush()
        if entry["type"] == "end" and (self._cell_let_go or not self._awaited):
            # Nobody awaits a detached run in its cell any more, so it ends its view itself.
            self._loop.call_soon(self.finish)
        elif entry["type"] == "message" and self._without_widgets:
            self._display.publish(self._live_bundle())

    def chunk(self, agent: str, message_id: str, text: str) -> None:
        """A piece of an answer arrived; in any thread."""
        if self._widget is not None:
            self._screen.chunk(agent, message_id, text)

    def call_piece(self, agent: str, call: str, name: str, arguments: str) -> None:
        """A piece of a call of a tool arrived; in any thread."""
        if self._widget is not None:
            self._screen.call_piece(agent, call, name, arguments)

    def call_dropped(self, call: str) -> None:
        """The call will not be made; in any thread."""
        if self._widget is not None:
            self._screen.call_dropped(call)

    @property
    def _cell_let_go(self) -> bool:
        return self._screen.transcript.detached or (self._cell.ended and not self._awaited)

    @property
    def _without_widgets(self) -> bool:
        """True when a front end is there that had the time to render the widget and did not."""
        waited = self._loop.time() - self._shown_at
        return self._widget is not None and not self._hello.is_set() and waited > HELLO_SECONDS

    # Questions (Asker) --------------------------------------------------------------------------------------

    async def ask(self, question: Question) -> None:
        """Bring a question to the person: the widget shows it, or else the front end's input box asks.

        Raises:
            HumanInputUnavailable: nobody can be asked.
        """
        if self._hello.is_set() or (self._interactive and await self._hello_comes()):
            return
        if self._interactive and self._cell_let_go:
            # The cell's input box is gone with it; `%team approve` can answer, and a view that comes later.
            self._display.publish(self._live_bundle())
            return
        if not (self._interactive and self._cell.can_ask):
            raise HumanInputUnavailable(self._needed(question))
        self._display.publish(self._live_bundle())
        try:
            line = await ask_on_stdin(self._cell, prompt_for(question))
        except HumanInputUnavailable:
            if self._cell_let_go:
                return
            raise
        question.answer(parse_reply(question, line, "stdin"))

    async def _hello_comes(self) -> bool:
        left = self._shown_at + HELLO_SECONDS - self._loop.time()
        try:
            await asyncio.wait_for(self._hello.wait(), max(left, 0.0))
        except TimeoutError:
            return False
        return True

    def _needed(self, question: Question) -> str:
        if question.kind == "reply":
            return f"{question.agent} must reply, and nobody is there: run this where a person can, as in JupyterLab"
        blocks = self._screen.transcript.blocks
        block = next((f"block {block.number}" for block in blocks if block.question == question.id), "the block")
        return f"approve {block} of {question.agent}: run it with --approve always, or in JupyterLab"

    # What the views say -------------------------------------------------------------------------------------

    def _received(self, content: dict[str, Any], _buffers: list[Any]) -> None:
        """In any thread: acknowledge and hop to the run's loop. Stop must reach code that keeps the loop busy."""
        if content.get("t") in ACTIONS:
            self._send({"t": "ack", "id": content.get("id")})
        self._loop.call_soon_threadsafe(self._apply, content, context=self._cell.context.copy())
        if content.get("t") == "stop":
            interrupt_main_thread(self._run.gate)

    def _apply(self, content: Message) -> None:
        id = str(content.get("id", ""))
        if id:
            if id in self._done:
                return
            self._done.append(id)
        try:
            self._act(content)
        except NBAgentsError as error:
            self._send({"t": "refused", "id": id, "message": str(error)})

    def _act(self, content: Message) -> None:
        match content.get("t"):
            case "hello" | "resync":
                view = text_field(content, "view")
                self._views.add(view)
                self._hello.set()
                self._screen.snapshot(view)
            case "bye":
                self._views.discard(text_field(content, "view"))
            case "answer":
                self._run.answer_question(answer_of(content), text_field(content, "question"))
            case "detach":
                self._run.detach()
            case "stop":
                self._run.stop()

    def _send(self, message: Message) -> None:
        widget = self._widget  # which may be closed in another thread meanwhile
        if widget is not None:
            widget.send(message)

    def _live_bundle(self) -> dict[str, Any]:
        """The widget; below it, for front ends without widgets, the text so far."""
        name = self._run.name
        if self._without_widgets:
            texts = dict(bundle(self._screen.transcript))
        else:
            hint = f"%team show {name}"
            texts = {
                "text/plain": f"run {name} is in progress… ({hint})",
                "text/html": f"<p><em>run {escape(name)} is in progress…</em> <code>{escape(hint)}</code></p>",
            }
        if self._widget is None:
            return texts
        shown = self._widget._repr_mimebundle_()
        return {**(shown[0] if shown else {}), **texts}
