"""Finds containers that nobody owns any more, and removes them.

A container dies with its host process by itself. One may be left when the engine was killed in between, or when the
container was created and never started. Its labels say who made it: which machine, boot and process-id space, which
process. Only this machine's are judged; an engine may be shared.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from ...errors import SandboxUnavailable
from .container_spec import LABEL
from .engine import refusal, sdk

MACHINE = f"{LABEL}.machine"
PROCESS = f"{LABEL}.process"


def owner_labels() -> dict[str, str]:
    """The labels that say that this process owns a container."""
    return {MACHINE: machine(), PROCESS: process(os.getpid()) or ""}


def machine() -> str:
    """This machine since it was started, and this space of process ids: a notebook server may run in a container."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [
        socket.gethostname(),
        boot.read_text().strip() if boot.exists() else "",
        os.readlink(space) if space.exists() else "",
    ]
    return " ".join(parts)


def process(pid: int) -> str | None:
    """A process and when it began, since ids are used again; None when there is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it lives, and is somebody else's
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return str(pid)  # no /proc on this system: the id alone must do
    return f"{pid}:{stat.rpartition(')')[2].split()[19]}"


def owned(client: Any) -> list[Any]:
    """All sandbox containers of this machine, whoever owns them; a `docker` container each."""
    return list(client.containers.list(all=True, filters={"label": f"{MACHINE}={machine()}"}, ignore_removed=True))


def is_orphan(container: Any) -> bool:
    """Whether the process that made it is gone."""
    pid, _, _ = container.labels.get(PROCESS, "").partition(":")
    return not pid.isdigit() or process(int(pid)) != container.labels[PROCESS]


def reap(client: Any) -> list[str]:
    """Remove what nobody owns; returns the names.

    Raises:
        SandboxUnavailable: the engine did not answer.
    """
    docker, removed = sdk(), []
    try:
        for container in owned(client):
            if is_orphan(container):
                remove(container)
                removed.append(str(container.name))
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxUnavailable(f"containers could not be removed: {refusal(error)}") from error
    return removed


def remove(container: Any) -> None:
    """Remove a container, running or not, unless somebody was quicker."""
    docker = sdk()
    try:
        container.remove(force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # its removal is going on
            raise
