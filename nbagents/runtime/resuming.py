"""Whether a run that has ended can go on, and with which budget."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BudgetReached, ConfigurationError
from .budget import Budget
from .budget_raised import amount, is_enough, more_than, raised


def check_resumable(name: str, status: str, *, ended: bool) -> None:
    """Refuse a run that goes on, or is done.

    Args:
        name: the run's.
        status: how it ended.
        ended: it did, and what ended it has come to its end too.

    Raises:
        ConfigurationError: it cannot be resumed.
    """
    if not ended:
        raise ConfigurationError(f"run {name!r} is still going on: only one that has ended can be resumed")
    if status == "done":
        raise ConfigurationError(f"run {name!r} is done, there is nothing to resume: run its team anew")


def budget_to_go_on(
    name: str, old: Budget | None, said: str | Sequence[str] | None, reached: BudgetReached | None, how: str
) -> Budget | None:
    """The budget with which a run goes on.

    Args:
        name: the run's.
        old: what it might spend before.
        said: what a person said of it; None leaves it as it is.
        reached: what paused it, if its budget did.
        how: what to write to give it enough.

    Raises:
        ConfigurationError: what is said is no budget, or would pause the run at once again.
    """
    new = raised(said, old or Budget()) if said else old
    if new is None or reached is None or is_enough(new, reached):
        return new
    raise ConfigurationError(
        f"run {name!r} was paused by its budget of {reached.limit}, and what comes next may bring it to "
        f"{amount(reached.kind, reached.needed)}: go on with {how}"
    )


def more_needed(budget: Budget | None, reached: BudgetReached | None) -> str:
    """By how much to raise the budget that paused a run; "" where none did."""
    if budget is None or reached is None or not reached.kind:
        return ""
    return more_than(budget, reached)
