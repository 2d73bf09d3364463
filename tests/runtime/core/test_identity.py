"""Ids of agents and topics: what they may hold, how they are written, read and compared."""

from __future__ import annotations

import pickle

import pytest

from nbagents.runtime import AgentId, AgentType, DefaultTopicId, MessageHandlerContext, TopicId


def test_an_agent_id_is_written_and_read_as_type_and_key() -> None:
    agent_id = AgentId("writer", "a/b")
    assert str(agent_id) == "writer/a/b"
    assert AgentId.from_str("writer/a/b") == agent_id
    assert (agent_id.type, agent_id.key) == ("writer", "a/b")
    assert AgentId(AgentType("writer"), "a/b") == agent_id
    assert hash(AgentId.from_str("writer/a/b")) == hash(agent_id)
    assert pickle.loads(pickle.dumps(agent_id)) == agent_id


@pytest.mark.parametrize("type", ["a b", "", "a/b", "a:b", "a\n"])
def test_an_agent_type_holds_letters_digits_and_some_signs(type: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)Invalid agent type: .* MUST match the regex"):
        AgentId(type, "k")


def test_an_agent_id_without_a_slash_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="Invalid agent id: writer"):
        AgentId.from_str("writer")


def test_a_topic_type_may_hold_colons_and_equal_signs() -> None:
    assert str(TopicId("a.b:c=d", "s")) == "a.b:c=d/s"
    assert TopicId.from_str("t/s/u") == TopicId("t", "s/u")
    with pytest.raises(ValueError, match="Invalid topic type: a b"):
        TopicId("a b", "s")
    with pytest.raises(ValueError, match="Invalid topic id: abc"):
        TopicId.from_str("abc")


def test_the_default_topics_source_is_the_current_agents_key_or_default() -> None:
    assert (DefaultTopicId().type, DefaultTopicId().source) == ("default", "default")
    with MessageHandlerContext.populate_context(AgentId("writer", "ann")):
        assert DefaultTopicId().source == "ann"
        assert DefaultTopicId("news", "bob").source == "bob"
    assert DefaultTopicId() == TopicId("default", "default")
    assert TopicId("default", "default") == DefaultTopicId()
    assert len({DefaultTopicId(), TopicId("default", "default")}) == 1
