"""What a container may do: hardened unless an option says otherwise, and every such option is named.

All of it is on at once: no network, no capability, no new privileges, the default seccomp profile, a read-only root
with two small tmpfs, bounded memory (no swap), processors and processes, a user that is not root, nothing of the host's
environment. `ContainerOptions.loosened` says in plain sentences what was allowed beyond that; a run shows them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import ConfigurationError, UnknownNameError

WORK_DIR = "/work"
"""Where code runs and leaves its files: a tmpfs that goes with the container."""
HOME = "/tmp/home"
LABEL = "nbagents.sandbox"
_SIZE = re.compile(r"(\d+)([bkmg]?)", re.I)
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def size(text: str) -> int:
    """A size as Docker writes it ("512m", "2g") in bytes."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ConfigurationError(f"size {text!r}: expected a number with b, k, m or g behind it, as in 512m")
    return int(match[1]) * _UNITS[match[2].lower()]


@dataclass(frozen=True)
class Mount:
    """A directory or file of the engine's machine that the container sees."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class ContainerOptions:
    """What one agent's container may do. The defaults are the narrow ones.

    Args:
        image: the image; None is the one that `nbagents sandbox build` builds.
        memory: the most that all processes and the tmpfs take together; there is no swap.
        cpus: how many processors' worth of time.
        pids: the most processes and threads.
        network: "none", or a network of the engine ("bridge").
        mounts: directories of the host; read-only unless said otherwise.
        devices: devices of the host, as in "/dev/kfd" or "/dev/sda:/dev/xvda:r".
        runtime: another OCI runtime that the engine knows, as "runsc" for gVisor.
        user: "uid:gid" or a name in the image.
        tmp_size: size of /tmp.
        work_size: size of /work.
        env: environment variables for the code; never taken from the host's.
    """

    image: str | None = None
    memory: str = "2g"
    cpus: float = 1.0
    pids: int = 256
    network: str = "none"
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    runtime: str | None = None
    user: str = "1000:1000"
    tmp_size: str = "64m"
    work_size: str = "256m"
    # Equal options may share a pool, so they are hashable; values may be secret, so they are not shown.
    env: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mounts", tuple(self.mounts))
        object.__setattr__(self, "devices", tuple(self.devices))
        for name in ("memory", "tmp_size", "work_size"):
            size(getattr(self, name))
        if size(self.memory) < 32 * 2**20:
            raise ConfigurationError(f"memory {self.memory!r}: a kernel needs at least 64m, 256m with pandas")
        if not (math.isfinite(self.cpus) and self.cpus >= 0.01) or self.pids < 16:
            raise ConfigurationError(f"cpus {self.cpus!r}, pids {self.pids!r}: expected at least 0.01 cpus and 16 pids")
        for mount in self.mounts:
            if not mount.target.startswith("/"):
                raise ConfigurationError(f"mount target {mount.target!r}: expected an absolute path in the container")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ContainerOptions:
        """From JSON or YAML, where a mount is a mapping too."""
        known = {each.name for each in fields(cls)}
        for name in values:
            if name not in known:
                raise UnknownNameError("sandbox option", name, known)
        mounts = tuple(each if isinstance(each, Mount) else Mount(**each) for each in values.get("mounts", ()))
        return cls(**{**values, "mounts": mounts})

    @property
    def loosened(self) -> list[str]:
        """What is looser than the default, one plain sentence each."""
        usual, said = ContainerOptions(), []
        if self.image is not None:
            said.append(f"image {self.image} instead of the sandbox's own")
        if self.network != "none":
            said.append(f"network {self.network}: code can send what it sees to other machines")
        for mount in self.mounts:
            access = "can read" if mount.read_only else "can change"
            said.append(f"code {access} {mount.source} of this machine, at {mount.target}")
        said += [f"code can use the device {device}" for device in self.devices]
        if self.runtime is not None:
            said.append(f"the engine's runtime {self.runtime} instead of its usual one")
        if self.user.partition(":")[0] in ("0", "root", ""):
            said.append("code runs as root inside the container")
        if self.env:
            said.append(f"environment variables: {', '.join(sorted(self.env))}")
        if size(self.memory) > size(usual.memory):
            said.append(f"memory {self.memory} instead of {usual.memory}")
        if self.cpus > usual.cpus or self.pids > usual.pids:
            said.append(f"{self.cpus:g} processors and {self.pids} processes")
        return said

    def create_arguments(self) -> dict[str, Any]:
        """What `docker.DockerClient().containers.create` takes for a container like this, but image and command.

        `env` is not in it: who starts code hands it over in a way that `docker inspect` does not show.
        """
        threads = str(max(1, math.ceil(self.cpus)))
        arguments: dict[str, Any] = {
            "network_mode": self.network,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "read_only": True,
            "tmpfs": {
                "/tmp": f"rw,nosuid,nodev,size={size(self.tmp_size)},mode=1777",
                WORK_DIR: f"rw,nosuid,nodev,size={size(self.work_size)},mode=1777",
            },
            "mem_limit": size(self.memory),
            "memswap_limit": size(self.memory),
            "nano_cpus": int(self.cpus * 1e9),
            "pids_limit": self.pids,
            "ipc_mode": "private",
            "user": self.user,
            "init": True,
            "working_dir": WORK_DIR,
            "hostname": "sandbox",
            # `docker logs` would keep everything on the engine's disk.
            "log_config": {"type": "none"},
            "environment": {
                "HOME": HOME,
                "USER": "sandbox",
                # A library that counts the host's 64 processors would start 64 threads for the share it may use.
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
            },
        }
        if self.mounts:
            arguments["volumes"] = {
                mount.source: {"bind": mount.target, "mode": "ro" if mount.read_only else "rw"} for mount in self.mounts
            }
        if self.devices:
            arguments["devices"] = [_device(each) for each in self.devices]
        if self.runtime is not None:
            arguments["runtime"] = self.runtime
        return arguments

    def ignored(self, host_config: Mapping[str, Any]) -> list[str]:
        """The limits that the engine dropped, by what it says of a container that it made.

        An engine without the right control groups, as a rootless one may be, drops limits with a warning.
        """
        wanted = {"Memory": size(self.memory), "NanoCpus": int(self.cpus * 1e9), "PidsLimit": self.pids}
        names = {"Memory": "memory", "NanoCpus": "cpus", "PidsLimit": "pids"}
        return [names[key] for key, value in wanted.items() if host_config.get(key) != value]


def _device(text: str) -> str:
    """A device as the SDK reads it, source:target:access; it cannot read a path alone."""
    source, _, rest = text.partition(":")
    target, _, access = rest.partition(":")
    return f"{source}:{target or source}:{access or 'rwm'}"
