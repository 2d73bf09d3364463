"""How much a block may say to us, and how long things may take."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigurationError
from .kernel_connection import LARGEST_MESSAGE


@dataclass(frozen=True, slots=True)
class KernelLimits:
    """The limits of a `KernelExecutor`.

    Args:
        text: characters of text that are kept.
        rich: characters of displays that are kept; a picture is base64.
        flood: bytes of output at which a block is interrupted.
        start_seconds: how long a kernel may take to its first answer.
        grace_seconds: how long a block that was interrupted for a timeout may still take, before it is killed.
        cancel_seconds: the same for a block that was cancelled.
    """

    text: int = 1_000_000
    rich: int = 10_000_000
    flood: int = 64_000_000
    start_seconds: float = 60
    grace_seconds: float = 2
    cancel_seconds: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.rich <= LARGEST_MESSAGE // 2:
            raise ConfigurationError(
                f"rich {self.rich!r}: expected at most {LARGEST_MESSAGE // 2:,} characters of displays"
            )
        if self.text < 1000 or self.flood < self.text:
            raise ConfigurationError(
                f"text {self.text!r}, flood {self.flood!r}: expected 1000 or more, and flood >= text"
            )
