"""The commands of ``%team`` with their words and flags, as they are read, completed, and shown in help."""

from __future__ import annotations

from .arguments import Command, Flag
from .settings import CODE_TARGETS
from .specs import FLOWS

BUDGET = Flag("budget", "what a run may spend; also 200k (tokens), 10min", takes="names", value="0.50usd,12turns")

CREATE = Command(
    "%team create NAME A B ...",
    "Defines a team of agents; `you` is the person at the notebook. As a cell, %%team create NAME with YAML below.",
    words=("NAME",),
    more_words=True,
    flags=(
        Flag("flow", "who speaks next", choices=FLOWS),
        Flag("stop", "the text that ends the conversation", value="TEXT"),
        Flag("max-turns", "turns after which a run ends", value="N"),
        Flag("max-messages", "messages after which a run ends", value="N"),
        BUDGET,
    ),
)

RUN_FLAGS = (
    Flag("as", "name of the run, and of the variable that holds it", value="NAME"),
    Flag("use", "variables that the agents are told of: names, shapes and columns, never rows", takes="names"),
    Flag("code", "where code runs in this run, whatever the agents say", choices=CODE_TARGETS),
    BUDGET,
    Flag("approve", "ask before each block, or run them always", choices=("ask", "always")),
    Flag("detach", "end the cell at once and let the run go on", takes="nothing"),
)
RUN = Command(
    "%team run TEAM",
    "Runs a team; the task is the rest of the line, or the cell below.",
    ("TEAM",),
    RUN_FLAGS,
    rest="TASK",
)

RESUME = Command(
    "%team resume RUN",
    "Goes on with a run where it stopped: paused by its budget, stopped, or failed.",
    ("RUN",),
    (
        Flag("budget", "what it may spend; with a + so much more than before", takes="names", value="+0.50,+4turns"),
        Flag("detach", "end the cell at once and let the run go on", takes="nothing"),
    ),
)

SHOW = Command("%team show [RUN]", "Shows a run as far as it is.", more_words=True)
STOP = Command("%team stop [RUN]", "Stops a run and everything in it.", more_words=True)
APPROVE = Command(
    "%team approve [RUN]",
    "Runs the block that waits.",
    more_words=True,
    flags=(Flag("all", "and all further blocks of this agent in this run", takes="nothing"),),
)
REJECT = Command("%team reject RUN", "Refuses the block that waits; the agent is told why.", ("RUN",), rest="REASON")
REPLY = Command("%team reply RUN", "Answers the agent that waits for you.", ("RUN",), rest="TEXT")

COMMANDS = {
    "create": CREATE, "run": RUN, "resume": RESUME, "show": SHOW, "stop": STOP,
    "approve": APPROVE, "reject": REJECT, "reply": REPLY,
}  # fmt: skip


def help_text() -> str:
    """All commands with their flags: the docstring of ``%team``."""
    return "Teams of agents and their runs.\n\n" + "\n\n".join(command.described() for command in COMMANDS.values())
