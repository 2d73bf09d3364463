"""One container that runs a kernel: created, attached, started, and gone when it is let go.

Everything here blocks and is called in a worker thread. A launch that fails half-way leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from pathlib import Path
from typing import Any

from ...errors import SandboxUnavailable
from .bootstrap import supervisor_command
from .container_spec import LABEL, ContainerOptions
from .death import DeathWatch
from .engine import EngineAddress, connect, engine_address, ping, refusal, sdk
from .image import ensure
from .reaper import owner_labels, reap, remove
from .relay import Attached, Relay

START_SECONDS = 30.0
"""How long the supervisor may take to start: Python in a container, on a busy machine."""
CLOSE_SECONDS = 5.0
"""How long an engine may take to remove a container before nobody waits for it any longer."""
GONE_SECONDS = 1.5
"""How long it may take to say that it is there, before it is not asked to."""
OWN_END_SECONDS = 0.25
"""How long a container may take to end when its stdin does, which takes 0.05 s, before the engine has to kill it."""
_log = logging.getLogger(__name__)
_reaped: set[str] = set()


class KernelContainer:
    """A started container, whose kernel's process runs.

    Args:
        options: what it may do.
        directory: where the relay makes its sockets.
        key: the key that signs the kernel's messages.
        signature_scheme: how.

    Raises:
        SandboxUnavailable: no engine, no image, refused, or no kernel in it.
    """

    def __init__(self, options: ContainerOptions, directory: Path, key: str, signature_scheme: str) -> None:
        address = self.address = engine_address()
        self.options = options
        self.client = connect(address)
        self.container: Any | None = None
        self.relay: Relay | None = None
        self.watch: DeathWatch | None = None
        self._runs = self._engine_is_gone = False
        try:
            self.image = ensure(options.image, client=self.client)
            self.container = self._create()
            hello = {"key": key, "signature_scheme": signature_scheme, "env": dict(options.env)}
            self.relay = self._attach(directory, hello)
            heard = self.relay.ran_out_of_memory
            self.watch = DeathWatch(address, self.id, options.memory, self.last_words, heard)
            self._start()
        except BaseException as error:
            self.close()
            if isinstance(error, (sdk().errors.DockerException, OSError)):
                raise SandboxUnavailable(f"the Docker Engine refused to start a container: {refusal(error)}") from error
            raise
        _reap_once(address)

    @property
    def id(self) -> str:
        """The engine's id of it."""
        assert self.container is not None
        return str(self.container.id)

    @property
    def name(self) -> str:
        """Its name, as `docker ps` shows it."""
        assert self.container is not None
        return str(self.container.name)

    def _create(self) -> Any:
        container = self.client.containers.create(
            self.image,
            list(supervisor_command()),
            name=f"nbagents-{secrets.token_hex(6)}",
            labels={LABEL: "kernel", **owner_labels()},
            stdin_open=True,  # and only once: it ends with the one connection that is attached
            auto_remove=True,
            entrypoint="",  # an image's own would get our command as arguments
            **self.options.create_arguments(),
        )
        if ignored := self.options.ignored(container.attrs["HostConfig"]):
            remove(container)
            raise SandboxUnavailable(
                f"the Docker Engine does not limit {', '.join(ignored)}, so no code is run: a rootless engine needs "
                "cgroup v2, with these controllers delegated to its user"
            )
        return container

    def _attach(self, directory: Path, hello: dict[str, Any]) -> Relay:
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        stream = self.client.api.attach_socket(self.id, params=wanted)
        relay = Relay(Attached(stream), directory, hello, on_end=self._relay_ended)
        relay.start()
        return relay

    def _start(self) -> None:
        assert self.container is not None and self.relay is not None
        self.container.start()
        self._runs = True
        try:
            why_not = self.relay.started.result(START_SECONDS)
        except TimeoutError:
            why_not = f"it said nothing for {START_SECONDS:g} s"
        if why_not:
            raise SandboxUnavailable(f"no kernel started in the image {self.image!r}: {self._explain(why_not)}")

    def _explain(self, why_not: str) -> str:
        if "ipykernel" in why_not:
            return f"{why_not}; add it with `nbagents sandbox build --from {self.image}`"
        words = self.last_words()
        return f"{why_not}: {words}" if words else why_not

    def last_words(self) -> str:
        """What is known of why it ended; the container's part of it is not to be trusted."""
        if self.relay is None:
            return ""
        return self.relay.problem or self.relay.last_words()

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and its children."""
        if self.relay is not None:
            self.relay.signal(number)

    def close(self) -> None:
        """End it, whatever it does: its stdin ends, and if it does not end of that, the engine kills it.

        The engine removes what has ended; nobody need wait for that.
        """
        self.client.api.timeout = CLOSE_SECONDS
        self._engine_is_gone = False  # it may have been busy when the relay ended
        if self.watch is not None:
            self.watch.killing = True
        if self.relay is not None:
            self.relay.close()
        if not self._ends_by_itself():
            self._remove()
        if self.watch is not None:
            # The watch ends with the "die" event. An engine that hangs sends none: then it is not waited for.
            with contextlib.suppress(TimeoutError):
                self.watch.death.result(0 if self._engine_is_gone else 2)
            self.watch.stop()
        self.client.close()

    def _ends_by_itself(self) -> bool:
        if self.watch is None or not self._runs:
            return False
        try:
            return self.watch.death.result(OWN_END_SECONDS).exit_code >= 0  # below: the engine could not say
        except TimeoutError:
            return False

    def _relay_ended(self) -> None:
        """By itself: one that broke the protocol might ignore the end of its stdin."""
        if self.watch is None or not self.watch.killing:
            self._remove()

    def _remove(self) -> None:
        if self.container is None or self._engine_is_gone:
            return
        answered = False
        try:
            ping(self.address, GONE_SECONDS)
            answered = True
            remove(self.container)
        except (sdk().errors.DockerException, OSError) as error:
            self._engine_is_gone = not answered
            _log.info("container %s could not be removed: %s", self.name, refusal(error))


def _reap_once(address: EngineAddress) -> None:
    """Look for containers of dead processes, once for each engine, beside the first kernel's start."""
    if address.url in _reaped:
        return
    _reaped.add(address.url)

    def look() -> None:
        try:
            with contextlib.closing(connect(address)) as client:
                reap(client)
        except SandboxUnavailable as error:
            _log.info("%s", error)

    threading.Thread(target=look, name="nbagents-reaper", daemon=True).start()
