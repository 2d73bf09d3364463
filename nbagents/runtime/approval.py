"""When a person is asked before code runs."""

from __future__ import annotations

from typing import Literal, get_args

from ..errors import ConfigurationError

Policy = Literal["ask", "always"]
"""ask: every block is shown and waits for a decision. always: blocks run unasked."""


class Approvals:
    """The policy of one run, with what a person allowed for the rest of it.

    Raises:
        ConfigurationError: `policy` is none of the known ones.
    """

    def __init__(self, policy: str = "ask") -> None:
        if policy not in get_args(Policy):
            raise ConfigurationError(
                f"unknown approval policy {policy!r}: expected one of {', '.join(get_args(Policy))}"
            )
        self.policy = policy
        self._allowed: set[str] = set()

    def allow(self, agent: str) -> None:
        """Run all further blocks of `agent` in this run unasked. The grant ends with the run."""
        self._allowed.add(agent)

    def asks(self, agent: str) -> bool:
        """True when a block of `agent` must wait for a person."""
        return self.policy == "ask" and agent not in self._allowed
