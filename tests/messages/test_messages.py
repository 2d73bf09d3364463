"""What is said: text for people and models, JSON and back, whatever the type."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image as PILImage
from pydantic import BaseModel, TypeAdapter, ValidationError

from nbagents.code import CodeBlock, CodeResult
from nbagents.image import Image
from nbagents.memory import MemoryContent
from nbagents.messages import (
    AgentEvent,
    BaseAgentEvent,
    BaseChatMessage,
    ChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    HandoffMessage,
    MemoryQueryEvent,
    MessageFactory,
    ModelClientStreamingChunkEvent,
    MultiModalMessage,
    SelectorEvent,
    SelectSpeakerEvent,
    StopMessage,
    StructuredMessage,
    StructuredMessageFactory,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
    UserInputRequestedEvent,
    load_message,
)
from nbagents.models import AssistantMessage, FunctionCall, FunctionExecutionResult, RequestUsage, UserMessage

RED = Image.from_pil(PILImage.new("RGB", (2, 2), "red"))
CALL = FunctionCall(id="c1", arguments='{"a": 1}', name="add")
RESULT = FunctionExecutionResult(content="2", name="add", call_id="c1", is_error=False)


class Person(BaseModel):
    name: str
    age: int = 36


CHAT: list[BaseChatMessage] = [
    TextMessage(content="hi", source="a", models_usage=RequestUsage(1, 2), metadata={"k": "v"}),
    StopMessage(content="enough", source="a"),
    MultiModalMessage(content=["look", RED], source="a"),
    HandoffMessage(content="yours", target="b", source="a", context=[AssistantMessage(content=[CALL], source="a")]),
    ToolCallSummaryMessage(content="2", source="a", tool_calls=[CALL], results=[RESULT]),
]
EVENTS: list[BaseAgentEvent] = [
    ToolCallRequestEvent(content=[CALL], source="a"),
    ToolCallExecutionEvent(content=[RESULT], source="a"),
    CodeGenerationEvent(retry_attempt=0, content="x", code_blocks=[CodeBlock(code="1", language="py")], source="a"),
    CodeExecutionEvent(retry_attempt=0, result=CodeResult(exit_code=0, output="1"), source="a"),
    UserInputRequestedEvent(request_id="r", source="a"),
    ModelClientStreamingChunkEvent(content="pi", full_message_id="m", source="a"),
    ThoughtEvent(content="hm", source="a"),
    SelectSpeakerEvent(content=["b"], source="team"),
    SelectorEvent(content="b", source="team"),
    MemoryQueryEvent(content=[MemoryContent(content="x", mime_type="text/plain")], source="a"),
]


@pytest.mark.parametrize("message", [*CHAT, *EVENTS], ids=lambda message: type(message).__name__)
def test_every_message_is_read_back_as_it_was_written(message: Any) -> None:
    assert message.dump()["type"] == type(message).__name__
    for loaded in (load_message(message.dump()), type(message).load(message.dump())):
        assert type(loaded) is type(message) and loaded == message
    union: Any = ChatMessage if isinstance(message, BaseChatMessage) else AgentEvent
    assert TypeAdapter(union).validate_python(message.dump()) == message


def test_ids_are_random_uuids() -> None:
    ids = {TextMessage(content="x", source="a").id for _ in range(200)}
    assert len(ids) == 200
    for id in ids:
        assert str(uuid.UUID(id)) == id
        assert (uuid.UUID(id).version, uuid.UUID(id).variant) == (4, uuid.RFC_4122)


def test_an_unknown_type_says_so() -> None:
    with pytest.raises(ValueError, match="unknown message type 'Nope'"):
        load_message({"type": "Nope"})
    with pytest.raises(ValueError, match="unknown message type None"):
        load_message({})
    with pytest.raises(ValidationError):
        load_message({"type": "TextMessage", "content": 3})


def test_a_class_of_the_user_s_own_is_read_back() -> None:
    class PriceMessage(BaseChatMessage):
        content: float
        type: Literal["PriceMessage"] = "PriceMessage"

        def to_text(self) -> str:
            return f"{self.content} EUR"

    message = PriceMessage(content=2.5, source="a")
    assert load_message(message.dump()) == message


def test_a_model_reads_what_others_said_as_a_user_s_message() -> None:
    assert TextMessage(content="hi", source="a").to_model_message() == UserMessage(content="hi", source="a")
    handoff = HandoffMessage(content="yours", target="b", source="a")
    assert handoff.to_model_message() == UserMessage(content="yours", source="a")


def test_multi_modal_text_has_a_placeholder_for_each_picture() -> None:
    message = MultiModalMessage(content=["look:", RED, "nice", "?"], source="a")
    assert message.to_text() == "look:\n<image>\nnice\n?"
    assert message.to_model_text() == "look: [image]nice?"
    assert message.to_model_text(image_placeholder="(pic)") == "look: (pic)nice?"
    assert message.to_model_text(image_placeholder=None) == f"look: {RED.to_base64()}nice?"
    assert RED.to_base64() in message.to_text(iterm=True)
    assert message.to_model_message().content == message.content


def test_events_read_as_what_they_hold() -> None:
    texts = [event.to_text() for event in EVENTS]
    assert texts[0] == "[FunctionCall(id='c1', arguments='{\"a\": 1}', name='add')]"
    assert texts[1] == "[FunctionExecutionResult(content='2', name='add', call_id='c1', is_error=False)]"
    assert texts[9].startswith("[MemoryContent(content='x'")
    assert texts[2:9] == ["x", "1", "", "pi", "hm", "['b']", "b"]


def test_a_structured_message_carries_its_type_and_reads_by_its_format() -> None:
    message = StructuredMessage[Person](content=Person(name="Ada"), source="a", format_string="{name} is {age}")
    assert message.type == message.dump()["type"] == "StructuredMessage[Person]"
    assert message.to_text() == message.to_model_text() == "Ada is 36"
    assert message.to_model_message().content == '{"name":"Ada","age":36}'
    plain = StructuredMessage[Person](content=Person(name="Ada"), source="a")
    assert plain.to_text() == '{"name":"Ada","age":36}'
    assert StructuredMessage[Person].load(message.dump()) == message


def test_a_structured_message_is_read_back_without_its_model() -> None:
    message = StructuredMessage[Person](content=Person(name="Ada"), source="a", format_string="{name} is {age}")
    loaded: Any = load_message(message.dump())
    assert isinstance(loaded, StructuredMessage)
    assert (loaded.content.name, loaded.to_text()) == ("Ada", "Ada is 36")
    assert loaded.dump() == message.dump()


def test_the_factory_makes_the_types_that_it_knows() -> None:
    factory = MessageFactory()
    for message in [*CHAT, *EVENTS]:
        assert factory.is_registered(type(message))
        assert factory.create(message.dump()) == message
    structured = StructuredMessage[Person](content=Person(name="Ada"), source="a")
    with pytest.raises(ValueError, match=r"Unknown message type: StructuredMessage\[Person\]"):
        factory.create(structured.dump())
    factory.register(StructuredMessage[Person])
    assert factory.is_registered(StructuredMessage[Person])
    assert factory.create(structured.dump()) == structured


def test_the_factory_refuses_what_it_cannot_know() -> None:
    factory = MessageFactory()
    with pytest.raises(ValueError, match="is already registered"):
        factory.register(TextMessage)
    with pytest.raises(ValueError, match="must be a subclass of BaseChatMessage or BaseAgentEvent"):
        factory.register(int)
    for typeless in ({"content": "x"}, {"content": "x", "type": None}):
        with pytest.raises(ValueError, match="Field 'type' is required"):
            factory.create(typeless)


@pytest.mark.parametrize("given", [{"input_model": Person}, {"json_schema": Person.model_json_schema()}])
def test_the_structured_factory_makes_the_type_from_a_model_or_its_schema(given: dict[str, Any]) -> None:
    factory = StructuredMessageFactory(**given, format_string="{name}", content_model_name="Person")
    message = factory.StructuredMessage(content=factory.ContentModel(name="Ada"), source="a")
    assert message.dump()["type"] == "StructuredMessage[Person]"
    assert message.dump()["content"] == {"name": "Ada", "age": 36}
    with pytest.raises(ValidationError):
        factory.ContentModel(age=1)


def test_the_structured_factory_needs_a_model_or_a_schema() -> None:
    for given in ({}, {"json_schema": {}}):
        with pytest.raises(ValueError, match="Either `json_schema` or `input_model` must be provided"):
            StructuredMessageFactory(**given)


def test_of_a_schema_and_a_model_the_structured_factory_takes_the_schema() -> None:
    factory = StructuredMessageFactory(Person.model_json_schema(), CodeResult, content_model_name="Human")
    assert factory.ContentModel.__name__ == "Human" and set(factory.ContentModel.model_fields) == {"name", "age"}


WRITTEN_BY_AUTOGEN = [
    json.loads(line) for line in (Path(__file__).parent / "autogen_0_7_5.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("data", WRITTEN_BY_AUTOGEN, ids=lambda data: data["type"])
def test_what_autogen_wrote_is_read_and_written_the_same(data: dict[str, Any]) -> None:
    written = load_message(data).dump()
    if data["type"] == "CodeExecutionEvent":
        assert written["result"].pop("outputs") == []  # what the code showed: AutoGen does not keep it
    assert written == data
    assert list(written) == list(data)  # in the same order too: it is what people see printed
