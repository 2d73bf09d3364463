"""Who takes part in a conversation. Each agent is imported when it is asked for: a team needs none of them to load."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent_port import ChatAgent
    from .agent_tool import AgentTool
    from .assistant import AssistantAgent
    from .chat_agent import BaseChatAgent
    from .code_approval import ApprovalFuncType, ApprovalRequest, ApprovalResponse
    from .code_executor import CodeExecutorAgent
    from .code_writing import CodeWritingAgent
    from .handoff import Handoff
    from .message_filter import MessageFilterAgent, MessageFilterConfig, PerSourceFilter
    from .society_of_mind import SocietyOfMindAgent
    from .task import Response, TaskResult, TaskRunner
    from .user_proxy import UserProxyAgent

_FILES = {
    "AgentTool": "agent_tool",
    "ApprovalFuncType": "code_approval",
    "ApprovalRequest": "code_approval",
    "ApprovalResponse": "code_approval",
    "AssistantAgent": "assistant",
    "BaseChatAgent": "chat_agent",
    "ChatAgent": "agent_port",
    "CodeExecutorAgent": "code_executor",
    "CodeWritingAgent": "code_writing",
    "Handoff": "handoff",
    "MessageFilterAgent": "message_filter",
    "MessageFilterConfig": "message_filter",
    "PerSourceFilter": "message_filter",
    "Response": "task",
    "SocietyOfMindAgent": "society_of_mind",
    "TaskResult": "task",
    "TaskRunner": "task",
    "UserProxyAgent": "user_proxy",
}

__all__ = [
    "AgentTool",
    "ApprovalFuncType",
    "ApprovalRequest",
    "ApprovalResponse",
    "AssistantAgent",
    "BaseChatAgent",
    "ChatAgent",
    "CodeExecutorAgent",
    "CodeWritingAgent",
    "Handoff",
    "MessageFilterAgent",
    "MessageFilterConfig",
    "PerSourceFilter",
    "Response",
    "SocietyOfMindAgent",
    "TaskResult",
    "TaskRunner",
    "UserProxyAgent",
]


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return getattr(importlib.import_module(f".{_FILES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
