"""One attempt at an answer, and what it cost where nothing came of it.

A server that refuses before it answers costs nothing. One that began to answer has read the prompt, and written what
came: that is paid for, whether the connection broke, the answer could not be used or the reader left. Where the server
counted to the end, its count is taken; else what can be known is estimated, and said to be an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from ..errors import ModelConnectionError
from .messages import CreateResult, RequestUsage
from .notices import CallPiece
from .token_estimate import estimate_text


class SDKAnswer(Protocol):
    """An answer while it comes, in the protocol of one provider."""

    model: str
    """The name that the model gives itself; "" until it has."""

    @property
    def finish_reason(self) -> str | None:
        """Why it ended, as the server says it; None while it has not."""

    @property
    def text(self) -> str:
        """What is said so far."""

    @property
    def written(self) -> str:
        """All that the model wrote so far: text, thoughts and the arguments of calls."""

    @property
    def empty(self) -> bool:
        """Nothing that could be an answer has come."""

    @property
    def usage(self) -> RequestUsage:
        """The tokens as the server counted them so far."""

    @property
    def counted(self) -> bool:
        """Whether that count is of all that came."""

    def add(self, piece: Any) -> Iterator[str | CallPiece]:
        """Take one piece of a stream in; yields what it adds to the text and to calls.

        Raises:
            ValueError: it has not the shape of one.
        """

    def add_whole(self, answer: Any) -> None:
        """Take in an answer that comes in one.

        Raises:
            ValueError: it has not the shape of one.
        """

    def end(self) -> Iterator[str]:
        """What the end of the stream adds to the text that is shown."""

    def result(self) -> CreateResult:
        """The whole answer."""


class Attempt:
    """One request.

    Args:
        answer: the place for what comes.
    """

    def __init__(self, answer: SDKAnswer) -> None:
        self.answer = answer
        self._answering = self._begun = False

    def answering(self) -> None:
        """The server begins to answer, and not with an error."""
        self._answering = True

    def add(self, piece: Any) -> Iterator[str | CallPiece]:
        """Take one piece of a stream in, as `SDKAnswer.add`."""
        for said in self.answer.add(piece):
            self._begun = True  # what is wrong with the piece may come after what it adds
            yield said
        self._begun = True

    def add_whole(self, answer: Any) -> None:
        """Take in an answer that comes in one, as `SDKAnswer.add_whole`."""
        self.answer.add_whole(answer)
        self._begun = True

    def paid_for(self, error: BaseException) -> bool:
        """Whether it cost something, though it ended with `error`; a server's own error in its place is free."""
        left = not isinstance(error, Exception)
        return self._begun or (self._answering and (left or isinstance(error, ModelConnectionError)))

    def cost(self, prompt_tokens: Callable[[], int], bytes_per_token: float) -> tuple[RequestUsage, bool]:
        """What it cost in tokens, at least; and whether that is an estimate.

        Args:
            prompt_tokens: estimates those of the prompt.
            bytes_per_token: of what the model writes.
        """
        said = self.answer.usage
        if self.answer.counted:
            return said, False
        written = max(said.completion_tokens, estimate_text(self.answer.written, bytes_per_token))
        return RequestUsage(said.prompt_tokens or prompt_tokens(), written), True
