"""Who takes part in a conversation."""

from .assistant import AssistantAgent
from .chat_agent import BaseChatAgent
from .code_approval import ApprovalFuncType, ApprovalRequest, ApprovalResponse
from .code_executor import CodeExecutorAgent
from .code_writing import CodeWritingAgent
from .handoff import Handoff
from .task import Response, TaskResult
from .user_proxy import UserProxyAgent

__all__ = [
    "ApprovalFuncType",
    "ApprovalRequest",
    "ApprovalResponse",
    "AssistantAgent",
    "BaseChatAgent",
    "CodeExecutorAgent",
    "CodeWritingAgent",
    "Handoff",
    "Response",
    "TaskResult",
    "UserProxyAgent",
]
