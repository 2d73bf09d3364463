"""What an agent asks its model with: true at the time, the asker's own, and at the cost of what is new in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, SupportsIndex, cast, overload

import pytest

from nbagents.agents import AssistantAgent, CodeExecutorAgent, CodeWritingAgent
from nbagents.memory import BufferedChatCompletionContext, ChatCompletionContext, UnboundedChatCompletionContext
from nbagents.models import (
    AssistantMessage,
    ChatCompletionCache,
    ChatCompletionClient,
    CreateResult,
    FallbackChatCompletionClient,
    LLMMessage,
    ReplayChatCompletionClient,
    SystemMessage,
    UserMessage,
)
from nbagents.models.prompt import Prompt, SharedMessages
from nbagents.runtime import Budget, Gate, passing
from nbagents.teams import RoundRobinGroupChat
from tests.agents.scripts import USAGE, client


class Recording(ChatCompletionClient):
    """A client of the user's own, which keeps what it is asked as it is given, and then does with it as it likes."""

    component_type = "model"
    component_config_schema = cast(Any, None)

    def __init__(self) -> None:
        self.asked: list[Sequence[LLMMessage]] = []
        self.asked_then: list[list[LLMMessage]] = []

    model_info = cast(Any, client().model_info)

    async def create(self, messages: Any, **options: Any) -> CreateResult:
        self.asked.append(messages)
        self.asked_then.append(list(messages))
        return CreateResult(finish_reason="stop", content=f"answer {len(self.asked)}", usage=USAGE)

    async def create_stream(self, messages: Any, **options: Any) -> AsyncGenerator[str | CreateResult, None]:
        yield await self.create(messages, **options)

    def count_tokens(self, messages: Any, **options: Any) -> int:
        return len(messages)

    def remaining_tokens(self, messages: Any, **options: Any) -> int:
        return 1000

    def actual_usage(self) -> Any:
        return USAGE

    def total_usage(self) -> Any:
        return USAGE

    async def close(self) -> None: ...


class Mutating(Recording):
    """Writes its own instructions into what it was given, as one may into a list."""

    async def create(self, messages: Any, **options: Any) -> CreateResult:
        answer = await super().create(messages, **options)
        messages.insert(0, SystemMessage(content="my own"))
        messages.append(UserMessage(content="and this", source="client"))
        del messages[1]
        return answer


class TestRecordedPrompts:
    @pytest.mark.parametrize("make", [
        lambda model: AssistantAgent("a", model),
        lambda model: CodeExecutorAgent("a", cast(Any, None), model_client=model),
        lambda model: CodeWritingAgent("a", cast(Any, None), model),
    ])  # fmt: skip
    async def test_they_stay_what_they_were_while_the_conversation_goes_on(self, make: Any) -> None:
        model = Recording()
        agent = make(model)
        for number in range(4):
            await agent.run(task=f"task {number}")
        await agent.on_reset(cast(Any, None))
        await agent.run(task="anew")

        assert [len(prompt) for prompt in model.asked] == [2, 4, 6, 8, 2]
        for prompt, then in zip(model.asked, model.asked_then, strict=True):
            assert isinstance(prompt, Prompt)
            assert prompt == then
        assert [message.content for message in model.asked[1][1:]] == ["task 0", "answer 1", "task 1"]

    async def test_not_even_changes_of_the_live_list_reach_them(self) -> None:
        model = Recording()
        agent = AssistantAgent("a", model, system_message=None)
        await agent.run(task="one")
        messages = await agent.model_context.get_messages()
        messages.clear()
        messages.append(UserMessage(content="other", source="u"))
        await agent.run(task="two")
        messages[0] = UserMessage(content="else", source="u")
        state = await agent.save_state()
        await agent.load_state(state)
        await agent.run(task="three")

        assert [[message.content for message in prompt] for prompt in model.asked] == [
            ["one"],
            ["other", "two"],
            ["else", "two", "answer 2", "three"],
        ]

    async def test_a_client_may_change_what_it_was_given(self) -> None:
        model = Mutating()
        agent = AssistantAgent("a", model, system_message="be kind")
        for task in ("one", "two"):
            await agent.run(task=task)

        assert [[message.content for message in prompt] for prompt in model.asked_then] == [
            ["be kind", "one"],
            ["be kind", "one", "answer 1", "two"],
        ]
        assert [message.content for message in model.asked[0]] == ["my own", "one", "and this"]

    async def test_it_passes_clients_around_clients(self) -> None:
        model = Recording()
        agent = AssistantAgent("a", FallbackChatCompletionClient([ChatCompletionCache(model)]))
        for task in ("one", "two", "three"):
            await agent.run(task=task)

        assert [list(prompt) for prompt in model.asked] == model.asked_then
        assert [len(prompt) for prompt in model.asked] == [2, 4, 6]


class WithoutThoughts(UnboundedChatCompletionContext):
    """As AutoGen's documentation has it: a context of one's own that shows what it likes."""

    async def get_messages(self) -> list[LLMMessage]:
        messages = await super().get_messages()
        return [message for message in messages if not isinstance(message, AssistantMessage)]


class KeepsTwo(UnboundedChatCompletionContext):
    """Throws away in place what is too much."""

    async def add_message(self, message: LLMMessage) -> None:
        self._messages.append(message)
        del self._messages[:-2]


FIRST = ["q0", "answer 1"]


class TestContexts:
    @pytest.mark.parametrize(
        ("context", "shown"),
        [
            (UnboundedChatCompletionContext(), [["q0"], [*FIRST, "q1"], [*FIRST, "q1", "answer 2", "q2"]]),
            (WithoutThoughts(), [["q0"], ["q0", "q1"], ["q0", "q1", "q2"]]),
            (KeepsTwo(), [["q0"], ["answer 1", "q1"], ["answer 2", "q2"]]),
            (BufferedChatCompletionContext(2), [["q0"], ["answer 1", "q1"], ["answer 2", "q2"]]),
        ],
    )  # fmt: skip
    async def test_a_context_of_ones_own_is_asked_for_what_it_shows(
        self, context: ChatCompletionContext, shown: list[list[str]]
    ) -> None:
        model = Recording()
        agent = AssistantAgent("a", model, model_context=context, system_message=None)
        for number in range(3):
            await agent.run(task=f"q{number}")

        assert [[message.content for message in prompt] for prompt in model.asked] == shown

    async def test_what_is_patched_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def patched(self: object) -> list[LLMMessage]:
            return [UserMessage(content="patched", source="u")]

        monkeypatch.setattr(UnboundedChatCompletionContext, "get_messages", patched)
        model = Recording()
        await AssistantAgent("a", model, system_message=None).run(task="q")

        assert [message.content for message in model.asked[0]] == ["patched"]


class Counted(SharedMessages):
    """Counts how many of its messages are handed out."""

    __slots__ = ("handed_out",)

    def __init__(self) -> None:
        super().__init__()
        self.handed_out = 0

    def __iter__(self) -> Iterator[LLMMessage]:
        self.handed_out += len(self)
        return super().__iter__()

    @overload
    def __getitem__(self, at: SupportsIndex) -> LLMMessage: ...
    @overload
    def __getitem__(self, at: slice) -> list[LLMMessage]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> LLMMessage | list[LLMMessage]:
        found = super().__getitem__(at)
        self.handed_out += len(found) if isinstance(found, list) else 1
        return found


class Instant(Recording):
    """Looks at nothing, and tells `ask` of each question."""

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__()
        self.ask = ask
        self.answer = CreateResult(finish_reason="stop", content="yes", usage=USAGE)

    async def create(self, messages: Any, **options: Any) -> CreateResult:
        self.ask()
        return self.answer

    def count_tokens(self, messages: Any, **options: Any) -> int:
        return ChatCompletionClient.count_tokens(self, messages)


class Replay(ReplayChatCompletionClient):
    """Tells `ask` of each question."""

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__(["yes"] * 500)
        self.ask = ask

    async def create(self, messages: Any, **options: Any) -> CreateResult:
        self.ask()
        return await super().create(messages, **options)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("agents", [2, 5])
@pytest.mark.parametrize("model", [Instant, Replay])
@pytest.mark.parametrize("budget", [None, Budget(tokens=10**9)])
async def test_a_turn_looks_at_what_is_new_and_at_nothing_else(
    model: type[Instant | Replay], agents: int, stream: bool, budget: Budget | None
) -> None:
    """The cost of a turn is flat: it reads as much of the conversation in the third round as in the hundredth."""
    contexts = [Counted() for _ in range(agents)]
    read: list[int] = []

    def ask() -> None:
        read.append(sum(context.handed_out for context in contexts))

    asked = model(ask)
    members = [AssistantAgent(f"a{number}", asked, model_client_stream=stream) for number in range(agents)]
    for member, context in zip(members, contexts, strict=True):
        member.model_context._messages = context
    with passing(Gate(budget=budget)):
        await RoundRobinGroupChat(members, max_turns=100 * agents).run(task="go on")

    a_turn = [after - before for before, after in pairwise(read)]
    assert len(contexts[0]) == 99 * agents + 2
    assert set(a_turn[2 * agents :]) == {a_turn[2 * agents]}
    assert a_turn[-1] <= 7 * agents  # it hears as many messages as there are agents, and reads each a few times


async def test_nor_does_a_run_look_at_what_was_said_in_those_before() -> None:
    context = Counted()
    agent = AssistantAgent("a", Instant(lambda: None))
    agent.model_context._messages = context
    read: list[int] = []
    for number in range(50):
        await agent.run(task=f"task {number}")
        read.append(context.handed_out)

    assert len({after - before for before, after in pairwise(read[2:])}) == 1
