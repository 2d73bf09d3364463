"""The clients of OpenAI's and Anthropic's protocols against llama.cpp's own server, with a real small model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import BaseModel

from nbagents.errors import ModelAuthenticationError, ModelContextOverflowError, ModelNotFound
from nbagents.models import (
    AnthropicChatCompletionClient,
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    OpenAIChatCompletionClient,
    SystemMessage,
    UserMessage,
    weights,
)
from nbagents.models import engine as engine_module
from nbagents.models.engine import Engine, shared

MODEL = "smollm2-135m"
HELLO: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="Say hello.", source="user")]
LONG: list[LLMMessage] = [UserMessage(content="word " * 3000, source="user")]


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture(scope="module", autouse=True)
def _no_engine_is_left() -> Iterator[None]:
    yield
    engine_module._end_all()


@pytest.fixture
async def engine() -> Engine:
    try:
        model = weights.find(MODEL)
    except ModelNotFound as error:
        pytest.fail(f"these tests run a real model: {error}")
    return await shared(model, context_length=512, slots=2)


@pytest.fixture(params=["openai", "anthropic"])
async def client(request: pytest.FixtureRequest, engine: Engine) -> AsyncIterator[ChatCompletionClient]:
    made = client_of(request.param, engine, engine.api_key)
    yield made
    await made.close()


def client_of(kind: str, engine: Engine, key: str) -> ChatCompletionClient:
    if kind == "openai":
        return OpenAIChatCompletionClient(
            MODEL, base_url=engine.base_url, api_key=key, max_tokens=40, temperature=0, include_name_in_message=False
        )
    base_url = engine.base_url.removesuffix("/v1")
    # llama.cpp takes its key as OpenAI's servers do
    headers = {"Authorization": f"Bearer {key}"}
    return AnthropicChatCompletionClient(
        MODEL, base_url=base_url, api_key=key, max_tokens=40, temperature=0, default_headers=headers
    )


async def test_an_answer_in_one_and_as_a_stream(client: ChatCompletionClient) -> None:
    whole = await client.create(HELLO)
    *texts, streamed = [part async for part in client.create_stream(HELLO)]
    assert isinstance(streamed, CreateResult) and isinstance(streamed.content, str)
    assert streamed.content and "".join(map(str, texts)) == streamed.content
    assert whole.content == streamed.content, "the temperature is 0"
    assert streamed.finish_reason in ("stop", "length")
    assert streamed.usage.prompt_tokens > 5 and streamed.usage.completion_tokens > 0


async def test_a_context_that_is_too_small(client: ChatCompletionClient) -> None:
    with pytest.raises(ModelContextOverflowError, match="longer than the model's context"):
        await client.create(LONG)
    with pytest.raises(ModelContextOverflowError):
        [part async for part in client.create_stream(LONG)]


async def test_structured_output(engine: Engine) -> None:
    client = client_of("openai", engine, engine.api_key)
    said: list[LLMMessage] = [UserMessage(content="Ada is 36 years old. Who is she, as JSON?", source="user")]
    result = await client.create(said, json_output=Person)
    assert Person.model_validate_json(str(result.content))
    await client.close()


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_wrong_key(engine: Engine, kind: str) -> None:
    client = client_of(kind, engine, "wrong-key-123456")
    with pytest.raises(ModelAuthenticationError, match="the key was refused"):
        await client.create(HELLO)
    await client.close()
