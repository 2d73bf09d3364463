"""How a run runs: the gate, the journal, questions to a person, and `Run` itself; and the event-driven core.

The core (`nbagents.runtime.core`: agents that send messages and publish on topics) is imported when one of its names is
first used: most teams need none of it.
"""

# ruff: noqa: F405 - the names of `__all__` that come of the star below
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .approval import Approvals
from .budget import Budget
from .current import approving, current_gate, ensured_gate, in_a_run, passing
from .gate import Gate, Listener
from .journal import Journal
from .questions import Answer, Question
from .redaction import Redactor
from .run import Run
from .usage import Usage, account

if TYPE_CHECKING:
    from .core import *  # noqa: F403 - the core says itself which of its names are public

__all__ = [
    "EVENT_LOGGER_NAME",
    "JSON_DATA_CONTENT_TYPE",
    "PROTOBUF_DATA_CONTENT_TYPE",
    "ROOT_LOGGER_NAME",
    "TRACE_LOGGER_NAME",
    "Agent",
    "AgentId",
    "AgentInstantiationContext",
    "AgentMetadata",
    "AgentProxy",
    "AgentRuntime",
    "AgentType",
    "Answer",
    "Approvals",
    "BaseAgent",
    "Budget",
    "CancellationToken",
    "CantHandleException",
    "ClosureAgent",
    "ClosureContext",
    "DefaultInterventionHandler",
    "DefaultSubscription",
    "DefaultTopicId",
    "DropMessage",
    "Gate",
    "InterventionHandler",
    "InvalidToolArgumentsException",
    "Journal",
    "Listener",
    "MessageContext",
    "MessageDroppedException",
    "MessageHandler",
    "MessageHandlerContext",
    "MessageSerializer",
    "NotAccessibleError",
    "Question",
    "Redactor",
    "RoutedAgent",
    "Run",
    "SerializationRegistry",
    "SingleThreadedAgentRuntime",
    "Subscription",
    "SubscriptionInstantiationContext",
    "ToolAgent",
    "ToolException",
    "ToolExecutionException",
    "ToolNotFoundException",
    "TopicId",
    "TypePrefixSubscription",
    "TypeSubscription",
    "UndeliverableException",
    "UnknownPayload",
    "Usage",
    "account",
    "approving",
    "current_gate",
    "default_subscription",
    "ensured_gate",
    "event",
    "in_a_run",
    "message_handler",
    "passing",
    "rpc",
    "subscription_factory",
    "tool_agent_caller_loop",
    "try_get_known_serializers_for_type",
    "type_subscription",
]


def __getattr__(name: str) -> Any:
    if name in __all__:  # what is not here is the core's
        return getattr(importlib.import_module(".core", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
