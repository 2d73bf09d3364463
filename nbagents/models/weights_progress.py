"""How far a fetch has come: what the fetching code reports, and how a terminal shows it.

On a terminal one line is rewritten; elsewhere (CI, a log file) a line is written every few seconds.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TextIO

Phase = Literal["notice", "hub", "index", "verify"]

_LABELS: dict[Phase, str] = {"hub": "from the hub", "index": "from the package index", "verify": "checking SHA-256"}


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: `done` of `total` bytes in this phase, or a `text` for the reader (phase "notice")."""

    phase: Phase
    done: int = 0
    total: int = 0
    text: str = ""


Report = Callable[[Progress], None]
"""Called at least every second while bytes flow. If it raises, the fetch stops there and can be resumed."""


def ignore(progress: Progress) -> None:
    """Report to nobody."""


def mib(size: int) -> str:
    """`size` bytes as people say it: ``1117 MB``."""
    return f"{size / 1e6:.0f} MB"


@dataclass(slots=True)
class TerminalProgress:
    """Shows reports on `stream`; use as a context manager so that the last line is closed."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    every: float = 5.0
    """Seconds between two lines when the stream is no terminal."""
    _phase: Phase = "notice"
    _began: tuple[float, int] = (0.0, 0)
    _shown: float = float("-inf")
    _open: bool = False

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "notice":
            self._close()
            print(progress.text, file=self.stream, flush=True)
            return
        now = time.monotonic()
        if progress.phase != self._phase:
            self._close()
            self._phase, self._began, self._shown = progress.phase, (now, progress.done), float("-inf")
        pause = 0.1 if self.stream.isatty() else self.every
        if now - self._shown >= pause or progress.done == progress.total:
            self._shown = now
            self._write(progress, now)

    def _write(self, progress: Progress, now: float) -> None:
        since, start = self._began
        speed = (progress.done - start) / (now - since) / 1e6 if now > since else 0.0
        share = progress.done / progress.total if progress.total else 0.0
        line = (
            f"{_LABELS[progress.phase]}  {share:4.0%}  {mib(progress.done)} of {mib(progress.total)}  {speed:.0f} MB/s"
        )
        if not self.stream.isatty():
            print(line, file=self.stream, flush=True)
            return
        room = min(30, shutil.get_terminal_size().columns - len(line) - 4)
        bar = f"[{'#' * round(share * room):<{room}}] " if room > 5 else ""
        self.stream.write(f"\r{bar}{line}\x1b[K")
        self.stream.flush()
        self._open = True

    def _close(self) -> None:
        if self._open:
            print(file=self.stream, flush=True)
            self._open = False

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()
