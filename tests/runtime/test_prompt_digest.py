"""The digest of a prompt is that of all of it, however much of it was digested before."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest
import rfc8785

from nbagents.models.messages import AssistantMessage, FunctionCall, LLMMessage, SystemMessage, UserMessage
from nbagents.models.prompt import SharedMessages
from nbagents.runtime.journal import effect_key
from nbagents.runtime.prompt_digest import PromptDigest, digest

PROMPT: list[LLMMessage] = [
    SystemMessage(content="be kind “é” \u2028"),
    UserMessage(content="go\n\t\\ \b\f\r \x00\x1f\x7f </é\U0001f427", source="user"),
    AssistantMessage(content="plain", source="a"),
    AssistantMessage(content=[FunctionCall(id="1", arguments='{"x": 1}', name="f")], source="a", thought="hm"),
]


def test_it_covers_the_canonical_json_of_every_message() -> None:
    lines = b"".join(rfc8785.dumps(message.model_dump(mode="json")) + b"\n" for message in PROMPT)
    assert digest(PROMPT) == hashlib.sha256(lines).hexdigest()


def test_half_of_a_surrogate_pair_has_a_digest_too() -> None:
    assert digest([UserMessage.model_construct(content="\ud83d", source="u", type="UserMessage")])


def test_it_does_not_depend_on_what_was_digested_before() -> None:
    running = PromptDigest()
    shorter, changed = PROMPT[:1], [PROMPT[0], UserMessage(content="else", source="user"), PROMPT[2]]
    for prompt in (PROMPT[:2], PROMPT, PROMPT, shorter, PROMPT, changed, tuple(PROMPT), [], PROMPT[1:]):
        assert running.of(prompt) == digest(prompt)


def test_only_what_is_new_is_digested() -> None:
    dumped: list[str] = []

    class Counted(UserMessage):
        def model_dump(self, **options: object) -> dict[str, object]:  # type: ignore[override]  # counts its calls
            dumped.append(str(self.content))
            return {"content": str(self.content)}

    running = PromptDigest()
    prompt: list[LLMMessage] = []
    for number in range(5):
        prompt = [*prompt, Counted(content=str(number), source="u")]
        running.of(prompt)
    assert dumped == ["0", "1", "2", "3", "4"]


def test_a_plain_request_has_the_same_key_as_by_rfc_8785() -> None:
    request = {"model": "m/é", "messages": digest(PROMPT)}
    canonical = rfc8785.dumps({"kind": "model", "agent": "a", "request": request})
    assert effect_key("model", "a", request) == "sha256:" + hashlib.sha256(canonical).hexdigest()
    assert json.loads(canonical)["request"] == request


def test_a_shared_prompt_has_the_digest_of_its_list_whatever_becomes_of_it() -> None:
    messages = SharedMessages(PROMPT[1:])
    running, first = PromptDigest(), messages.prompt(PROMPT[:1])
    assert running.of(first) == digest(PROMPT)

    first.append(PROMPT[2])  # a client wrote into what it was given
    messages.append(PROMPT[1])
    assert running.of(messages.prompt(PROMPT[:1])) == digest([*PROMPT, PROMPT[1]])
    messages[0] = PROMPT[2]  # the conversation was changed at its beginning
    for prompt in (messages.prompt(PROMPT[:1]), messages.prompt(), [*messages], messages.prompt(), first):
        assert running.of(prompt) == digest(list(prompt))


def test_a_copy_begins_anew() -> None:
    running = PromptDigest()
    running.of(PROMPT)
    for twin in (copy.copy(running), copy.deepcopy(running)):
        assert twin.of(PROMPT[1:]) == digest(PROMPT[1:])
    assert running.of(PROMPT) == digest(PROMPT)


def test_a_message_that_cannot_be_digested_leaves_nothing_behind() -> None:
    class Broken(UserMessage):
        def model_dump(self, **options: object) -> dict[str, object]:  # type: ignore[override]  # fails
            raise ValueError("broken")

    running = PromptDigest()
    running.of(PROMPT[:1])
    with pytest.raises(ValueError, match="broken"):
        running.of([*PROMPT, Broken(content="x", source="u")])
    assert running.of(PROMPT) == digest(PROMPT)
