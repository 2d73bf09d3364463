"""How a container died, known within a second: `ContainerDeath`, and the thread that waits for it.

The engine's events tell it: "oom" and "die" with the exit code come as they happen, and also for a container that the
engine removes at once (which it does so that a killed host leaves nothing behind). No client of a kernel notices a
death by itself: an execute would wait for its own timeout.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from .engine import EngineAddress, connect, refusal, sdk

Reason = Literal["oom", "exit", "engine", "killed"]
ENGINE_SECONDS = 1.5
"""How long an engine may take to say what became of a container after its events stopped."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContainerDeath:
    """Why the container is gone.

    `reason` is "oom" (the memory limit), "exit" (the kernel ended by itself: an exit code, a crash), "killed" (nbagents
    ended it) or "engine" (the Docker Engine stopped or cannot be reached). `text` says it for a person.
    """

    reason: Reason
    exit_code: int
    text: str


class DeathWatch:
    """Waits for one container to die; started before the container is, so that nothing is missed.

    Args:
        address: the engine; asked over a connection of its own.
        container: the id.
        memory: the limit, for the sentence about it.
        last_words: the end of what the container wrote to stderr.
    """

    def __init__(
        self, address: EngineAddress, container: str, memory: str, last_words: Callable[[], str] = lambda: ""
    ) -> None:
        self.address, self.container, self.memory, self.last_words = address, container, memory, last_words
        self.death: Future[ContainerDeath] = Future()
        self.killing = False
        """Set before nbagents kills it: what comes then is no accident."""
        self._client = connect(address)
        self._events = self._subscribe()
        self._thread = threading.Thread(target=self._run, name=f"nbagents-death-{container[:12]}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop waiting; the death stays open unless it is known."""
        with contextlib.suppress(OSError):  # the engine was quicker
            self._events.close()
        self._thread.join(ENGINE_SECONDS)

    def _subscribe(self) -> Any:
        filters = {"container": self.container, "type": "container", "event": ["oom", "die", "destroy"]}
        return self._client.api.events(filters=filters, decode=True)

    def _run(self) -> None:
        try:
            death = self._follow()
        except Exception as error:  # a thread's exception would be lost, and the death never known
            _log.exception("the Docker Engine's events could not be read")
            death = ContainerDeath("engine", -1, f"the Docker Engine's events could not be read: {error}")
        self._events._response.close()  # the SDK leaves the connection of an events stream open
        self._client.close()
        self.death.set_result(death)

    def _follow(self) -> ContainerDeath:
        while True:
            found = self._read(self._events)
            if found is not None:
                return found
            gone = self._ask()
            if gone is not None:
                return gone
            self._events._response.close()
            self._events = self._subscribe()  # a proxy cut an idle stream: the container lives

    def _read(self, events: Iterable[dict[str, Any]]) -> ContainerDeath | None:
        """Read to the death; None when the events end before it."""
        oom, code = False, None
        for event in events:
            action = event.get("Action") or event.get("status")
            if action == "oom":
                oom = True  # of the kernel, or of a child that it survives
            elif action == "die":
                code = int(event["Actor"]["Attributes"].get("exitCode", -1))
            # Killed by SIGKILL: the event that says it was for memory may come a moment after.
            if code is not None and (oom or code != 137 or self.killing):
                return self.describe(code, oom)
            if action == "destroy":  # without "die": it was never started
                return self.describe(-1 if code is None else code, oom)
        return None if code is None else self.describe(code, oom)

    def _ask(self) -> ContainerDeath | None:
        """The events ended: what became of the container? None when it runs."""
        docker, began = sdk(), time.monotonic()
        try:
            with contextlib.closing(connect(self.address, timeout=ENGINE_SECONDS)) as client:
                state = client.api.inspect_container(self.container)["State"]
        except docker.errors.NotFound:
            return self.describe(-1, False)
        except Exception as error:
            took = time.monotonic() - began
            why = refusal(error) if took < ENGINE_SECONDS else f"it did not answer within {ENGINE_SECONDS:g} s"
            text = f"the Docker Engine stopped or cannot be reached, and the container with it: {why}"
            return ContainerDeath("killed" if self.killing else "engine", -1, text)
        if state.get("Running") or state.get("Status") == "created":
            return None
        return self.describe(int(state.get("ExitCode", -1)), bool(state.get("OOMKilled")))

    def describe(self, code: int, oom: bool) -> ContainerDeath:
        if self.killing:
            return ContainerDeath("killed", code, "the container was stopped")
        if oom and code == 137:
            return ContainerDeath("oom", code, f"out of memory: the sandbox may use {self.memory}, and was ended")
        words = self.last_words()
        said = f"; its last words: {words}" if words else ""
        return ContainerDeath("exit", code, f"the kernel in the container {_ending(code)}{said}")


def _ending(code: int) -> str:
    if code < 0:
        return "is gone: its container was removed"
    if code == 143:
        return "was told to stop (SIGTERM) by somebody else, or the Docker Engine is shutting down"
    if code > 128:
        try:
            name = signal.Signals(code - 128).name
        except ValueError:
            return f"exited with code {code}"
        return f"crashed or was killed ({name}, exit code {code})"
    return f"exited with code {code}"
