"""How many threads make a model fast: one for each physical core that this process may really use.

Hyper-threads do not help matrix arithmetic, and threads beyond a container's quota make each other wait.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores(cpus: Path = _CPUS, quota: Path = _QUOTA) -> int:
    """Physical cores that this process may use; at least 1. On systems that do not say, all processors."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_core(cpus, number) for number in usable}
    return max(1, min(len(cores), _allowed(quota)))


def _core(cpus: Path, number: int) -> str:
    """A text that is the same for all hyper-threads of one core."""
    try:
        return (cpus / f"cpu{number}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(number)


def _allowed(quota: Path) -> int:
    """Cores that a control group leaves us."""
    try:
        limit, period = quota.read_text().split()
        return max(1, math.ceil(int(limit) / int(period)))
    except (OSError, ValueError):  # no control groups, or "max"
        return os.cpu_count() or 1
