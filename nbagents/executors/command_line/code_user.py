"""As whom code in a container runs: so that it can write to the work directory, and is not this machine's root."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import SandboxUnavailable
from ..docker.container_spec import ContainerOptions

USER = ContainerOptions().user


def code_user(work_dir: Path, *, made_by_us: bool, rootless: bool) -> tuple[int, int]:
    """The user and group: those to whom `work_dir` belongs, but never this machine's root.

    Args:
        work_dir: the directory.
        made_by_us: it was made for this executor, so it may be given to anybody.
        rootless: the engine does not run as root; root in its containers is then who runs it.
    """
    uid, _, gid = USER.partition(":")
    if rootless:
        return 0, 0
    found = work_dir.stat()
    if found.st_uid == 0 or (made_by_us and os.getuid() == 0):
        return int(uid), int(gid)
    return found.st_uid, found.st_gid


def let_code_write(work_dir: Path, user: tuple[int, int], *, made_by_us: bool) -> None:
    """Give a directory of ours to `user`; one that is not ours, and belongs to root, is not given away.

    Raises:
        SandboxUnavailable: code could not write there.
    """
    if made_by_us and os.getuid() == 0:
        os.chown(work_dir, *user)
    found = work_dir.stat()
    if found.st_uid == 0 and not found.st_mode & 0o002:
        raise SandboxUnavailable(
            f"{work_dir} belongs to root, and code in the container does not run as root: "
            f"chown {user[0]}:{user[1]} it, or give options=ContainerOptions(user='0:0')"
        )
