"""`approval_func`: a function of the user's that decides whether code may run. Names and fields are AutoGen's."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel

from ..code import CodeBlock
from ..models.messages import LLMMessage
from ..runtime import current_gate
from ..waiting import is_async, wait_in_thread
from .code_running import fenced

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


def record_decision(agent: str, blocks: Sequence[CodeBlock], target: str, response: ApprovalResponse) -> None:
    """Write to the journal what the function decided, as it would stand there had a person been asked."""
    gate = current_gate()
    block = blocks[0] if len(blocks) == 1 else CodeBlock(code=fenced(blocks), language="markdown")
    prompt = f"Run this block of {agent}?" if len(blocks) == 1 else f"Run these blocks of {agent}?"
    question = gate.questions.open("approval", agent, prompt, block, target)
    gate.questions.close(question)
    code = {"code": block.code, "language": block.language, "target": target}
    gate.write("question", question=question.id, kind="approval", agent=agent, prompt=prompt, **code)
    decision, text = ("run", None) if response.approved else ("reject", response.reason)
    gate.write("answer", question=question.id, decision=decision, text=text, code=None, channel="approval_func")


async def ask_approval(func: ApprovalFuncType, request: ApprovalRequest) -> ApprovalResponse:
    """The decision of `func`; one that is not async may wait for a person, so it runs in a thread."""
    decision = func(request) if is_async(func) else await wait_in_thread(func, request)
    response = await decision if inspect.isawaitable(decision) else decision
    return ApprovalResponse.model_validate(response)
