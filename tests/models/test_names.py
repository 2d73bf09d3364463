"""One string names a model anywhere."""

from __future__ import annotations

import pytest

from nbagents.errors import ConfigurationError, ModelNotFound, UnknownNameError
from nbagents.models import LocalChatCompletionClient, OpenAIChatCompletionClient, UserMessage, client_for


def test_the_provider_decides_the_client() -> None:
    assert isinstance(client_for("openai/gpt-5-mini", base_url="http://127.0.0.1:1/v1"), OpenAIChatCompletionClient)
    local = client_for("local/qwen2.5-coder-1.5b")
    assert isinstance(local, LocalChatCompletionClient)
    assert (local.provider, local.model) == ("local", "qwen2.5-coder-1.5b")


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
