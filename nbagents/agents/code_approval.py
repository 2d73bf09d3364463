"""`approval_func`: a function of the user's that decides whether code may run. Names and fields are AutoGen's."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from ..models.messages import LLMMessage

NOT_APPROVED = "Code execution was not approved."
"""How a refusal begins, whoever refused."""


class ApprovalRequest(BaseModel):
    """What is to be decided on: all code blocks of an answer, fenced, and the conversation that led to them."""

    code: str
    context: list[LLMMessage]


class ApprovalResponse(BaseModel):
    """The decision; the reason is told to whoever wrote the code."""

    approved: bool
    reason: str


ApprovalFuncType = (
    Callable[[ApprovalRequest], ApprovalResponse] | Callable[[ApprovalRequest], Awaitable[ApprovalResponse]]
)


async def ask_approval(func: ApprovalFuncType, request: ApprovalRequest) -> ApprovalResponse:
    """The decision of `func`; one that is not async may wait for a person, so it runs in a thread."""
    if inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(getattr(func, "__call__", None)):  # noqa: B004 - asks whether it is async, not whether it can be called
        decision = func(request)
    else:
        decision = await asyncio.to_thread(func, request)
    response = await decision if inspect.isawaitable(decision) else decision
    return ApprovalResponse.model_validate(response)
