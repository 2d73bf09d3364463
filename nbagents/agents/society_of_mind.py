"""`SocietyOfMindAgent`: a team that speaks with one voice. Name and signature are AutoGen's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self

from ..cancellation import CancellationToken
from ..component import Component
from ..memory import ChatCompletionContext, UnboundedChatCompletionContext
from ..messages import BaseAgentEvent, BaseChatMessage, HandoffMessage, TextMessage
from ..models.client import ChatCompletionClient
from ..models.linked import closing
from ..models.messages import CreateResult, LLMMessage, SystemMessage, UserMessage
from ..state import SocietyOfMindAgentState
from .asks_model import AsksModel
from .configs import SocietyOfMindAgentConfig, said
from .heard import Heard
from .model_turn import AgentModel, words_of
from .streaming_agent import StreamingChatAgent
from .task import Response, TaskResult

if TYPE_CHECKING:
    from ..teams.team import Team

NO_RESPONSE = "No response."
BACKGROUND = "What was said before:"


class SocietyOfMindAgent(AsksModel, StreamingChatAgent, Component[SocietyOfMindAgentConfig]):
    """Has an inner team discuss what it hears, and answers with a model's account of that discussion.

    The team begins anew for each turn; what was said in earlier turns is given to it as context.

    Args:
        name: a Python identifier, unique in a team.
        team: who discusses.
        model_client: who gives the account.
        description: what the agent is for, as the other agents read it.
        instruction: stands before the discussion in the model's prompt.
        response_prompt: stands after it.
        model_context: how much of earlier turns the team is given; everything unless given.
    """

    component_config_schema = SocietyOfMindAgentConfig

    DEFAULT_INSTRUCTION = "Your colleagues worked on a request. This is their discussion:"
    DEFAULT_RESPONSE_PROMPT = (
        "Answer the original request in your own name from the discussion above. "
        "Do not mention that there was a discussion."
    )
    DEFAULT_DESCRIPTION = "An agent that answers with what its team worked out."

    def __init__(
        self,
        name: str,
        team: Team,
        model_client: ChatCompletionClient,
        *,
        description: str = DEFAULT_DESCRIPTION,
        instruction: str = DEFAULT_INSTRUCTION,
        response_prompt: str = DEFAULT_RESPONSE_PROMPT,
        model_context: ChatCompletionContext | None = None,
    ) -> None:
        super().__init__(name, description)
        self._team = team
        self._agent_model = AgentModel(name, model_client)
        self._instruction, self._response_prompt = instruction, response_prompt
        self._model_context = UnboundedChatCompletionContext() if model_context is None else model_context
        self._heard = Heard()
        self._discussing = False

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    @property
    def model_context(self) -> ChatCompletionContext:
        """What was said in earlier turns."""
        return self._model_context

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._team.reset()
        await self._model_context.clear()
        self._heard.finished()
        self._discussing = False

    async def save_state(self) -> Mapping[str, Any]:
        """The inner team's state, and what was said in earlier turns."""
        context = await self._model_context.save_state()
        state = SocietyOfMindAgentState(
            inner_team_state=await self._team.save_state(),
            llm_context=context if context.get("messages") else None,
            discussing=self._discussing,
        )
        return state.dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        loaded = SocietyOfMindAgentState.model_validate(state)
        await self._team.load_state(loaded.inner_team_state)
        await self._model_context.load_state(loaded.llm_context or {"messages": []})
        self._discussing = loaded.discussing

    async def _take_turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        if self._discussing:  # The last turn failed or was cancelled in the middle: its discussion is void.
            await self._team.reset()
        self._discussing = True
        said: list[BaseChatMessage] = []
        stream = self._team.run_stream(
            task=await self._task_of_team(messages) or None,
            cancellation_token=cancellation_token,
            output_task_messages=False,
        )
        async with closing(stream):
            async for item in stream:
                if isinstance(item, TaskResult):
                    continue
                if isinstance(item, BaseChatMessage):
                    said.append(item)
                yield item
        answer = TextMessage(content=NO_RESPONSE, source=self.name)
        if said:
            id = str(uuid.uuid4())
            async with aclosing(
                self._agent_model.ask(self._account_prompt(said), cancellation_token, message_id=id)
            ) as asking:
                async for part in asking:
                    if not isinstance(part, CreateResult):
                        yield part
                        continue
                    text = words_of(part, self._agent_model.client)
                    answer = TextMessage(id=id, content=text, source=self.name, models_usage=part.usage)
        await self._heard.take(messages, self._model_context)
        self._heard.finished()
        await self._team.reset()
        self._discussing = False
        # The discussion was shown, and is not part of the answer: conditions of a team around it do not look at it.
        yield Response(chat_message=answer, inner_messages=[])

    async def _task_of_team(self, messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
        """What is new, after what was said in earlier turns."""
        earlier = await self._model_context.get_messages()
        if not earlier:
            return list(messages)
        return [HandoffMessage(content=BACKGROUND, source=self.name, target="", context=list(earlier)), *messages]

    def _account_prompt(self, said: Sequence[BaseChatMessage]) -> list[LLMMessage]:
        """The discussion between its two frames, which are the system's words where the model takes several of them."""
        discussion = [message.to_model_message() for message in said]
        frames: list[LLMMessage] = [
            SystemMessage(content=text)
            if self._agent_model.client.model_info.get("multiple_system_messages")
            else UserMessage(content=text, source="user")
            for text in (self._instruction, self._response_prompt)
        ]
        return [frames[0], *discussion, frames[1]]

    def _to_config(self) -> SocietyOfMindAgentConfig:
        return SocietyOfMindAgentConfig(
            name=self.name,
            team=self._team.dump_component(),
            model_client=self._agent_model.client.dump_component(),
            description=self.description,
            instruction=self._instruction,
            response_prompt=self._response_prompt,
            model_context=self._model_context.dump_component(),
        )

    @classmethod
    def _from_config(cls, config: SocietyOfMindAgentConfig) -> Self:
        from ..teams.team import Team

        context = ChatCompletionContext.load_component(config.model_context) if config.model_context else None
        return cls(
            config.name,
            Team.load_component(config.team),
            ChatCompletionClient.load_component(config.model_client),
            model_context=context,
            **said(
                description=config.description,
                instruction=config.instruction,
                response_prompt=config.response_prompt,
            ),
        )
