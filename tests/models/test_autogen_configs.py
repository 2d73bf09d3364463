"""Clients as AutoGen 0.7.5 dumped them: the JSON below is what its `dump_component` wrote."""

from __future__ import annotations

from typing import Any

import pytest

from nbagents.errors import ConfigurationError
from nbagents.models import (
    AnthropicChatCompletionClient,
    AzureOpenAIChatCompletionClient,
    ChatCompletionClient,
    OllamaChatCompletionClient,
    OpenAIChatCompletionClient,
)

MASKED = "**********"
OPENAI = {"seed": 4, "temperature": 0.3, "model": "gpt-4o", "api_key": MASKED}
AZURE = {"model": "gpt-4o", "api_key": MASKED, "azure_endpoint": "https://x.openai.azure.com", "azure_deployment": "d",
         "api_version": "2024-06-01"}  # fmt: skip
ANTHROPIC = {"model": "claude-3-5-sonnet-20241022", "max_tokens": 100, "temperature": 1.0,
             "thinking": {"type": "enabled", "budget_tokens": 1024}, "api_key": MASKED}  # fmt: skip
OLLAMA = {"model": "llama3.2", "host": None, "follow_redirects": True, "options": {"num_predict": 9}}


def said(module: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"provider": f"autogen_ext.models.{module}.{name}", "component_type": "model", "version": 1,
            "component_version": 1, "description": "…", "label": name, "config": config}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "kind", "config"),
    [
        ("openai", OpenAIChatCompletionClient, OPENAI),
        ("openai", AzureOpenAIChatCompletionClient, AZURE),
        ("anthropic", AnthropicChatCompletionClient, ANTHROPIC),
    ],
)
def test_autogen_s_clients_load_and_dump_alike(module: str, kind: type[Any], config: dict[str, Any]) -> None:
    client = ChatCompletionClient.load_component(said(module, kind.__name__, config))
    assert type(client) is kind
    assert client.dump_component().config == {name: value for name, value in config.items() if value != MASKED}


def test_ollama_s_options_are_said_in_the_protocol_that_is_used() -> None:
    client = ChatCompletionClient.load_component(said("ollama", "OllamaChatCompletionClient", OLLAMA))
    assert isinstance(client, OllamaChatCompletionClient) and client.answer_limit == 9
    assert client.dump_component().config["options"] == OLLAMA["options"]
    said_otherwise = OllamaChatCompletionClient("llama3.2", max_tokens=9, temperature=0.5).dump_component().config
    assert said_otherwise == {"model": "llama3.2", "options": {"num_predict": 9, "temperature": 0.5}}


@pytest.mark.parametrize(
    "kind",
    [
        OpenAIChatCompletionClient,
        AzureOpenAIChatCompletionClient,
        AnthropicChatCompletionClient,
        OllamaChatCompletionClient,
    ],
)
def test_a_model_must_be_named(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match=f"model is required for {kind.__name__}"):
        kind(api_key="k")


def test_a_token_provider_that_is_a_function_is_in_no_json() -> None:
    client = AzureOpenAIChatCompletionClient("m", azure_endpoint="https://x", azure_ad_token_provider=lambda: "token")
    with pytest.raises(TypeError, match="no JSON can hold"):
        client.dump_component()


async def test_azure_wants_to_know_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_ENDPOINT"):
        await AzureOpenAIChatCompletionClient("m", api_key="k")._connected()


async def test_a_token_needs_no_key() -> None:
    client = AzureOpenAIChatCompletionClient("m", azure_endpoint="https://x", azure_ad_token="planted-token-1234")
    assert (await client._connected()).max_retries == 0
    assert "planted-token" not in client.dump_component().model_dump_json()
    await client.close()


OLD: Any = {"vision": False, "function_calling": True, "json_output": True}


@pytest.mark.parametrize(
    "kind",
    [
        OpenAIChatCompletionClient,
        AzureOpenAIChatCompletionClient,
        AnthropicChatCompletionClient,
        OllamaChatCompletionClient,
    ],
)
def test_what_a_model_can_do_may_be_said_in_the_older_form(kind: type[Any]) -> None:
    with pytest.warns(DeprecationWarning, match="use model_info"):
        client = kind(model="m", model_capabilities=OLD)
    assert client.model_info == {**OLD, "family": "unknown", "structured_output": False}
    with pytest.warns(DeprecationWarning, match="use model_info"):
        assert client.capabilities == client.model_info
    with pytest.raises(ValueError, match="mutually exclusive"):
        kind(model="m", model_capabilities=OLD, model_info=client.model_info)


def test_and_so_in_json() -> None:
    config = {"model": "m", "model_capabilities": OLD}
    with pytest.warns(DeprecationWarning, match="use model_info"):
        client = ChatCompletionClient.load_component(said("openai", "OpenAIChatCompletionClient", config))
    assert client.model_info["function_calling"] and client.model_info["family"] == "unknown"


def test_a_client_from_a_dictionary() -> None:
    client = OpenAIChatCompletionClient.create_from_config({"model": "gpt-4o", "api_key": "k"})
    assert (type(client), client.model) == (OpenAIChatCompletionClient, "gpt-4o")


def test_a_token_in_json_is_a_secret() -> None:
    config = AZURE | {"azure_ad_token": "planted-token-1234"}
    client = ChatCompletionClient.load_component(said("openai", "AzureOpenAIChatCompletionClient", config))
    assert isinstance(client, AzureOpenAIChatCompletionClient)
    assert client._credentials() == {"azure_ad_token": "planted-token-1234"}
    assert "planted" not in repr(client.component_config_schema(**config)) + client.dump_component().model_dump_json()
