"""When to stop."""

from .max_message import MaxMessageTermination
from .stop_message import StopMessageTermination
from .termination import (
    AndTerminationCondition,
    OrTerminationCondition,
    TerminatedException,
    TerminationCondition,
)
from .text_mention import TextMentionTermination

__all__ = [
    "AndTerminationCondition",
    "MaxMessageTermination",
    "OrTerminationCondition",
    "StopMessageTermination",
    "TerminatedException",
    "TerminationCondition",
    "TextMentionTermination",
]
