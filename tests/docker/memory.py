"""A block that takes memory until there is none, and says when it last got some: how fast depends on the machine."""

from __future__ import annotations

from pathlib import Path

from nbagents.executors.docker import Mount


class SignOfLife:
    """A file that the block writes the time to, some milliseconds of work apart.

    Args:
        path: the file, which is made; code in a container may write to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(bytes(32))
        path.chmod(0o666)
        self.mount = Mount(str(path), "/sign", read_only=False)

    def fill_memory(self, seen_as: str = "/sign") -> str:
        """The block; `seen_as` is the file's path where it runs."""
        return (
            f"import time\nrows, sign = [], open({seen_as!r}, 'r+b', buffering=0)\nprint('so far', flush=True)\n"
            "while True:\n    rows.append(bytearray(b'x') * (8 * 2**20)); sign.seek(0)\n"
            "    sign.write(b'%.6f' % time.time())"
        )

    def last(self) -> float:
        """When it was written last, as `time.time` tells it."""
        return float(self._path.read_text().strip("\0"))
