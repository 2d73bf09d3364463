"""A model's thought beside its text, in one stream: between ``<think>`` and ``</think>``, as AutoGen streams it."""

from __future__ import annotations

from collections.abc import Iterator

from .characters import WholeCharacters


class ThinkingText:
    """Text and thought so far."""

    def __init__(self) -> None:
        self.text = self.thought = ""
        self._thinking = False
        self._thoughts, self._texts = WholeCharacters(), WholeCharacters()

    def add(self, thought: str = "", text: str = "") -> Iterator[str]:
        """Take a piece of either; yields what is shown of it."""
        yield from self._add(self._thoughts.add(thought), self._texts.add(text))

    def _add(self, thought: str, text: str) -> Iterator[str]:
        if thought:
            self.thought += thought
            yield thought if self._thinking else f"<think>{thought}"
            self._thinking = True
        if text:
            self.text += text
            if self._thinking:
                self._thinking = False
                yield "</think>"
            yield text

    def end(self) -> Iterator[str]:
        """Say what was held back, and close a thought on which nothing was said."""
        yield from self._add(self._thoughts.end(), self._texts.end())
        if self._thinking:
            self._thinking = False
            yield "</think>"
