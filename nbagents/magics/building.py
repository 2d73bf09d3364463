"""Makes the agents and the team of a run from what the cells say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..agents import AssistantAgent, BaseChatAgent, CodeWritingAgent, UserProxyAgent
from ..conditions import MaxMessageTermination, StopMessageTermination, TerminationCondition, TextMentionTermination
from ..errors import NoModelError
from ..executors import CodeExecutor
from ..kernel.live_code import LiveKernelExecutor
from ..models import ChatCompletionClient, FallbackChatCompletionClient, client_for
from ..models.names import check_name, split_names
from ..teams import RoundRobinGroupChat
from .session import Session
from .settings import NBAgents
from .specs import YOU, AgentSpec, TeamSpec

LIVE_CODE_RULES = (
    "To compute something, write one ```python block. It runs in the user's notebook, where the variables you are told "
    "of exist already: use them, do not create or load them again. The block must print what you need to know; its "
    "output comes back to you. Never invent an output."
)


@dataclass(frozen=True, slots=True)
class BuiltTeam:
    """A team that can be run, the clients that its agents ask, and where its code runs ("none", "live")."""

    team: RoundRobinGroupChat
    clients: list[ChatCompletionClient]
    code: str
    described: dict[str, Any]

    async def close(self) -> None:
        """Give back the connections."""
        for client in self.clients:
            await client.close()


class TeamBuilder:
    """Builds one team for one run.

    Args:
        session: the agents that cells defined.
        settings: what is used where they say nothing.
        code: where code runs in this run, whatever the agents say; "" leaves it to them.
    """

    def __init__(self, session: Session, settings: NBAgents, code: str = "") -> None:
        self._session, self._settings, self._code = session, settings, code
        self._clients: list[ChatCompletionClient] = []

    def build(self, spec: TeamSpec) -> BuiltTeam:
        """The team of `spec`.

        Raises:
            NoModelError: an agent has no model and none is configured.
            UnknownNameError: an agent that no cell has defined.
        """
        specs = [self._session.agent(name) for name in spec.agents if name != YOU]
        agents = [
            UserProxyAgent(YOU) if name == YOU else self._agent(self._session.agent(name)) for name in spec.agents
        ]
        max_turns = spec.max_turns or self._settings.max_turns
        team = RoundRobinGroupChat(agents, name=spec.name, termination_condition=_condition(spec), max_turns=max_turns)
        described = {
            "team": {"name": spec.name, "agents": list(spec.agents), "flow": spec.flow, "stop": spec.stop,
                     "max_messages": spec.max_messages, "max_turns": max_turns, "sha": spec.digest},
            "agents": [self._described(agent) for agent in specs],
        }  # fmt: skip
        code = "live" if any(self._target(agent) == "live" for agent in specs) else "none"
        return BuiltTeam(team, self._clients, code, described)

    def _agent(self, spec: AgentSpec) -> BaseChatAgent:
        client = self._client(spec)
        self._clients.append(client)
        description = spec.description or " ".join(spec.instructions.split())[:200]
        if self._target(spec) == "none":
            return AssistantAgent(
                spec.name, client, description=description, system_message=spec.instructions, model_client_stream=True
            )
        return CodeWritingAgent(
            spec.name,
            self._executor(),
            client,
            model_client_stream=True,
            max_retries_on_error=self._settings.max_retries_on_error,
            description=description,
            system_message=f"{spec.instructions}\n\n{LIVE_CODE_RULES}".strip(),
        )

    def _client(self, spec: AgentSpec) -> ChatCompletionClient:
        names = split_names(self._model(spec))
        clients = [self._one(name, spec, alone=len(names) == 1) for name in names]
        return clients[0] if len(clients) == 1 else FallbackChatCompletionClient(clients)

    def _one(self, name: str, spec: AgentSpec, *, alone: bool) -> ChatCompletionClient:
        provider, _ = check_name(name)
        # The server is that of openai/... models; who stands in for them is somewhere else.
        base_url = spec.base_url if provider == "openai" or (alone and provider != "local") else None
        options = self._settings.client_options(provider, base_url=base_url, temperature=spec.temperature)
        return client_for(name, **options)

    def _model(self, spec: AgentSpec) -> str:
        name = spec.model or self._settings.model
        if not name:
            raise NoModelError(
                f"agent {spec.name!r} has no model: say --model PROVIDER/NAME on its %%agent line, or set "
                '%config NBAgents.model = "PROVIDER/NAME"; with no account: run `nbagents model get` in a terminal, '
                "then use local/qwen2.5-coder-1.5b"
            )
        return name

    def _target(self, spec: AgentSpec) -> str:
        return self._code or spec.code or self._settings.code

    def _executor(self) -> CodeExecutor:
        return LiveKernelExecutor(timeout=self._settings.code_timeout or None)

    def _described(self, spec: AgentSpec) -> dict[str, Any]:
        """The agent as the journal's first entry keeps it."""
        return {
            "name": spec.name,
            "model": self._model(spec),
            "code": self._target(spec),
            "instructions": spec.instructions,
            "sha": spec.digest,
        }


def _condition(spec: TeamSpec) -> TerminationCondition:
    condition: TerminationCondition = StopMessageTermination()
    if spec.stop:
        # Only what the agents say counts: a task may well mention the word.
        condition = condition | TextMentionTermination(spec.stop, sources=spec.agents)
    if spec.max_messages:
        condition = condition | MaxMessageTermination(spec.max_messages)
    return condition
