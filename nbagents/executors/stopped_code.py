"""What a block had shown when it was cancelled: it goes along with the `CancelledError`, so that a run can keep it.

The error is asyncio's own and no subclass of it: `asyncio.timeout` takes no other for the end of its time.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..code import CodeResult

STOPPED = 130
"""The exit code of a block that was cancelled, as a shell has it for Ctrl-C."""
_NAME = "shown_before"


def keep_shown(error: asyncio.CancelledError, result: CodeResult) -> None:
    """Have `error` tell what the blocks did before it."""
    error.__dict__[_NAME] = result


def shown_before(error: asyncio.CancelledError) -> CodeResult | None:
    """What the blocks did before the cancellation; None where nobody knows."""
    found: CodeResult | None = error.__dict__.get(_NAME)
    return found


def without_interrupt(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`outputs` without the error that stopping a block raised in it: it says nothing of the code."""
    return [output for output in outputs if output.get("ename") != "KeyboardInterrupt"]
