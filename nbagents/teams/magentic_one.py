"""`MagenticOneGroupChat`: an orchestrator plans, and tells one participant at a time what to do.

Two loops. The outer one writes down what is known and a plan; the inner one asks the model where the work stands,
sends an instruction to whoever should go on, and goes back to the outer loop when the work stalls. Name and
signature are AutoGen's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import ConfigDict

from ..agents.agent_port import ChatAgent
from ..agents.model_turn import remove_images
from ..cancellation import CancellationToken
from ..component import Component, ComponentModel
from ..conditions import TerminationCondition
from ..messages import BaseChatMessage, StopMessage, TextMessage
from ..models.client import ChatCompletionClient
from ..models.messages import AssistantMessage, LLMMessage, UserMessage
from ..runtime import current_gate
from . import magentic_prompts as prompts
from .configs import TeamConfig, arguments_of, fields_of
from .group_chat import BaseGroupChat
from .magentic_ledger import ATTEMPTS, Ledger, output_format, parsed
from .participant import Message, Tell, only_agents

ORCHESTRATOR = "MagenticOneOrchestrator"


class MagenticOneGroupChatConfig(TeamConfig):
    """And who leads."""

    model_config = ConfigDict(protected_namespaces=())

    model_client: ComponentModel
    max_stalls: int = 3
    final_answer_prompt: str | None = None


class MagenticOneGroupChat(BaseGroupChat, Component[MagenticOneGroupChatConfig]):
    """A team that an orchestrator leads through a plan which it rewrites when the work stalls.

    Args:
        participants: agents; the orchestrator reads their descriptions.
        model_client: the orchestrator's model; its calls are counted under the team's name.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop before the request is dealt with; it looks at the participants' replies.
        max_turns: rounds before the orchestrator answers with what there is; None for no limit.
        runtime: where the participants are registered; None for none.
        max_stalls: rounds without progress before facts and plan are rewritten.
        final_answer_prompt: asks for the answer; may contain {task}.
        custom_message_types: message classes of the user's own that may be said here.
        emit_team_events: also show who is chosen to speak.

    Raises:
        TypeError: a participant is no agent.
    """

    component_config_schema = MagenticOneGroupChatConfig

    DEFAULT_NAME = "MagenticOneGroupChat"
    manager_name = ORCHESTRATOR
    state_type = "MagenticOneOrchestratorState"
    _asks_condition_of_task = False  # conditions look at replies

    def __init__(
        self,
        participants: Sequence[ChatAgent],
        model_client: ChatCompletionClient,
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = 20,
        runtime: Any = None,
        max_stalls: int = 3,
        final_answer_prompt: str = prompts.FINAL_ANSWER,
        custom_message_types: Sequence[type[Message]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        only_agents(participants)
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            runtime=runtime,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        self._model_client = model_client
        self._max_stalls, self._final_answer_prompt = max_stalls, final_answer_prompt
        self._forget()

    @property
    def _turn_limit(self) -> int | None:
        return None  # max_turns ends with an answer here: see `_step`

    def _forget(self) -> None:
        self._task = self._facts = self._plan = ""
        self._n_rounds = self._n_stalls = 0
        self._planned = self._answered = False

    def _check(self, task: Sequence[BaseChatMessage]) -> None:
        if not task and not self._task:
            raise ValueError(f"{self._name} needs a task to begin with: run(task=...)")

    async def _heard_task(self, task: Sequence[BaseChatMessage], tell: Tell) -> None:
        if task:
            self._forget()
            self._asked.clear()
            self._task = " ".join(message.to_model_text() for message in task)
            self._judged = len(self._thread)
        elif self._answered:
            self._n_rounds = self._n_stalls = 0
        self._answered = False

    async def _stop_reason(self) -> str | None:
        """As in every team. What led to an answer leaves the conversation once the condition has seen it."""
        seen = self._judged
        reason = await super()._stop_reason()
        del self._thread[seen:-1]
        self._judged = len(self._thread)
        return reason

    async def _next_speakers(self, tell: Tell, token: CancellationToken) -> Sequence[str] | StopMessage:
        if not self._planned:
            await self._make_plan(token)
            await self._begin_anew(tell)
        while True:
            if self._max_turns is not None and self._n_rounds > self._max_turns:
                return await self._final("Max rounds reached.", tell, token)
            ledger = await self._ledger(token)
            self._n_rounds += 1
            if ledger.is_request_satisfied.answer:
                return await self._final(ledger.is_request_satisfied.reason, tell, token)
            if not self._stalled(ledger):
                break
            await self._rewrite_plan(token)
            await self._begin_anew(tell)
        await self._say(ledger.instruction_or_question.answer, tell)
        return (ledger.next_speaker.answer,)

    # The outer loop -----------------------------------------------------------------------------------------

    async def _make_plan(self, token: CancellationToken) -> None:
        asked: list[LLMMessage] = [_user(prompts.FACTS.format(task=self._task))]
        self._facts = await self._ask(asked, token)
        asked += [_assistant(self._facts), _user(prompts.PLAN.format(team=self._team_description()))]
        self._plan = await self._ask(asked, token)

    async def _rewrite_plan(self, token: CancellationToken) -> None:
        asked = self._conversation()
        asked.append(_user(prompts.NEW_FACTS.format(task=self._task, facts=self._facts)))
        facts = await self._ask(asked, token)
        asked += [_assistant(facts), _user(prompts.NEW_PLAN.format(team=self._team_description()))]
        self._facts, self._plan = facts, await self._ask(asked, token)

    async def _begin_anew(self, tell: Tell) -> None:
        """The participants forget what led nowhere, and hear what is known and planned."""
        for name in self._participant_names:
            await self._seat(name).reset()
        self._hearing.clear()
        self._thread.clear()
        self._judged = 0
        self._latest.thread_cleared()
        self._n_stalls = 0
        self._planned = True
        text = prompts.LEDGER_MESSAGE.format(
            task=self._task, team=self._team_description(), facts=self._facts, plan=self._plan
        )
        await self._say(text, tell)

    # The inner loop -----------------------------------------------------------------------------------------

    async def _ledger(self, token: CancellationToken) -> Ledger:
        names = ", ".join(self._participant_names)
        question = prompts.PROGRESS.format(task=self._task, team=self._team_description(), names=names)
        asked = [*self._conversation(), _user(question)]
        for _ in range(ATTEMPTS):
            answer = await self._ask(asked, token, json_output=output_format(self._model_client.model_info))
            ledger = parsed(answer, self._participant_names)
            if ledger is not None:
                return ledger
        raise ValueError("Failed to parse ledger information after multiple retries.")

    def _stalled(self, ledger: Ledger) -> bool:
        if ledger.is_in_loop.answer or not ledger.is_progress_being_made.answer:
            self._n_stalls += 1
        else:
            self._n_stalls = max(0, self._n_stalls - 1)
        return self._n_stalls >= self._max_stalls

    async def _final(self, reason: str, tell: Tell, token: CancellationToken) -> StopMessage:
        asked = [*self._conversation(), _user(self._final_answer_prompt.replace("{task}", self._task))]
        await self._say(await self._ask(asked, token), tell)
        self._answered = True
        return StopMessage(content=reason, source=ORCHESTRATOR)

    # What the orchestrator says and asks -----------------------------------------------------------------------

    async def _say(self, text: str, tell: Tell) -> None:
        message = TextMessage(content=text, source=ORCHESTRATOR)
        await tell(message)
        self._thread.append(message)
        self._judged = len(self._thread)
        self._hearing.say([message])

    async def _ask(self, messages: Sequence[LLMMessage], token: CancellationToken, json_output: Any = None) -> str:
        answer = ""
        async for part in current_gate().model(
            self._name, self._model_client, list(messages), json_output=json_output, cancellation_token=token
        ):
            if not isinstance(part, str):
                answer = part.content if isinstance(part.content, str) else ""
        return answer

    def _conversation(self) -> list[LLMMessage]:
        """The conversation as the orchestrator's model reads it."""
        read: list[LLMMessage] = []
        for message in self._thread:
            if not isinstance(message, BaseChatMessage):
                continue
            if message.source == ORCHESTRATOR:
                read.append(_assistant(message.to_model_text()))
            else:
                read.append(message.to_model_message())
        return read if self._model_client.model_info.get("vision", False) else remove_images(read)

    def _team_description(self) -> str:
        return "\n".join(" ".join(f"{member.name}: {member.description}".split()) for member in self._participants)

    def _place(self) -> dict[str, Any]:
        return {
            "task": self._task, "facts": self._facts, "plan": self._plan,
            "n_rounds": self._n_rounds, "n_stalls": self._n_stalls,
        }  # fmt: skip

    def _take_place(self, state: Mapping[str, Any]) -> None:
        self._task, self._facts, self._plan = (str(state.get(name, "")) for name in ("task", "facts", "plan"))
        self._n_rounds, self._n_stalls = int(state.get("n_rounds", 0)), int(state.get("n_stalls", 0))
        self._planned = bool(self._thread and self._plan)

    def _to_config(self) -> MagenticOneGroupChatConfig:
        return MagenticOneGroupChatConfig(
            **fields_of(self),
            model_client=self._model_client.dump_component(),
            max_stalls=self._max_stalls,
            final_answer_prompt=self._final_answer_prompt,
        )

    @classmethod
    def _from_config(cls, config: MagenticOneGroupChatConfig) -> Self:
        prompt = config.final_answer_prompt
        return cls(
            **arguments_of(config),
            model_client=ChatCompletionClient.load_component(config.model_client),
            max_stalls=config.max_stalls,
            final_answer_prompt=prompts.FINAL_ANSWER if prompt is None else prompt,
        )


def _user(text: str) -> UserMessage:
    return UserMessage(content=text, source=ORCHESTRATOR)


def _assistant(text: str) -> AssistantMessage:
    return AssistantMessage(content=text, source=ORCHESTRATOR)
