"""Questions to a person: asked by the gate, answered from a widget, a magic or a terminal; the first answer counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from ..code import CodeBlock
from ..errors import ConfigurationError, UnknownNameError

Decision = Literal["run", "edit", "reject", "allow", "reply", "decide", "end"]
"""run, edit (run `Answer.code` instead), reject (`Answer.text` is the reason), allow (run, and all further blocks
of this agent in this run); reply (`Answer.text`), decide ("you decide"), end ("end here")."""

APPROVAL_DECISIONS: frozenset[Decision] = frozenset({"run", "edit", "reject", "allow"})
REPLY_DECISIONS: frozenset[Decision] = frozenset({"reply", "decide", "end"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person decided, and through which channel ("widget", "magic", "stdin", "console")."""

    decision: Decision
    text: str = ""
    code: str = ""
    channel: str = ""


@dataclass(slots=True)
class Question:
    """One open question; `block` is set when it asks to approve code."""

    id: str
    kind: Literal["approval", "reply"]
    agent: str
    prompt: str
    block: CodeBlock | None = None
    target: str = ""
    _answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def decisions(self) -> frozenset[Decision]:
        """The decisions that answer it."""
        return APPROVAL_DECISIONS if self.kind == "approval" else REPLY_DECISIONS

    @property
    def answered(self) -> bool:
        """True once it was answered or can no longer be."""
        return self._answer.done()

    def answer(self, answer: Answer) -> bool:
        """Answer it, on the run's loop. False when somebody else was first.

        Raises:
            ConfigurationError: the decision is not one that answers this kind of question.
        """
        if answer.decision not in self.decisions:
            expected = ", ".join(sorted(self.decisions))
            raise ConfigurationError(f"{answer.decision!r} does not answer question {self.id}: expected {expected}")
        if self._answer.done():
            return False
        self._answer.set_result(answer)
        return True

    def fail(self, error: BaseException) -> None:
        """Say that nobody can answer: `error` is raised where the answer is awaited."""
        if not self._answer.done():
            self._answer.set_exception(error)

    def fail_with(self, asking: asyncio.Future[Any]) -> None:
        """Fail when `asking` raises, and so could not reach anybody, or gives up."""
        asking.add_done_callback(self._asked)

    def _asked(self, asking: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError("nobody answers any more") if asking.cancelled() else asking.exception()
        if error is not None:
            self.fail(error)

    async def wait(self) -> Answer:
        """The answer, as soon as there is one. There is no timeout: people take their time."""
        return await self._answer


class OpenQuestions:
    """The questions of a run that wait for an answer, oldest first."""

    def __init__(self) -> None:
        self._open: dict[str, Question] = {}
        self._asked = 0

    def open(
        self, kind: Literal["approval", "reply"], agent: str, prompt: str, block: CodeBlock | None, target: str
    ) -> Question:
        """A new question, with the next id ("q1", "q2", ...)."""
        self._asked += 1
        question = Question(f"q{self._asked}", kind, agent, prompt, block, target)
        self._open[question.id] = question
        return question

    def close(self, question: Question) -> None:
        """Forget a question that was answered or given up."""
        self._open.pop(question.id, None)

    def oldest(self) -> Question | None:
        """The question that waits longest; None when none does."""
        return next(iter(self._open.values()), None)

    def all(self) -> list[Question]:
        """All open questions, oldest first."""
        return list(self._open.values())

    def get(self, id: str) -> Question:
        """The open question called `id`.

        Raises:
            UnknownNameError: it was answered already, or never asked.
        """
        try:
            return self._open[id]
        except KeyError:
            raise UnknownNameError("question", id, self._open, "nothing is being asked") from None
