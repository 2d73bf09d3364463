"""Several models in a row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from PIL import Image as PILImage

from nbagents.errors import ConfigurationError, ModelError, ModelFallbackError, ModelNotFound, ModelServerError
from nbagents.image import Image
from nbagents.models import (
    ChatCompletionClient,
    FallbackChatCompletionClient,
    OpenAIChatCompletionClient,
    ReplayChatCompletionClient,
    UserMessage,
    client_for,
)
from tests.models.asking import ask, both
from tests.models.conftest import Told
from tests.models.fault_server import FaultServer, OpenAIDialect, fault_server


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with fault_server(OpenAIDialect()) as server:
        yield server


pytestmark = pytest.mark.usefixtures("without_waiting")


def first(server: FaultServer, **options: Any) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient("m", base_url=f"{server.url}/v1", api_key="k", **options)


@both
async def test_the_next_one_is_asked_where_one_does_not_answer(server: FaultServer, told: Told, streamed: bool) -> None:
    client = FallbackChatCompletionClient([first(server), ReplayChatCompletionClient(["I stand in.", "never"])])
    server.fails(500, times=3)
    result = await ask(client, streamed)
    assert (result.content, result.billed_by) == ("I stand in.", "replay")
    assert [(notice.attempt, notice.fallback) for notice in told.retries[:2]] == [(1, ""), (2, "")]
    assert told.retries[2].fallback and isinstance(told.retries[2].error, ModelServerError)
    assert (await ask(client, streamed)).content in ("ok then", "okthen"), "each call begins with the first"
    assert client.total_usage().completion_tokens > 0
    await client.close()


@both
async def test_none_of_them_answers(server: FaultServer, told: Told, streamed: bool) -> None:
    client = FallbackChatCompletionClient([first(server), first(server)])
    server.fails(404, times=2)
    with pytest.raises(ModelFallbackError, match=r"none of 2 models answered: openai/m: .*; openai/m: ") as caught:
        await ask(client, streamed)
    assert [type(error) for error in caught.value.errors] == [ModelNotFound, ModelNotFound]
    await client.close()


async def test_what_was_begun_is_not_begun_again(server: FaultServer) -> None:
    client, texts = FallbackChatCompletionClient([first(server), ReplayChatCompletionClient(["no"])]), list[str]()
    server.says("one two three four", end="cut")
    with pytest.raises(ModelError, match="broke off its answer"):
        await ask(client, True, texts)
    assert texts[0] == "one"
    await client.close()


async def test_one_that_cannot_see_is_passed_over(server: FaultServer, told: Told) -> None:
    seeing = OpenAIChatCompletionClient("gpt-4o", base_url=f"{server.url}/v1", api_key="k")
    client = FallbackChatCompletionClient([first(server), seeing])
    picture = Image.from_pil(PILImage.new("RGB", (1, 1)))
    result = await client.create([UserMessage(content=["see", picture], source="user")])
    assert result.content == "ok then"
    assert server.asked[0].body["model"] == "gpt-4o"
    assert "does not support vision" in str(told.retries[0].error)
    await client.close()


def test_as_a_component_and_by_name() -> None:
    client = client_for("openai/gpt-5-mini, local/qwen2.5-coder-1.5b")
    assert isinstance(client, FallbackChatCompletionClient)
    assert (client.provider, client.model) == ("openai", "gpt-5-mini")
    loaded = ChatCompletionClient.load_component(client.dump_component())
    assert isinstance(loaded, FallbackChatCompletionClient)
    assert [(one.provider, one.model) for one in loaded.clients] == [
        ("openai", "gpt-5-mini"),
        ("local", "qwen2.5-coder-1.5b"),
    ]
    with pytest.raises(ConfigurationError, match="at least one client"):
        FallbackChatCompletionClient([])
