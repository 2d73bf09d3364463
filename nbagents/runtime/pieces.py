"""The pieces of one answer on their way to the screen: each shown once, and no secret shown in two halves.

A secret that a model says comes in pieces of a few letters, none of which is a secret. So what may be the beginning of
one is held back until it is known what it is: a word until it has ended, and a known secret that has blanks in it, or
a private key, until it is whole. Then it is redacted as any other text.
"""

from __future__ import annotations

import re

from .redaction import WORD, Redactor

LONGEST_HELD = 8192
"""Characters after which a word without an end is an image or a dump, and is let go."""


class Pieces:
    """The pieces of one answer.

    Args:
        redact: takes secrets out of them.
        word: `redaction.JSON_WORD` where they are JSON.
    """

    def __init__(self, redact: Redactor, word: re.Pattern[str] = WORD) -> None:
        self._redact, self._word = redact, word
        self._held = ""
        self._early = self._passed = 0

    def shown_early(self, piece: str) -> str:
        """What can be shown after this piece, which will pass the run's loop later. Called on the I/O thread."""
        self._early += 1
        return self.shown(piece)

    def shown(self, piece: str) -> str:
        """What can be shown after this piece."""
        self._held += piece
        if len(self._held) <= LONGEST_HELD and self._word.fullmatch(piece):
            return ""  # the word goes on
        settled = len(self._held) if len(self._held) > LONGEST_HELD else self._redact.settled(self._held, self._word)
        text, self._held = self._held[:settled], self._held[settled:]
        return self._redact(text)

    def rest(self) -> str:
        """What was held back, when the answer has ended."""
        text, self._held = self._held, ""
        return self._redact(text)

    def passes(self) -> bool:
        """A piece passes the run's loop: True if it was shown early."""
        if self.done:
            return False
        self._passed += 1
        return True

    @property
    def done(self) -> bool:
        """True when each piece that was shown early has passed."""
        return self._passed >= self._early
