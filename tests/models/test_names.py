"""One string names a model anywhere."""

from __future__ import annotations

import traceback

import pytest

from nbagents.errors import ConfigurationError, ModelNotFound, UnknownNameError
from nbagents.models import (
    ChatCompletionClient,
    LocalChatCompletionClient,
    OllamaChatCompletionClient,
    OpenAIChatCompletionClient,
    UserMessage,
    client_for,
)
from nbagents.models.openai_models import context_of, info_of


def test_the_provider_decides_the_client() -> None:
    assert isinstance(client_for("openai/gpt-5-mini", base_url="http://127.0.0.1:1/v1"), OpenAIChatCompletionClient)
    local = client_for("local/qwen2.5-coder-1.5b")
    assert isinstance(local, LocalChatCompletionClient)
    assert (local.provider, local.model) == ("local", "qwen2.5-coder-1.5b")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("azure/gpt-4o", "AzureOpenAIChatCompletionClient"),
        ("anthropic/claude-sonnet-5", "AnthropicChatCompletionClient"),
        ("ollama/llama3.2:1b", "OllamaChatCompletionClient"),
        ("openrouter/anthropic/claude-sonnet-5", "OpenRouterChatCompletionClient"),
    ],
)
def test_each_provider_has_its_client(name: str, kind: str) -> None:
    client = client_for(name, api_key="k")
    assert (type(client).__name__, f"{client.provider}/{client.model}") == (kind, name)
    loaded = ChatCompletionClient.load_component(client.dump_component())
    assert type(loaded) is type(client)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://127.0.0.1:11434/v1"),
        (" example.org:1\n", "http://example.org:1/v1"),
        ("0.0.0.0:11500", "http://127.0.0.1:11500/v1"),
        ("example.org", "http://example.org:11434/v1"),
        ("https://example.org/", "https://example.org:443/v1"),
        ("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
    ],
)
def test_where_ollama_is(host: str | None, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert OllamaChatCompletionClient("m", host=host)._address() == url
    if host is not None:
        monkeypatch.setenv("OLLAMA_HOST", host)
        assert OllamaChatCompletionClient("m")._address() == url


@pytest.mark.parametrize("host", ["example.org:port", "http://me:planted@example.org:99999", "[::1"])
async def test_a_host_that_is_none_is_said_to_be_none(host: str) -> None:
    with pytest.raises(ConfigurationError, match="is no server: set host or OLLAMA_HOST") as caught:
        await OllamaChatCompletionClient("m", host=host).create([])
    assert "planted" not in "".join(traceback.format_exception(caught.value))


def test_what_only_ollama_s_server_can_set_is_refused() -> None:
    client = OllamaChatCompletionClient("m", options={"temperature": 0.5, "num_predict": 9})
    assert client.answer_limit == 9
    with pytest.raises(ConfigurationError, match="num_ctx can only be set on the server"):
        OllamaChatCompletionClient("m", options={"num_ctx": 9})


@pytest.mark.parametrize(
    ("model", "vision", "tokens"),
    [
        ("anthropic/claude-sonnet-5", True, 200_000),
        ("qwen/qwen2.5-vl-72b-instruct:free", True, 32_768),
        ("llava:13b", True, 32_768),
        ("meta-llama/Llama-3.3-70B-Instruct", False, 131_072),
        ("openai/gpt-5-mini", True, 400_000),
        ("unheard-of", False, 32_768),
    ],
)
def test_an_unknown_name_is_taken_for_a_current_model(model: str, vision: bool, tokens: int) -> None:
    assert info_of(model)["vision"] is vision and info_of(model)["function_calling"]
    assert context_of(model) == tokens


def test_the_rest_of_the_name_is_the_server_s() -> None:
    assert client_for("openai/meta-llama/Llama-3").model == "meta-llama/Llama-3"
    assert client_for("local//models/x.gguf").model == "/models/x.gguf"


@pytest.mark.parametrize("name", ["gpt-5", "openai/", "", "/x"])
def test_a_name_without_both_parts_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        client_for(name)


def test_an_unknown_provider_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'openai'"):
        client_for("opnai/gpt")


async def test_weights_that_are_not_here_say_how_to_get_them(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBAGENTS_MODELS_DIR", str(tmp_path))
    with pytest.raises(ModelNotFound, match=r"nbagents model get qwen2\.5-coder-0\.5b"):
        await client_for("local/qwen2.5-coder-0.5b").create([UserMessage(content="hi", source="user")])
