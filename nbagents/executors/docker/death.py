"""How a container died, known within a second: `ContainerDeath`, and the thread that waits for it.

The engine's events tell it: "oom" and "die" with the exit code come as they happen, and also for a container that the
engine removes at once (which it does so that a killed host leaves nothing behind). No client of a kernel notices a
death by itself: an execute would wait for its own timeout. An engine that hangs sends no events and passes nothing on,
so it is asked from time to time whether it answers.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import SandboxUnavailable
from .engine import EngineAddress, connect, ping, refusal, sdk

Reason = Literal["oom", "exit", "engine", "killed"]
ENGINE_SECONDS = 1.5
"""How long an engine may take to say what became of a container after its events stopped."""
OOM_SECONDS = 0.5
"""How long after a death by SIGKILL the event may come that says it was for memory."""
PULSE_SECONDS = 2.0
"""How often an engine is asked whether it answers."""
HANGS_SECONDS = 8.0
"""An engine that does not answer for so long is given up, and with it the container."""
KILLED = 137
EVENTS = ["oom", "die", "destroy"]
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
        out_of_memory: whether the container itself has said that its memory ran out; waits so many seconds for it.

    Raises:
        SandboxUnavailable: the engine does not answer.
    """

    def __init__(
        self,
        address: EngineAddress,
        container: str,
        memory: str,
        last_words: Callable[[], str] = lambda: "",
        out_of_memory: Callable[[float], bool] = lambda seconds: False,
    ) -> None:
        self.address, self.container, self.memory, self.last_words = address, container, memory, last_words
        self._out_of_memory = out_of_memory
        self.death: Future[ContainerDeath] = Future()
        self.killing = False
        """Set before nbagents kills it: what comes then is no accident."""
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._client = connect(address, timeout=HANGS_SECONDS)
        try:
            self._events = self._first_events()
        except BaseException:
            self._client.close()
            raise
        for task, name in ((self._run, "death"), (self._feel_pulse, "pulse")):
            thread = threading.Thread(target=task, name=f"nbagents-{name}-{container[:12]}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop waiting; a death that is not known by now is that of a container that was let go."""
        self._over.set()
        self._end_events()
        for thread in self._threads:
            thread.join(ENGINE_SECONDS)

    def _first_events(self) -> Any:
        """Subscribe, within bounds: the SDK waits for ever for an engine that hangs just now."""
        found: Future[Any] = Future()

        def subscribe() -> None:
            try:
                found.set_result(self._subscribe())
            except Exception as error:
                found.set_exception(error)

        threading.Thread(target=subscribe, name="nbagents-events", daemon=True).start()
        try:
            return found.result(HANGS_SECONDS)
        except TimeoutError:
            raise SandboxUnavailable(f"the Docker Engine did not answer within {HANGS_SECONDS:g} s") from None

    def _subscribe(self) -> Any:
        filters = {"container": self.container, "type": "container", "event": EVENTS}
        return self._client.api.events(filters=filters, decode=True)

    def _end_events(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # the engine was quicker: the SDK finds no socket to close
            self._events.close()

    def _end_events_in(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._end_events)
        timer.daemon = True
        timer.start()

    def _run(self) -> None:
        try:
            death = self._follow()
        except Exception as error:  # a thread's exception would be lost, and the death never known
            _log.exception("the Docker Engine's events could not be read")
            death = ContainerDeath("engine", -1, f"the Docker Engine's events could not be read: {error}")
        self._events._response.close()  # the SDK leaves the connection of an events stream open
        self._client.close()
        self._tell(death)

    def _tell(self, death: ContainerDeath) -> None:
        self._over.set()
        with contextlib.suppress(InvalidStateError):  # the other thread was first
            self.death.set_result(death)

    def _feel_pulse(self) -> None:
        while not self._over.wait(PULSE_SECONDS):
            began = time.monotonic()
            try:
                ping(self.address, HANGS_SECONDS)  # not by the client of the events, which is closed meanwhile
            except Exception as error:  # one that is gone ends the events as well, which tell more
                if time.monotonic() - began >= HANGS_SECONDS and not self._over.is_set():
                    _log.info("the Docker Engine hangs: %s", error)
                    self._tell(self._lost_to_engine(f"it did not answer within {HANGS_SECONDS:g} s"))
                    self._end_events()

    def _follow(self) -> ContainerDeath:
        while True:
            found = self._read(self._events)
            if found is None and self._over.is_set():
                found = ContainerDeath("killed", -1, "the container was let go")
            if found is None:
                found = self._ask()
            if found is None:  # a proxy cut an idle stream: the container lives, or died just now
                self._events._response.close()
                self._events = self._subscribe()
                found = self._ask()
            if found is not None:
                return found

    def _read(self, events: Iterable[dict[str, Any]]) -> ContainerDeath | None:
        """Read to the death; None when the events end before it."""
        oom, code = False, None
        for event in events:
            action = event.get("Action") or event.get("status")
            if action == "oom":
                oom = True  # of the kernel, or of a child that it survives
            elif action == "die":
                code = int(event["Actor"]["Attributes"].get("exitCode", -1))
                # The engine's own word may come after the end of the container, or be lost with it.
                oom = oom or (code == KILLED and not self.killing and self._out_of_memory(OOM_SECONDS))
            if code is not None and (oom or code != KILLED or self.killing):
                return self.describe(code, oom)
            if action == "destroy":  # without "die": it was never started
                return self.describe(-1 if code is None else code, oom)
            if code is not None:  # the event that says it was for memory may come a moment after
                self._end_events_in(OOM_SECONDS)
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
            return self._lost_to_engine(why)
        if state.get("Running") or state.get("Status") == "created":
            return None
        return self.describe(int(state.get("ExitCode", -1)), bool(state.get("OOMKilled")))

    def _lost_to_engine(self, why: str) -> ContainerDeath:
        text = f"the Docker Engine stopped or cannot be reached, and the container with it: {why}"
        return ContainerDeath("killed" if self.killing else "engine", -1, text)

    def describe(self, code: int, oom: bool) -> ContainerDeath:
        if self.killing:
            return ContainerDeath("killed", code, "the container was stopped")
        if oom and code == KILLED:
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
