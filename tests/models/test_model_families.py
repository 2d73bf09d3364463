"""What the families of models want otherwise, behind one protocol: as AutoGen sends it to each, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nbagents.models import (
    AssistantMessage,
    CreateResult,
    LLMMessage,
    ModelFamily,
    OpenAIChatCompletionClient,
    SystemMessage,
    UserMessage,
)
from tests.models.sse_server import SSEServer, sse_server

SAID: list[LLMMessage] = [
    UserMessage(content="", source="user"),
    AssistantMessage(content=" \n", source="a"),
    UserMessage(content="go on", source="bob"),
    AssistantMessage(content="I will: \n", source="a"),
]


@pytest.fixture
async def server() -> AsyncIterator[SSEServer]:
    async with sse_server() as server:
        yield server


async def sent(server: SSEServer, model: str, **options: Any) -> list[dict[str, Any]]:
    server.says({"content": "ok"})
    client = OpenAIChatCompletionClient(model, base_url=server.url, api_key="k", max_retries=0, **options)
    assert [part async for part in client.create_stream(SAID)][-1]
    await client.close()
    messages: list[dict[str, Any]] = server.bodies[-1]["messages"]
    return messages


@pytest.mark.parametrize(
    ("model", "texts"),
    [
        ("gpt-4o", ["", " \n", "go on", "I will:"]),
        ("gemini-2.5-pro", [" ", " \n", "go on", "I will:"]),
        ("claude-sonnet-5", ["go on", "I will:"]),
    ],
)
async def test_messages_without_text(server: SSEServer, model: str, texts: list[str]) -> None:
    assert [message["content"] for message in await sent(server, model)] == texts


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-3-opus-20240229", ModelFamily.CLAUDE_3_OPUS),
        ("claude-3-5-sonnet-20241022", ModelFamily.CLAUDE_3_5_SONNET),
        ("claude-opus-4-20250514", ModelFamily.CLAUDE_4_OPUS),
        ("claude-sonnet-5", ModelFamily.CLAUDE_4_SONNET),
        ("gemini-1.5-flash", ModelFamily.GEMINI_1_5_FLASH),
        ("gemini-9", ModelFamily.GEMINI_2_5_PRO),
        ("Llama-3.3-8B-Instruct", ModelFamily.LLAMA_3_3_8B),
        ("o1-mini", ModelFamily.O1),
    ],
)
def test_a_name_says_the_family(model: str, family: str) -> None:
    assert OpenAIChatCompletionClient(model, api_key="k").model_info["family"] == family


@pytest.mark.parametrize(("model", "able"), [("gpt-4o", True), ("gpt-4o-2024-05-13", False), ("o1-mini", False)])
def test_the_first_of_a_family_may_not_know_structured_output(model: str, able: bool) -> None:
    assert OpenAIChatCompletionClient(model, api_key="k").model_info["structured_output"] is able


async def test_gemini_heeds_one_system_message_only_so_it_gets_one(server: SSEServer) -> None:
    server.says({"content": "ok"})
    client = OpenAIChatCompletionClient("gemini-2.5-flash", base_url=server.url, api_key="k")
    several: list[LLMMessage] = [SystemMessage(content="a"), SystemMessage(content="b"), *SAID]
    assert [part async for part in client.create_stream(several)]
    await client.close()
    assert [each["content"] for each in server.bodies[-1]["messages"] if each["role"] == "system"] == ["a\nb"]


async def test_mistral_s_server_refuses_to_be_told_who_speaks(server: SSEServer) -> None:
    assert not any("name" in message for message in await sent(server, "mistral-large"))
    assert any("name" in message for message in await sent(server, "mistral-large", include_name_in_message=True))
    assert any("name" in message for message in await sent(server, "gpt-4o"))
    assert not any("name" in message for message in await sent(server, "gpt-4o", include_name_in_message=False))


async def test_of_several_answers_at_once_the_first_is_the_answer(server: SSEServer) -> None:
    deltas = [(0, "one "), (1, "ONE "), (1, "TWO"), (0, "two")]
    choices = [{"index": index, "delta": {"content": text}, "finish_reason": None} for index, text in deltas]
    server.answers.append([*choices, *({"index": index, "delta": {}, "finish_reason": "stop"} for index in (1, 0))])
    client = OpenAIChatCompletionClient("m", base_url=server.url, api_key="k", n=2)
    *texts, result = [part async for part in client.create_stream(SAID)]
    await client.close()
    assert isinstance(result, CreateResult)
    assert ("".join(map(str, texts)), result.content) == ("one two", "one two")


@pytest.mark.parametrize(("wanted", "asked"), [(None, {"include_usage": True}), (False, None)])
async def test_the_count_of_tokens_is_asked_for_unless_told_otherwise(
    server: SSEServer, wanted: bool | None, asked: Any
) -> None:
    server.says({"content": "ok"})
    client = OpenAIChatCompletionClient("m", base_url=server.url, api_key="k")
    with pytest.warns(DeprecationWarning, match="empty chunks"):
        stream = client.create_stream(SAID, include_usage=wanted, max_consecutive_empty_chunk_tolerance=3)
    assert [part async for part in stream]
    with pytest.raises(ValueError, match="are both set, but differ in value"):
        client.create_stream(SAID, include_usage=False, extra_create_args={"stream_options": {"include_usage": True}})
    await client.close()
    assert server.bodies[-1].get("stream_options") == asked


@pytest.mark.parametrize(
    ("model", "host", "variable"),
    [
        ("gemini-2.5-flash", "generativelanguage.googleapis.com", "GEMINI_API_KEY"),
        ("claude-sonnet-5", "api.anthropic.com", "ANTHROPIC_API_KEY"),
        ("Llama-4-Maverick", "api.llama.com", "LLAMA_API_KEY"),
        ("gpt-4o", "api.openai.com", "OPENAI_API_KEY"),
    ],
)
async def test_a_model_of_another_provider_is_asked_there_with_its_key(
    model: str, host: str, variable: str, monkeypatch: pytest.MonkeyPatch, server: SSEServer
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for name in ("GEMINI_API_KEY", "ANTHROPIC_API_KEY", "LLAMA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, f"planted-{name}")
    client = OpenAIChatCompletionClient(model)
    sdk = await client._connected()
    assert (sdk.base_url.host, sdk.api_key) == (host, f"planted-{variable}")
    await client.close()
    there = OpenAIChatCompletionClient(model, base_url=server.url)
    assert (await there._connected()).api_key == "planted-OPENAI_API_KEY", "a server of one's own is not theirs"
    await there.close()
