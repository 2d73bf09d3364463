"""Several models in a row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import stamina
from PIL import Image as PILImage

from nbagents.errors import ConfigurationError, ModelError, ModelFallbackError, ModelNotFound, ModelServerError
from nbagents.image import Image
from nbagents.models import (
    ChatCompletionClient,
    CreateResult,
    FallbackChatCompletionClient,
    OpenAIChatCompletionClient,
    ReplayChatCompletionClient,
    UserMessage,
    client_for,
)
from nbagents.models.retrying import RetryNotice, on_retry
from tests.models.fault_server import FaultServer, OpenAIDialect, fault_server

HELLO = [UserMessage(content="Hi", source="user")]


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with fault_server(OpenAIDialect()) as server:
        yield server


@pytest.fixture
def notices() -> Iterator[list[RetryNotice]]:
    seen: list[RetryNotice] = []
    token = on_retry.set(seen.append)
    with stamina.set_testing(True, attempts=10, cap=True):
        yield seen
    on_retry.reset(token)


def first(server: FaultServer, **options: Any) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient("m", base_url=f"{server.url}/v1", api_key="k", **options)


async def ask(client: ChatCompletionClient, streamed: bool, texts: list[str] | None = None) -> CreateResult:
    if not streamed:
        return await client.create(HELLO)
    async for part in client.create_stream(HELLO):
        if isinstance(part, CreateResult):
            return part
        if texts is not None:
            texts.append(part)
    raise AssertionError("no result")


both = pytest.mark.parametrize("streamed", [True, False], ids=["stream", "create"])


@both
async def test_the_next_one_is_asked_where_one_does_not_answer(
    server: FaultServer, notices: list[RetryNotice], streamed: bool
) -> None:
    client = FallbackChatCompletionClient([first(server), ReplayChatCompletionClient(["I stand in.", "never"])])
    server.fails(500, times=3)
    result = await ask(client, streamed)
    assert (result.content, result.billed_by) == ("I stand in.", "replay")
    assert [(notice.attempt, notice.fallback) for notice in notices[:2]] == [(1, ""), (2, "")]
    assert notices[2].fallback and isinstance(notices[2].error, ModelServerError)
    assert (await ask(client, streamed)).content in ("ok then", "okthen"), "each call begins with the first"
    assert client.total_usage().completion_tokens > 0
    await client.close()


@both
async def test_none_of_them_answers(server: FaultServer, notices: list[RetryNotice], streamed: bool) -> None:
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


async def test_one_that_cannot_see_is_passed_over(server: FaultServer, notices: list[RetryNotice]) -> None:
    seeing = OpenAIChatCompletionClient("gpt-4o", base_url=f"{server.url}/v1", api_key="k")
    client = FallbackChatCompletionClient([first(server), seeing])
    picture = Image.from_pil(PILImage.new("RGB", (1, 1)))
    result = await client.create([UserMessage(content=["see", picture], source="user")])
    assert result.content == "ok then"
    assert server.asked[0].body["model"] == "gpt-4o"
    assert "does not support vision" in str(notices[0].error)
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
