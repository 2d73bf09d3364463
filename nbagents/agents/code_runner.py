"""How a `CodeExecutorAgent` has code run: who decides on it, and how what it did is worded for whoever reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..executors.code_executor import CodeExecutor, target_of
from ..models.messages import LLMMessage
from .code_approval import NOT_APPROVED, ApprovalFuncType, ApprovalRequest, ask_approval, record_decision
from .code_running import edits_of, fenced, run_blocks

NO_OUTPUT = (
    "The script ran but produced no output to console. The POSIX exit code was: {}. Print what you want to know."
)
FAILED = "The script ran, then exited with an error (POSIX exit code: {})\nIts output was:\n{}"
"""What programs look for in an agent's answer, as AutoGen says it."""


class CodeRunner:
    """Runs blocks for one agent.

    Args:
        agent: whose blocks they are.
        executor: where they run.
        approval_func: decides on all blocks of an answer; None leaves each of them to the gate.
    """

    def __init__(self, agent: str, executor: CodeExecutor, approval_func: ApprovalFuncType | None) -> None:
        self._agent, self.executor, self.approval_func = agent, executor, approval_func

    async def run(
        self, blocks: Sequence[CodeBlock], context: Sequence[LLMMessage], token: CancellationToken
    ) -> tuple[CodeResult, str]:
        """What the blocks did, and a sentence on what a person changed in them before they ran.

        Args:
            blocks: what is to run, up to the first that fails.
            context: the conversation that led to them, which an `approval_func` is shown.
            token: ends it.

        Raises:
            HumanInputUnavailable: a person must approve, and nobody can be asked.
        """
        if self.approval_func is not None:
            request = ApprovalRequest(code=fenced(blocks), context=list(context))
            response = await ask_approval(self.approval_func, request)
            record_decision(self._agent, blocks, target_of(self.executor), response)
            if not response.approved:
                return CodeResult(exit_code=1, output=f"{NOT_APPROVED} Reason: {response.reason}"), ""
        decided = self.approval_func is not None
        ran, result = await run_blocks(self._agent, self.executor, blocks, token, approved=decided)
        return replace(result, output=_worded(result)), edits_of(blocks, ran)


def _worded(result: CodeResult) -> str:
    """What a reader is told: an output as it is, with a status before it where the code failed or printed nothing."""
    if result.output.startswith(NOT_APPROVED):
        return result.output
    if not result.output.strip():
        return NO_OUTPUT.format(result.exit_code)
    return FAILED.format(result.exit_code, result.output) if result.exit_code else result.output
