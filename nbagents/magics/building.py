"""Makes the agents and the team of a run from what the cells say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..agents import AssistantAgent, BaseChatAgent, CodeWritingAgent, UserProxyAgent
from ..conditions import MaxMessageTermination, StopMessageTermination, TerminationCondition, TextMentionTermination
from ..errors import NoModelError
from ..executors.docker.container_spec import ContainerOptions
from ..models import ChatCompletionClient, FallbackChatCompletionClient, client_for
from ..models.names import check_name, split_names
from ..teams import RoundRobinGroupChat
from .code_place import CodePlace, code_places, most_trusted, places_described
from .code_rules import code_rules
from .session import Session
from .settings import NBAgents
from .specs import YOU, AgentSpec, TeamSpec
from .workplaces import Workplaces


@dataclass(frozen=True, slots=True)
class BuiltTeam:
    """A team that can be run, with what it holds.

    Attributes:
        clients: the clients that its agents ask.
        work: where their code runs.
        code: the same in a word: "live" if any runs in the kernel, else "docker" if any runs, else "none".
        described: the team and its agents, as the journal's first entry keeps them.
        settings: where code runs, as the first entry keeps it and the run shows it.
    """

    team: RoundRobinGroupChat
    clients: list[ChatCompletionClient]
    work: Workplaces
    code: str
    described: dict[str, Any]
    settings: dict[str, Any]

    async def hold(self) -> None:
        """Bring out the results, and keep the containers for when the run goes on."""
        await self.work.bring()

    async def close(self) -> None:
        """Give back the connections, and end the containers. Both are made anew for a run that goes on."""
        try:
            await self.work.close()
        finally:
            for client in self.clients:
                await client.close()


class TeamBuilder:
    """Builds one team for one run.

    Args:
        session: the agents that cells defined.
        settings: what is used where they say nothing.
        code: where code runs in this run, whatever the agents say; "" leaves it to them.
        use: the variables that agents work with, for those whose code runs in a container.
    """

    def __init__(
        self, session: Session, settings: NBAgents, code: str = "", use: Mapping[str, Any] | None = None
    ) -> None:
        self._session, self._settings, self._code = session, settings, code
        self._clients: list[ChatCompletionClient] = []
        self._work = Workplaces(use or {}, settings.code_timeout or None)
        self._places: dict[str, CodePlace] = {}

    def wanted(self, spec: TeamSpec) -> dict[str, tuple[str, ContainerOptions]]:
        """Where the code of each agent is to run, for `code_places`.

        Raises:
            UnknownNameError: an agent that no cell has defined.
        """
        specs = [self._session.agent(name) for name in spec.agents if name != YOU]
        return {each.name: (self._code or each.code or self._settings.code, each.options) for each in specs}

    def build(self, spec: TeamSpec, places: Mapping[str, CodePlace] | None = None) -> BuiltTeam:
        """The team of `spec`.

        Args:
            places: where the code of each agent runs; found out if None, which may block for a moment.

        Raises:
            NoModelError: an agent has no model and none is configured.
            UnknownNameError: an agent that no cell has defined.
            SandboxUnavailable: code is to run in Docker, and cannot.
            TransferError: a variable that is to be used cannot be copied into a container.
        """
        self._places = dict(code_places(self.wanted(spec)) if places is None else places)
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
        code = most_trusted(self._places.values())
        return BuiltTeam(team, self._clients, self._work, code, described, places_described(self._places, specs))

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
            self._work.executor(spec.name, self._target(spec), spec.options),
            client,
            model_client_stream=True,
            max_retries_on_error=self._settings.max_retries_on_error,
            description=description,
            system_message=f"{spec.instructions}\n\n{code_rules(self._target(spec), spec.options)}".strip(),
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
        return self._places[spec.name].target

    def _described(self, spec: AgentSpec) -> dict[str, Any]:
        """The agent as the journal's first entry keeps it."""
        return {
            "name": spec.name,
            "model": self._model(spec),
            "code": self._target(spec),
            **({"sandbox": dict(spec.sandbox)} if spec.sandbox else {}),
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
