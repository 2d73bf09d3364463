"""A container that runs commands, from the host's side: made, attached, asked, and gone when it is let go.

Its main process is `command_supervisor`, attached over the container's own stdin and stdout, so there is no `exec` for
each block, and nothing is needed of the image but Python. What the container sends is not believed: a line that is none
ends it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from importlib import resources
from typing import Any

from ...errors import SandboxImageMissing, SandboxUnavailable
from ..block_outputs import BlockOutputs
from ..docker.container_spec import LABEL, ContainerOptions
from ..docker.death import ContainerDeath, DeathWatch
from ..docker.engine import connect, engine_address, ping, refusal, sdk
from ..docker.reaper import owner_labels, remove
from ..output_text import left_out
from .command_link import Command, LineLink

START_SECONDS = 30.0
REMOVE_SECONDS = 5
GONE_SECONDS = 1.5
"""How long an engine may take to say that it is there, before it is not asked to end a container."""
TIME_FOR_THE_REST = 0.5
"""Seconds to wait for the rest of the output of a container that is dead."""
log = logging.getLogger("nbagents.executors")


class CommandContainer:
    """A started container that takes commands; making and closing one block, so they are called in a thread.

    Args:
        options: what it may do; `options.image` names the image.
        name: what it is called.
        auto_remove: the engine removes it when it ends.
        stay: it goes on when it is let go.
        more: further arguments of the SDK's `containers.create`.

    Raises:
        SandboxUnavailable: no engine, no image, refused, or no Python in it.
    """

    def __init__(
        self, options: ContainerOptions, name: str, *, auto_remove: bool, stay: bool, more: Mapping[str, Any]
    ) -> None:
        address = self._address = engine_address()
        self.options, self.name = options, name
        self._auto_remove, self._stay = auto_remove, stay
        self._commands: dict[int, Command] = {}
        self._last, self._closed, self._closing = 0, False, threading.Lock()
        self.ready: Future[str] = Future()
        self.watch: DeathWatch | None = None
        self.client = connect(address)
        self._link: LineLink | None = None
        self._reader: threading.Thread | None = None
        try:
            self.container = self._create(more)
        except BaseException:
            self.client.close()
            raise
        try:
            self._attach()
            self.watch = DeathWatch(address, self.container.id, options.memory, self._last_words)
            self.watch.death.add_done_callback(self._died)
            self.container.start()
            self.ready.result(START_SECONDS)
        except TimeoutError as error:
            self.close(keep=False)
            raise SandboxUnavailable(f"no Python started in the image {options.image!r}: it said nothing") from error
        except (sdk().errors.DockerException, OSError) as error:
            self.close(keep=False)
            why = refusal(error)
            advice = "; an image for code needs Python" if "python3" in why else ""
            raise SandboxUnavailable(f"the Docker Engine refused to start a container: {why}{advice}") from error
        except BaseException:
            self.close(keep=False)
            raise

    async def run(
        self, command: Sequence[str], *, cwd: str, timeout: float, outputs: BlockOutputs, cancelled: asyncio.Future[Any]
    ) -> dict[str, Any]:
        """Run `command`, and say how it ended: ``why`` and ``code`` of the supervisor, or of the container's death.

        Args:
            command: program and arguments.
            cwd: the directory in the container.
            timeout: seconds that it may take.
            outputs: told what it writes.
            cancelled: when this is, the command is killed.
        """
        self._last += 1
        number, asked = self._last, Command(outputs)
        self._commands[number] = asked
        words = {"run": number, "command": list(command), "cwd": cwd, "env": dict(self.options.env), "timeout": timeout}
        ended = asyncio.wrap_future(asked.ended)
        try:
            if self.watch is not None and self.watch.death.done():
                self._end_all(self.watch.death.result())
            else:
                self._tell(words)
            # The supervisor ends it in time; one that does not is ended with its container.
            await asyncio.wait([ended, cancelled], timeout=timeout + 2, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                why = "killed" if cancelled.cancelled() else "timeout"
                self._tell({"kill": number})
                await asyncio.wait([ended], timeout=0.7)
                if not ended.done():
                    asked.end({"why": why, "code": 137})
                    await asyncio.to_thread(self.close)
                    return asked.ended.result()
            return ended.result()
        except asyncio.CancelledError:
            asked.end({"why": "killed", "code": 137})  # its output is looked at now, and the reader is another thread
            self._tell({"kill": number})
            raise
        finally:
            del self._commands[number]

    @property
    def alive(self) -> bool:
        return self.watch is not None and not self.watch.death.done()

    def said_when_dropped(self) -> str:
        """What to warn of where nobody has ended it."""
        if self._closed or self._stay or not self.alive:
            return ""
        return f"DockerCommandLineCodeExecutor was dropped without stop(): its container {self.name} is ended now"

    def close(self, *, keep: bool | None = None) -> None:
        """Let it go, at once: killed and removed, unless it is to stay."""
        with self._closing:  # who comes second waits until it is done
            if not self._closed:
                self._closed = True
                self._close(self._stay if keep is None else keep)

    def _close(self, keep: bool) -> None:
        if self.watch is not None:
            self.watch.killing = True
        # An engine that is gone took the container along, and cannot be asked.
        gone = not self.alive and self.ready.done() and self._death_reason() == "engine"
        answered = keep or gone
        try:
            if not answered:
                self.client.api.timeout = REMOVE_SECONDS
                ping(self._address, GONE_SECONDS)
                answered = True
            if not (keep or gone) and (self._auto_remove or not self.ready.done()):
                remove(self.container)
            elif not (keep or gone) and self.alive:
                self.container.kill()
        except (sdk().errors.DockerException, OSError) as error:
            log.info("container %s could not be ended: %s", self.name, refusal(error))
        if self._link is not None:
            self._link.end()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(TIME_FOR_THE_REST)  # it closes the link
        if self.watch is not None:
            self._stop_watch(self.watch, keep or not answered)
        self.client.close()

    def _stop_watch(self, watch: DeathWatch, keep: bool) -> None:
        if not keep:
            try:
                watch.death.result(2)
            except TimeoutError:
                log.info("the Docker Engine did not say that container %s has ended", self.name)
        watch.stop()

    def _create(self, more: Mapping[str, Any]) -> Any:
        docker, image = sdk(), self.options.image
        # -I: what lies in the work directory or in the environment is no module of the supervisor's.
        command = ["python3", "-I", "-c", supervisor_text(), *(["stay"] if self._stay else [])]
        try:
            _pull_if_missing(self.client, str(image))
            self._free_name()
            arguments = {**self.options.create_arguments(), **more}
            return self.client.containers.create(
                image,
                command,
                name=self.name,
                entrypoint="",  # an image's own would get our command as arguments
                labels={LABEL: "command-line", **({} if self._stay else owner_labels())},
                stdin_open=True,  # and only once: it ends with the one connection that is attached
                auto_remove=self._auto_remove,
                **arguments,
            )
        except (docker.errors.DockerException, OSError) as error:
            raise SandboxUnavailable(f"the Docker Engine refused to make a container: {refusal(error)}") from error

    def _free_name(self) -> None:
        """Remove a container of ours that has the name from before; nobody else's."""
        try:
            there = self.client.containers.get(self.name)
        except sdk().errors.NotFound:
            return
        if there.labels.get(LABEL) != "command-line":
            raise SandboxUnavailable(
                f"there is a container {self.name!r} that nbagents did not make: choose another container_name"
            )
        remove(there)
        with contextlib.suppress(sdk().errors.NotFound):
            there.wait(timeout=REMOVE_SECONDS, condition="removed")

    def _attach(self) -> None:
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._link = LineLink(self.client.api.attach_socket(self.container.id, params=wanted))
        self._reader = threading.Thread(target=self._read, name=f"nbagents-{self.name[-12:]}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._link is not None
        try:
            for line in self._link.lines():
                self._take(json.loads(line))
        except Exception as error:  # whatever can be wrong with what code in a container may have forged
            log.warning("container %s sent what is no line of its supervisor, and is ended: %s", self.name, error)
            self.close(keep=False)
        finally:
            self._link.close()
        if not self.ready.done():
            words = self._last_words()
            self.ready.set_exception(SandboxUnavailable(
                f"no Python started in the image {self.options.image!r}" + (f": {words}" if words else "")
            ))  # fmt: skip

    def _take(self, said: dict[str, Any]) -> None:
        if "ready" in said:
            if not self.ready.done():
                self.ready.set_result(str(said["ready"]))
            return
        command = self._commands.get(int(said.get("out", said.get("end", said.get("dropped", 0)))))
        if command is None:
            return  # it was given up
        if "out" in said:
            stream = "stderr" if said["stream"] == "stderr" else "stdout"
            command.take(stream, base64.b64decode(said["data"], validate=True))
        elif "dropped" in said:
            command.take("stdout", left_out(int(said["bytes"])).encode())
        else:
            command.end({"why": str(said["why"]), "code": int(said["code"]), "text": str(said.get("text", ""))})

    def _tell(self, words: dict[str, Any]) -> None:
        if self._link is not None:
            self._link.send(json.dumps(words).encode() + b"\n")

    def _died(self, death: Future[ContainerDeath]) -> None:
        """The last words of the container may still be on their way; they are waited for."""
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(TIME_FOR_THE_REST)
        self._end_all(death.result())

    def _end_all(self, how: ContainerDeath) -> None:
        for command in list(self._commands.values()):
            command.end({"why": how.reason, "code": how.exit_code if how.exit_code > 0 else 137, "text": how.text})

    def _death_reason(self) -> str:
        return self.watch.death.result().reason if self.watch is not None and self.watch.death.done() else ""

    def _last_words(self) -> str:
        return self._link.stderr.decode(errors="replace").strip()[-500:] if self._link is not None else ""


def supervisor_text() -> str:
    """What the container runs."""
    return (resources.files(__package__) / "command_supervisor.py").read_text(encoding="utf-8")


def _pull_if_missing(client: Any, image: str) -> None:
    docker = sdk()
    try:
        client.images.get(image)
        return
    except docker.errors.ImageNotFound:
        log.warning("fetching the image %s for the first time", image)
    try:
        client.images.pull(image)
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxImageMissing(image, f"and could not be fetched: {refusal(error)}") from error
