"""What child processes of a block write to the file descriptors 1 and 2, which threads of ipykernel read."""

from __future__ import annotations

import sys
import time
from typing import Any

_READ_SECONDS = 1.0
"""How long those threads may take to read, on a busy machine; what lasts longer goes on being written."""
_ARRIVE_SECONDS = 0.002
"""How long what was read may take to be written to the stream."""
_ARRIVE_OF_CHILDREN_SECONDS = 0.05
"""The same when child processes are known to have run, so that there is likely to be something."""


class ChildOutput:
    """Of one block; made before its first line."""

    def __init__(self) -> None:
        self._before = _page_faults_of_children()

    def drain(self) -> None:
        """Wait until what was written is in `sys.stdout` and `sys.stderr`."""
        deadline = time.monotonic() + _READ_SECONDS
        written = _page_faults_of_children() != self._before
        for stream in (sys.stdout, sys.stderr):
            while _unread(stream) and time.monotonic() < deadline:
                written = True
                time.sleep(0.002)
        time.sleep(_ARRIVE_OF_CHILDREN_SECONDS if written else _ARRIVE_SECONDS)


def _page_faults_of_children() -> int:
    """Of all that have ended; no process ends without a few."""
    try:
        import resource
    except ImportError:  # Windows, where ipykernel does not watch file descriptors
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def _unread(stream: Any) -> int:
    """Bytes in the pipe behind an ipykernel stream; semi-private, 0 where there is none."""
    pipe = getattr(stream, "_fid", None)
    if not isinstance(pipe, int):
        return 0
    import fcntl
    import struct
    import termios

    count: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0]
    return count
