"""The event-driven core: agents that send each other messages and publish on topics; names are ``autogen_core``'s."""

from ...cancellation import CancellationToken
from .agent import Agent, BaseAgent
from .agent_proxy import AgentProxy
from .agent_runtime import AgentRuntime
from .closure_agent import ClosureAgent, ClosureContext
from .context import (
    AgentInstantiationContext,
    MessageContext,
    MessageHandlerContext,
    SubscriptionInstantiationContext,
)
from .events import EVENT_LOGGER_NAME, ROOT_LOGGER_NAME, TRACE_LOGGER_NAME
from .exceptions import (
    CantHandleException,
    MessageDroppedException,
    NotAccessibleError,
    UndeliverableException,
)
from .handlers import MessageHandler, event, message_handler, rpc
from .identity import AgentId, AgentMetadata, AgentType, DefaultTopicId, TopicId
from .intervention import DefaultInterventionHandler, DropMessage, InterventionHandler
from .routed_agent import RoutedAgent
from .serialization import (
    JSON_DATA_CONTENT_TYPE,
    PROTOBUF_DATA_CONTENT_TYPE,
    MessageSerializer,
    SerializationRegistry,
    UnknownPayload,
    try_get_known_serializers_for_type,
)
from .single_threaded import SingleThreadedAgentRuntime
from .subscriptions import (
    DefaultSubscription,
    Subscription,
    TypePrefixSubscription,
    TypeSubscription,
    default_subscription,
    subscription_factory,
    type_subscription,
)
from .tool_agent import (
    InvalidToolArgumentsException,
    ToolAgent,
    ToolException,
    ToolExecutionException,
    ToolNotFoundException,
    tool_agent_caller_loop,
)

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
    "BaseAgent",
    "CancellationToken",
    "CantHandleException",
    "ClosureAgent",
    "ClosureContext",
    "DefaultInterventionHandler",
    "DefaultSubscription",
    "DefaultTopicId",
    "DropMessage",
    "InterventionHandler",
    "InvalidToolArgumentsException",
    "MessageContext",
    "MessageDroppedException",
    "MessageHandler",
    "MessageHandlerContext",
    "MessageSerializer",
    "NotAccessibleError",
    "RoutedAgent",
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
    "default_subscription",
    "event",
    "message_handler",
    "rpc",
    "subscription_factory",
    "tool_agent_caller_loop",
    "try_get_known_serializers_for_type",
    "type_subscription",
]
