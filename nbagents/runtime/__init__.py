"""How a run runs: the gate, the journal, questions to a person, and `Run` itself."""

from .approval import Approvals
from .gate import Gate, Listener, current_gate, ensured_gate, in_a_run, passing
from .journal import Journal
from .questions import Answer, Question
from .redaction import Redactor
from .run import Run
from .usage import Usage, account

__all__ = [
    "Answer",
    "Approvals",
    "Gate",
    "Journal",
    "Listener",
    "Question",
    "Redactor",
    "Run",
    "Usage",
    "account",
    "current_gate",
    "ensured_gate",
    "in_a_run",
    "passing",
]
