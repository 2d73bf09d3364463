"""Who takes part in a conversation."""

from .agent_tool import AgentTool
from .assistant import AssistantAgent
from .chat_agent import BaseChatAgent
from .code_approval import ApprovalFuncType, ApprovalRequest, ApprovalResponse
from .code_executor import CodeExecutorAgent
from .code_writing import CodeWritingAgent
from .handoff import Handoff
from .message_filter import MessageFilterAgent, MessageFilterConfig, PerSourceFilter
from .society_of_mind import SocietyOfMindAgent
from .task import Response, TaskResult
from .user_proxy import UserProxyAgent

__all__ = [
    "AgentTool",
    "ApprovalFuncType",
    "ApprovalRequest",
    "ApprovalResponse",
    "AssistantAgent",
    "BaseChatAgent",
    "CodeExecutorAgent",
    "CodeWritingAgent",
    "Handoff",
    "MessageFilterAgent",
    "MessageFilterConfig",
    "PerSourceFilter",
    "Response",
    "SocietyOfMindAgent",
    "TaskResult",
    "UserProxyAgent",
]
