"""Parts that do what a test says: an executor with given results, and a person with given answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.executors import CodeExecutor
from nbagents.executors.stopped_code import STOPPED, keep_shown
from nbagents.runtime import Answer, Question


class ScriptedExecutor(CodeExecutor):
    """Gives its results in order and keeps what it was asked to run."""

    target = "live"

    def __init__(self, *results: CodeResult | str) -> None:
        self.results = list(results)
        self.ran: list[str] = []

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        self.ran += [block.code for block in code_blocks]
        result = self.results.pop(0)
        return result if isinstance(result, CodeResult) else CodeResult(exit_code=0, output=result)


class EndlessExecutor(CodeExecutor):
    """Prints `said`, and never comes back by itself."""

    target = "live"

    def __init__(self, said: str = "") -> None:
        self.said = said
        self.started = asyncio.Event()
        self.cancelled = False

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as stopped:
            self.cancelled = True
            outputs = [{"output_type": "stream", "name": "stdout", "text": self.said}] if self.said else []
            keep_shown(stopped, CodeResult(exit_code=STOPPED, output=self.said, outputs=outputs))
            raise
        raise AssertionError("unreachable")


class ScriptedPerson:
    """An asker that answers in order and keeps the questions."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.questions: list[Question] = []

    async def __call__(self, question: Question) -> None:
        self.questions.append(question)
        question.answer(self.answers.pop(0))
