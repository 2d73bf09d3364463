"""Halves of characters: no server and no file takes them, and yet they come.

A server that counts in UTF-16 may cut a stream within a character, so that its halves come in two pieces. And a name of
a file that is no UTF-8 stands as such halves in what code printed, which then goes to a model.
"""

from __future__ import annotations

from typing import Any


def mended(text: str) -> str:
    """`text` with two halves made one character, and ``U+FFFD`` in the place of one alone."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended_all(value: Any) -> Any:
    """A copy of a JSON value with each of its texts `mended`."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, dict):
        return {mended_all(name): mended_all(item) for name, item in value.items()}
    return [mended_all(item) for item in value] if isinstance(value, list | tuple) else value


class WholeCharacters:
    """Joins the pieces of a text: a half at the end of a piece waits for the next one."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        """What is whole with this piece."""
        piece = self._half + piece
        self._half = piece[-1:] if "\ud800" <= piece[-1:] <= "\udbff" else ""
        return mended(piece.removesuffix(self._half))

    def end(self) -> str:
        """What is left when no more comes."""
        half, self._half = self._half, ""
        return mended(half)
