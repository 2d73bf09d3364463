"""A context that shows as much of the conversation as the model can take.

Name and arguments are those of AutoGen's ``autogen_core.model_context``. What does not fit is left out from the middle:
the task at the beginning and the latest turns count most. A call and its results are left out together or not at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Self, cast

from ..component import Component, ComponentModel
from ..models.client import ChatCompletionClient
from ..models.messages import LLMMessage
from ..tools.schema import ToolSchema
from ..tools.tool import Tool
from .context import ChatCompletionContext, ContextConfig, is_result
from .windows import without_leading_results


class TokenLimitedContextConfig(ContextConfig):
    """Who counts, and how much."""

    model_client: ComponentModel
    token_limit: int | None = None
    tool_schema: list[dict[str, Any]] | None = None


class TokenLimitedChatCompletionContext(ChatCompletionContext, Component[TokenLimitedContextConfig]):
    """Shows what fits into `token_limit`, or into what the model can take.

    Args:
        model_client: counts the tokens.
        token_limit: at most so many; what the client says remains, unless given.
        tool_schema: tools that are sent along and take room, too.
        initial_messages: what was said before.

    Raises:
        ValueError: `token_limit` is below 1.
    """

    component_config_schema = TokenLimitedContextConfig

    def __init__(
        self,
        model_client: ChatCompletionClient,
        *,
        token_limit: int | None = None,
        tool_schema: Sequence[Tool | ToolSchema] | None = None,
        initial_messages: Sequence[LLMMessage] | None = None,
    ) -> None:
        super().__init__(initial_messages)
        if token_limit is not None and token_limit <= 0:
            raise ValueError("token_limit must be greater than 0.")
        self._model_client, self._token_limit, self._tool_schema = model_client, token_limit, list(tool_schema or ())

    async def get_messages(self) -> list[LLMMessage]:
        """The conversation, less what does not fit, from its middle."""
        pinned, groups = self._pinned(), grouped(without_leading_results(list(self._conversation())))

        def shown(kept: int) -> list[LLMMessage]:
            return [*pinned, *flat(without_middle(groups, kept))]

        if len(groups) < 2 or self._fits(shown(len(groups))):
            return shown(len(groups))
        # The latest is always shown: without it there is nothing to answer. More messages never take fewer tokens.
        most = bisect_left(range(1, len(groups)), True, key=lambda kept: not self._fits(shown(kept)))
        return shown(max(1, most))

    def _fits(self, messages: list[LLMMessage]) -> bool:
        if self._token_limit is None:
            return self._model_client.remaining_tokens(messages, tools=self._tool_schema) >= 0
        return self._model_client.count_tokens(messages, tools=self._tool_schema) <= self._token_limit

    def _to_config(self) -> TokenLimitedContextConfig:
        schemas = [tool.schema if isinstance(tool, Tool) else tool for tool in self._tool_schema]
        return TokenLimitedContextConfig(
            model_client=self._model_client.dump_component(),
            token_limit=self._token_limit,
            tool_schema=[dict(schema) for schema in schemas],
            initial_messages=self._initial_messages or None,
        )

    @classmethod
    def _from_config(cls, config: TokenLimitedContextConfig) -> Self:
        return cls(
            ChatCompletionClient.load_component(config.model_client),
            token_limit=config.token_limit,
            tool_schema=cast("list[ToolSchema] | None", config.tool_schema),
            initial_messages=config.initial_messages,
        )


def without_middle(groups: list[list[LLMMessage]], kept: int) -> list[list[LLMMessage]]:
    """`kept` of the groups: as many from the beginning as from the end, of a single one the last."""
    tail = max(1, kept // 2)
    return groups[: kept - tail] + groups[len(groups) - tail :]


def grouped(messages: list[LLMMessage]) -> list[list[LLMMessage]]:
    """The messages in groups that must stay together: one each, and calls with their results."""
    groups: list[list[LLMMessage]] = []
    for message in messages:
        if groups and is_result(message):
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def flat(groups: list[list[LLMMessage]]) -> list[LLMMessage]:
    """The messages of all groups."""
    return [message for group in groups for message in group]
