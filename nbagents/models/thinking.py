"""A model's thought beside its text, in one stream: between ``<think>`` and ``</think>``, as AutoGen streams it."""

from __future__ import annotations

from collections.abc import Iterator


class ThinkingText:
    """Text and thought so far."""

    def __init__(self) -> None:
        self.text = self.thought = ""
        self._thinking = False

    def add(self, thought: str = "", text: str = "") -> Iterator[str]:
        """Take a piece of either; yields what is shown of it."""
        if thought:
            self.thought += thought
            yield thought if self._thinking else f"<think>{thought}"
            self._thinking = True
        if text:
            self.text += text
            yield f"</think>{text}" if self._thinking else text
            self._thinking = False

    def end(self) -> Iterator[str]:
        """Close a thought on which nothing was said."""
        if self._thinking:
            self._thinking = False
            yield "</think>"
