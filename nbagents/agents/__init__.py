"""Who takes part in a conversation."""

from .assistant import AssistantAgent
from .chat_agent import BaseChatAgent
from .code_executor import CodeExecutorAgent
from .task import Response, TaskResult
from .user_proxy import UserProxyAgent

__all__ = ["AssistantAgent", "BaseChatAgent", "CodeExecutorAgent", "Response", "TaskResult", "UserProxyAgent"]
