"""The assistant: what it is shown and what it says, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from nbagents.agents import AssistantAgent, Response, TaskResult
from nbagents.cancellation import CancellationToken
from nbagents.errors import ModelResponseError
from nbagents.memory import ListMemory, MemoryContent, MemoryMimeType
from nbagents.messages import (
    MemoryQueryEvent,
    ModelClientStreamingChunkEvent,
    MultiModalMessage,
    StructuredMessage,
    TextMessage,
    ThoughtEvent,
)
from nbagents.models import AssistantMessage, CreateResult, SystemMessage
from nbagents.tools import FunctionTool, StaticWorkbench
from tests.agents.scripts import USAGE, Spoken, calls, client, kinds, prompt, thinking

ADD = ("add", '{"a": 1, "b": 2}')


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Sum(BaseModel):
    value: int


async def test_a_text_answer_is_a_text_message_with_its_usage() -> None:
    result = await AssistantAgent("a", client(CreateResult(finish_reason="stop", content="hi", usage=USAGE))).run(
        task="go"
    )
    assert kinds(result.messages) == ["TextMessage", "TextMessage"]
    assert (result.messages[-1].source, result.messages[-1].models_usage, result.stop_reason) == ("a", USAGE, None)


async def test_the_prompt_is_the_system_message_and_the_context() -> None:
    model = client("one", "two")
    agent = AssistantAgent("a", model, system_message="Be brief.")
    await agent.run(task="first")
    await agent.run(task="second")
    assert prompt(model) == [
        ("SystemMessage", "Be brief."),
        ("UserMessage", "first"),
        ("AssistantMessage", "one"),
        ("UserMessage", "second"),
    ]


async def test_structured_output_is_parsed_and_reflected_upon_by_default() -> None:
    model = client(calls(ADD), '{"value": 3}')
    agent = AssistantAgent("a", model, tools=[add], output_content_type=Sum, output_content_type_format="= {value}")
    message = (await agent.run(task="go")).messages[-1]
    assert isinstance(message, StructuredMessage) and message.content == Sum(value=3)
    assert (message.to_text(), model.create_calls[1]["json_output"]) == ("= 3", Sum)
    assert StructuredMessage[Sum] in agent.produced_message_types


async def test_structured_output_that_does_not_parse_is_raised_with_advice_and_can_be_tried_again() -> None:
    agent = AssistantAgent("a", model := client("nope", '{"value": 1}'), output_content_type=Sum)
    with pytest.raises(ValidationError) as caught:
        await agent.on_messages([message := TextMessage(content="go", source="user")], CancellationToken())
    assert "expected JSON of Sum" in caught.value.__notes__[0]
    await agent.on_messages([message], CancellationToken())
    assert prompt(model)[1:] == [("UserMessage", "go")]


async def test_a_thought_is_shown_and_kept() -> None:
    agent = AssistantAgent("a", client(thinking("hi", "hmm")))
    result = await agent.run(task="go")
    assert isinstance(result.messages[1], ThoughtEvent)
    last = (await agent.model_context.get_messages())[-1]
    assert isinstance(last, AssistantMessage) and (last.content, last.thought) == ("hi", "hmm")


async def test_chunks_name_the_message_that_they_belong_to_also_after_a_thought() -> None:
    agent = AssistantAgent("a", Spoken([thinking("one two", "hmm")]), model_client_stream=True)
    items = [item async for item in agent.run_stream(task="go")]
    chunks = [item for item in items if isinstance(item, ModelClientStreamingChunkEvent)]
    assert "".join(chunk.content for chunk in chunks) == "one two"
    assert {chunk.full_message_id for chunk in chunks} == {items[-2].id}


async def test_memories_are_asked_before_each_turn_and_told_once() -> None:
    model = client("one", "two", "three")
    note = MemoryContent(content="likes tea", mime_type=MemoryMimeType.TEXT)
    agent = AssistantAgent("a", model, memory=[ListMemory(memory_contents=[note])])
    for _ in range(3):
        result = await agent.run(task="go")
        assert isinstance(result.messages[1], MemoryQueryEvent) and result.messages[1].content == [note]
    assert str(prompt(model)).count("likes tea") == 1


async def test_pictures_are_words_for_a_model_that_cannot_see() -> None:
    pil = pytest.importorskip("PIL.Image", reason="pictures are made with pillow, which the dev extra installs")
    from nbagents.image import Image

    model = client("ok", "ok")
    agent = AssistantAgent("a", model)
    await agent.run(task="hello")
    await agent.run(task=MultiModalMessage(content=["see", Image(pil.new("RGB", (1, 1)))], source="user"))
    assert prompt(model)[-1] == ("UserMessage", "see\n<image>")


async def test_an_empty_answer_is_the_models_to_give_unless_it_was_cut_off() -> None:
    assert (await AssistantAgent("a", client("")).run(task="go")).messages[-1].to_text() == ""
    cut = CreateResult(finish_reason="length", content="", usage=USAGE)
    with pytest.raises(ModelResponseError, match="finish reason length"):
        await AssistantAgent("a", client(cut)).run(task="go")


async def test_on_messages_works_outside_of_any_run() -> None:
    agent = AssistantAgent("a", client(calls(ADD)), tools=[add])
    response = await agent.on_messages([TextMessage(content="go", source="user")], CancellationToken())
    assert kinds(response.inner_messages or ()) == ["ToolCallRequestEvent", "ToolCallExecutionEvent"]


async def test_usage_stands_in_the_result_per_agent_and_per_model() -> None:
    usage = (
        await AssistantAgent("a", client(calls(ADD), thinking("3", "")), tools=[add], max_tool_iterations=2).run(
            task="go"
        )
    ).usage
    assert (usage.calls, usage.tokens, usage.by_agent["a"].prompt_tokens) == (2, 10, 6)
    assert next(iter(usage.by_model.values())).completion_tokens == 4


def test_construction_is_checked() -> None:
    unable = client(function_calling=False)
    clash = FunctionTool(add, description="", name="transfer_to_b")
    for wrong, text in [
        (lambda: AssistantAgent("a", unable, tools=[add]), "The model does not support function calling."),
        (lambda: AssistantAgent("a", unable, handoffs=["b"]), "which is needed for handoffs"),
        (lambda: AssistantAgent("a", client(), tools=[add, add]), "Tool names must be unique"),
        (lambda: AssistantAgent("a", client(), handoffs=["b", "b"]), "Handoff names must be unique"),
        (
            lambda: AssistantAgent("a", client(), tools=[clash], handoffs=["b"]),
            "Handoff names must be unique from tool",
        ),
        (lambda: AssistantAgent("a", client(), tools=[3]), "Unsupported tool type"),
        (lambda: AssistantAgent("a", client(), handoffs=[3]), "Unsupported handoff type"),
        (
            lambda: AssistantAgent("a", client(), tools=[add], workbench=StaticWorkbench([])),
            "Tools cannot be used with",
        ),
        (lambda: AssistantAgent("a", client(), max_tool_iterations=0), "greater than or equal to 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=text):
            wrong()
    with pytest.raises(TypeError, match="Expected Memory"):
        AssistantAgent("a", client(), memory=3)


async def test_the_stream_of_on_messages_ends_with_the_response() -> None:
    agent = AssistantAgent("a", client("hi"))
    items = [
        item async for item in agent.on_messages_stream([TextMessage(content="go", source="u")], CancellationToken())
    ]
    assert isinstance(items[-1], Response) and items[-1].chat_message.to_text() == "hi"


async def test_a_subclass_may_ask_its_model_itself_and_change_its_parts() -> None:
    class Direct(AssistantAgent):
        async def on_messages_stream(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            await self._model_context.add_message(messages[-1].to_model_message())
            conversation = [*self._system_messages, *await self._model_context.get_messages()]
            answer = await self._model_client.create(conversation, cancellation_token=cancellation_token)
            yield Response(chat_message=TextMessage(content=answer.content, source=self.name))

    model = client("hi")
    agent = Direct("a", client(), tools=[add], handoffs=["b"], system_message="Be brief.")
    agent._model_client = model
    assert (await agent.run(task="go")).messages[-1].to_text() == "hi"
    assert prompt(model) == [("SystemMessage", "Be brief."), ("UserMessage", "go")]
    assert [tool.name for tool in agent._tools] == ["add"] and list(agent._handoffs) == ["transfer_to_b"]
    assert [tool.name for tool in agent._handoff_tools] == ["transfer_to_b"]


async def test_a_subclass_may_add_to_its_tools() -> None:
    class Adding(AssistantAgent):
        def __init__(self) -> None:
            super().__init__("a", client(calls(ADD)), tools=[])
            self._tools.append(FunctionTool(add, "adds"))  # type: ignore[attr-defined]  # it is a list

    assert (await Adding().run(task="go")).messages[-1].to_text() == "3"


async def test_a_subclass_may_keep_its_arguments_under_the_names_that_it_knows() -> None:
    class Keeping(AssistantAgent):
        def __init__(self, model: Any, workbench: StaticWorkbench, handoffs: list[str]) -> None:
            self._model_client, self._model_client_stream = model, True
            self._workbench, self._handoffs, self._handoff_tools = workbench, handoffs, None  # type: ignore[assignment]  # what programs do
            super().__init__("a", model, workbench=workbench, handoffs=handoffs)

    agent = Keeping(client("hi"), StaticWorkbench([FunctionTool(add, "adds")]), ["b"])
    assert (await agent.run(task="go")).messages[-1].to_text() == "hi"
    assert list(agent._handoffs) == ["transfer_to_b"] and len(agent._workbench) == 1


async def test_model_workbench_and_instructions_may_be_exchanged_between_runs() -> None:
    model = client(calls(ADD), "3")
    agent = AssistantAgent("a", client("no"), model_client_stream=True)
    await agent.run(task="one")
    agent._model_client, agent._system_messages = model, [SystemMessage(content="New.")]
    agent._workbench = [StaticWorkbench([FunctionTool(add, "adds")])]
    agent._reflect_on_tool_use, agent._model_client_stream = True, False
    *_, answer = [item async for item in agent.run_stream(task="two")]
    assert isinstance(answer, TaskResult) and answer.messages[-1].to_text() == "3"
    assert prompt(model)[0] == ("SystemMessage", "New.")
    assert not any(isinstance(message, ModelClientStreamingChunkEvent) for message in answer.messages)
