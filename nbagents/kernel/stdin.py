"""Asks a question in the box that `input()` would open, without blocking the kernel's loop.

The fallback for front ends that show no widget. Rules (measured): only while the cell executes, since the front end
drops the request afterwards; never with a timeout, since a box that is left open makes JupyterLab refuse every later
cell.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import HumanInputUnavailable
from .cell import Cell

POLL_SECONDS = 0.05
_END_OF_FILE = "\x04"

_BOXES: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()
_terminal_line: Future[str] | None = None


async def ask_on_stdin(cell: Cell, prompt: str) -> str:
    """What the person types. One question at a time: a second one waits for the first.

    Cancelling closes nothing in the browser, but whatever is typed into the abandoned box is never taken for the answer
    to another question.

    Raises:
        HumanInputUnavailable: the front end takes no questions, the cell has ended, or the box was closed.
    """
    if not cell.can_ask:
        why = "its cell has ended" if cell.ended else "the front end takes no input (allow_stdin is false)"
        raise HumanInputUnavailable(f"{prompt!r} needs a person, and {why}")
    if cell.kernel is None:
        return await _ask_in_terminal(prompt)
    async with _BOXES.setdefault(cell.kernel, asyncio.Lock()):
        answer = await _ask_in_box(cell, prompt)
    if answer == _END_OF_FILE:
        raise HumanInputUnavailable(f"{prompt!r} was closed without an answer")
    return answer


async def _ask_in_box(cell: Cell, prompt: str) -> str:
    kernel: Any = cell.kernel
    _purge_stale_replies(kernel)
    content = {"prompt": prompt, "password": False}
    request = kernel.session.send(kernel.stdin_socket, "input_request", content, cell.parent, ident=cell.ident)
    while not cell.ended:
        reply = _receive(kernel)
        if reply is not None and _answers(reply, request):
            return str(reply["content"].get("value", ""))
        await asyncio.sleep(POLL_SECONDS)
    raise HumanInputUnavailable(f"{prompt!r} needs a person, and its cell has ended")


def _receive(kernel: Any) -> dict[str, Any] | None:
    """The next reply, if one is there."""
    if not kernel.stdin_socket.poll(0):
        return None
    try:
        reply: dict[str, Any] | None = kernel.session.recv(kernel.stdin_socket)[1]
    except ValueError:  # a wrong signature
        kernel.log.warning("Invalid message on stdin", exc_info=True)
        return None
    return reply


def _answers(reply: dict[str, Any], request: dict[str, Any]) -> bool:
    """False for the late reply to a question that was cancelled. Consoles do not say what they reply to."""
    asked = (reply.get("parent_header") or {}).get("msg_id")
    return asked is None or asked == request["header"]["msg_id"]


def _purge_stale_replies(kernel: Any) -> None:
    """Drop what was typed for nobody, as `input()` does."""
    while kernel.stdin_socket.poll(0):
        kernel.stdin_socket.recv_multipart()


async def _ask_in_terminal(prompt: str) -> str:
    """Read a line in a thread. It cannot be cancelled: the next question takes over what a cancelled one waits for."""
    global _terminal_line
    if _terminal_line is None or _terminal_line.done():
        _terminal_line = _read_line(prompt)
    else:
        print(prompt, end="", flush=True)
    try:
        return await asyncio.shield(asyncio.wrap_future(_terminal_line))
    except EOFError:
        raise HumanInputUnavailable(f"{prompt!r} was closed without an answer") from None


def _read_line(prompt: str) -> Future[str]:
    line: Future[str] = Future()

    def read() -> None:
        try:
            line.set_result(input(prompt))
        except BaseException as error:  # handed to whoever asks
            line.set_exception(error)

    threading.Thread(target=read, name="nbagents question", daemon=True).start()
    return line
