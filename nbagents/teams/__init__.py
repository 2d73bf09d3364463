"""Who speaks next."""

from .round_robin import RoundRobinGroupChat

__all__ = ["RoundRobinGroupChat"]
