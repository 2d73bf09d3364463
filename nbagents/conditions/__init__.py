"""When to stop."""

from .combined import AndTerminationCondition, OrTerminationCondition
from .external import ExternalTermination
from .function_call import FunctionCallTermination
from .functional import FunctionalTermination
from .handoff import HandoffTermination
from .max_message import MaxMessageTermination
from .source_match import SourceMatchTermination
from .stop_message import StopMessageTermination
from .termination import TerminatedException, TerminationCondition
from .text_mention import TextMentionTermination
from .text_message import TextMessageTermination
from .timeout import TimeoutTermination
from .token_usage import TokenUsageTermination

__all__ = [
    "AndTerminationCondition",
    "ExternalTermination",
    "FunctionCallTermination",
    "FunctionalTermination",
    "HandoffTermination",
    "MaxMessageTermination",
    "OrTerminationCondition",
    "SourceMatchTermination",
    "StopMessageTermination",
    "TerminatedException",
    "TerminationCondition",
    "TextMentionTermination",
    "TextMessageTermination",
    "TimeoutTermination",
    "TokenUsageTermination",
]
