"""What a subclass of `BaseChatAgent` may rely on: which of its methods are asked, and what stands in a result."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from nbagents.agents import AssistantAgent, BaseChatAgent, ChatAgent, Response, TaskResult
from nbagents.cancellation import CancellationToken
from nbagents.messages import BaseChatMessage, HandoffMessage, TextMessage, ThoughtEvent
from nbagents.runtime import Gate, passing
from nbagents.teams import RoundRobinGroupChat
from tests.agents.scripts import client, kinds


class Both(BaseChatAgent):
    """Says one thing when asked, and another as a stream."""

    def __init__(self, name: str = "both") -> None:
        super().__init__(name, "says it in two ways")

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        inner = [ThoughtEvent(content="inner", source=self.name)]
        return Response(chat_message=TextMessage(content="asked", source=self.name), inner_messages=inner)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Any, None]:
        yield ThoughtEvent(content="shown", source=self.name)
        yield Response(chat_message=TextMessage(content="streamed", source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        return None


def texts(messages: Sequence[Any]) -> list[str]:
    return [message.to_text() for message in messages]


async def test_run_asks_on_messages_and_run_stream_the_stream() -> None:
    assert texts((await Both().run(task="go")).messages) == ["go", "inner", "asked"]
    *shown, result = [item async for item in Both().run_stream(task="go")]
    assert texts(shown) == ["go", "shown", "streamed"] and result.messages == shown
    team = await RoundRobinGroupChat([Both()], max_turns=1).run(task="go")
    assert texts(team.messages) == ["go", "shown", "streamed"]


async def test_a_subclass_of_an_agent_of_ours_may_change_either() -> None:
    class Louder(AssistantAgent):
        async def on_messages(self, messages: Any, cancellation_token: CancellationToken) -> Response:
            response = await super().on_messages(messages, cancellation_token)
            return Response(chat_message=TextMessage(content=response.chat_message.to_text().upper(), source=self.name))

    assert texts((await Louder("a", client("quiet")).run(task="go")).messages) == ["go", "QUIET"]

    class Twice(AssistantAgent):
        async def on_messages_stream(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            async for item in super().on_messages_stream(messages, cancellation_token):
                if isinstance(item, Response):
                    item.chat_message = TextMessage(content=item.chat_message.to_text() * 2, source=self.name)
                yield item

    assert texts((await Twice("a", client("ha")).run(task="go")).messages) == ["go", "haha"]


@pytest.mark.parametrize("agent", [Both(), AssistantAgent("a", client("x"))], ids=["a user's", "one of ours"])
async def test_what_run_says_is_recorded(agent: BaseChatAgent) -> None:
    with passing(Gate()) as gate:
        result = await agent.run(task="go")
    recorded = [entry["message"]["type"] for entry in gate.journal.entries if entry["type"] == "message"]
    assert recorded == kinds(result.messages[1:])


async def test_a_stream_without_a_response_is_an_error() -> None:
    class Silent(Both):
        async def on_messages_stream(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            yield ThoughtEvent(content="...", source=self.name)

    with pytest.raises(ValueError, match="both did not produce a final response"):
        async for _ in Silent().run_stream(task="go"):
            pass
    with pytest.raises(RuntimeError, match="both did not produce a final response"):
        await RoundRobinGroupChat([Silent()], max_turns=1).run(task="go")


@pytest.mark.parametrize("task", [[1], ["text"], {"a": 1}, [ThoughtEvent(content="x", source="y")]])
async def test_a_task_that_is_none_is_refused(task: Any) -> None:
    with pytest.raises(ValueError, match=r"[Tt]ask"):
        await Both().run(task=task)


class Wrapped(ChatAgent):
    """Is no `BaseChatAgent`, and has no more than what a team asks of an agent."""

    def __init__(self) -> None:
        self.inner = Both()

    @property
    def name(self) -> str:
        return "wrapped"

    @property
    def description(self) -> str:
        return "has another agent speak"

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return self.inner.produced_message_types

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        return await self.inner.on_messages(messages, cancellation_token)

    def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Any, None]:
        return self.inner.on_messages_stream(messages, cancellation_token)

    async def run(self, **given: Any) -> TaskResult:
        return await self.inner.run(**given)

    def run_stream(self, **given: Any) -> AsyncGenerator[Any, None]:
        return self.inner.run_stream(**given)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        return None

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        return None

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        return None

    async def save_state(self) -> Mapping[str, Any]:
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        return None

    async def close(self) -> None:
        return None


async def test_an_agent_need_not_be_a_base_chat_agent() -> None:
    agent = Wrapped()
    assert not isinstance(agent, BaseChatAgent) and issubclass(BaseChatAgent, ChatAgent)
    team = await RoundRobinGroupChat([agent], max_turns=1).run(task="go")
    assert texts(team.messages) == ["go", "shown", "streamed"]


@pytest.mark.parametrize("sequence", [tuple, deque])
async def test_a_task_may_be_any_sequence_of_messages(sequence: Any) -> None:
    task = sequence([TextMessage(content="one", source="a"), TextMessage(content="two", source="b")])
    assert texts((await Both().run(task=task)).messages) == ["one", "two", "inner", "asked"]


def test_a_response_is_json_with_all_that_its_messages_have() -> None:
    handed = HandoffMessage(content="yours", source="a", target="b")
    response = Response(chat_message=handed, inner_messages=[ThoughtEvent(content="hm", source="a")])
    written = TypeAdapter(Response).dump_python(response, mode="json")
    assert written == {"chat_message": handed.dump(), "inner_messages": [response.inner_messages[0].dump()]}  # type: ignore[index]  # it has one


class Items:
    """An iterator that is no generator: there is nothing to close."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    def __aiter__(self) -> Items:
        return self

    async def __anext__(self) -> Any:
        if not self.items:
            raise StopAsyncIteration
        return self.items.pop(0)


async def test_the_stream_of_an_agent_may_be_any_async_iterator() -> None:
    class Iterated(Both):
        def on_messages_stream(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            return Items(
                ThoughtEvent(content="hm", source=self.name),
                Response(chat_message=TextMessage(content="so", source=self.name)),
            )

    *_, result = [item async for item in Iterated().run_stream(task="go")]
    team = await RoundRobinGroupChat([Iterated()], max_turns=1).run(task="go")
    assert texts(result.messages) == texts(team.messages) == ["go", "hm", "so"]


async def test_what_is_no_message_cannot_be_said() -> None:
    class Wordy(Both):
        async def on_messages(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            return Response(chat_message="just text")  # type: ignore[arg-type]  # what is tried

        async def on_messages_stream(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            yield "just text"

    with pytest.raises(ValueError, match="both said 'just text': expected a message or an event"):
        await Wordy().run(task="go")
    with pytest.raises(ValueError, match="both said 'just text': expected a message or an event"):
        _ = [item async for item in Wordy().run_stream(task="go")]


def test_agents_and_teams_serve_one_loop_after_another() -> None:
    agent = AssistantAgent("a", client("one", "two"))
    team = RoundRobinGroupChat([AssistantAgent("b", client("three", "four"))], max_turns=1)
    said = [texts(asyncio.run(runner.run(task="go")).messages)[-1] for runner in (agent, agent, team, team)]
    assert said == ["one", "two", "three", "four"]


async def test_a_subclass_may_have_helpers_and_counters_of_usual_names() -> None:
    class Counting(Both):
        def __init__(self) -> None:
            super().__init__("counting")
            self._turn = self._task = self._prompt = self._model = self._once = self._message = 0

        async def _respond(self, text: str) -> str:
            return text

    class Named(AssistantAgent):
        def __init__(self, answer: str) -> None:
            self._model_client = client("never asked")
            super().__init__("named", client(answer))
            self._turn, self._model, self._summary, self._system, self._task = 0, "gpt", "", "", ""

    assert texts((await Counting().run(task="go")).messages) == ["go", "inner", "asked"]
    assert texts((await Named("hi").run(task="go")).messages) == ["go", "hi"]
