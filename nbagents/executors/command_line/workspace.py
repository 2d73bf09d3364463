"""The directory that an executor's files are in: nothing is written outside of it, whatever a block asks for.

Code that runs may change the directory while the next block is written, so a check of the path is not enough: each
part is opened below the one before and never through a symbolic link.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

from .code_file import BlockRefused, CodeFile

OUTSIDE = "Filename is not in the workspace"


class Workspace:
    """Writes the files of blocks, and removes those that nobody named.

    Args:
        directory: where; it exists.
        seen_as: what the code knows it as, in a container.
        owner: user and group that files and directories are given to; this process's unless given.
    """

    def __init__(self, directory: Path, seen_as: Path | None = None, owner: tuple[int, int] | None = None) -> None:
        self.directory = directory
        self._seen_as = seen_as or directory
        self._owner = owner
        self._in_use: Counter[PurePath] = Counter()

    @contextlib.contextmanager
    def holding(self, file: CodeFile, *, keep: bool) -> Iterator[PurePath]:
        """Write `file`; at the end remove it, unless it is to be kept or another block runs from it.

        Yields:
            Its path in the directory.

        Raises:
            BlockRefused: its name leads elsewhere, or it cannot be written.
        """
        path = self.save(file.name, file.content)
        self._in_use[path] += 1
        try:
            yield path
        finally:
            self._in_use[path] -= 1
            if not self._in_use[path]:
                del self._in_use[path]
                if not keep and not file.named:
                    (self.directory / path).unlink(missing_ok=True)

    def save(self, called: str, content: bytes) -> PurePath:
        """Write a file, and the directories that it is in.

        Returns:
            Its path in the directory.

        Raises:
            BlockRefused: its name leads elsewhere, or it cannot be written.
        """
        path = self._inside(called)
        try:
            self._write(path, content)
        except OSError as error:
            raise BlockRefused(f"{called} cannot be written: {error.strerror}") from error
        return path

    def _inside(self, called: str) -> PurePath:
        name = PurePath(called)
        if name.is_absolute() and name.is_relative_to(self._seen_as):
            name = name.relative_to(self._seen_as)
        try:
            top = self.directory.resolve()
            path = (top / name).resolve().relative_to(top)
        except (ValueError, OSError, RuntimeError) as error:  # elsewhere, a NUL in it, or links in a circle
            raise BlockRefused(OUTSIDE) from error
        if not path.name:
            raise BlockRefused(OUTSIDE)
        return path

    def _write(self, path: PurePath, content: bytes) -> None:
        at = self._open_below(path.parts[:-1])
        try:
            # A new file under a new name: a block that still reads the old one goes on reading that.
            new = f".{secrets.token_hex(8)}"
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=at), "wb") as file:
                if self._owner:
                    os.fchown(file.fileno(), *self._owner)
                file.write(content)
            try:
                os.replace(new, path.name, src_dir_fd=at, dst_dir_fd=at)
            except OSError:
                os.unlink(new, dir_fd=at)
                raise
        finally:
            os.close(at)

    def _open_below(self, parts: tuple[str, ...]) -> int:
        """A descriptor of the directory that `parts` lead to; those that are missing are made."""
        at = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        for part in parts:
            above = at
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=above)
                    if self._owner:
                        os.chown(part, *self._owner, dir_fd=above, follow_symlinks=False)
                at = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
            finally:
                os.close(above)
        return at
