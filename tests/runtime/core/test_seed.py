"""The sample of an agent that the project started from runs as it was written, but for its imports."""

from __future__ import annotations

from dataclasses import dataclass

from nbagents.runtime import (
    AgentId,
    AgentRuntime,
    ClosureAgent,
    ClosureContext,
    DefaultSubscription,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    Subscription,
    TopicId,
    TypeSubscription,
    message_handler,
)


@dataclass
class ResearchRequest:
    topic: str


@dataclass
class ResearchResult:
    data: str


class ResearchAgent(RoutedAgent):
    def __init__(self):
        super().__init__("Research agent")

    @message_handler
    async def handle_request(self, message: ResearchRequest, ctx: MessageContext):
        # Process the message
        result = await self.do_research(message.topic)
        # Publish result for other agents to consume
        await self.publish_message(ResearchResult(data=result), topic_id=ctx.topic_id)

    async def do_research(self, topic: str) -> str:
        return f"all about {topic}"


async def started() -> tuple[AgentRuntime, list[ResearchResult]]:
    runtime = AgentRuntime()
    await runtime.register("researcher", ResearchAgent)
    await runtime.start()

    results: list[ResearchResult] = []

    async def collect(_ctx: ClosureContext, message: ResearchResult, _mctx: MessageContext) -> None:
        results.append(message)

    def subscriptions() -> list[Subscription]:
        return [DefaultSubscription(), TypeSubscription("research", "collector")]

    await ClosureAgent.register_closure(
        runtime, "collector", collect, unknown_type_policy="ignore", subscriptions=subscriptions
    )
    return runtime, results


async def test_the_seeds_agent_publishes_its_result_on_the_topic_of_the_request() -> None:
    runtime, results = await started()
    assert isinstance(runtime, SingleThreadedAgentRuntime)
    await runtime.add_subscription(TypeSubscription("research", "researcher"))

    await runtime.publish_message(ResearchRequest("tides"), TopicId("research", "ann"))
    await runtime.stop_when_idle()

    assert results == [ResearchResult("all about tides")]


async def test_the_seeds_agent_publishes_on_the_default_topic_when_it_was_asked_directly() -> None:
    runtime, results = await started()
    assert isinstance(runtime, SingleThreadedAgentRuntime)

    assert await runtime.send_message(ResearchRequest("tides"), AgentId("researcher", "ann")) is None
    await runtime.stop_when_idle()

    assert results == [ResearchResult("all about tides")]
