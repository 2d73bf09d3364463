"""What a view says to the kernel, checked before anything is done with it.

    {t: "hello", view}  {t: "resync", view}  {t: "bye", view}
    {t: "answer", id, question, decision, text?, code?}  {t: "detach", id}  {t: "stop", id}

`view` names the view; `id` names the message, so that it is done once and acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError
from ..runtime import Answer
from ..runtime.questions import APPROVAL_DECISIONS, REPLY_DECISIONS

ACTIONS = frozenset({"answer", "detach", "stop"})


def text_field(content: Mapping[str, Any], name: str) -> str:
    """A field that must be a text; "" when it is missing.

    Raises:
        ConfigurationError: it is something else.
    """
    value = content.get(name, "")
    if not isinstance(value, str):
        raise ConfigurationError(f"the view sent {name}={value!r}: expected a text; reload the page")
    return value


def answer_of(content: Mapping[str, Any]) -> Answer:
    """The answer that a view's message holds.

    Raises:
        ConfigurationError: no such decision, or a part of it is missing.
    """
    decision = text_field(content, "decision")
    if decision not in APPROVAL_DECISIONS | REPLY_DECISIONS:
        raise ConfigurationError(f"the view sent the decision {decision!r}, which there is not; reload the page")
    text, code = text_field(content, "text"), text_field(content, "code")
    if decision == "edit" and not code.strip():
        raise ConfigurationError("the edited block is empty: reject it instead")
    if decision == "reply" and not text.strip():
        raise ConfigurationError("the reply is empty: write one, or let the agents decide")
    return Answer(decision, text=text, code=code, channel="widget")
