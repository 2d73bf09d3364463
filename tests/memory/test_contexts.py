"""What a model is shown of a conversation: section 2.4 of the description, rule by rule."""

from __future__ import annotations

import pytest

from nbagents.memory import (
    BufferedChatCompletionContext,
    ChatCompletionContext,
    HeadAndTailChatCompletionContext,
    TokenLimitedChatCompletionContext,
    UnboundedChatCompletionContext,
)
from nbagents.models import (
    AssistantMessage,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ReplayChatCompletionClient,
    UserMessage,
)


def said(number: int) -> UserMessage:
    return UserMessage(content=f"m{number}", source="user")


def calls() -> AssistantMessage:
    return AssistantMessage(content=[FunctionCall(id="c", name="add", arguments="{}")], source="ann")


def results() -> FunctionExecutionResultMessage:
    result = FunctionExecutionResult(content="3", name="add", call_id="c", is_error=False)
    return FunctionExecutionResultMessage(content=[result])


def words(messages: list[LLMMessage]) -> list[str]:
    return [message.content if isinstance(message.content, str) else message.type for message in messages]


class CountsMessages(ReplayChatCompletionClient):
    """One token a message, and room for `room` of them."""

    def __init__(self, room: int = 100) -> None:
        super().__init__([])
        self.room = room

    def count_tokens(self, messages: object, **_: object) -> int:
        return len(messages)  # type: ignore[arg-type]  # the port says Sequence; this test only counts

    def remaining_tokens(self, messages: object, **_: object) -> int:
        return self.room - self.count_tokens(messages)


ALL = [
    lambda: UnboundedChatCompletionContext([said(0)]),
    lambda: BufferedChatCompletionContext(9, [said(0)]),
    lambda: HeadAndTailChatCompletionContext(4, 5, [said(0)]),
    lambda: TokenLimitedChatCompletionContext(CountsMessages(), token_limit=9, initial_messages=[said(0)]),
]


@pytest.mark.parametrize("make", ALL)
class TestEveryContext:
    async def test_keeps_what_is_added_after_the_initial_messages(self, make: type[ChatCompletionContext]) -> None:
        context = make()

        await context.add_message(said(1))

        assert words(await context.get_messages()) == ["m0", "m1"]

    async def test_clear_forgets_everything(self, make: type[ChatCompletionContext]) -> None:
        context = make()

        await context.clear()

        assert await context.get_messages() == []

    async def test_state_is_the_messages_and_restores_them_as_messages(self, make: type[ChatCompletionContext]) -> None:
        context, other = make(), make()
        for message in [calls(), results()]:
            await context.add_message(message)

        state = await context.save_state()
        await other.load_state(state)

        assert [message["type"] for message in state["messages"]] == [
            "UserMessage",
            "AssistantMessage",
            "FunctionExecutionResultMessage",
        ]
        assert await other.get_messages() == [said(0), calls(), results()]

    async def test_initial_messages_may_come_from_json(self, make: type[ChatCompletionContext]) -> None:
        context = make()
        again = type(context).__new__(type(context))
        ChatCompletionContext.__init__(again, [said(0).model_dump()])  # type: ignore[list-item]  # as a config has it

        assert again._messages == [said(0)]

    async def test_what_is_pinned_stands_first_once_and_is_no_state(self, make: type[ChatCompletionContext]) -> None:
        context, owner = make(), object()

        for text in ("tea", "tea", "coffee"):
            await context.pin(owner, text)
            await context.add_message(said(1))
        shown = words(await context.get_messages())
        state = await context.save_state()
        await context.pin(owner, "")

        assert shown == ["coffee", "m0", "m1", "m1", "m1"]
        assert [message["content"] for message in state["messages"]] == ["m0", "m1", "m1", "m1"]
        assert words(await context.get_messages()) == ["m0", "m1", "m1", "m1"]


class OwnList(ChatCompletionContext):
    """A user's context that keeps its messages in a place of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[LLMMessage] = []

    async def add_message(self, message: LLMMessage) -> None:
        self.kept.append(message)

    async def get_messages(self) -> list[LLMMessage]:
        return self.kept


async def test_what_is_pinned_reaches_a_context_that_keeps_its_messages_itself() -> None:
    context, owner = OwnList(), object()

    for text in ("tea", "tea", "coffee"):
        await context.pin(owner, text)
        await context.add_message(said(1))

    assert words(await context.get_messages()) == ["tea", "m1", "m1", "coffee", "m1"]


async def test_unbounded_is_the_live_list() -> None:
    context = UnboundedChatCompletionContext()
    shown = await context.get_messages()

    await context.add_message(said(1))

    assert shown == [said(1)]


class TestBuffered:
    async def test_shows_the_last_n(self) -> None:
        context = BufferedChatCompletionContext(2, [said(n) for n in range(5)])

        assert words(await context.get_messages()) == ["m3", "m4"]

    async def test_drops_a_leading_result(self) -> None:
        context = BufferedChatCompletionContext(2, [said(0), calls(), results(), said(1)])

        assert words(await context.get_messages()) == ["m1"]

    async def test_what_is_pinned_does_not_fall_out(self) -> None:
        context = BufferedChatCompletionContext(1, [said(n) for n in range(5)])

        await context.pin("memory", "tea")

        assert words(await context.get_messages()) == ["tea", "m4"]

    def test_size_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="buffer_size must be greater than 0"):
            BufferedChatCompletionContext(0)


class TestHeadAndTail:
    async def test_shows_head_gap_and_tail(self) -> None:
        context = HeadAndTailChatCompletionContext(1, 2, [said(n) for n in range(6)])

        shown = await context.get_messages()

        assert words(shown) == ["m0", "Skipped 3 messages.", "m4", "m5"]
        assert isinstance(shown[1], UserMessage) and shown[1].source == "System"

    async def test_shows_all_when_nothing_would_be_left_out(self) -> None:
        context = HeadAndTailChatCompletionContext(3, 3, [said(n) for n in range(6)])

        assert len(await context.get_messages()) == 6

    async def test_trims_calls_at_the_heads_end_and_results_at_the_tails_start(self) -> None:
        messages: list[LLMMessage] = [said(0), calls(), results(), said(1), calls(), results(), said(2)]
        context = HeadAndTailChatCompletionContext(2, 2, messages)

        assert words(await context.get_messages()) == ["m0", "Skipped 5 messages.", "m2"]

    def test_sizes_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="head_size must be greater than 0"):
            HeadAndTailChatCompletionContext(0, 1)
        with pytest.raises(ValueError, match="tail_size must be greater than 0"):
            HeadAndTailChatCompletionContext(1, 0)


class TestTokenLimited:
    async def test_leaves_out_the_middle(self) -> None:
        context = TokenLimitedChatCompletionContext(
            CountsMessages(), token_limit=4, initial_messages=[said(n) for n in range(6)]
        )

        assert words(await context.get_messages()) == ["m0", "m1", "m4", "m5"]

    async def test_without_a_limit_the_client_says_what_fits(self) -> None:
        context = TokenLimitedChatCompletionContext(
            CountsMessages(room=2), initial_messages=[said(n) for n in range(6)]
        )

        assert words(await context.get_messages()) == ["m0", "m5"]

    @pytest.mark.parametrize("limit", range(1, 10))
    async def test_never_splits_calls_from_their_results(self, limit: int) -> None:
        messages: list[LLMMessage] = []
        for number in range(3):
            messages += [said(number), calls(), results()]
        context = TokenLimitedChatCompletionContext(CountsMessages(), token_limit=limit, initial_messages=messages)

        kinds = [message.type for message in await context.get_messages()]

        assert kinds.count("AssistantMessage") == kinds.count("FunctionExecutionResultMessage")
        for at, kind in enumerate(kinds):
            assert (kind == "FunctionExecutionResultMessage") == (at > 0 and kinds[at - 1] == "AssistantMessage")

    async def test_the_latest_is_always_shown(self) -> None:
        context = TokenLimitedChatCompletionContext(
            CountsMessages(), token_limit=1, initial_messages=[said(0), said(1), calls(), results()]
        )

        assert words(await context.get_messages()) == ["AssistantMessage", "FunctionExecutionResultMessage"]

    async def test_what_is_kept_is_not_lost_when_it_is_not_shown(self) -> None:
        context = TokenLimitedChatCompletionContext(
            CountsMessages(), token_limit=2, initial_messages=[said(n) for n in range(6)]
        )

        await context.get_messages()

        assert len((await context.save_state())["messages"]) == 6

    def test_limit_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="token_limit must be greater than 0"):
            TokenLimitedChatCompletionContext(CountsMessages(), token_limit=0)
