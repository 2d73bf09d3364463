"""What a raw message of the shell stream is about, before ipykernel looks at it."""

from __future__ import annotations

from typing import Any


def peek(session: Any, message: list[Any]) -> tuple[str, dict[str, Any]] | None:
    """Type and content of a raw comm message; None for everything else. The signature is not checked here, because
    a session takes a message that it verified once for a replay the second time."""
    try:
        _, frames = session.feed_identities(message, copy=False)
        kind = session.unpack(frames[1].bytes)["msg_type"]
        return (kind, session.unpack(frames[4].bytes)) if kind.startswith("comm_") else None
    except Exception:
        return None  # not a message that we understand: ipykernel reports it
