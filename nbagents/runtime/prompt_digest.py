"""The digest of a prompt, at the cost of what is new in it.

The key of a model call covers the whole prompt, and a prompt grows with the conversation. Digesting all of it for
each call would make every turn dearer than the one before. So the digest of a prompt is a running SHA-256 over its
messages, one line of canonical JSON each, and the state of the hash is kept: the next prompt of the same agent
mostly begins with this one, and only what follows is digested. Whether it does, a `Prompt` knows; lists are compared
message by message. A message that was digested must not be changed in place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from json.encoder import encode_basestring

from ..models.messages import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from ..models.prompt import Prompt

# Texts, truth values and lists of them under ASCII names: for these it is RFC 8785, and many times as fast.
canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

_TEXTS: dict[type, tuple[str, ...]] = {
    SystemMessage: ("content", "type"),
    UserMessage: ("content", "source", "type"),
    AssistantMessage: ("content", "source", "thought", "type"),
}
"""Messages that consist of texts where their content is one, with their fields in the order of the alphabet."""


class PromptDigest:
    """The digest of one agent's prompts, one after the other. A copy of it begins anew."""

    def __init__(self) -> None:
        self._seen: Prompt | list[LLMMessage] = []
        self._hash = hashlib.sha256()

    def __reduce__(self) -> tuple[type[PromptDigest], tuple[()]]:
        return PromptDigest, ()  # a hash can be neither pickled nor copied deeply

    def of(self, messages: Sequence[LLMMessage]) -> str:
        """The SHA-256 of these messages as hexadecimal digits; the same whatever was digested before."""
        prompt = messages if isinstance(messages, Prompt) else list(messages)
        if _begins_with(prompt, self._seen):
            running, known = self._hash.copy(), len(self._seen)
        else:
            running, known = hashlib.sha256(), 0
        for message in prompt[known:]:
            running.update(_line(message).encode("utf-8", "surrogatepass"))
        # Kept when all of it is digested: a message that cannot be must not leave half a prompt behind.
        self._hash, self._seen = running, prompt.copy() if isinstance(prompt, Prompt) else prompt
        return running.hexdigest()


def _begins_with(prompt: Prompt | list[LLMMessage], earlier: Prompt | list[LLMMessage]) -> bool:
    # Lists are compared object by object, which costs little while they are the same ones.
    return prompt.begins_with(earlier) if isinstance(prompt, Prompt) else prompt[: len(earlier)] == earlier


def _line(message: LLMMessage) -> str:
    """The canonical JSON of a message, and the end of the line."""
    names = _TEXTS.get(type(message))
    if names is not None and isinstance(message.content, str):  # a third of the time of what follows
        return "{" + ",".join([f'"{name}":{_quoted(getattr(message, name))}' for name in names]) + "}\n"
    return canonical_json(message.model_dump(mode="json")) + "\n"


def _quoted(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)


def digest(messages: Sequence[LLMMessage]) -> str:
    """The digest of a prompt, from nothing."""
    return PromptDigest().of(messages)
