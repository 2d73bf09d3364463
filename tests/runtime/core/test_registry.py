"""Agents get into a runtime by a factory or as instances, and each knows who and where it is."""

from __future__ import annotations

import pytest

from nbagents.runtime import (
    AgentId,
    AgentInstantiationContext,
    AgentRuntime,
    AgentType,
    BaseAgent,
    CantHandleException,
    DefaultSubscription,
    DefaultTopicId,
    MessageContext,
    MessageHandlerContext,
    SingleThreadedAgentRuntime,
    SubscriptionInstantiationContext,
    TopicId,
    TypeSubscription,
    default_subscription,
    type_subscription,
)

from .agents import TOPIC, Echo, Failing, Listener, Said


async def test_a_type_is_registered_once() -> None:
    runtime = SingleThreadedAgentRuntime()
    assert await Echo.register(runtime, "echo", Echo) == AgentType("echo")
    with pytest.raises(ValueError, match=r"Agent with type AgentType\(type='echo'\) already exists"):
        await Echo.register(runtime, "echo", Echo)


async def test_a_factory_knows_for_whom_it_makes_the_agent() -> None:
    seen: list[tuple[AgentRuntime, AgentId]] = []

    def make() -> Echo:
        seen.append((AgentInstantiationContext.current_runtime(), AgentInstantiationContext.current_agent_id()))
        agent = Echo()
        assert agent.id == AgentId("echo", "ann") and agent.type == "echo"
        return agent

    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", make)
    await runtime.get("echo", "ann", lazy=False)
    await runtime.get("echo", "ann", lazy=False)
    assert seen == [(runtime, AgentId("echo", "ann"))]
    assert not AgentInstantiationContext.is_in_factory_call()
    assert (await runtime.agent_metadata(AgentId("echo", "ann")))["description"] == "echoes"


def test_the_contexts_say_so_when_there_is_none() -> None:
    for ask in (
        AgentInstantiationContext.current_runtime,
        AgentInstantiationContext.current_agent_id,
        SubscriptionInstantiationContext.agent_type,
        MessageHandlerContext.agent_id,
    ):
        with pytest.raises(RuntimeError):
            ask()
    with pytest.raises(CantHandleException):
        DefaultSubscription()
    for context in (AgentInstantiationContext, SubscriptionInstantiationContext, MessageHandlerContext):
        with pytest.raises(RuntimeError, match="cannot be instantiated"):
            context()


def test_an_agent_in_no_runtime_says_how_to_get_into_one() -> None:
    agent = Echo()
    with pytest.raises(AttributeError, match=r"in no runtime yet: register it"):
        agent.id  # noqa: B018  # the access is what is tested
    with pytest.raises(AttributeError, match=r"in no runtime yet: register it"):
        agent.runtime  # noqa: B018  # the access is what is tested


async def test_a_factory_that_makes_another_class_is_an_error() -> None:
    runtime = SingleThreadedAgentRuntime()
    await runtime.register_factory("echo", Failing, expected_class=Echo)  # type: ignore[arg-type]  # what is tested
    runtime.start()
    with pytest.raises(ValueError, match="wrong type: expected Echo, got Failing"):
        await runtime.send_message(Said("a"), AgentId("echo", "k"))
    await runtime.stop()


async def test_get_makes_ids_and_looks_agents_up() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", Echo)
    assert await runtime.get("echo") == AgentId("echo", "default")
    assert await runtime.get(AgentType("echo"), "ann") == AgentId("echo", "ann")
    assert await runtime.get(AgentId("echo", "bob")) == AgentId("echo", "bob")
    with pytest.raises(LookupError, match="Agent with name nope not found"):
        await runtime.get("nope", lazy=False)
    with pytest.raises(LookupError, match="Agent with name nope not found"):
        await runtime.try_get_underlying_agent_instance(AgentId("nope", "k"))
    with pytest.raises(TypeError, match=r"Agent with name echo is not of type Failing\. It is of type Echo"):
        await runtime.try_get_underlying_agent_instance(AgentId("echo", "k"), Failing)


async def test_an_instance_is_registered_and_bound() -> None:
    runtime, agent = SingleThreadedAgentRuntime(), Echo()
    assert await agent.register_instance(runtime, AgentId("echo", "ann")) == AgentId("echo", "ann")
    assert agent.id == AgentId("echo", "ann") and agent.runtime is runtime
    await Echo().register_instance(runtime, AgentId("echo", "bob"))
    runtime.start()
    assert await runtime.send_message(Said("a"), AgentId("echo", "ann")) == Said("A")
    assert agent.heard == ["a"]
    await runtime.stop()


async def test_instances_and_factories_do_not_share_ids_or_types() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo().register_instance(runtime, AgentId("echo", "ann"))
    with pytest.raises(ValueError, match="Agent with id echo/ann already exists"):
        await Echo().register_instance(runtime, AgentId("echo", "ann"))
    with pytest.raises(ValueError, match="Agent instances must be the same object type"):
        await Failing().register_instance(runtime, AgentId("echo", "bob"))
    with pytest.raises(ValueError, match="already exists"):
        await Echo.register(runtime, "echo", Echo)
    await Listener.register(runtime, "made", Listener)
    with pytest.raises(ValueError, match="cannot be registered to the same type"):
        await Listener().register_instance(runtime, AgentId("made", "ann"))


async def test_an_instance_lives_in_one_runtime_under_one_id() -> None:
    runtime, agent = SingleThreadedAgentRuntime(), Echo()
    await agent.register_instance(runtime, AgentId("echo", "ann"))
    with pytest.raises(RuntimeError, match="already bound to a different ID"):
        await agent.register_instance(runtime, AgentId("echo", "bob"))
    with pytest.raises(RuntimeError, match="already bound to a different runtime"):
        await agent.register_instance(SingleThreadedAgentRuntime(), AgentId("echo", "ann"))


async def test_an_instance_type_has_no_agent_for_other_keys() -> None:
    runtime = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    await Echo().register_instance(runtime, AgentId("echo", "ann"))
    await runtime.add_subscription(TypeSubscription("news", "echo"))
    runtime.start()
    await runtime.publish_message(Said("a"), TopicId("news", "bob"))
    with pytest.raises(RuntimeError, match=r"there is no agent echo/bob.*register an instance with the key 'bob'"):
        await runtime.stop_when_idle()


@type_subscription("weather")
class Forecaster(Listener):
    """Hears the weather, and not the default topic as its parent."""


async def test_class_subscriptions_are_those_of_the_class_itself() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Forecaster.register(runtime, "forecaster", Forecaster)
    await Listener.register(runtime, "listener", Listener)
    runtime.start()
    await runtime.publish_message(Said("rain"), TopicId("weather", "k"))
    await runtime.publish_message(Said("all"), DefaultTopicId(source="k"))
    await runtime.publish_message(Said("none"), TOPIC)
    await runtime.stop_when_idle()
    assert await runtime.save_state() == {
        "forecaster/k": {"heard": ["rain"]},
        "listener/k": {"heard": ["all"]},
    }


async def test_a_child_may_be_decorated_as_its_parent_and_hears_once() -> None:
    @default_subscription
    class Child(Listener):
        """Says again what its parent says."""

    runtime = SingleThreadedAgentRuntime()
    await Child.register(runtime, "child", Child)
    runtime.start()
    await runtime.publish_message(Said("all"), DefaultTopicId(source="k"))
    await runtime.stop_when_idle()
    assert await runtime.save_state() == {"child/k": {"heard": ["all"]}}


async def test_an_instance_hears_topics_whose_type_is_its_key() -> None:
    runtime, default, other = SingleThreadedAgentRuntime(), Listener(), Listener()
    await default.register_instance(runtime, AgentId("listener", "default"))
    await other.register_instance(runtime, AgentId("listener", "other"))
    runtime.start()
    await runtime.publish_message(Said("to all"), DefaultTopicId())
    await runtime.publish_message(Said("to the other"), TopicId("other", "other"))
    await runtime.stop_when_idle()
    assert (default.heard, other.heard) == (["to all"], ["to the other"])


async def test_state_is_saved_per_agent_and_loaded_into_a_new_runtime() -> None:
    first = SingleThreadedAgentRuntime()
    await Echo.register(first, "echo", Echo)
    first.start()
    await first.send_message(Said("a"), AgentId("echo", "ann"))
    await first.send_message(Said("b"), AgentId("echo", "bob"))
    await first.stop()
    state = await first.save_state()

    second = SingleThreadedAgentRuntime()
    await Echo.register(second, "echo", Echo)
    await second.load_state(state)
    assert await second.save_state() == state
    assert await second.agent_save_state(AgentId("echo", "bob")) == {"heard": ["b"]}
    await second.agent_load_state(AgentId("echo", "bob"), {"heard": ["c"]})
    assert await second.agent_save_state(AgentId("echo", "bob")) == {"heard": ["c"]}


async def test_a_state_that_nobody_can_take_is_named() -> None:
    runtime = SingleThreadedAgentRuntime()
    with pytest.warns(UserWarning, match="state of echo/ann not loaded"):
        await runtime.load_state({"echo/ann": {"heard": []}})


async def test_an_agent_without_a_state_of_its_own_warns() -> None:
    class Plain(BaseAgent):
        async def on_message_impl(self, message: object, ctx: MessageContext) -> None:
            """Nothing."""

    with pytest.warns(UserWarning, match="save_state not implemented"):
        assert await Plain("plain").save_state() == {}
    with pytest.warns(UserWarning, match="load_state not implemented"):
        await Plain("plain").load_state({})
