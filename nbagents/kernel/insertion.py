"""Puts cells into the notebook, below the one that is executing.

Only the page can do that: the kernel asks it through the comm target ``nbagents.cells`` that our labextension
serves. Any Jupyter front end understands one other thing, `set_next_input`: one cell, under the cell that executes.
It is the fallback, with the cells merged and told apart by ``# %%``.

Kernel to page: ``{type: "insert_below", cells: [{cell_type, source, metadata?}], after: <cell id or null>}``.
Page to kernel: ``{type: "inserted", cell_ids: [...]}`` or ``{type: "error", message}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..errors import ExecutionUnavailable, FrontEndUnavailable
from .cell import Cell
from .comm_tap import CommTap

TARGET = "nbagents.cells"
ANSWER_SECONDS = 2.0


async def insert_below(cell: Cell, cells: list[dict[str, Any]], *, timeout: float = ANSWER_SECONDS) -> list[str]:
    """Insert cells below `cell`, as one step to undo.

    Args:
        cells: of nbformat's `cell_type` ("code" or "markdown"), `source`, and `metadata` if there is any.
        timeout: seconds to wait for a page that answers.

    Returns:
        The ids of the new cells.

    Raises:
        FrontEndUnavailable: no page answered, or it could not; use `offer_as_next_cell`.
    """
    if cell.kernel is None:
        raise FrontEndUnavailable("there is no notebook to put cells into: this is a terminal")
    import comm

    loop = asyncio.get_running_loop()
    answered: asyncio.Future[dict[str, Any]] = loop.create_future()
    answer = _answer_once(loop, answered)
    channel = comm.create_comm(target_name=TARGET, data={})
    tap = CommTap.of(cell.kernel)
    tap.register(channel.comm_id, lambda data, _: answer(data))
    channel.on_msg(lambda message: answer(message["content"]["data"]))  # the ordinary way, where there is no tap
    try:
        channel.send({"type": "insert_below", "cells": cells, "after": cell.cell_id})
        reply = await asyncio.wait_for(answered, timeout)
    except TimeoutError:
        raise FrontEndUnavailable(
            f"no page answered within {timeout:g} s: cells are inserted by the nbagents extension of JupyterLab"
        ) from None
    finally:
        tap.unregister(channel.comm_id)
        channel.close()
    if reply.get("type") != "inserted":
        raise FrontEndUnavailable(f"the page could not insert the cells: {reply.get('message', reply)!s}")
    return [str(id) for id in reply.get("cell_ids", [])]


def offer_as_next_cell(cell: Cell, cells: list[dict[str, Any]]) -> str:
    """Insert one cell that holds all of `cells`, as any front end can.

    Returns:
        Its text.

    Raises:
        ExecutionUnavailable: `cell` has ended; the text would land under a cell that it does not belong to.
    """
    if cell.ended:
        raise ExecutionUnavailable("cells can be offered only while their cell executes: run the command in a cell")
    text = merged(cells)
    set_next_input: Callable[..., None] = cell.shell.set_next_input
    set_next_input(text, replace=False)
    return text


def merged(cells: list[dict[str, Any]]) -> str:
    """The cells as one, in the percent format that editors know."""
    if len(cells) == 1 and cells[0]["cell_type"] == "code":
        return str(cells[0]["source"])
    return "\n\n".join(_percent(cell) for cell in cells)


def _percent(cell: dict[str, Any]) -> str:
    source = str(cell["source"]).rstrip()
    if cell["cell_type"] == "code":
        return f"# %%\n{source}"
    return "\n".join(["# %% [markdown]", *(f"# {line}".rstrip() for line in source.splitlines())])


def _answer_once(
    loop: asyncio.AbstractEventLoop, answered: asyncio.Future[dict[str, Any]]
) -> Callable[[dict[str, Any]], None]:
    """The first page that answers counts; it may do so in any thread."""

    def settle(data: dict[str, Any]) -> None:
        if not answered.done():
            answered.set_result(data)

    def answer(data: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(settle, data)

    return answer
