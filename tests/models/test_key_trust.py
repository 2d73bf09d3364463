"""To whom a key is sent, and to whom not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbagents.errors import ModelAuthenticationError
from nbagents.models import (
    AnthropicChatCompletionClient,
    AzureOpenAIChatCompletionClient,
    ChatCompletionClient,
    FallbackChatCompletionClient,
    OllamaChatCompletionClient,
    OpenAIChatCompletionClient,
    OpenRouterChatCompletionClient,
    keys,
)
from nbagents.models.key_trust import bare_address, is_own, key_sources
from tests.models.asking import HELLO
from tests.models.fault_server import OpenAIDialect, fault_server

PLANTED = "planted-key-123456"


@pytest.fixture(autouse=True)
def a_key_of_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for provider, variables in keys.VARIABLES.items():
        monkeypatch.setenv(variables[0], f"{PLANTED}-{provider}")
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "AZURE_OPENAI_ENDPOINT", "OLLAMA_HOST"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)


def loaded(client: ChatCompletionClient) -> Any:
    return ChatCompletionClient.load_component(client.dump_component())


async def key_of(client: Any) -> str:
    sdk = await client._connection.sdk()
    await client.close()
    return str(sdk.api_key)


FOREIGN = "https://models.example/v1"


@pytest.mark.parametrize(
    "client",
    [
        OpenAIChatCompletionClient("m", base_url=FOREIGN),
        OpenRouterChatCompletionClient("m", base_url=FOREIGN),
        AnthropicChatCompletionClient("m", base_url=FOREIGN),
        OllamaChatCompletionClient("m", host=FOREIGN),
    ],
    ids=["openai", "openrouter", "anthropic", "ollama"],
)
async def test_an_address_in_json_gets_no_key_of_this_machine(client: Any) -> None:
    assert await key_of(client) == f"{PLANTED}-{client.provider}", "the program named it"
    assert await key_of(loaded(client)) == "none"


async def test_nor_where_it_stands_within_another_component() -> None:
    both = loaded(FallbackChatCompletionClient([OpenAIChatCompletionClient("m", base_url=FOREIGN)]))
    assert await key_of(both.clients[0]) == "none"


async def test_azure_s_key_and_token_go_to_azure() -> None:
    own = AzureOpenAIChatCompletionClient("m", azure_endpoint="https://mine.openai.azure.com")
    assert await key_of(loaded(own)) == f"{PLANTED}-azure"
    other = AzureOpenAIChatCompletionClient("m", azure_endpoint="https://azure.example")
    assert await key_of(other) == f"{PLANTED}-azure"
    with pytest.raises(ModelAuthenticationError, match="set AZURE_OPENAI_ENDPOINT to the same address"):
        await key_of(loaded(other))
    with_token = loaded(other)
    with_token._token_provider = lambda: pytest.fail("asked for a token")
    with pytest.raises(ModelAuthenticationError):
        await with_token.create(HELLO)


async def test_the_environment_may_name_the_server_beside_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example:443")
    assert await key_of(loaded(OpenAIChatCompletionClient("m", base_url=FOREIGN))) == f"{PLANTED}-openai"
    other = OpenAIChatCompletionClient("m", base_url="https://models.example:8443/v1")
    assert await key_of(loaded(other)) == "none"


async def test_json_that_names_no_server_means_the_environment_s() -> None:
    assert await key_of(loaded(OpenAIChatCompletionClient("m"))) == f"{PLANTED}-openai"


async def test_a_server_that_wants_a_key_says_why_it_got_none() -> None:
    async with fault_server(OpenAIDialect()) as server:
        server.fails(401)
        client = loaded(OpenAIChatCompletionClient("m", base_url=f"{server.url}/v1"))
        with pytest.raises(
            ModelAuthenticationError, match=r"component's JSON.*set OPENAI_BASE_URL to the same address"
        ):
            await client.create(HELLO)
        await client.close()


@pytest.mark.parametrize(
    ("provider", "address", "own"),
    [
        ("openai", "https://api.openai.com/v1", True),
        ("openai", "https://eu.api.openai.com/v1", True),
        ("openai", "http://api.openai.com/v1", False),
        ("openai", "https://api.openai.com.evil.example/v1", False),
        ("openai", "https://evil-api.openai.com/v1", False),
        ("openai", "https://api.openai.com@evil.example/v1", False),
        ("azure", "https://x.openai.azure.com/", True),
        ("azure", "https://x.azure-api.net", False),
        ("ollama", "https://ollama.com", True),
        ("ollama", "localhost:11434", False),
    ],
)
def test_the_provider_s_own_servers(provider: str, address: str, own: bool) -> None:
    assert is_own(provider, address) is own
    assert (key_sources(provider, address, from_json=True) == "all") is own


def test_a_key_of_ollama_s_cloud_is_not_typed_in_for_the_server_here() -> None:
    assert key_sources("ollama", "http://127.0.0.1:11434/v1", from_json=False) == "set"


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("http://user:planted@host:80/v1?key=planted#x", "http://host:80/v1"),
        ("user:planted@host/v1", "host/v1"),
        ("https://[::1]:8/v1", "https://[::1]:8/v1"),
        ("http://[planted", "an address that is none"),
        ("OpenAI", "OpenAI"),
    ],
)
def test_an_address_is_said_without_what_is_secret(address: str, bare: str) -> None:
    assert bare_address(address) == bare


def test_headers_that_hold_a_secret_stand_in_no_json() -> None:
    headers = {"Authorization": "Bearer planted", "X-Api-Key": "planted", "X-Team": "blue"}
    for kind in (OpenAIChatCompletionClient, AnthropicChatCompletionClient):
        said = kind("m", default_headers=headers).dump_component()
        assert said.config["default_headers"] == {"X-Team": "blue"}
