"""The OpenAI client against a real HTTP server that misbehaves on request."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import BaseModel, TypeAdapter

from nbagents.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelNotFound,
    ModelResponseError,
)
from nbagents.models import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    OpenAIChatCompletionClient,
    SystemMessage,
    UserMessage,
    keys,
)
from nbagents.runtime import EVENT_LOGGER_NAME, Gate
from nbagents.runtime.effect_events import LLMCallEvent, LLMStreamEndEvent, LLMStreamStartEvent

HELLO: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="Hi {there} $x$", source="user")]


@pytest.fixture
async def client(llmock: Any) -> Any:
    client = OpenAIChatCompletionClient("gpt-test", base_url=llmock.base_url(), api_key="planted-key-123456")
    yield client
    await client.close()


async def parts(client: OpenAIChatCompletionClient) -> list[str | CreateResult]:
    return [part async for part in client.create_stream(HELLO)]


async def test_the_stream_yields_text_and_the_whole_result_last(
    llmock: Any, client: OpenAIChatCompletionClient
) -> None:
    llmock.reply("It is forty-two.")
    *texts, result = await parts(client)
    assert "".join(str(text) for text in texts) == "It is forty-two."
    assert len(texts) > 1
    assert isinstance(result, CreateResult)
    assert (result.content, result.finish_reason) == ("It is forty-two.", "stop")
    assert result.usage.prompt_tokens > 0 and result.usage.completion_tokens > 0
    assert client.total_usage() == result.usage


async def test_a_client_that_is_asked_without_a_gate_logs_its_calls(
    llmock: Any, client: OpenAIChatCompletionClient, caplog: pytest.LogCaptureFixture
) -> None:
    llmock.reply("Forty-two.")
    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
        result = await client.create(HELLO)
        *_, streamed = await parts(client)
        for stream in (False, True):
            async for _ in Gate().model("bob", client, HELLO, stream=stream):
                pass
    events: list[Any] = [record.msg for record in caplog.records if record.name == EVENT_LOGGER_NAME]
    assert [type(event) for event in events] == [LLMCallEvent, LLMStreamStartEvent, LLMStreamEndEvent] * 2
    assert [event.kwargs["agent_id"] for event in events] == [None] * 3 + ["bob"] * 3
    for event, answer in ((events[0], result), (events[2], streamed)):
        assert isinstance(answer, CreateResult)
        assert event.kwargs["response"]["content"] == answer.content
        assert (event.prompt_tokens, event.completion_tokens) == (
            answer.usage.prompt_tokens,
            answer.usage.completion_tokens,
        )


async def test_create_gives_the_same_answer_in_one(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    llmock.reply("Forty-two.")
    assert (await client.create(HELLO)).content == "Forty-two."


async def test_the_request_has_the_sdk_s_own_shape(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    call = FunctionCall(id="c1", name="f", arguments="{}")
    result = FunctionExecutionResult(content="1", name="f", call_id="c1")
    history: list[LLMMessage] = [
        *HELLO,
        AssistantMessage(content=[call], source="a"),
        FunctionExecutionResultMessage(content=[result]),
        AssistantMessage(content="one", source="a"),
    ]
    await client.create(history, extra_create_args={"temperature": 0.5})
    body = llmock.last_request.body
    TypeAdapter(CompletionCreateParams).validate_python(body)
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert body["messages"][1]["content"] == "Hi {there} $x$"
    assert body["temperature"] == 0.5


class Person(BaseModel):
    name: str


async def test_structured_output_asks_for_the_schema(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    await client.create(HELLO, json_output=Person)
    assert llmock.last_request.body["response_format"]["json_schema"]["schema"]["required"] == ["name"]


async def test_a_format_for_every_request_may_be_a_class_and_gives_way_to_what_one_asks_for(
    llmock: Any, client: OpenAIChatCompletionClient
) -> None:
    always = OpenAIChatCompletionClient("gpt-4o", base_url=llmock.base_url(), api_key="k", response_format=Person)
    with pytest.warns(DeprecationWarning, match="json_output"):
        await always.create(HELLO)
    assert llmock.last_request.body["response_format"]["json_schema"]["name"] == "Person"
    with pytest.raises(ValueError, match="cannot be set to a Pydantic model class at the same time"):
        await always.create(HELLO, json_output=Person)
    await always.create(HELLO, json_output=True)
    assert llmock.last_request.body["response_format"] == {"type": "json_object"}
    await always.close()
    await client.create(HELLO, extra_create_args={"response_format": {"type": "text"}})
    assert llmock.last_request.body["response_format"] == {"type": "text"}


async def test_a_stream_that_just_ends_is_no_answer(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    llmock.reply("a long answer of many words").truncate(after_chunks=2)
    with pytest.raises(ModelResponseError, match="broke off its answer"):
        await parts(client)


async def test_a_connection_lost_in_the_middle(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    llmock.reply("a long answer of many words").disconnect(after_chunks=2)
    with pytest.raises(ModelConnectionError, match="cannot reach"):
        await parts(client)


async def test_a_chunk_that_is_not_json(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    llmock.reply("a long answer of many words").corrupt(after_chunks=2)
    with pytest.raises(ModelResponseError, match="not an answer"):
        await parts(client)


async def test_rate_limits_are_waited_out(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    llmock.rate_limit(times=1, retry_after=0.05).reply("ok")
    assert (await client.create(HELLO)).content == "ok"


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (401, ModelAuthenticationError, "openai/gpt-test: the key was refused"),
        (404, ModelNotFound, "knows no such model"),
        (400, ModelResponseError, "answered with an error"),
    ],
)
async def test_errors_are_typed_and_name_the_model(
    llmock: Any, client: OpenAIChatCompletionClient, status: int, kind: type[ModelError], text: str
) -> None:
    llmock.fail(status)
    with pytest.raises(kind, match=text) as caught:
        await parts(client)
    assert (caught.value.provider, caught.value.model) == ("openai", "gpt-test")
    assert "planted-key-123456" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_server_that_is_down() -> None:
    client = OpenAIChatCompletionClient("m", base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0)
    with pytest.raises(ModelConnectionError, match=r"cannot reach http://127\.0\.0\.1:9/v1"):
        await client.create(HELLO)
    await client.close()


async def test_no_key_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(keys, "_in_keyring", lambda provider: None)  # the developer's own
    with pytest.raises(ModelAuthenticationError, match="set the environment variable OPENAI_API_KEY"):
        await OpenAIChatCompletionClient("m").create(HELLO)
